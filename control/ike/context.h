#pragma once

#include <string>

#include "control/auth/credentials.h"
#include "control/auth/password.h"
#include "control/auth/ppk.h"
#include "control/auth/psk.h"
#include "control/ike/admission/cookie.h"
#include "control/ike/admission/half_open.h"
#include "control/ike/connection_table.h"
#include "control/ike/core.h"
#include "control/ike/counters.h"
#include "control/ike/resolver.h"
#include "control/ike/sa/sa_registry.h"
#include "control/ike/sa/timers.h"
#include "control/pools/lease_table.h"
#include "control/radius/client.h"

namespace culvert::ike {

namespace v1 {
class Engine;  // control/ike/v1/engine.h
}

// What every handler works with: the core's possessions, the time of the event at hand and where its actions go. One per
// core; single-threaded.
class Context {
 public:
  Context(const config::Control& control, Random& rng, SpiAllocator& allocator)
      : config(control), random(rng), spis(allocator), cookies(rng) {}

  const config::Control& config;
  Random& random;
  SpiAllocator& spis;
  CoreCounters counters;
  pools::LeaseTable leases;                  // of `config` likewise; before the SAs, which hold some
  IkeId next_ike_id = 1;                     // of the registries of both versions
  SaRegistry sas{next_ike_id};               // of IKEv2
  v1::Engine* version1 = nullptr;            // null in a build without IKEv1
  HalfOpenTable half_open;
  CookieJar cookies;
  ErrorLimiter errors;
  std::shared_ptr<const auth::Credentials> credentials = std::make_shared<auth::Credentials>();
  std::shared_ptr<Resolver> resolver;        // null in a core that calls nobody by name
  std::shared_ptr<radius::Client> radius;    // null without servers
  ConnectionTable connections;               // of `config` when it was last told to have changed
  auth::PskTable psks;                       // likewise
  auth::PpkTable ppks;                       // likewise
  auth::PasswordTable passwords;             // likewise
  std::vector<IpAddress> local_addresses;    // LocalAddresses, sorted
  bool knows_local_addresses = false;
  bool key_logging = false;
  Time now{};

  void Begin(Time time, Actions& out) {
    now = time;
    out_ = &out;
  }
  // One of Action's alternatives. Defined for these alone in context.cc: what moves and ends an Action is a lot of code.
  template <typename A>
  void Emit(A action);
  void Bump(Count c) { counters.Bump(c); }
  // True: the MemoryReserve is in use, and what is new and can wait is refused, which this counts (F24).
  bool ShortOfMemory();

  void Arm(TimerKind kind, uint64_t owner, Time at) { Emit(ArmTimer{MakeTimerId(kind, owner), at}); }
  void Cancel(TimerKind kind, uint64_t owner) { Emit(CancelTimer{MakeTimerId(kind, owner)}); }
  void CancelIkeTimers(IkeId sa);            // all an IKE SA has
  JobId Run(const IkeSa& sa, std::unique_ptr<Job> job);
  // Of whatever SA; who keeps it notes who waits for it.
  JobId Run(IkeId sa, std::unique_ptr<Job> job, JobPriority priority);
  // The Store of what just changed; a datagram that tells the peer of it goes out after this commit.
  uint64_t Commit(const SaBase& sa);
  ChildId NewChildId() { return next_child_++; }
  uint32_t NewPreference() { return next_preference_++; }
  // One per (connection, child), for as long as the process lives.
  uint32_t ReqidOf(const std::string& connection, const std::string& child);

  void Log(Severity severity, const SaBase& sa, std::string_view text, RequestId request = 0);
  // Of a peer nobody has authenticated: at most 10 lines a second, the rest counted in the next one (D22).
  void LogStranger(const Endpoint& remote, std::string_view text);
  void Log(Severity severity, std::string text) { Emit(Audit{severity, std::move(text), 0, 0}); }
  // One of an operator's request's parts has ended; the last one ends the request. 0 is nobody.
  void Answer(RequestId request, std::string_view error = {});
  void Expect(RequestId request, unsigned parts) { requests_[request] = {parts, parts, {}}; }  // otherwise one
  void Tell(StateChange change, const SaBase& sa, ChildId child = 0) { Emit(Notice{change, sa.id, child}); }

 private:
  Actions* out_ = nullptr;
  JobId next_job_ = 1;
  uint64_t next_commit_ = 1;
  ChildId next_child_ = 1;
  uint32_t next_preference_ = 1;
  uint32_t next_reqid_ = 1;
  struct Parts {
    unsigned open = 1, all = 1;
    std::string error;        // the first
  };
  std::map<RequestId, Parts> requests_;      // of more than one part
  std::map<std::pair<std::string, std::string>, uint32_t> reqids_;
  TokenBucket stranger_lines_{10, 10};
  uint64_t suppressed_lines_ = 0;
};

}  // namespace culvert::ike
