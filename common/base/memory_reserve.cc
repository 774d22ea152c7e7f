#include "common/base/memory_reserve.h"

#include <array>
#include <atomic>
#include <cstdlib>
#include <new>

namespace culvert {
namespace {

// Small enough to come out of the heap again where only address space is short, and in all what some hundred exchanges need.
constexpr size_t kBlocks = 64, kBlockSize = 64 << 10;

constinit std::array<std::atomic<void*>, kBlocks> blocks{};
constinit std::atomic<size_t> missing{0};

void OnNewFailed() {
  if (!MemoryReserve::GiveUpBlock()) throw std::bad_alloc();
}

}  // namespace

void MemoryReserve::Install() {
  missing = kBlocks;
  (void)Refill();
  std::set_new_handler(OnNewFailed);
}

bool MemoryReserve::Whole() { return missing.load(std::memory_order_relaxed) == 0; }

bool MemoryReserve::GiveUpBlock() {
  for (auto& block : blocks) {
    if (void* p = block.exchange(nullptr)) {
      ++missing;
      std::free(p);
      return true;
    }
  }
  return false;
}

bool MemoryReserve::Refill() {
  for (auto& block : blocks) {
    if (missing == 0) break;
    if (block.load()) continue;
    void* p = std::malloc(kBlockSize);
    if (!p) break;
    void* expected = nullptr;
    if (block.compare_exchange_strong(expected, p)) --missing;
    else std::free(p);
  }
  return Whole();
}

}  // namespace culvert
