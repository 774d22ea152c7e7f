#pragma once

#include <rte_mempool.h>
#include <rte_ring.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include "dataplane/fib/forwarding.h"
#include "dataplane/fib/neighbour_table.h"
#include "dataplane/watch/stage.h"
#include "dataplane/worker/counters.h"
#include "dataplane/worker/grace.h"
#include "dataplane/worker/ipsec_worker.h"
#include "dataplane/worker/packet.h"
#include "dataplane/worker/rings.h"
#include "drivers/port/port.h"

namespace culvert::dp {

inline constexpr uint16_t kNoQueue = 0xffff;

// A worker's view of one port.
struct WorkerPort {
  Port* port = nullptr;
  uint16_t rx_queue = kNoQueue;     // kNoQueue: another worker receives here
  uint16_t tx_queue = kNoQueue;     // kNoQueue: packets go to `tx_owner` by ring
  unsigned tx_owner = 0;
  bool tap = false;                 // the host has this port's addresses
  bool opens = false;               // may bring packets that inline protocol has opened
  uint16_t vlan = 0;                // VLAN ID; 0: no sub-interface
  uint16_t parent = 0;              // port whose frames may be of this VLAN
};

// ICMP errors a worker may send: a bucket refilled by time (RFC 4443 2.4 (f), RFC 1812 4.3.2.8).
struct TokenBucket {
  double tokens = 0, burst = 0, per_tick = 0;   // per_tick: tokens per TSC tick
  uint64_t last = 0;

  bool Take(uint64_t now) {
    tokens = std::min(burst, tokens + static_cast<double>(now - last) * per_tick);
    last = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  }
};

// What main may be asked to look at: of each kind, so many packets a second of a worker. A flood of one kind leaves time for
// the others.
enum class Punt : uint8_t {
  kIkeKnown,
  kIkeNew,
  kFragment,
  kResolve,
  kStranger,   // ARP and neighbour discovery of hosts that nobody here speaks to
  kNeighbour,  // of those somebody does: they are heard beside any number of strangers
  kCount
};
inline constexpr double kPuntsPerSecond = 10000, kPuntBurst = 1024;

class Reassembly;
class Watch;

// Everything a stage may touch. One per worker, used by its thread alone; what main reads of it is in `counters`.
struct WorkerContext {
  unsigned id = 0;                          // 0..workers-1; also its index in Grace and in `rings`
  uint64_t now = 0;                         // TSC at the start of this pass
  uint64_t tsc_hz = 1;
  Counters counters;

  // Snapshots owned by main, taken at the start of the pass and valid until its end.
  const Forwarding* fib = nullptr;
  NeighbourTable* neighbours = nullptr;     // workers read, and stamp last use

  WorkerPort ports[kMaxPorts];
  uint16_t port_count = 0;
  rte_mempool* pool = nullptr;              // for packets made here
  WorkerRings* rings = nullptr;             // ways to main and to the other workers
  IpsecWorker* ipsec = nullptr;             // null: a plain router
  bool forwarding_open = false;             // of this pass

  unsigned taking_from = 0;                 // worker whose ring is being emptied; else this one

  uint32_t stamp = 0;                       // coarse clock for neighbours' last use: monotonic seconds

  PacketSlots slots;                        // of the turn in hand
  TokenBucket icmp_errors;
  TokenBucket path_errors;                  // ICMP about the paths of SAs that is looked at
  std::array<TokenBucket, static_cast<size_t>(Punt::kCount)> punts;
  Burst originated;                         // ICMP made in this pass; goes through policy at its end
  uint16_t ip_id = 0;
  uint32_t fragment_id = 0;                 // of the next IPv6 packet cut here

  struct {
    uint16_t n = 0;
    Packet p[kBurstMax];
    bool full() const { return n == kBurstMax; }
    void Add(const Packet& x) { p[n++] = x; }
  } oversize;                               // what this burst left to be cut into fragments
  PacketSlots pieces;                       // of one such packet
  Reassembly* reassembly = nullptr;         // null: fragments of IPsec are dropped
  std::array<Counter, kMaxPorts> host_dropped;  // by the TAP's port: on the way to or from the host, among `counters.drops`

  std::atomic<Watch*> armed{nullptr};       // main sets it: whom to tell what becomes of packets
  Watch* watch = nullptr;                   // of this pass; null: nobody

  // What the passes tell whoever watches: that the packets in hand enter a pass, and which they are where they are others than
  // before.
  void Enter(Stage s, uint16_t n) {
    if (watch != nullptr) [[unlikely]]
      TellPass(s, n);
  }
  void Enter(Stage s, Burst& burst) {
    if (watch != nullptr) [[unlikely]]
      TellPass(s, burst);
  }

  // Ends a packet: counts it and frees its mbuf.
  void Drop(Packet& p, culvert::Drop why) {
    counters.Drop(why);
    if (watch != nullptr) [[unlikely]]
      TellDropped(p, why);
    rte_pktmbuf_free(p.m);
    p.m = nullptr;
  }
  void Consume(Packet& p) {
    counters.consumed.Add(1);
    if (watch != nullptr) [[unlikely]]
      TellConsumed(p);
    rte_pktmbuf_free(p.m);
    p.m = nullptr;
  }
  // Gives the packet to another worker, which goes on with it as `what` says; drops it as handover-full where the ring
  // is full. Carries no pointer but the mbuf: set `tag`, and `sa` is cleared.
  void HandOver(unsigned worker, HandOverKind what, Packet& p);
  // Gives the packet to main; drops it (punt-full) where the ring is full, or too many of its kind come.
  void ToMain(MainKind what, Packet& p);
  // Gives main a packet for the TAP of p.out_port. False: dropped (host-full), the ring is full.
  [[nodiscard]] bool ToHost(Packet& p);
  // The packet waits here, in memory of the caller's, who copies it next, or has copied it with CarriedPath().
  void Hold(Packet& p);
  // What Packet::path is to be where the packet goes on in another turn, or in another thread.
  uint32_t CarriedPath(Packet& p) {
    if (watch != nullptr) [[unlikely]]
      return TellPath(p);
    return p.path;
  }

 private:
  Punt PuntOf(MainKind what, const Packet& p) const;
  void TellPass(Stage s, uint16_t n);
  void TellPass(Stage s, Burst& burst);
  void TellDropped(Packet& p, culvert::Drop why);
  void TellConsumed(Packet& p);
  uint32_t TellPath(Packet& p);
};

}  // namespace culvert::dp
