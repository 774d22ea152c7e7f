#include "control/ike/cat.h"
#include "control/ike/v1/certificates.h"
#include "control/ike/v1/closing.h"
#include "control/ike/v1/nat_detection.h"
#include "control/ike/v1/phase1_choice.h"
#include "control/ike/v1/phase1_steps.h"
#include "control/ike/v1/send.h"

// Aggressive mode (RFC 2409 5) as its initiator:
//   1 SA, KE, Ni, ID, [CR], VID ->   2 <- SA, KE, Nr, ID, proof, [CR], [NAT-D], VID   3 proof, [NAT-D] ->
// Of several who answer message 1 only the proof tells the responder: until it is good nothing of an answer is kept.
namespace culvert::ike::v1 {
namespace {

// hostile.md D07: what answers a stranger is at most three times as large as its request, and certificates are large.
constexpr size_t kRoomForCertificates = 1000;   // octets of payloads

// The answer was not the peer's: as if it had never come.
void Disbelieve(Context& cx, IkeSa& sa, const HeldMessage& held, const std::string& why) {
  Phase1& p = *sa.phase1;
  cx.Bump(Count::kAuthenticationFailed);
  cx.Log(Severity::kWarning, sa, Cat("aggressive mode: an answer is not believed: ", why));
  sa.spi_r = 0;
  sa.protection.reset();
  sa.path.nat_local = sa.path.nat_remote = false;
  p.refused = held.digest;
  p.doubt = why;
  p.step = Phase1Step::kAwaitsAnswer;
}

void SendProof(Context& cx, IkeSa& sa, const Inbound& in, Proven proven) {
  Phase1& p = *sa.phase1;
  cx.sas.Index(sa);
  Accept(cx, sa, sa.first, in);
  PayloadList list;
  // RFC 3947 4: the change of ports comes with the first encrypted message.
  FloatToNatPort(sa.path);
  AddNatDetection(sa, list);
  if (p.own) AddCertificates(*p.own, *sa.connection, p.wanted, SIZE_MAX, list);
  AddProof(sa, true, std::move(proven.signature), list);
  AddInitialContact(cx, sa, list);
  // Nothing in phase 1 answers it: it goes again until the peer is heard in phase 2, which shows that it is there (send.h).
  SendPhase1(cx, sa, {.payloads = list.view(), .sealed = true, .next = Next::kAwait});
  Conclude(cx, sa, in, proven.how);
}

// The shared secret is there: whether the answer is the responder's. The proof it shows, by the keys it has led to.
void Judge(Context& cx, IkeSa& sa, const HeldMessage& held, const Inbound& in) {
  Phase1& p = *sa.phase1;
  const ByteView id_body = in.Opaque(PayloadType::kId);
  auto id = IdentityIn(*in.Get<IdPayload>());
  if (!id) return Disbelieve(cx, sa, held, id.error());
  if (!Matches(PeerPattern(*sa.connection), *id)) {
    return Disbelieve(cx, sa, held, Cat("it is ", id->ToString(), "'s, wanted ", PeerPattern(*sa.connection)));
  }
  const SecretBytes* psk = MethodOf(sa).psk ? FindPsk(cx, sa.path, sa.local_id, *id) : nullptr;
  if (MethodOf(sa).psk && !psk) {
    return Disbelieve(cx, sa, held, Cat("no pre-shared key for ", sa.local_id.ToString(), " and ", id->ToString()));
  }
  SetKeys(cx, sa, psk ? psk->view() : ByteView{});
  sa.remote_id = *id;
  p.id_r = ToBytes(id_body);
  if (!MethodOf(sa).responder_signs && !HashIsRight(cx, sa, in, false, id_body)) {
    return Disbelieve(cx, sa, held, Cat("HASH of ", id->ToString(), " is wrong",
                                        psk ? ": is the pre-shared key the same?" : ""));
  }
  if (!MethodOf(sa).responder_signs && !p.own) return SendProof(cx, sa, in, {});
  std::vector<auth::AuthJob::Candidate> work(1);
  if (p.own) work[0] = Signing(sa, *p.own, p.id_i);
  std::optional<auth::PeerProof> proof;
  if (MethodOf(sa).responder_signs) {
    work[0].peer = {sa.connection, &Phase1Round(sa.connection->remote)};
    proof = ProofOfPeer(sa, in, *id, id_body);
  }
  p.held = held;
  RunJob(cx, sa, Phase1Step::kJudgingAnswer,
         std::make_unique<auth::AuthJob>(cx.shared.credentials, std::move(proof), std::move(work)));
}

void SendFirst(Context& cx, IkeSa& sa) {
  Phase1& p = *sa.phase1;
  PayloadList list;
  list.AddOpaque(PayloadType::kSa, p.sa_i);
  list.AddOpaque(PayloadType::kKe, p.public_i);
  list.AddOpaque(PayloadType::kNonce, p.nonce_i);
  list.AddOpaque(PayloadType::kId, p.id_i);
  AddCertRequests(cx, *sa.connection, SIZE_MAX, list);
  AddVendorIds(AnnouncedBy(cx, *sa.connection), list);
  const size_t octets = EncodeChain(list.view()).size();
  if (MethodOf(sa).responder_signs && octets < kRoomForCertificates) AddPadding(kRoomForCertificates - octets, list);
  p.step = Phase1Step::kAwaitsAnswer;
  SendPhase1(cx, sa, {.payloads = list.view(), .next = Next::kAwait});
}

}  // namespace

void BeginAggressiveMode(Context& cx, IkeSa& sa) {
  Phase1& p = *sa.phase1;
  auto own = ChooseSigner(cx, sa, *sa.connection, {});
  if (!own) return FailCall(cx, sa, own.error());
  p.own = *std::move(own);
  sa.local_id = p.own ? p.own->choice.id : OurIdentity(*sa.connection, sa.path.local.address);
  p.id_i = IdBody(sa.local_id);
  RunJob(cx, sa, Phase1Step::kMakingFirstKey, std::make_unique<KeyExchangeJob>(p.group, Bytes{}));
}

void OnAggressiveKeyMade(Context& cx, IkeSa& sa, KeyExchangeJob& job) {
  Phase1& p = *sa.phase1;
  p.exchange = job.TakeKey();
  CHECK(p.exchange);   // no other group is offered
  p.public_i = ToBytes(p.exchange->public_value());
  p.nonce_i = cx.random().Take(kNonceSize);
  SendFirst(cx, sa);
}

void OnAggressiveAnswer(Context& cx, IkeSa& sa, const Inbound& in) {
  Phase1& p = *sa.phase1;
  if (!TakeSuite(cx, sa, in) || !KeysFit(cx, in, p.group)) return;
  p.held = Hold(in);
  RunJob(cx, sa, Phase1Step::kDerivingAnswer,
         std::make_unique<KeyExchangeJob>(std::move(p.exchange), ToBytes(in.Opaque(PayloadType::kKe))));
}

void OnAggressiveDerived(Context& cx, IkeSa& sa, KeyExchangeJob& job) {
  Phase1& p = *sa.phase1;
  const HeldMessage held = *std::exchange(p.held, std::nullopt);
  p.exchange = job.TakeKey();
  if (!job.secret()) {
    cx.Bump(Count::kPublicValueRefused);
    return Disbelieve(cx, sa, held, "its KE payload holds no public value");
  }
  p.shared_secret = *std::move(job.secret());
  Resume(held, [&](const Inbound& in) {
    sa.spi_r = in.header.cookie_r;
    p.public_r = ToBytes(in.Opaque(PayloadType::kKe));
    p.nonce_r = ToBytes(in.Opaque(PayloadType::kNonce));
    p.wanted = {};
    TakeCertRequests(in.chain, p.wanted);
    DetectNat(sa, in);
    Judge(cx, sa, held, in);
  });
}

void OnAggressiveJudged(Context& cx, IkeSa& sa, auth::AuthJob& job) {
  Phase1& p = *sa.phase1;
  const HeldMessage held = *std::exchange(p.held, std::nullopt);
  if (!job.chosen()) return Disbelieve(cx, sa, held, job.why().front());
  Resume(held, [&](const Inbound& in) { SendProof(cx, sa, in, {job.TakeSignature(), job.how()}); });
}

}  // namespace culvert::ike::v1
