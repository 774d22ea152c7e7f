#pragma once

#include <atomic>
#include <memory>

#include "dataplane/worker/grace.h"

namespace culvert::dp {

// An immutable value that main replaces and workers read: a worker takes the pointer at the start of a pass and keeps it to
// the pass's end; the old value is freed a grace period after its replacement.
template <typename T>
class Published {
 public:
  explicit Published(std::unique_ptr<const T> first) : current_(first.release()) {}
  ~Published() { delete current_.load(std::memory_order_relaxed); }
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;

  const T* get() const { return current_.load(std::memory_order_acquire); }
  // Main only.
  void Replace(std::unique_ptr<const T> next, Grace& grace) {
    const T* old = current_.exchange(next.release(), std::memory_order_acq_rel);
    grace.Retire([](void* p) { delete static_cast<T*>(p); }, const_cast<T*>(old));
  }

 private:
  std::atomic<const T*> current_;
};

}  // namespace culvert::dp
