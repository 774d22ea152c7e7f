#include "control/ike/v2/rivals.h"

#include <algorithm>

#include "control/ike/v2/auth.h"
#include "control/ike/v2/sa_init.h"
#include "control/ike/v2/send.h"

namespace culvert::ike {
namespace {

bool Deriving(const InitiatorHandshake& h) {
  return std::ranges::any_of(h.rivals, [](const InitAnswer& r) { return r.job != 0; });
}

// The request that is out goes with the answer it was made for.
void FollowSent(IkeSa& sa, InitAnswer& rival) {
  Follow(sa, rival);
  Datagrams ours = sa.window.outstanding()->datagrams;
  sa.window.Replaced(std::exchange(rival.request, std::move(ours)));
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
  DeriveForRivals(cx, sa);
}

void DeriveForRivals(Context& cx, IkeSa& sa) {
  InitiatorHandshake& h = *sa.initiating;
  // Additional key exchanges go through with one of them at a time.
  if (!h.key || Deriving(h) || sa.intermediate) return;
  auto next = std::ranges::find_if(h.rivals, [](const InitAnswer& r) {
    return !r.keying && !r.peer_public.empty() && !Any(r.suite.additional);
  });
  if (next == h.rivals.end()) return;
  next->job = cx.Run(sa, std::make_unique<KeyExchangeJob>(std::move(h.key), std::exchange(next->peer_public, {})));
}

InitAnswer* RivalOfJob(IkeSa& sa, JobId job) {
  auto it = std::ranges::find(sa.initiating->rivals, job, &InitAnswer::job);
  return it == sa.initiating->rivals.end() ? nullptr : &*it;
}

void OnRivalJob(Context& cx, IkeSa& sa, InitAnswer& rival, KeyExchangeJob& job) {
  InitiatorHandshake& h = *sa.initiating;
  rival.job = 0;
  h.key = job.TakeKey();
  if (!job.secret()) {
    cx.Bump(Count::kPublicValueRefused);
    std::erase_if(h.rivals, [&](const InitAnswer& r) { return &r == &rival; });
  } else {
    Follow(sa, rival);
    TakeSecret(cx, sa, *job.secret());
    rival.request = sa.window.outstanding()->datagrams;
    SendAuthAgain(cx, sa);
  }
  DeriveForRivals(cx, sa);
}

void FollowNextRival(Context& cx, IkeSa& sa) {
  InitiatorHandshake& h = *sa.initiating;
  if (h.rivals.empty()) return;
  InitAnswer next = std::move(h.rivals.front());
  h.rivals.erase(h.rivals.begin());
  Follow(sa, next);
  sa.state = IkeState::kInitDeriving;
  h.job = next.job ? next.job : cx.Run(sa, std::make_unique<KeyExchangeJob>(std::move(h.key), std::move(next.peer_public)));
}

bool GoOnWithRival(Context& cx, IkeSa& sa) {
  InitiatorHandshake& h = *sa.initiating;
  if (h.rivals.empty()) return false;
  cx.Log(Severity::kWarning, sa, "one of those who answered IKE_SA_INIT is not the peer; waiting for the others");
  sa.window.RestartAfterInit();
  sa.intermediate.reset();
  auto asked = std::ranges::find_if(h.rivals, [](const InitAnswer& r) { return !r.request.empty(); });
  if (asked == h.rivals.end()) {
    // The key may be on its way to another of them: that one is next.
    std::ranges::sort(h.rivals, std::ranges::greater{}, &InitAnswer::job);
    FollowNextRival(cx, sa);
    return true;
  }
  InitAnswer next = std::move(*asked);
  h.rivals.erase(asked);
  Follow(sa, next);
  ResendRequest(cx, sa, ExchangeType::kIkeAuth, std::move(next.request));
  return true;
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
