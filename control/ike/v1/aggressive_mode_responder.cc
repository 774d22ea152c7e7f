#include "control/ike/cat.h"
#include "control/ike/v1/certificates.h"
#include "control/ike/v1/closing.h"
#include "control/ike/v1/nat_detection.h"
#include "control/ike/v1/phase1_choice.h"
#include "control/ike/v1/phase1_steps.h"
#include "control/ike/v1/send.h"

// Aggressive mode (RFC 2409 5) as its responder: a stranger's first message costs a key exchange and, with signatures, a
// signature; and is answered by something larger. So both are rationed (hostile.md D02, D07).
namespace culvert::ike::v1 {
namespace {

constexpr size_t kMostTimes = 3;       // D07: an answer is at most as many times its request
constexpr size_t kHeader = 28;

// Whose hash nobody can tell from another's: an identity that has no key here gets one as well (R7, B54).
void MakeKeys(Context& cx, IkeSa& sa) {
  const SecretBytes* psk = MethodOf(sa).psk ? FindPsk(cx, sa.path, sa.local_id, sa.remote_id) : nullptr;
  SecretBytes nobodys(cx.random().Take(32));
  SetKeys(cx, sa, (psk ? *psk : nobodys).view());
}

// The answer with that many certificates.
PayloadList MakeAnswer(const Context& cx, IkeSa& sa, const Inbound& request, ByteView signature, size_t certificates) {
  Phase1& p = *sa.phase1;
  PayloadList list;
  list.AddOpaque(PayloadType::kSa, p.answer);
  list.AddOpaque(PayloadType::kKe, p.public_r);
  list.AddOpaque(PayloadType::kNonce, p.nonce_r);
  list.AddOpaque(PayloadType::kId, p.id_r);
  if (p.own) AddCertificates(*p.own, *sa.connection, p.wanted, certificates, list);
  AddProof(sa, false, ToBytes(signature), list);
  if (MethodOf(sa).initiator_signs) AddCertRequests(cx, *sa.connection, SIZE_MAX, list);
  AddNatDetection(sa, list);
  AnswerVendorIds(AnnouncedBy(cx, *sa.connection), request.chain, list);
  return list;
}

void SendAnswer(Context& cx, IkeSa& sa, const Inbound& request, Bytes signature) {
  Phase1& p = *sa.phase1;
  const size_t most = kMostTimes * request.datagram.data.size();
  size_t certificates = p.own ? 1 + p.own->choice.own->chain.size() : 0;
  for (;; --certificates) {
    const PayloadList list = MakeAnswer(cx, sa, request, signature, certificates);
    if (kHeader + EncodeChain(list.view()).size() <= most) {
      p.step = Phase1Step::kAwaitsProof;
      return SendPhase1(cx, sa, {.payloads = list.view(), .next = Next::kAnswerable});
    }
    if (certificates == 0) break;
  }
  cx.Bump(Count::kAnswerTooLarge);
  cx.shared.LogStranger(sa.path.remote, "aggressive mode: the answer would be more than three times as large as its request");
  CloseIke(cx, sa, Why::kProtocolError);
}

void Refuse(Context& cx, IkeSa& sa, const Inbound& in, const std::string& why) {
  cx.Bump(Count::kAuthenticationFailed);
  cx.shared.LogStranger(in.datagram.remote, Cat("aggressive mode refused, AUTHENTICATION-FAILED: ", why));
  TellRefused(cx, sa, in);
  CloseIke(cx, sa, Why::kAuthFailed);
}

void Believe(Context& cx, IkeSa& sa, const Inbound& in, std::string_view how) {
  DetectNat(sa, in);
  Accept(cx, sa, sa.first, in);
  GoOnWhereItCame(cx, sa, in.datagram);
  Conclude(cx, sa, in, how);
}

}  // namespace

void AnswerAggressiveMode(Context& cx, IkeSa& sa, const Inbound& in) {
  Phase1& p = *sa.phase1;
  p.id_i = ToBytes(in.Opaque(PayloadType::kId));
  p.public_i = ToBytes(in.Opaque(PayloadType::kKe));
  p.nonce_i = ToBytes(in.Opaque(PayloadType::kNonce));
  TakeCertRequests(in.chain, p.wanted);
  p.held = Hold(in);
  RunJob(cx, sa, Phase1Step::kAnsweringFirstKey, std::make_unique<KeyExchangeJob>(p.group, Bytes(p.public_i)));
}

void OnAggressiveAnswerKey(Context& cx, IkeSa& sa, KeyExchangeJob& job) {
  Phase1& p = *sa.phase1;
  auto exchange = job.TakeKey();
  CHECK(exchange);   // no other group is chosen
  if (!job.secret()) {
    cx.Bump(Count::kPublicValueRefused);
    return CloseIke(cx, sa, Why::kProtocolError);
  }
  p.public_r = ToBytes(exchange->public_value());
  p.nonce_r = cx.random().Take(kNonceSize);
  p.shared_secret = *std::move(job.secret());
  auto own = ChooseSigner(cx, sa, *sa.connection, p.wanted);
  if (!own) {
    cx.shared.LogStranger(sa.path.remote, Cat("aggressive mode: ", sa.ConnectionName(), " has ", own.error()));
    return CloseIke(cx, sa, Why::kAuthFailed);
  }
  p.own = *std::move(own);
  sa.local_id = p.own ? p.own->choice.id : OurIdentity(*sa.connection, sa.path.local.address);
  p.id_r = IdBody(sa.local_id);
  MakeKeys(cx, sa);
  if (!p.own) {
    const HeldMessage held = *std::exchange(p.held, std::nullopt);
    return Resume(held, [&](const Inbound& in) { SendAnswer(cx, sa, in, {}); });
  }
  std::vector<auth::AuthJob::Candidate> work{Signing(sa, *p.own, p.id_r)};
  RunJob(cx, sa, Phase1Step::kSigningAnswer,
         std::make_unique<auth::AuthJob>(p.own->credentials, std::nullopt, std::move(work)));
}

void OnAggressiveAnswerSigned(Context& cx, IkeSa& sa, auth::AuthJob& job) {
  const HeldMessage held = *std::exchange(sa.phase1->held, std::nullopt);
  Bytes signature = job.TakeSignature();
  if (signature.empty()) {
    cx.Log(Severity::kError, sa, "our own key does not sign");
    return CloseIke(cx, sa, Why::kAuthFailed);
  }
  Resume(held, [&](const Inbound& in) { SendAnswer(cx, sa, in, std::move(signature)); });
}

void OnAggressiveProof(Context& cx, IkeSa& sa, const Inbound& in) {
  Phase1& p = *sa.phase1;
  if (!MethodOf(sa).initiator_signs) {
    if (HashIsRight(cx, sa, in, true, p.id_i)) return Believe(cx, sa, in, "");
    p.refused = in.digest;
    return cx.shared.LogStranger(in.datagram.remote, Cat("aggressive mode: HASH of ", sa.remote_id.ToString(), " is wrong"));
  }
  if (!MayWork(cx, p.key.address)) return;
  std::vector<auth::AuthJob::Candidate> work(1);
  work[0].peer = {sa.connection, &Phase1Round(sa.connection->remote)};
  p.held = Hold(in);
  RunJob(cx, sa, Phase1Step::kVerifyingProof,
         std::make_unique<auth::AuthJob>(cx.shared.credentials, ProofOfPeer(sa, in, sa.remote_id, p.id_i), std::move(work)));
}

void OnAggressiveProven(Context& cx, IkeSa& sa, auth::AuthJob& job) {
  const HeldMessage held = *std::exchange(sa.phase1->held, std::nullopt);
  Resume(held, [&](const Inbound& in) {
    if (!job.chosen()) return Refuse(cx, sa, in, Cat(sa.remote_id.ToString(), ": ", job.why().front()));
    Believe(cx, sa, in, job.how());
  });
}

}  // namespace culvert::ike::v1
