#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "common/base/limits.h"
#include "common/stats/drop.h"

namespace culvert::dp {

// A 64-bit counter with one writer and any number of readers. No read-modify-write instruction: the writer alone adds.
class Counter {
 public:
  void Add(uint64_t n) { v_.store(v_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  void Set(uint64_t n) { v_.store(n, std::memory_order_relaxed); }   // for what is not a count: a time, a sequence number
  uint64_t get() const { return v_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> v_{0};
};

// What became of packets, as one thread saw it: each worker has one, main has one. Over all of them
//   received + injected = forwarded + punted + consumed + held + sum(drops),  held = sum(parked) - sum(unparked),
// exactly whenever no packet is in the middle of a pass. Units are packets.
struct alignas(kCacheLine) Counters {
  Counter received;            // frames taken from a port
  Counter injected;            // made here: IKE of culvert-ike, ARP, neighbour discovery, ICMP, echo replies
  Counter forwarded;           // given to a port
  Counter punted;              // IKE datagrams given to culvert-ike
  Counter consumed;            // ended here as it should: ARP, ND, echo requests, keepalives, fragments of a whole datagram
  Counter parked, unparked;    // into and out of a ring between threads or a queue that waits for a neighbour
  std::array<Counter, kDropReasons> drops;

  Counter slow_path;           // packets copied because the mbuf was shared, segmented or short of room
  Counter inline_missed;       // of SAs that a port runs, and the port had not opened
  Counter polls, empty_polls, sleeps;
  Counter busy_cycles;         // TSC, of the passes that found something

  void AddDropsTo(std::array<uint64_t, kDropReasons>& to) const {
    for (size_t i = 0; i < kDropReasons; ++i) to[i] += drops[i].get();
  }
  void Drop(Drop why, uint64_t n = 1) { drops[static_cast<size_t>(why)].Add(n); }
};

// Totals of one reading, for people and tests.
struct Balance {
  uint64_t received = 0, injected = 0, forwarded = 0, punted = 0, consumed = 0, held = 0, dropped = 0;
  bool Holds() const { return received + injected == forwarded + punted + consumed + held + dropped; }
};

}  // namespace culvert::dp
