#include "control/ike/cat.h"
#include "control/ike/v1/certificates.h"
#include "control/ike/v1/closing.h"
#include "control/ike/v1/nat_detection.h"
#include "control/ike/v1/phase1_steps.h"
#include "control/ike/v1/send.h"

// Main mode (RFC 2409 5) as its initiator:
//   1 SA, VID ->   2 <- SA, VID   3 KE, Ni, [CR], [NAT-D] ->   4 <- KE, Nr, [CR], [NAT-D]   5 ID, proof ->   6 <- ID, proof
namespace culvert::ike::v1 {
namespace {

void SendKey(Context& cx, IkeSa& sa) {
  Phase1& p = *sa.phase1;
  PayloadList list;
  list.AddOpaque(PayloadType::kKe, p.public_i);
  list.AddOpaque(PayloadType::kNonce, p.nonce_i);
  AddCertRequests(cx, *sa.connection, SIZE_MAX, list);
  AddNatDetection(sa, list);
  p.step = Phase1Step::kAwaitsKey;
  SendPhase1(cx, sa, {.payloads = list.view(), .next = Next::kAwait});
}

void SendAuth(Context& cx, IkeSa& sa, Bytes signature) {
  Phase1& p = *sa.phase1;
  PayloadList list;
  list.AddOpaque(PayloadType::kId, p.id_i);
  if (p.own) AddCertificates(*p.own, *sa.connection, p.wanted, SIZE_MAX, list);
  AddProof(sa, true, std::move(signature), list);
  AddInitialContact(cx, sa, list);
  p.step = Phase1Step::kAwaitsAuth;
  // RFC 3947 4: the change of ports comes with the first encrypted message.
  FloatToNatPort(sa.path);
  SendPhase1(cx, sa, {.payloads = list.view(), .sealed = true, .next = Next::kAwait});
  // What the responder has to say instead of message 6 is sealed behind message 5 (RFC 2409 appendix B).
  sa.protection->last_block = sa.first.iv;
}

// Who we are and how we show it; why not.
std::string ChooseOurPart(Context& cx, IkeSa& sa) {
  Phase1& p = *sa.phase1;
  auto own = ChooseSigner(cx, sa, *sa.connection, p.wanted);
  if (!own) return own.error();
  p.own = *std::move(own);
  sa.local_id = p.own ? p.own->choice.id : OurIdentity(*sa.connection, sa.path.local.address);
  p.id_i = IdBody(sa.local_id);
  return {};
}

// Sets SKEYID and what is made of it; why not.
std::string MakeKeys(Context& cx, IkeSa& sa) {
  const SecretBytes* psk = nullptr;
  if (MethodOf(sa).psk) {
    const Identity peer = PeerIdentity(*sa.connection, sa.path.remote.address);
    psk = FindPsk(cx, sa.path, sa.local_id, peer);
    if (!psk) return Cat("no pre-shared key for ", sa.local_id.ToString(), " and ", peer.ToString());
  }
  SetKeys(cx, sa, psk ? psk->view() : ByteView{});
  return {};
}

// RFC 2408 5: a responder we do not believe is told so. It takes phase 1 for done.
void RejectResponder(Context& cx, IkeSa& sa, const Inbound& in, const std::string& why) {
  cx.Bump(Count::kAuthenticationFailed);
  TellRefused(cx, sa, in);
  SayDelete(cx, sa);
  FailCall(cx, sa, Cat("main mode: ", why));
}

void Believe(Context& cx, IkeSa& sa, const Inbound& in, std::string_view how) {
  Accept(cx, sa, sa.first, in);
  Conclude(cx, sa, in, how);
}

}  // namespace

void BeginMainMode(Context& cx, IkeSa& sa) {
  Phase1& p = *sa.phase1;
  PayloadList list;
  list.AddOpaque(PayloadType::kSa, p.sa_i);
  AddVendorIds(AnnouncedBy(cx, *sa.connection), list);
  p.step = Phase1Step::kAwaitsSa;
  SendPhase1(cx, sa, {.payloads = list.view(), .next = Next::kAwait});
}

void OnMainSa(Context& cx, IkeSa& sa, const Inbound& in) {
  Phase1& p = *sa.phase1;
  if (!TakeSuite(cx, sa, in)) return;
  sa.spi_r = in.header.cookie_r;
  cx.sas.Index(sa);
  Accept(cx, sa, sa.first, in);
  RunJob(cx, sa, Phase1Step::kMakingKey, std::make_unique<KeyExchangeJob>(p.group, Bytes{}));
}

void OnMainKeyMade(Context& cx, IkeSa& sa, KeyExchangeJob& job) {
  Phase1& p = *sa.phase1;
  p.exchange = job.TakeKey();
  CHECK(p.exchange);   // no other group is offered
  p.public_i = ToBytes(p.exchange->public_value());
  p.nonce_i = cx.random().Take(kNonceSize);
  SendKey(cx, sa);
}

void OnMainKey(Context& cx, IkeSa& sa, const Inbound& in) {
  Phase1& p = *sa.phase1;
  if (!KeysFit(cx, in, p.group)) return;
  p.held = Hold(in);
  RunJob(cx, sa, Phase1Step::kDeriving,
         std::make_unique<KeyExchangeJob>(std::move(p.exchange), ToBytes(in.Opaque(PayloadType::kKe))));
}

void OnMainDerived(Context& cx, IkeSa& sa, KeyExchangeJob& job) {
  Phase1& p = *sa.phase1;
  const HeldMessage held = *std::exchange(p.held, std::nullopt);
  p.exchange = job.TakeKey();
  if (!job.secret()) {
    // Nothing vouches for it: the true one may still come (B19).
    cx.Bump(Count::kPublicValueRefused);
    p.refused = held.digest;
    p.step = Phase1Step::kAwaitsKey;
    return;
  }
  p.exchange.reset();
  p.shared_secret = *std::move(job.secret());
  Resume(held, [&](const Inbound& in) {
    Accept(cx, sa, sa.first, in);
    p.public_r = ToBytes(in.Opaque(PayloadType::kKe));
    p.nonce_r = ToBytes(in.Opaque(PayloadType::kNonce));
    TakeCertRequests(in.chain, p.wanted);
    DetectNat(sa, in);
    std::string why = ChooseOurPart(cx, sa);
    if (why.empty()) why = MakeKeys(cx, sa);
    if (!why.empty()) return FailCall(cx, sa, why);
    if (!p.own) return SendAuth(cx, sa, {});
    std::vector<auth::AuthJob::Candidate> work{Signing(sa, *p.own, p.id_i)};
    RunJob(cx, sa, Phase1Step::kSigning,
           std::make_unique<auth::AuthJob>(p.own->credentials, std::nullopt, std::move(work)));
  });
}

void OnMainSigned(Context& cx, IkeSa& sa, auth::AuthJob& job) {
  Bytes signature = job.TakeSignature();
  if (signature.empty()) return FailCall(cx, sa, "our own key does not sign");
  SendAuth(cx, sa, std::move(signature));
}

void OnMainAuth(Context& cx, IkeSa& sa, const Inbound& in) {
  Phase1& p = *sa.phase1;
  auto id = IdentityIn(*in.Get<IdPayload>());
  if (!id) return RejectResponder(cx, sa, in, id.error());
  const ByteView id_body = in.Opaque(PayloadType::kId);
  // Before anything it says is acted upon: with a pre-shared key HASH shows whether the peer or somebody else has said it.
  const bool signs = MethodOf(sa).responder_signs;
  if (!signs && !HashIsRight(cx, sa, in, false, id_body)) {
    p.refused = in.digest;
    return cx.Log(Severity::kWarning, sa, Cat("main mode: HASH of ", id->ToString(), " is wrong"));
  }
  sa.remote_id = *std::move(id);
  if (!Matches(PeerPattern(*sa.connection), sa.remote_id)) {
    return RejectResponder(cx, sa, in, Cat("the peer is ", sa.remote_id.ToString(), ", wanted ", PeerPattern(*sa.connection)));
  }
  if (!signs) return Believe(cx, sa, in, "");
  p.held = Hold(in);
  std::vector<auth::AuthJob::Candidate> work(1);
  work[0].peer = {sa.connection, &Phase1Round(sa.connection->remote)};
  RunJob(cx, sa, Phase1Step::kVerifying,
         std::make_unique<auth::AuthJob>(cx.shared.credentials, ProofOfPeer(sa, in, sa.remote_id, id_body), std::move(work)));
}

void OnMainVerified(Context& cx, IkeSa& sa, auth::AuthJob& job) {
  const HeldMessage held = *std::exchange(sa.phase1->held, std::nullopt);
  Resume(held, [&](const Inbound& in) {
    if (!job.chosen()) return RejectResponder(cx, sa, in, job.why().front());
    Believe(cx, sa, in, job.how());
  });
}

}  // namespace culvert::ike::v1
