#include "control/ike/v1/phase1_auth.h"

#include "control/ike/cat.h"
#include "control/ike/key_log.h"
#include "control/ike/v1/certificates.h"
#include "control/ike/v1/established.h"
#include "control/ike/v1/nat_detection.h"
#include "control/ike/v1/send.h"
#include "control/ike/v1/user.h"

namespace culvert::ike::v1 {
namespace {

constexpr uint8_t kUdp = 17;

Identity OfAddress(const IpAddress& a) {
  return {a.family == Family::kV4 ? ike::IdType::kIpv4 : ike::IdType::kIpv6, ToBytes(a.bytes())};
}

}  // namespace

HeldMessage Hold(const Inbound& in) { return {in.datagram, in.header, ToBytes(in.octets), in.next_iv, in.digest}; }

std::expected<Identity, std::string> IdentityIn(const IdPayload& id) {
  const bool open = id.protocol == 0 && id.port == 0;
  const bool ike = id.protocol == kUdp && (id.port == 0 || id.port == kIkePort || id.port == kNatPort);
  if (!open && !ike) return std::unexpected(Cat("its ID is for protocol ", id.protocol, " and port ", id.port));
  bool fits = !id.data.empty();
  switch (id.type) {
    case IdType::kIpv4: fits = id.data.size() == 4; break;
    case IdType::kIpv6: fits = id.data.size() == 16; break;
    case IdType::kFqdn:
    case IdType::kUserFqdn:
    case IdType::kDerDn:
    case IdType::kDerGn:
    case IdType::kKeyId: break;
    default: fits = false;
  }
  if (!fits) return std::unexpected(Cat("its ID is ", id.data.size(), " octets of type ", static_cast<unsigned>(id.type)));
  return Identity{static_cast<ike::IdType>(id.type), ToBytes(id.data)};
}

Bytes IdBody(const Identity& id) {
  Writer w;
  EncodeBody(IdPayload{.type = static_cast<IdType>(id.type), .data = id.data}, w);
  return w.Release();
}

Identity OurIdentity(const config::Connection& c, const IpAddress& local) {
  return Identity::Parse(Phase1Round(c.local).id).value_or(OfAddress(local));
}

Identity PeerIdentity(const config::Connection& c, const IpAddress& remote) {
  const bool wildcard = PeerPattern(c).find('*') != std::string_view::npos;
  auto id = wildcard ? std::nullopt : Identity::Parse(PeerPattern(c));
  return id ? *std::move(id) : OfAddress(remote);
}

std::string_view PeerPattern(const config::Connection& c) { return Phase1Round(c.remote).id; }

const SecretBytes* FindPsk(const Context& cx, const Path& path, const Identity& local, const Identity& peer) {
  const SecretBytes* secret = cx.shared.psks.Find(local, peer);
  return secret ? secret : cx.shared.psks.Find(OfAddress(path.local.address), OfAddress(path.remote.address));
}

Phase1Wish WishOf(const config::Connection& c, std::span<const AuthMethod> methods) {
  // As long as we keep it ourselves (swanctl.conf: rekey_time of IKEv1 is a reauthentication).
  const auto after = c.reauth_time.count() > 0 ? c.reauth_time : c.rekey_time;
  const auto life = after.count() > 0 ? after + c.over_time : after;
  return {.proposals = c.proposals_v1, .methods = methods, .life_seconds = static_cast<uint64_t>(life.count())};
}

Announced AnnouncedBy(const Context& cx, const config::Connection& c) {
  return {.fragments = TakesFragments(c), .unity = cx.config().settings.cisco_unity};
}

bool TakeSuite(Context& cx, IkeSa& sa, const Inbound& in) {
  Phase1& p = *sa.phase1;
  const SaPayload& answer = *in.Get<SaPayload>();
  auto suite = AcceptPhase1(p.sa_i, answer);
  const std::string why = suite ? BelowPhase1Floor(sa.connection->profile, *suite) : "which was not offered";
  if (!why.empty()) {
    cx.Bump(Count::kNoProposalChosen);
    cx.Log(Severity::kWarning, sa, Cat(Name(in.header.exchange), " answered ", DescribePhase1(answer), ", ", why));
    return false;
  }
  sa.suite = suite->suite;
  sa.method = suite->method;
  p.group = sa.suite.group;
  sa.life = std::chrono::seconds(suite->life_seconds);
  sa.peer = AgreedAbilities(AnnouncedBy(cx, *sa.connection), in.chain);
  p.vendors = DescribeVendors(in.chain);
  return true;
}

bool KeysFit(Context& cx, const Inbound& in, KeGroup group) {
  const GroupInfo* row = culvert::Find(group);
  if (!row || in.Opaque(PayloadType::kKe).size() != row->initiator_public) {
    cx.Bump(Count::kPublicValueRefused);
    return false;
  }
  const size_t nonce = in.Opaque(PayloadType::kNonce).size();
  const bool fits = nonce >= kMinPeerNonce && nonce <= kMaxPeerNonce;
  if (!fits) cx.Bump(Count::kMalformed);
  return fits;
}

const MethodInfo& MethodOf(const IkeSa& sa) {
  const MethodInfo* m = Find(sa.method);
  CHECK(m);   // no other is offered or chosen
  return *m;
}

void SetKeys(Context& cx, IkeSa& sa, ByteView psk) {
  Phase1& p = *sa.phase1;
  const PrfId prf = sa.suite.prf;
  SecretBytes skeyid = MethodOf(sa).psk ? SkeyIdOfSecret(prf, psk, p.nonce_i, p.nonce_r)
                                        : SkeyIdOfSignature(prf, p.nonce_i, p.nonce_r, p.shared_secret.view());
  Skeys keys = DeriveSkeys(prf, skeyid.view(), p.shared_secret.view(), sa.spi_i, sa.spi_r);
  p.shared_secret.Wipe();
  if (cx.shared.key_logging) LogIkev1Key(cx.shared, sa.spi_i, CipherKey(prf, keys.e.view(), sa.suite.encr_key_bits / 8u));
  sa.protection = MakeProtection(sa.suite, std::move(skeyid), std::move(keys));
  sa.first.iv = Phase1Iv(*sa.protection, p.public_i, p.public_r);
}

Bytes HashOfSide(const IkeSa& sa, bool initiator, ByteView id_body) {
  const Phase1& p = *sa.phase1;
  const MethodInfo& method = MethodOf(sa);
  const PrfId prf = method.hash == PrfId::kNone ? sa.suite.prf : method.hash;
  const Bytes cookies = sa.Cookies(initiator);
  const ByteView own = initiator ? p.public_i : p.public_r, others = initiator ? p.public_r : p.public_i;
  const SecretBytes hash = Prf(prf, sa.protection->skeyid.view(), {own, others, cookies, p.sa_i, id_body});
  return ToBytes(hash.view());
}

std::expected<std::optional<OwnSigner>, std::string> ChooseSigner(const Context& cx, const IkeSa& sa,
                                                                  const config::Connection& c, const CertRequest& wanted) {
  if (!MethodOf(sa).signs(sa.initiator)) return std::nullopt;
  auto choice = cx.shared.credentials->ChooseHashSigner(
      {.round = Phase1Round(c.local), .kind = MethodOf(sa).key, .requested = wanted.authorities});
  if (!choice) return std::unexpected(choice.error());
  return OwnSigner{cx.shared.credentials, *std::move(choice)};
}

auth::AuthJob::Candidate Signing(const IkeSa& sa, const OwnSigner& own, ByteView id_body) {
  auth::AuthJob::Candidate c;
  c.own = own.choice;
  c.octets = HashOfSide(sa, sa.initiator, id_body);
  c.signs_hash = true;
  return c;
}

auth::PeerProof ProofOfPeer(const IkeSa& sa, const Inbound& in, Identity id, ByteView id_body) {
  auth::PeerProof proof = ProofIn(in, std::move(id), HashOfSide(sa, !sa.initiator, id_body));
  proof.signs_hash = MethodOf(sa).key;
  return proof;
}

void AddProof(const IkeSa& sa, bool initiator, Bytes signature, PayloadList& list) {
  if (!signature.empty()) return list.AddOpaque(PayloadType::kSignature, std::move(signature));
  list.AddOpaque(PayloadType::kHash, HashOfSide(sa, initiator, initiator ? sa.phase1->id_i : sa.phase1->id_r));
}

bool HashIsRight(Context& cx, const IkeSa& sa, const Inbound& in, bool initiator, ByteView id_body) {
  const bool right = EqualConstantTime(in.Opaque(PayloadType::kHash), HashOfSide(sa, initiator, id_body));
  if (!right) cx.Bump(Count::kAuthenticationFailed);
  return right;
}

void AddInitialContact(Context& cx, IkeSa& sa, PayloadList& list) {
  if (!IsInitialContact(cx, sa)) return;
  list.Add(NotifyPayload{.protocol = ProtocolId::kIsakmp, .type = NotifyType::kInitialContact,
                         .spi = list.Keep(sa.Cookies()), .data = {}});
}

void Conclude(Context& cx, IkeSa& sa, const Inbound& last, std::string_view how) {
  // HASH does not cover it: in clear anybody can have put it there.
  const bool initial_contact = last.header.encrypted && last.Notify(NotifyType::kInitialContact);
  sa.protection->last_block = sa.first.iv;
  if (!sa.initiator) {
    cx.shared.half_open.Remove(sa.phase1->key);
    cx.Cancel(TimerKind::kHandshake, sa.id);
  }
  const std::string vendors = std::move(sa.phase1->vendors);
  const std::vector<DatagramIn> early = std::move(sa.phase1->early);
  sa.phase1.reset();
  sa.state = IkeState::kUser;
  sa.last_in = cx.now();
  cx.sas.IndexNames(sa);
  cx.Log(Severity::kInfo, sa, Cat("phase 1 done with ", sa.remote_id.ToString(), vendors.empty() ? "" : Cat(" (", vendors, ")"),
                                  ", ", Name(sa.suite), " by ", Name(sa.method), how.empty() ? "" : "; by ", how));
  const IkeId id = sa.id;
  if (initial_contact) OnInitialContact(cx, sa);
  if (cx.sas.Find(id) == &sa) OnAuthenticated(cx, sa);
  for (const DatagramIn& d : early) OnDatagram(cx, d);
}

void TellRefused(Context& cx, IkeSa& sa, const Inbound& last) {
  // The peer's chain of phase 1 is where its last message has left it (RFC 2409 appendix B).
  sa.protection->last_block = last.next_iv.empty() ? sa.first.iv : last.next_iv;
  const Payload notify = NotifyPayload{.protocol = ProtocolId::kIsakmp, .type = NotifyType::kAuthenticationFailed,
                                       .spi = {}, .data = {}};
  SendInformational(cx, sa, {&notify, 1});
}

bool MayWork(Context& cx, const IpAddress& address) {
  using Verdict = HalfOpenTable::JobVerdict;
  const Verdict verdict = cx.shared.half_open.AdmitJob(address);
  if (verdict == Verdict::kFull) cx.Bump(Count::kJobsFull);
  if (verdict == Verdict::kSourceFull) cx.Bump(Count::kSourceJobsFull);
  return verdict == Verdict::kRun;
}

void RunJob(Context& cx, IkeSa& sa, Phase1Step step, std::unique_ptr<Job> job) {
  sa.phase1->step = step;
  sa.first.job = cx.Run(sa, std::move(job));
  if (!sa.initiator) cx.shared.half_open.JobStarted(sa.first.job, sa.phase1->key.address);
}

}  // namespace culvert::ike::v1
