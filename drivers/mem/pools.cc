#include "drivers/mem/pools.h"

#include <absl/strings/str_cat.h>
#include <rte_errno.h>
#include <rte_mbuf.h>

#include <algorithm>

namespace culvert {
namespace {

constexpr uint32_t kCache = 256;              // mbufs each lcore keeps for itself
constexpr uint32_t kPerWorker = 2048;         // in its caches, bursts and rings to others
constexpr uint32_t kShared = 8192;            // hold queues: 1,024 unresolved neighbours of 8 packets at most
constexpr uint32_t kOverhead = 128 + 64;      // rte_mbuf and the pool's own header

}  // namespace

PoolPlan PlanPool(uint32_t descriptors, unsigned workers, uint32_t buffer) {
  PoolPlan plan;
  plan.packets = descriptors + workers * kPerWorker + kShared;
  uint32_t room = std::max<uint32_t>(RTE_MBUF_DEFAULT_DATAROOM, buffer) + RTE_PKTMBUF_HEADROOM;
  plan.data_room = static_cast<uint16_t>(room);
  plan.mib = static_cast<uint32_t>(uint64_t{plan.packets} * (room + kOverhead) / (1024 * 1024)) + 1;
  return plan;
}

absl::StatusOr<rte_mempool*> MakePool(const std::string& name, const PoolPlan& plan) {
  rte_mempool* pool = rte_pktmbuf_pool_create(name.c_str(), plan.packets, kCache, 0, plan.data_room, SOCKET_ID_ANY);
  if (pool == nullptr) {
    return absl::ResourceExhaustedError(absl::StrCat("no memory for ", plan.packets, " packet buffers of ", plan.data_room,
                                                     " octets (", plan.mib, " MiB): ", rte_strerror(rte_errno)));
  }
  return pool;
}

}  // namespace culvert
