#pragma once

#include <atomic>
#include <cstdint>

#include "common/channel/state_page.h"
#include "common/ipsec/spi.h"
#include "dataplane/policy/spd_publisher.h"
#include "dataplane/sa/inbound_sa.h"
#include "dataplane/sa/outbound_sa.h"
#include "dataplane/sa/spi_map.h"

namespace culvert::dp {

// Manual SAs stand behind the places of those that culvert-ike installs, in the order in which they came: no SPI says where.
// The state page knows nothing of them.
inline constexpr uint32_t kSaSlots = kSaIndexLimit + kMaxManualSas;

// Pointers by sa_index, for all workers: a look-up is one load. Written by the owning worker of what is stored (it alone
// adds and removes its SAs), read by all. Untouched pages take no memory.
template <typename Sa>
class SaTable {
 public:
  SaTable();
  ~SaTable();
  SaTable(const SaTable&) = delete;
  SaTable& operator=(const SaTable&) = delete;

  Sa* Get(uint32_t sa_index) const { return slots_[sa_index].load(std::memory_order_acquire); }
  void Set(uint32_t sa_index, Sa* sa) { slots_[sa_index].store(sa, std::memory_order_release); }
  void Prefetch(uint32_t sa_index) const { __builtin_prefetch(&slots_[sa_index]); }

 private:
  std::atomic<Sa*>* slots_;  // kSaSlots of them
};
extern template class SaTable<InboundSa>;
extern template class SaTable<OutboundSa>;

// All that the main thread and the workers share of IPsec. Workers hold what they read of it for one pass only.
struct SaTables {
  explicit SaTables(Grace& grace) : spd(grace) {}

  SaTable<InboundSa> inbound;
  SaTable<OutboundSa> outbound;
  SpiMap manual;  // inbound SPIs
  SpdPublisher spd;
  std::atomic<channel::StatePage*> page{nullptr};  // of the current connection
  std::atomic<bool> forwarding_open{false};
};

}  // namespace culvert::dp
