#pragma once

#include <rte_mempool.h>

#include <vector>

#include "common/bytes/bytes.h"
#include "dataplane/worker/counters.h"
#include "dataplane/worker/rings.h"

namespace culvert::dp {

// Main's way to the wire: every packet goes through the ring of the worker that has a transmit queue on its port. Owns no
// packet after a call. Counts in main's block.
class Sender {
 public:
  // `tx_owner[port]` and `to_worker[worker]`, borrowed rings of which main is the producer.
  Sender(std::vector<unsigned> tx_owner, std::vector<PacketRing*> to_worker, rte_mempool* pool, Counters& counters)
      : tx_owner_(std::move(tx_owner)), to_worker_(std::move(to_worker)), pool_(pool), counters_(counters) {}

  // To the owner of p.out_port, which does what `kind` says. Dropped as handover-full where its ring is full.
  void Give(HandOverKind kind, Packet p);
  // A frame made here, Ethernet header included. Counted as injected. False without a buffer.
  bool SendFrame(uint16_t port, ByteView frame);
  // A buffer holding `data`, with head room; nullptr without memory or where it does not fit.
  rte_mbuf* MakePacket(ByteView data);

  Counters& counters() { return counters_; }
  rte_mempool* pool() { return pool_; }

 private:
  std::vector<unsigned> tx_owner_;
  std::vector<PacketRing*> to_worker_;
  rte_mempool* pool_;
  Counters& counters_;
};

}  // namespace culvert::dp
