#include "control/auth/psk.h"
#include "control/ike/cat.h"
#include "control/ike/connection_table.h"
#include "control/ike/negotiate/floor.h"
#include "control/ike/v2/auth.h"
#include "control/ike/v2/child_install.h"
#include "control/ike/v2/child_offer.h"
#include "control/ike/v2/closing.h"
#include "control/ike/v2/configuration.h"
#include "control/ike/v2/established.h"
#include "control/ike/v2/intermediate.h"
#include "control/ike/v2/mobike.h"
#include "control/ike/v2/ppk.h"
#include "control/ike/v2/reauth.h"
#include "control/ike/v2/reply.h"
#include "control/ike/v2/send.h"
#include "control/ike/v2/uniqueness.h"

namespace culvert::ike {
namespace {

constexpr size_t kMaxCandidates = 8;  // connections tried in turn for one IKE_AUTH by signature

// IKE_AUTH's own view of the peer.
struct Claim {
  Identity id;
  std::optional<Identity> wants;  // IDr: whom of us the peer means to reach
  bool signature = false;
  bool childless = false;         // it asks for no child (RFC 6023)
  CertRequest certificates;       // what it asks us to show
  PpkClaim ppk;
  Bytes proof;                    // AUTH's data, or NO_PPK_AUTH's where it goes by that
};

// Connections that are not the one, and why, for one line of the log.
class PassedOver {
 public:
  void Add(const config::Connection& c, std::string_view why) {
    if (named_.size() < kMaxNamed) named_.push_back(Cat(c.name, " ", why));
    else ++more_;
  }
  void AddUnnamed(size_t more) { more_ += more; }
  std::string ToString() const { return more_ ? Cat(Join(named_, "; "), "; and ", more_, " more") : Join(named_, "; "); }

 private:
  std::vector<std::string> named_;
  size_t more_ = 0;
};

// How we would prove ourselves in that connection, or why we cannot.
std::expected<AuthCandidate, std::string> OurPart(const Context& cx, const IkeSa& sa, const ConnectionRef& c,
                                                  const Claim& claim) {
  if (!SignsFor(*c)) {
    Identity ours = OurIdentity(*c, sa.path.local.address);
    // A peer that signs may have no key in common with us; one that does not is found out by its own AUTH (R7).
    if (claim.signature && !cx.psks.Find(ours, claim.id)) {
      return std::unexpected(Cat("has no pre-shared key for ", ours.ToString(), " and ", claim.id.ToString()));
    }
    return AuthCandidate{c, std::move(ours), std::nullopt};
  }
  const config::AuthRound& round = c->local.front();
  auto choice = cx.credentials->ChooseOwn({round, claim.certificates.authorities, sa.peer_hashes});
  if (!choice) return std::unexpected(Cat("has ", choice.error()));
  // RFC 7296 3.5: the initiator may name one of several identities of ours; any that the certificate proves will do.
  bool open = NamesAnyIdentity(round.id);
  if (open && claim.wants && choice->own->certificate.Proves(*claim.wants)) choice->id = *claim.wants;
  Identity ours = choice->id;
  return AuthCandidate{c, std::move(ours), OwnProof{cx.credentials, *std::move(choice), {}}};
}

// The connection as the peer may be meaning it, or why it is not that one.
std::expected<AuthCandidate, std::string> Consider(const Context& cx, const IkeSa& sa, const ConnectionRef& c,
                                                   const Claim& claim) {
  std::string_view pattern = c->remote.empty() ? std::string_view{} : std::string_view(c->remote.front().id);
  if (!Matches(pattern, claim.id)) return std::unexpected(Cat("wants the peer to be ", pattern));
  if (WantsSignature(*c) != claim.signature) {
    return std::unexpected(claim.signature ? "wants no signature" : "wants a signature");
  }
  if (claim.childless && c->childless == config::Childless::kNever) return std::unexpected("takes no IKE SA without a child");
  if (!claim.childless && c->childless == config::Childless::kForce) {
    return std::unexpected("wants no child in IKE_AUTH (childless = force)");
  }
  if (std::string why = JudgePpk(*c, claim.ppk); !why.empty()) return std::unexpected(why);
  // RFC 7296 2.15 binds the suite to the SA: the connection must want it too.
  const SaPayload& agreed = sa.answering->answer;
  auto takes = AboveFloor(c->profile, ChooseIke(c->proposals, agreed, {}));
  if (!takes) return std::unexpected(Cat("does not take ", Name(sa.suite), takes.error().ToString(agreed)));
  auto ours = OurPart(cx, sa, c, claim);
  if (ours && claim.wants && *claim.wants != ours->local_id) return std::unexpected(Cat("is ", ours->local_id.ToString()));
  return ours;
}

// Those the peer may be meaning, the closest first: the one for a pre-shared key, for which its AUTH is to be computed;
// several for a signature, which certificates decide between.
std::vector<AuthCandidate> Select(Context& cx, IkeSa& sa, const DatagramIn& d, const Claim& claim) {
  const IpAddress &local = d.local.address, &remote = d.remote.address;
  const size_t most = claim.signature ? kMaxCandidates : 1, all = cx.connections.CountFor(local, remote);
  std::vector<AuthCandidate> found;
  PassedOver passed_over;
  auto consider = [&](const ConnectionRef& c) {
    auto candidate = Consider(cx, sa, c, claim);
    if (candidate) found.push_back(*std::move(candidate));
    else passed_over.Add(*c, candidate.error());
    return found.size() >= most;
  };
  // A few are looked at one by one, for the log's sake.
  const bool few = all <= kMaxNamed;
  cx.connections.Visit({local, remote, few ? nullptr : &claim.id}, consider);
  if (found.empty() && !few) {
    size_t looked = 0;
    passed_over = {};
    cx.connections.Visit({local, remote}, [&](const ConnectionRef& c) {
      consider(c);
      return ++looked == kMaxNamed;
    });
    passed_over.AddUnnamed(all - looked);
  }
  sa.answering->passed_over = passed_over.ToString();
  return found;
}

// RFC 8784 3: connections that the peer's post-quantum key is for; where there are none, and it may, those that want none.
std::vector<AuthCandidate> SelectByPpk(Context& cx, IkeSa& sa, const Inbound& in, Claim& claim) {
  claim.ppk.mixed = claim.ppk.agreed;
  auto found = Select(cx, sa, in.datagram, claim);
  if (found.empty() && claim.ppk.mixed && claim.ppk.plain_auth) {
    claim.ppk.mixed = false;
    claim.proof = *claim.ppk.plain_auth;
    found = Select(cx, sa, in.datagram, claim);
  }
  const std::string& why = sa.answering->passed_over;
  if (found.empty()) {
    cx.LogStranger(in.datagram.remote, Cat("IKE_AUTH: no connection for peer ", claim.id.ToString(),
                                           claim.wants ? Cat(" asking for ", claim.wants->ToString()) : "", "; ",
                                           why.empty() ? "none for this address" : why));
  }
  return found;
}

// Whether the peer knows the key. An unknown peer costs the same as a wrong key and is told the same (R7, B54).
bool VerifyPsk(Context& cx, IkeSa& sa, const Inbound& in, const Claim& claim, const AuthCandidate* candidate) {
  const ResponderHandshake& h = *sa.answering;
  auto* auth = in.Get<AuthPayload>();
  Identity ours = candidate ? candidate->local_id : Identity{};
  const SecretBytes* secret = candidate ? cx.psks.Find(ours, claim.id) : nullptr;
  SecretBytes nobodys(cx.random.Take(32));
  const Bytes expected = PskAuthOf(sa, (secret ? *secret : nobodys).view(),
                                   {true, h.request, h.nonce_r, in.Get<IdPayload>(PayloadType::kIdI)->body});
  bool right = auth && EqualConstantTime(expected, claim.proof);
  std::string who = claim.id.ToString();
  if (!auth) {
    cx.LogStranger(in.datagram.remote, Cat("IKE_AUTH: ", who, " asks for EAP, which is not built"));
  } else if (auth->method != AuthMethod::kSharedKey) {
    cx.LogStranger(in.datagram.remote, Cat("IKE_AUTH refused, AUTHENTICATION_FAILED: ", who, " authenticates by ",
                                           Name(auth->method), ", wanted a pre-shared key or a signature"));
  } else if (candidate && !secret) {
    cx.LogStranger(in.datagram.remote,
                   Cat("IKE_AUTH refused, AUTHENTICATION_FAILED: no pre-shared key for ", ours.ToString(), " and ", who));
  } else if (candidate && !right) {
    cx.LogStranger(in.datagram.remote, Cat("IKE_AUTH refused, AUTHENTICATION_FAILED: AUTH of ", who,
                                           " is wrong: another pre-shared key than ", candidate->connection->name, "'s",
                                           PpkHint(sa)));
  }
  return right && secret && auth->method == AuthMethod::kSharedKey;
}

void Refuse(Context& cx, IkeSa& sa, const Inbound& in) {
  cx.Bump(Count::kAuthenticationFailed);
  SendReply(cx, sa, in.header, NotifyChain(NotifyType::kAuthenticationFailed));
  CloseIke(cx, sa, Why::kAuthFailed);
}

// What of the responder's answer is not the child's.
struct OurWord {
  const ResponderHandshake& handshake;
  const std::optional<OwnProof>& proof;   // nullopt: by the pre-shared key
  const SecretBytes* secret = nullptr;
  CertRequest certificates;
};

void AddIdentity(IkeSa& sa, const OurWord& word, PayloadList& list) {
  const ResponderHandshake& h = word.handshake;
  list.Add(IdPayload{.type = PayloadType::kIdR, .id_type = sa.local_id.type, .data = sa.local_id.data, .body = {}});
  if (sa.mobike) AnnounceMobike(sa.mobike->told, list);
  if (word.proof) {
    AddCertificates(*word.proof, *sa.connection, word.certificates, list);
    list.Add(AuthPayload{word.proof->choice.how.method, list.Keep(Bytes(word.proof->data))});
  } else {
    const Bytes body = IdBody(sa.local_id);
    Bytes auth = PskAuthOf(sa, word.secret->view(), {false, h.response, h.nonce_i, body});
    list.Add(AuthPayload{AuthMethod::kSharedKey, list.Keep(std::move(auth))});
  }
  AddAuthLifetime(*sa.connection, list);
  // RFC 8784 3: the key is used, whichever it is.
  if (sa.ppk) list.AddNotify(NotifyType::kPpkIdentity);
}

// The first Child SA's part of the answer, nullptr without one. RFC 7296 2.21.2: the IKE SA stands all the same.
ChildSa* AnswerWithChild(Context& cx, IkeSa& sa, const Inbound& in, const OurWord& word) {
  const std::optional<Refusal> no_address = LendAddresses(cx, sa, in);
  PayloadList without;
  AddIdentity(sa, word, without);
  AddCpReply(cx, sa, in, without);
  if (in.form == MessageForm::kAuthChildless) {
    HoldReply(cx, sa, in.header, {.ready = without.Encode()});
    return nullptr;
  }
  auto reply = no_address ? std::unexpected(*no_address) : AnswerOffer(cx, sa, in, nullptr);
  if (!reply) {
    const Refusal& no = reply.error();
    cx.Bump(no_address ? Count::kNoAddress : no.type == NotifyType::kTsUnacceptable ? Count::kTsUnacceptable
                                                                                    : Count::kNoProposalChosen);
    cx.Log(Severity::kWarning, sa, Cat("IKE_AUTH: no Child SA, ", Name(no.type), ": ", no.why));
    without.AddNotify(no.type, no.data);
    HoldReply(cx, sa, in.header, {.ready = without.Encode()});
    return nullptr;
  }
  PayloadList with;
  AddIdentity(sa, word, with);
  AddCpReply(cx, sa, in, with);
  AddAnswer(*reply, with);
  without.AddNotify(NotifyType::kNoAdditionalSas);
  reply->child.nonce_i = word.handshake.nonce_i;
  reply->child.nonce_r = word.handshake.nonce_r;
  HeldReply held{.ready = with.Encode(), .refused = without.Encode(), .awaiting = {}};
  ChildSa& child = AddChild(cx, sa, std::move(reply->child));
  InstallInbound(cx, sa, child);
  held.awaiting = {child.id};
  HoldReply(cx, sa, in.header, std::move(held));
  return &child;
}

// The peer has authenticated, and we can.
void Accept(Context& cx, IkeSa& sa, const Inbound& in, const AuthCandidate& as, std::string_view how) {
  auto* id_i = in.Get<IdPayload>(PayloadType::kIdI);
  sa.connection = as.connection;
  sa.local_id = as.local_id;
  sa.remote_id = {id_i->id_type, ToBytes(id_i->data)};
  // Secrets may have been loaded anew since the candidate was found.
  const SecretBytes* secret = as.proof ? nullptr : cx.psks.Find(sa.local_id, sa.remote_id);
  if (!as.proof && !secret) return Refuse(cx, sa, in);
  // RFC 7296 2.23: the initiator chooses the port it goes on from.
  sa.path.local = in.datagram.local;
  sa.path.remote = in.datagram.remote;
  sa.path.marker = in.datagram.marker;
  if (!NatsAsAllowed(in)) {
    cx.Log(Severity::kWarning, sa, Cat(sa.remote_id.ToString(), " forbids NATs, and there is one"));
    SendReply(cx, sa, in.header, NotifyChain(NotifyType::kUnexpectedNatDetected));
    return CloseIke(cx, sa, Why::kAuthFailed);
  }
  std::vector<IkeId> abandoned;
  if (!AdmitUnique(cx, sa, in.Notify(NotifyType::kInitialContact), abandoned)) {
    cx.Log(Severity::kWarning, sa, Cat(sa.remote_id.ToString(), " is connected already (unique = keep)"));
    return Refuse(cx, sa, in);
  }
  // What the peer has lost, it may have again.
  for (IkeId id : abandoned) {
    if (IkeSa* lost = cx.sas.Find(id)) lost->addresses.reset();
  }
  const std::string ppk = DescribePpk(cx, sa, in);
  std::unique_ptr<ResponderHandshake> h = std::move(sa.answering);
  cx.half_open.Remove(h->key);
  cx.Cancel(TimerKind::kHandshake, sa.id);
  Establish(cx, sa);
  AgreeOnMobike(cx, sa, in, AdditionalAddresses(cx, sa));
  cx.Log(Severity::kInfo, sa, Cat("IKE SA up with ", sa.remote_id.ToString(), ", ", Name(sa.suite), ppk, how));
  if (!h->passed_over.empty()) cx.Log(Severity::kDebug, sa, Cat("connections passed over for it: ", h->passed_over));
  cx.Tell(StateChange::kIkeUp, sa);
  CloseAbandoned(cx, sa, abandoned, AnswerWithChild(cx, sa, in, {*h, as.proof, secret, CertRequestIn(in)}));
  sa.intermediate.reset();
}

// Verifying (with `proof`) and signing are a helper thread's; the request, the half-open entry and its timer stay meanwhile.
void Judge(Context& cx, IkeSa& sa, const Inbound& in, std::optional<auth::PeerProof> proof) {
  ResponderHandshake& h = *sa.answering;
  const CertRequest wanted = CertRequestIn(in);
  std::vector<auth::AuthJob::Candidate> work;
  for (const AuthCandidate& c : h.candidates) {
    auth::AuthJob::Candidate& w = work.emplace_back();
    if (proof) w.peer = {c.connection, &c.connection->remote.front()};
    if (!c.proof) continue;
    w.own = c.proof->choice;
    w.show_ocsp = c.connection->answers_ocsp && wanted.ocsp;
    w.octets = SignedOctets(sa, {false, h.response, h.nonce_i, IdBody(c.local_id)});
  }
  if (work.empty()) work.emplace_back();
  h.held = Hold(in);
  sa.state = IkeState::kAuthJudging;
  h.job = cx.Run(sa, std::make_unique<auth::AuthJob>(cx.credentials, std::move(proof), std::move(work)));
  cx.half_open.JobStarted(h.job, h.key.address);
}

}  // namespace

void OnAuthRequest(Context& cx, IkeSa& sa, const Inbound& in) {
  if (AwaitsRound(sa)) return ReplyNotify(cx, sa, in.header, NotifyType::kInvalidSyntax);
  if (in.form != MessageForm::kAuthChild && in.form != MessageForm::kAuthChildless) return Refuse(cx, sa, in);
  auto* id_i = in.Get<IdPayload>(PayloadType::kIdI);
  auto* id_r = in.Get<IdPayload>(PayloadType::kIdR);
  auto* auth = in.Get<AuthPayload>();
  Claim claim{.id = {id_i->id_type, ToBytes(id_i->data)}, .wants = std::nullopt, .certificates = CertRequestIn(in),
              .ppk = PpkClaimIn(cx, sa, in), .proof = auth ? ToBytes(auth->data) : Bytes{}};
  claim.signature = auth && IsSignature(auth->method);
  claim.childless = in.form == MessageForm::kAuthChildless;
  if (id_r) claim.wants = Identity{id_r->id_type, ToBytes(id_r->data)};
  if (claim.ppk.agreed && claim.ppk.id.empty()) {
    // RFC 8784 3: USE_PPK was exchanged, so IKE_AUTH names a key.
    cx.LogStranger(in.datagram.remote, Cat("IKE_AUTH refused, AUTHENTICATION_FAILED: ", claim.id.ToString(),
                                           " has said USE_PPK and sends not one PPK_IDENTITY that holds one"));
    return Refuse(cx, sa, in);
  }
  ResponderHandshake& h = *sa.answering;
  h.candidates = SelectByPpk(cx, sa, in, claim);
  MixPpk(cx, sa, claim.ppk);
  if (claim.signature) {
    auth::PeerProof proof = ProofIn(in, claim.id, SignedOctets(sa, {true, h.request, h.nonce_r, id_i->body}));
    proof.auth = std::move(claim.proof);
    return Judge(cx, sa, in, std::move(proof));
  }
  const AuthCandidate* candidate = h.candidates.empty() ? nullptr : &h.candidates.front();
  if (!VerifyPsk(cx, sa, in, claim, candidate)) return Refuse(cx, sa, in);
  if (candidate->proof) return Judge(cx, sa, in, std::nullopt);
  const AuthCandidate as = *candidate;
  Accept(cx, sa, in, as, "");
}

void OnInitiatorJudged(Context& cx, IkeSa& sa, auth::AuthJob& job) {
  ResponderHandshake& h = *sa.answering;
  HeldMessage held = *std::exchange(h.held, std::nullopt);
  std::vector<AuthCandidate> candidates = std::exchange(h.candidates, {});
  for (size_t i = 0; i < std::min(candidates.size(), job.why().size()); ++i) {
    h.passed_over += Cat(h.passed_over.empty() ? "" : "; ", candidates[i].connection->name, ": ", job.why()[i]);
  }
  Resume(held, [&](const Inbound& in) {
    auto chosen = job.chosen();
    if (chosen && *chosen < candidates.size()) {
      AuthCandidate& as = candidates[*chosen];
      if (as.proof) TakeSignatures(job, *as.proof);
      return Accept(cx, sa, in, as, job.how().empty() ? "" : Cat("; by ", job.how()));
    }
    auto* id = in.Get<IdPayload>(PayloadType::kIdI);
    std::string who = Identity{id->id_type, ToBytes(id->data)}.ToString();
    if (!candidates.empty()) {
      cx.LogStranger(in.datagram.remote,
                     Cat("IKE_AUTH refused, AUTHENTICATION_FAILED: ", who, ": ", h.passed_over, PpkHint(sa)));
    }
    Refuse(cx, sa, in);
  });
}

}  // namespace culvert::ike
