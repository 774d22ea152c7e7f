#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/sa/inbound_sa.h"
#include "dataplane/sa/outbound_sa.h"
#include "dataplane/worker/packet.h"

namespace culvert::dp {

// What a worker reads in an SA's `owner` beside the worker: it is that one's, and not yet with it.
inline constexpr uint8_t kOnItsWay = 0x80;
static_assert(kMaxWorkers <= kOnItsWay);

// An SA on its way from one worker to another, with packets of it everywhere: none is lost, and those that one worker received
// stay in their order, on their way in and on their way out.
//
//   main   → from    the order (kYield). What `from` has done for the SA before is sent, or in a ring.
//   from             `owner` says `to`, on its way: who finds a packet gives it to `to`, which keeps it. No device any more:
//   from   → others  kAsk: behind it in each ring nothing more of the SA that `from` has done
//   others → from    kAnswer: behind it nothing more for the SA, which the other meant for `from`; `from` passes on what came
//   from   → to      kLast: behind it, and so nowhere else, nothing that `from` was meant to have
//   to               takes what it kept, first that which came by `from`, and owns the SA
//   to     → main    the order's answer
//
// Made and freed by main, which keeps the SA meanwhile.
struct SaMove {
  enum Mark : uint64_t { kAsk, kAnswer, kLast };  // what a HandOverKind::kMove is

  SaMove(InboundSa* i, OutboundSa* o, uint8_t f, uint8_t t);
  ~SaMove();  // frees what is kept: the workers have ended, or it is empty
  SaMove(const SaMove&) = delete;
  SaMove& operator=(const SaMove&) = delete;

  InboundSa* const in;   // one of the two
  OutboundSa* const out;
  const uint8_t from, to;
  uint64_t ticket = 0;   // of the order; main sets it before

  // Only `from` touches these.
  unsigned asked = 0, answers = 0;  // workers

  // And only `to` these.
  // Packets: what comes while the workers make some passes each. They leave all at once, so they have to fit half of a ring.
  static constexpr size_t kMostKept = 512;
  struct Kept {
    Packet packet;
    unsigned by;  // worker that gave it here; itself where it found the packet
  };
  std::vector<Kept> kept;
  size_t taken = 0;    // in two rounds: first what came by `from`
  bool owned = false;  // `to` has the SA

  uint32_t in_flight() const { return in != nullptr ? in->in_flight : out->in_flight; }
};

}  // namespace culvert::dp
