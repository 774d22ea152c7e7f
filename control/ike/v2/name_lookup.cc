#include "control/ike/v2/name_lookup.h"

#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/v2/sa_init.h"

namespace culvert::ike {
namespace {

constexpr std::chrono::seconds kFirstWait{5}, kLongestWait{300};

// As configured, or doubled from one time to the next.
Duration WaitAfter(const config::ControlSettings& settings, unsigned attempt) {
  if (settings.retry_initiate_interval.count() > 0) return settings.retry_initiate_interval;
  return std::min<Duration>(kFirstWait * (1u << std::min(attempt - 1, 10u)), kLongestWait);
}

void NotFound(Context& cx, IkeSa& sa, const std::string& name, std::string_view why) {
  const bool somebody_waits = std::ranges::any_of(sa.tasks, [](const Task& t) { return t.request != 0; });
  const unsigned tries = sa.connection->keyingtries;
  if (somebody_waits && tries != 0 && sa.attempt >= tries) return FailCall(cx, sa, Cat("no address of ", name, ": ", why));
  const Duration wait = WaitAfter(cx.config.settings, sa.attempt++);
  cx.Log(Severity::kWarning, sa, Cat("no address of ", name, ": ", why, "; asking again in ",
                                     std::chrono::duration_cast<std::chrono::seconds>(wait).count(), " s"));
  cx.Arm(TimerKind::kRouteRetry, sa.id, cx.now + wait);
}

}  // namespace

void LookUpPeer(Context& cx, IkeSa& sa, std::string name) {
  sa.initiating->job = cx.Run(sa, std::make_unique<ResolveJob>(cx.resolver, std::move(name)));
}

void OnPeerLookedUp(Context& cx, IkeSa& sa, const ResolveJob& job) {
  const Resolver::Answer& answer = job.answer();
  if (answer.addresses.empty()) return NotFound(cx, sa, job.name(), answer.why);
  auto reachable = [&](const IpAddress& a) { return MayCallFrom(*sa.connection, a.family); };
  auto address = std::ranges::find_if(answer.addresses, reachable);
  if (address == answer.addresses.end()) return NotFound(cx, sa, job.name(), "none of the family of local_addrs");
  cx.Log(Severity::kInfo, sa, Cat(job.name(), " is ", address->ToString()));
  Dial(cx, sa, *address);
}

}  // namespace culvert::ike
