#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/v1/certificates.h"
#include "control/ike/v1/closing.h"
#include "control/ike/v1/nat_detection.h"
#include "control/ike/v1/phase1_choice.h"
#include "control/ike/v1/phase1_steps.h"
#include "control/ike/v1/send.h"

// Main mode (RFC 2409 5) as its responder. Nothing but a handful of octets is kept, and no key computed, before message 3 shows
// that the initiator has got message 2. Who it is, and so which connection it means, message 5 tells; but a pre-shared key is
// what message 5 is read by, so that one the address has to tell.
namespace culvert::ike::v1 {
namespace {

// No longer than what it answers, but for a request that names no authority: whoever sees message 2 can send message 3 from
// anywhere.
void SendKey(Context& cx, IkeSa& sa, const Inbound& request) {
  Phase1& p = *sa.phase1;
  PayloadList list;
  list.AddOpaque(PayloadType::kKe, p.public_r);
  list.AddOpaque(PayloadType::kNonce, p.nonce_r);
  AddNatDetection(sa, list);
  const size_t asked = request.octets.size(), said = EncodeChain(list.view()).size();
  if (MethodOf(sa).initiator_signs) AddCertRequests(cx, *sa.connection, asked - std::min(asked, said), list);
  p.step = Phase1Step::kAwaitsPeerAuth;
  SendPhase1(cx, sa, {.payloads = list.view(), .next = Next::kAnswerable});
}

// A peer with no key in common costs what one with another key does, and hears as much (R7).
void MakeKeys(Context& cx, IkeSa& sa) {
  const SecretBytes* psk = nullptr;
  SecretBytes nobodys(cx.random().Take(32));
  if (MethodOf(sa).psk) {
    const config::Connection& c = *sa.connection;
    psk = FindPsk(cx, sa.path, OurIdentity(c, sa.path.local.address), PeerIdentity(c, sa.path.remote.address));
  }
  SetKeys(cx, sa, (psk ? *psk : nobodys).view());
}

void Refuse(Context& cx, IkeSa& sa, const Inbound& in, const std::string& why) {
  cx.Bump(Count::kAuthenticationFailed);
  cx.shared.LogStranger(in.datagram.remote, Cat("main mode refused, AUTHENTICATION-FAILED: ", why));
  TellRefused(cx, sa, in);
  CloseIke(cx, sa, Why::kAuthFailed);
}

void Believe(Context& cx, IkeSa& sa, const Inbound& in, const Candidate& as, Proven proven) {
  Phase1& p = *sa.phase1;
  sa.connection = as.connection;
  sa.local_id = as.local_id;
  p.id_r = IdBody(sa.local_id);
  Accept(cx, sa, sa.first, in);
  GoOnWhereItCame(cx, sa, in.datagram);
  PayloadList list;
  list.AddOpaque(PayloadType::kId, p.id_r);
  if (as.own) AddCertificates(*as.own, *sa.connection, p.wanted, SIZE_MAX, list);
  AddProof(sa, false, std::move(proven.signature), list);
  AddInitialContact(cx, sa, list);
  SendPhase1(cx, sa, {.payloads = list.view(), .sealed = true, .next = Next::kDone});
  Conclude(cx, sa, in, proven.how);
}

}  // namespace

void AnswerMainMode(Context& cx, IkeSa& sa, const Inbound& in) {
  Phase1& p = *sa.phase1;
  PayloadList list;
  list.AddOpaque(PayloadType::kSa, p.answer);
  AnswerVendorIds(AnnouncedBy(cx, *sa.connection), in.chain, list);
  p.step = Phase1Step::kAwaitsPeerKey;
  SendPhase1(cx, sa, {.payloads = list.view(), .next = Next::kAnswerable});
}

void OnMainPeerKey(Context& cx, IkeSa& sa, const Inbound& in) {
  Phase1& p = *sa.phase1;
  if (!KeysFit(cx, in, p.group) || !MayWork(cx, p.key.address)) return;
  p.held = Hold(in);
  RunJob(cx, sa, Phase1Step::kAnsweringKey,
         std::make_unique<KeyExchangeJob>(p.group, ToBytes(in.Opaque(PayloadType::kKe))));
}

void OnMainAnswerKey(Context& cx, IkeSa& sa, KeyExchangeJob& job) {
  Phase1& p = *sa.phase1;
  const HeldMessage held = *std::exchange(p.held, std::nullopt);
  auto exchange = job.TakeKey();
  CHECK(exchange);   // no other group is chosen
  if (!job.secret()) {
    // RFC 6989: not a public value. Whoever sent it may be another than the initiator.
    cx.Bump(Count::kPublicValueRefused);
    p.refused = held.digest;
    p.step = Phase1Step::kAwaitsPeerKey;
    return;
  }
  Resume(held, [&](const Inbound& in) {
    Accept(cx, sa, sa.first, in);
    p.public_i = ToBytes(in.Opaque(PayloadType::kKe));
    p.nonce_i = ToBytes(in.Opaque(PayloadType::kNonce));
    p.public_r = ToBytes(exchange->public_value());
    p.nonce_r = cx.random().Take(std::min(p.nonce_i.size(), kNonceSize));
    p.shared_secret = *std::move(job.secret());
    TakeCertRequests(in.chain, p.wanted);
    DetectNat(sa, in);
    MakeKeys(cx, sa);
    SendKey(cx, sa, in);
  });
}

void OnMainPeerAuth(Context& cx, IkeSa& sa, const Inbound& in) {
  Phase1& p = *sa.phase1;
  const bool signs = MethodOf(sa).initiator_signs;
  const ByteView id_body = in.Opaque(PayloadType::kId);
  // RFC 2409 5 has requests in messages 3 and 5 alike.
  TakeCertRequests(in.chain, p.wanted);
  if (!signs && !HashIsRight(cx, sa, in, true, id_body)) {
    p.refused = in.digest;
    return cx.shared.LogStranger(in.datagram.remote, "main mode: HASH of message 5 is wrong");
  }
  auto id = IdentityIn(*in.Get<IdPayload>());
  if (!id) return Refuse(cx, sa, in, id.error());
  sa.remote_id = *id;
  p.id_i = ToBytes(id_body);
  auto candidates = ConnectionsOf(cx, sa, in.datagram, *id);
  if (!candidates) return Refuse(cx, sa, in, Cat("no connection for peer ", id->ToString(), "; ", candidates.error()));
  if (!signs && !candidates->front().own) return Believe(cx, sa, in, candidates->front(), {});
  if (!MayWork(cx, p.key.address)) return;
  std::optional<auth::PeerProof> proof;
  if (signs) proof = ProofOfPeer(sa, in, *id, id_body);
  std::vector<auth::AuthJob::Candidate> work;
  for (const Candidate& c : *candidates) {
    auth::AuthJob::Candidate w;
    if (c.own) w = Signing(sa, *c.own, IdBody(c.local_id));
    if (signs) w.peer = {c.connection, &Phase1Round(c.connection->remote)};
    work.push_back(std::move(w));
  }
  p.candidates = *std::move(candidates);
  p.held = Hold(in);
  RunJob(cx, sa, Phase1Step::kJudging,
         std::make_unique<auth::AuthJob>(cx.shared.credentials, std::move(proof), std::move(work)));
}

void OnMainJudged(Context& cx, IkeSa& sa, auth::AuthJob& job) {
  Phase1& p = *sa.phase1;
  const HeldMessage held = *std::exchange(p.held, std::nullopt);
  const std::vector<Candidate> candidates = std::exchange(p.candidates, {});
  Resume(held, [&](const Inbound& in) {
    auto chosen = job.chosen();
    if (!chosen) return Refuse(cx, sa, in, Cat(sa.remote_id.ToString(), ": ", Join(job.why(), "; ")));
    Believe(cx, sa, in, candidates.at(*chosen), {job.TakeSignature(), job.how()});
  });
}

}  // namespace culvert::ike::v1
