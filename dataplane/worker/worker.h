#pragma once

#include <atomic>
#include <cstdint>

#include "dataplane/worker/context.h"
#include "dataplane/worker/published.h"

namespace culvert::dp {

// The loop of one worker thread: run to completion over bursts, in passes.
//
//   rings from main and workers ─┐
//   receive → classify ─┬→ esp → Open → classify ─┐
//                       ├→ main (IKE, ARP, ND)    ├→ policy ─┬→ forward ─┬→ transmit
//                       └→ own address: ICMP ─────┤          └→ seal ────┘
//   the host's TAP ←→ main ←→ own address: rest ──┘
class Worker {
 public:
  struct Options {
    bool adaptive = true;         // sleep when idle; false: poll
    uint16_t burst = 32;          // packets a receive call asks for, at most kBurstMax
  };
  // Everything is borrowed and outlives the worker. ctx is filled but for `fib`.
  Worker(WorkerContext& ctx, const Published<Forwarding>& fib, Grace& grace, Options options);

  // One pass over rings and ports. True when it found a packet. The worker's thread, or a test's.
  bool Pass();
  // Passes until Stop(), sleeping as Options say. The worker's thread, online in Grace meanwhile.
  void Run();
  void Stop() { stop_.store(true, std::memory_order_relaxed); }  // any thread

 private:
  bool TakeRing(PacketRing& ring);
  bool TakeBack(unsigned device);
  bool TakeKept();
  void NoteTaken(uint32_t n);  // what is in taken_
  void Process();              // what is in esp_, plain_ and seal_, to its end
  void Route(Burst& plain);    // policy, seal, forward, transmit
  void Seal();                 // what is in seal_
  void Send(Burst& burst);
  void Split();                // what Route left to be cut into fragments
  void Housekeep();
  void Sleep(uint64_t microseconds);

  WorkerContext& ctx_;
  const Published<Forwarding>& fib_;
  Grace& grace_;
  Options options_;
  uint64_t housekeeping_at_ = 0;  // TSC
  bool was_busy_ = false;         // in the pass before
  std::atomic<bool> stop_{false};

  // Scratch of one pass, kept here because clearing it costs more than a small burst's work.
  Burst esp_, opened_, plain_, forward_, seal_, sealed_, transmit_;
  HandedOver taken_[kBurstMax];
};

}  // namespace culvert::dp
