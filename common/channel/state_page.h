#pragma once

#include <atomic>
#include <cstdint>

#include "common/ipsec/spi.h"

// What survives the dataplane's death: a memfd of culvert-ike's, sent by SCM_RIGHTS after HELLO, into which each worker
// publishes the sequence numbers of the SAs it owns. The dataplane only ever writes it and never reads it back; culvert-ike
// reads it when it replays SAs into a restarted dataplane (design: outbound restarts kOutboundJump above, the inbound
// window starts full at the published edge). Sparse: untouched pages take no memory.
namespace culvert::channel {

struct StatePage {
  // Indexed by sa_index; one writer each (the owning worker), relaxed 64-bit stores. Outbound: at install and once per
  // kPublishEvery packets. Inbound: at install and once per burst that moved the edge, before that burst leaves the worker.
  std::atomic<uint64_t> outbound[kSaIndexLimit];
  std::atomic<uint64_t> inbound[kSaIndexLimit];
};
static_assert(std::atomic<uint64_t>::is_always_lock_free);

}  // namespace culvert::channel
