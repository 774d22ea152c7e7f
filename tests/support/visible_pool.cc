#include "tests/support/visible_pool.h"

#include <rte_mempool.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <vector>

namespace culvert::testing {

#if defined(__SANITIZE_THREAD__)

namespace {

struct Kept {
  std::mutex mutex;
  std::vector<void*> objects;
};

Kept& Of(const rte_mempool* pool) { return *static_cast<Kept*>(pool->pool_data); }

int Alloc(rte_mempool* pool) {
  pool->pool_data = new Kept;
  return 0;
}

void Free(rte_mempool* pool) { delete &Of(pool); }

int Enqueue(rte_mempool* pool, void* const* objects, unsigned n) {
  std::lock_guard lock(Of(pool).mutex);
  Of(pool).objects.insert(Of(pool).objects.end(), objects, objects + n);
  return 0;
}

int Dequeue(rte_mempool* pool, void** objects, unsigned n) {
  std::lock_guard lock(Of(pool).mutex);
  auto& kept = Of(pool).objects;
  if (kept.size() < n) return -ENOBUFS;
  for (unsigned i = 0; i < n; ++i, kept.pop_back()) objects[i] = kept.back();
  return 0;
}

unsigned Count(const rte_mempool* pool) {
  std::lock_guard lock(Of(pool).mutex);
  return static_cast<unsigned>(Of(pool).objects.size());
}

rte_mempool_ops MakeOps() {
  rte_mempool_ops ops{};
  constexpr char kName[] = "visible";
  std::copy(std::begin(kName), std::end(kName), ops.name);
  ops.alloc = Alloc;
  ops.free = Free;
  ops.enqueue = Enqueue;
  ops.dequeue = Dequeue;
  ops.get_count = Count;
  return ops;
}

}  // namespace

const char* VisiblePoolOps() {
  static const rte_mempool_ops ops = MakeOps();
  static const int registered = rte_mempool_register_ops(&ops);
  return registered < 0 ? nullptr : "visible";
}

#else

const char* VisiblePoolOps() { return nullptr; }

#endif

}  // namespace culvert::testing
