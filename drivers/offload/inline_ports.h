#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/status/statusor.h"
#include "drivers/offload/engine.h"
#include "drivers/port/port.h"

struct rte_mempool;
struct rte_security_capability;
struct rte_security_session_conf;

namespace culvert::offload {

// Ports that have whole SAs (rte_security inline protocol), or encipher what they transmit and decipher what they receive
// (inline crypto). Main thread, but Mark.
//
// An SA goes to a port as a whole only where nothing that Culvert promises of it gets lost; rte_security says of none of this
// whether a device does it, so the port does (Port::protocol_facts), and otherwise the SA steps down:
//  - Outbound the port has the numbers. Whoever gives it packets counts them, and is never behind it: what goes on after the
//    port, or after a restart, begins 2^16 beyond that count, so no number comes twice.
//  - The IV is the device's as well, for inline protocol knows no other (rte_security.h, iv_gen_disable). Drivers take one at
//    random, which is right for CBC; of the 64 bits of a counter mode's IV (GCM, CTR, CCM, ChaCha20-Poly1305) two would be the
//    same among 2^32 packets as likely as not, and that must never be. Only where the IV is the number is it as rare as that: a
//    number comes once, so a nonce comes once. Culvert's slots and generations are not in it.
//  - Inbound the window stays here (replay_win_sz = 0), because what the port does not open is opened by the processor under
//    the same one. For that the port tells the number of what it has opened. A NIC does so where it keeps the packet as it
//    came beside it (rte_security_ipsec_sa_options::ingress_oop).
class InlinePorts {
 public:
  static constexpr uint32_t kSessions = 2048;  // of a port, one for each direction of an SA
  // While a session is made main does nothing else, and no worker waits. But for SAs that insist, a port gets no more than this
  // part of main's time, and so much at once.
  static constexpr int64_t kShare = 10, kMostWaitNs = 10'000'000;

  using Clock = std::function<int64_t()>;  // ns, of any beginning
  // `ports` by index; those without rte_security, and those not `wanted`, run nothing. Borrowed, and outlive this. `clock`:
  // none is the steady one.
  static absl::StatusOr<std::unique_ptr<InlinePorts>> Open(const std::vector<Port*>& ports, const std::vector<bool>& wanted,
                                                           Clock clock = {});
  ~InlinePorts();  // every session is gone

  // On the port with this index, as the best that `wish` and the port leave. Why it is not the best, or kNone; `out` is left
  // alone where the port takes it as neither.
  StepDown Create(uint16_t port, const SessionSpec& spec, Wish wish, Session& out);
  // No worker transmits by it any more.
  void Destroy(const Session& s);

  // The frame in `m`, whose Ethernet and IP headers have these lengths in octets, is to be enciphered where it is transmitted;
  // of inline protocol: sealed. Any thread.
  bool Mark(uint16_t port, const void* session, rte_mbuf* m, uint16_t l2, uint16_t l3) const;

  // What devices have said since the last call, in order.
  struct Event {
    uint16_t port;
    Port::IpsecEvent what;
  };
  std::vector<Event> TakeEvents();

  const std::string& name(uint16_t port) const { return devices_[port].port->name(); }
  struct Facts {
    std::string port;
    uint32_t sessions, most_sessions;
    int64_t longest_create;  // ns
  };
  std::vector<Facts> facts() const;

 private:
  struct Device {
    Port* port = nullptr;
    void* context = nullptr;
    rte_mempool* pool = nullptr;
    uint32_t sessions = 0;
    bool has_protocol = false;
    // ns: what main has waited, less what it was allowed to, as it was then; the longest for one session.
    int64_t waited = 0, then = 0, longest = 0;
  };
  static int64_t WaitedFor(const Device& d, int64_t now);
  StepDown CreateAs(uint16_t port, bool protocol, const SessionSpec& spec, Session& out);
  StepDown Make(uint16_t port, const SessionSpec& spec, rte_security_session_conf& conf, Session& out);

  std::vector<Device> devices_;   // by port
  Clock clock_;
  std::mutex mutex_;              // of events_
  std::vector<Event> events_;
  std::atomic<bool> some_events_{false};
};

}  // namespace culvert::offload
