#pragma once

#include "control/ike/context.h"
#include "control/ike/v1/ike_sa.h"

namespace culvert::ike {
extern template class SaRegistryOf<v1::IkeSa>;
}

namespace culvert::ike::v1 {

// What each handler of IKEv1 works with: what both versions share, and IKEv1's own SAs. Single-threaded.
class Context {
 public:
  explicit Context(ike::Context& shared_with_v2) : shared(shared_with_v2), sas(shared_with_v2.next_ike_id) {}

  ike::Context& shared;      // configuration, random, credentials, half-open table, counters ...
  SaRegistryOf<IkeSa> sas;

  std::map<IpAddress, unsigned> reassembling;   // messages in fragments of one source (D06)

  Time now() const { return shared.now; }
  const config::Control& config() const { return shared.config; }
  Random& random() { return shared.random; }
  template <typename A>
  void Emit(A action) { shared.Emit(std::move(action)); }
  void Bump(Count c) { shared.Bump(c); }
  void Arm(TimerKind kind, uint64_t owner, Time at) { shared.Arm(kind, owner, at); }
  void Cancel(TimerKind kind, uint64_t owner) { shared.Cancel(kind, owner); }
  void Log(Severity severity, const IkeSa& sa, std::string_view text, RequestId request = 0) {
    shared.Log(severity, sa, text, request);
  }
  void Answer(RequestId request, std::string_view error = {}) { shared.Answer(request, error); }
  uint64_t DrawCookie();     // never 0, never one in use
  // Comes back to OnJob of engine.h, with the exchange whose `job` it then is.
  JobId Run(const IkeSa& sa, std::unique_ptr<Job> job);
};

}  // namespace culvert::ike::v1
