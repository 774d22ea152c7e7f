#include "control/ike/v2/rivals.h"

#include <algorithm>

#include "control/ike/v2/auth.h"
#include "control/ike/v2/sa_init.h"
#include "control/ike/v2/send.h"

namespace culvert::ike {
namespace {

bool Busy(const InitiatorHandshake& h) {
  return std::ranges::any_of(h.rivals, [](const InitAnswer& r) { return r.job != 0; });
}

// The request that is out goes with the answer it was made for.
void FollowSent(IkeSa& sa, InitAnswer& rival) {
  Follow(sa, rival);
  Datagrams ours = sa.window.outstanding()->datagrams;
  sa.window.Replaced(std::exchange(rival.request, std::move(ours)));
}

// A rival is judged by its own keys, suite and nonce: the SA takes them on while `deed` runs, and gives them back.
template <typename Deed>
auto As(IkeSa& sa, InitAnswer& rival, Deed deed) {
  Follow(sa, rival);
  auto result = deed();
  Follow(sa, rival);
  return result;
}

bool IsReady(const IkeSa& sa, const InitAnswer& r) {
  if (r.job != 0 || !r.keying) return false;
  return SignsFor(*sa.connection) ? r.proof && !r.proof->data.empty() : true;
}

void Ask(Context& cx, IkeSa& sa, InitAnswer& rival) {
  Follow(sa, rival);
  rival.request = sa.window.outstanding()->datagrams;
  SendAuthAgain(cx, sa);
}

void DeriveForNext(Context& cx, IkeSa& sa) {
  InitiatorHandshake& h = *sa.initiating;
  // Additional key exchanges go through with one of them at a time.
  if (!h.key || Busy(h) || sa.intermediate) return;
  auto next = std::ranges::find_if(h.rivals, [](const InitAnswer& r) {
    return !r.keying && !r.peer_public.empty() && !Any(r.suite.additional);
  });
  if (next == h.rivals.end()) return;
  next->job = cx.Run(sa, std::make_unique<KeyExchangeJob>(std::move(h.key), std::exchange(next->peer_public, {})));
}

void Drop(IkeSa& sa, const InitAnswer& rival) {
  std::erase_if(sa.initiating->rivals, [&](const InitAnswer& r) { return &r == &rival; });
}

// How far a rival has come; the furthest is followed next.
enum class Progress : uint8_t { kUntouched, kDeriving, kSigning, kReady, kAsked };
Progress ProgressOf(const IkeSa& sa, const InitAnswer& r) {
  if (!r.request.empty()) return Progress::kAsked;
  if (IsReady(sa, r)) return Progress::kReady;
  if (r.job == 0) return Progress::kUntouched;
  return r.keying ? Progress::kSigning : Progress::kDeriving;
}

}  // namespace

void OnRivalAnswer(Context& cx, IkeSa& sa, const Inbound& in) {
  InitiatorHandshake& h = *sa.initiating;
  auto same = [&](const InitAnswer& r) { return Equal(r.response, in.datagram.data); };
  bool known = Equal(h.response, in.datagram.data) || std::ranges::any_of(h.rivals, same);
  if (known || in.form == MessageForm::kRefusal || in.header.spi_r == 0 || h.rivals.size() >= kMaxRivals) {
    return cx.Bump(Count::kUnexpected);
  }
  auto answer = JudgeInitAnswer(cx, sa, in);
  if (!answer) return;
  cx.Bump(Count::kRivalAnswer);
  cx.Log(Severity::kWarning, sa, "IKE_SA_INIT was answered once more, and differently: one of the answers is not the peer's");
  cx.sas.IndexAlso(sa, answer->spi_r);
  h.rivals.push_back(*std::move(answer));
  AskRivals(cx, sa);
}

void AskRivals(Context& cx, IkeSa& sa) {
  // While a signature of ours is made or the responder's is judged they wait: the verdict is on the answer being followed.
  auto waits = [&](const InitAnswer& r) { return r.request.empty() && IsReady(sa, r); };
  while (sa.state == IkeState::kAuthSent) {
    auto ready = std::ranges::find_if(sa.initiating->rivals, waits);
    if (ready == sa.initiating->rivals.end()) return DeriveForNext(cx, sa);
    Ask(cx, sa, *ready);
  }
}

InitAnswer* RivalOfJob(IkeSa& sa, JobId job) {
  auto it = std::ranges::find(sa.initiating->rivals, job, &InitAnswer::job);
  return it == sa.initiating->rivals.end() ? nullptr : &*it;
}

void OnRivalJob(Context& cx, IkeSa& sa, InitAnswer& rival, KeyExchangeJob& job) {
  rival.job = 0;
  sa.initiating->key = job.TakeKey();
  if (!job.secret()) {
    cx.Bump(Count::kPublicValueRefused);
    Drop(sa, rival);
    return AskRivals(cx, sa);
  }
  bool sound = As(sa, rival, [&] {
    TakeSecret(cx, sa, *job.secret());
    if (!SignsFor(*sa.connection)) return true;
    auto signing = StartSigning(cx, sa);
    if (signing) rival.job = *signing;
    return signing.has_value();
  });
  if (!sound) Drop(sa, rival);
  AskRivals(cx, sa);
}

void OnRivalSigned(Context& cx, IkeSa& sa, InitAnswer& rival, auth::AuthJob& job) {
  rival.job = 0;
  if (rival.proof) TakeSignatures(job, *rival.proof);
  if (!IsReady(sa, rival)) Drop(sa, rival);
  AskRivals(cx, sa);
}

bool FollowNextRival(Context& cx, IkeSa& sa) {
  InitiatorHandshake& h = *sa.initiating;
  if (h.rivals.empty()) return false;
  auto furthest = std::ranges::max_element(h.rivals, {}, [&](const InitAnswer& r) { return ProgressOf(sa, r); });
  Progress progress = ProgressOf(sa, *furthest);
  InitAnswer next = std::move(*furthest);
  h.rivals.erase(furthest);
  Follow(sa, next);
  sa.intermediate.reset();
  switch (progress) {
    case Progress::kAsked:
      sa.window.RestartAfterInit();
      sa.state = IkeState::kAuthSent;
      ResendRequest(cx, sa, ExchangeType::kIkeAuth, std::move(next.request));
      AskRivals(cx, sa);
      break;
    case Progress::kReady:
      sa.window.RestartAfterInit();
      SendAuth(cx, sa);
      break;
    case Progress::kSigning:
    case Progress::kDeriving:
      sa.state = progress == Progress::kSigning ? IkeState::kAuthSigning : IkeState::kInitDeriving;
      h.job = next.job;
      break;
    case Progress::kUntouched:
      sa.state = IkeState::kInitDeriving;
      h.job = cx.Run(sa, std::make_unique<KeyExchangeJob>(std::move(h.key), std::move(next.peer_public)));
      break;
  }
  return true;
}

bool GoOnWithRival(Context& cx, IkeSa& sa) {
  if (sa.initiating->rivals.empty()) return false;
  cx.Log(Severity::kWarning, sa, "one of those who answered IKE_SA_INIT is not the peer; waiting for the others");
  sa.window.RestartAfterInit();
  return FollowNextRival(cx, sa);
}

std::optional<Bytes> OpenAsRival(IkeSa& sa, uint64_t spi_r, ByteView datagram, ByteView body) {
  for (InitAnswer& r : sa.initiating->rivals) {
    if (r.spi_r != spi_r || !r.keying || r.request.empty()) continue;
    auto plain = r.keying->open->Open(UpToBody(datagram, body), body);
    if (!plain) continue;
    FollowSent(sa, r);
    return plain;
  }
  return std::nullopt;
}

void RepeatToRivals(Context& cx, IkeSa& sa) {
  for (const InitAnswer& r : sa.initiating->rivals) {
    for (const Bytes& d : r.request) cx.Emit(SendDatagram{r.path.local, r.path.remote, r.path.marker, d, 0});
  }
}

}  // namespace culvert::ike
