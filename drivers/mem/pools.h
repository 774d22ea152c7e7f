#pragma once

#include <absl/status/statusor.h>
#include <rte_mempool.h>

#include <cstdint>
#include <string>

namespace culvert {

// What the packet pool must hold and how large its buffers are.
struct PoolPlan {
  uint32_t packets = 0;     // mbufs
  uint16_t data_room = 0;   // octets of one, head room included
  uint32_t mib = 0;         // memory it takes
};

// `descriptors` counts all receive and transmit descriptors of all ports; each can hold a packet, and rings, hold queues
// and per-core caches hold some more. `buffer`: octets behind the head room that the most demanding port wants.
PoolPlan PlanPool(uint32_t descriptors, unsigned workers, uint32_t buffer);

absl::StatusOr<rte_mempool*> MakePool(const std::string& name, const PoolPlan& plan);

}  // namespace culvert
