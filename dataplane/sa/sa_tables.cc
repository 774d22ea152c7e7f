#include "dataplane/sa/sa_tables.h"

#include <absl/log/check.h>
#include <sys/mman.h>

namespace culvert::dp {

template <typename Sa>
SaTable<Sa>::SaTable() {
  void* p = mmap(nullptr, kSaSlots * sizeof slots_[0], PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                 -1, 0);
  CHECK(p != MAP_FAILED) << "no address space for an SA table";
  slots_ = static_cast<std::atomic<Sa*>*>(p);
}

template <typename Sa>
SaTable<Sa>::~SaTable() {
  munmap(slots_, kSaSlots * sizeof slots_[0]);
}

template class SaTable<InboundSa>;
template class SaTable<OutboundSa>;

}  // namespace culvert::dp
