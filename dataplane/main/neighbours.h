#pragma once

#include <absl/hash/hash.h>

#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "common/base/time.h"
#include "dataplane/fib/forwarding.h"
#include "dataplane/fib/neighbour_table.h"
#include "dataplane/main/neighbour_messages.h"
#include "dataplane/main/sender.h"
#include "dataplane/worker/published.h"

namespace culvert::dp {

inline constexpr size_t kMaxHeldPackets = 8;            // per neighbour that has not answered; IKE's first must not be lost
inline constexpr size_t kMaxIncomplete = 1024;          // neighbours being asked for: bounds what a scan makes us remember
inline constexpr Duration kRequestInterval = std::chrono::milliseconds(100);  // between two requests for one neighbour
inline constexpr unsigned kMaxRequests = 10;            // unanswered ones before the neighbour counts as gone
inline constexpr Duration kReachableTime = std::chrono::seconds(30);          // RFC 4861 10
inline constexpr Duration kProbeInterval = std::chrono::seconds(1);           // RFC 4861 10, RetransTimer
inline constexpr unsigned kMaxProbes = 3;               // RFC 4861 10, MAX_UNICAST_SOLICIT
inline constexpr Duration kForgetAfter = std::chrono::seconds(600);           // of an entry nobody used

// ARP and neighbour discovery, both ways, and the packets that wait for an answer. Owns what the neighbour table says. Main
// thread.
//
//                 packet for it                    answered                   30 s
//   (no entry) ───────────────→ incomplete ───────────────────→ reachable ──────────→ stale ←── told unasked
//        ↑                          │ 10 requests unanswered       ↑                    │ used
//        └──────────────────────────┴── 3 probes unanswered ── probing ←────────────────┘
//
// A pinned entry (a route's gateway) stays where another would go; it is then idle and asked again when it is used.
class Neighbours {
 public:
  enum class State : uint8_t { kIdle, kIncomplete, kReachable, kStale, kProbing };
  // Everything is borrowed; `macs[port]` are our own.
  Neighbours(NeighbourTable& table, const Published<Forwarding>& fib, Grace& grace, Sender& sender,
             std::vector<rte_ether_addr> macs)
      : table_(table), fib_(fib), grace_(grace), sender_(sender), macs_(std::move(macs)) {}
  ~Neighbours();
  Neighbours(const Neighbours&) = delete;
  Neighbours& operator=(const Neighbours&) = delete;

  // The entry of a route's gateway, made if need be, there until as many Unpin()s. 0 when the table is full.
  NextHop Pin(uint16_t port, const IpAddress& address);
  void Unpin(uint16_t port, const IpAddress& address);

  // A frame with ARP or neighbour discovery. Takes p.
  void Receive(Packet p, Time now);
  // A packet on its way out of p.out_port whose next hop has no MAC: held until it has one, or dropped, its sender told by
  // a worker. With `by_port` it is the outer IP header alone, asks, and is dropped. Takes p.
  void Resolve(Packet p, Time now);
  // Requests, probes and ages; to be called about every kRequestInterval.
  void Tick(Time now);
  // Tells everybody on the port that the address is here (RFC 5227 2.3, RFC 4861 7.2.6).
  void Announce(uint16_t port, const IpAddress& own);
  // After addresses or routes changed: forgets neighbours that are no longer on-link.
  void ForgetOffLink();

  struct View {
    uint16_t port;
    IpAddress address;
    State state;
    std::optional<rte_ether_addr> mac;
    size_t held;
    bool pinned;
  };
  void Visit(const std::function<void(const View&)>& visit) const;
  size_t incomplete() const { return incomplete_; }
  uint64_t requests_sent() const { return requests_; }

 private:
  struct Key {
    uint16_t port;
    IpAddress address;
    friend bool operator==(const Key&, const Key&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Key& k) { return H::combine(std::move(h), k.port, k.address); }
  };
  struct Entry {
    NextHop hop = 0;
    State state = State::kIdle;
    rte_ether_addr mac{};
    unsigned asked = 0;         // requests or probes since the state began
    Time next{};                // when the state has something to do
    uint32_t stale_stamp = 0;   // monotonic seconds: a later use wakes a stale entry
    unsigned pins = 0;
    std::vector<Packet> held;
  };

  Entry* Add(const Key& key);
  void Learn(Entry& e, const NeighbourMessage& m, Time now);
  void Confirm(Entry& e, const rte_ether_addr& mac, bool reachable, Time now);
  void Answer(uint16_t port, const NeighbourMessage& m, const OwnAddress& own);
  void Ask(const Key& key, Entry& e, const rte_ether_addr* to);
  void SetState(Entry& e, State s, Time now);
  void GiveHeld(Entry& e, HandOverKind kind);
  bool TickEntry(const Key& key, Entry& e, Time now);  // false: the entry is to be removed
  void Forget(Entry& e);
  bool OnLink(const Key& key) const;
  std::optional<Key> NextHopKey(const Packet& p) const;

  NeighbourTable& table_;
  const Published<Forwarding>& fib_;
  Grace& grace_;
  Sender& sender_;
  std::vector<rte_ether_addr> macs_;
  std::unordered_map<Key, Entry, absl::Hash<Key>> entries_;  // seeded: a scan cannot aim at a bucket
  size_t incomplete_ = 0;
  uint64_t requests_ = 0;
};

const char* Name(Neighbours::State s);  // "reachable", ...

}  // namespace culvert::dp
