#include "dataplane/worker/grace.h"

#include <absl/log/check.h>

#include <cstdlib>

namespace culvert::dp {

Grace::Grace(unsigned workers) {
  size_t size = rte_rcu_qsbr_get_memsize(workers);
  size = (size + RTE_CACHE_LINE_SIZE - 1) / RTE_CACHE_LINE_SIZE * RTE_CACHE_LINE_SIZE;
  qsbr_ = static_cast<rte_rcu_qsbr*>(std::aligned_alloc(RTE_CACHE_LINE_SIZE, size));
  CHECK(qsbr_ != nullptr && rte_rcu_qsbr_init(qsbr_, workers) == 0);
  for (unsigned i = 0; i < workers; ++i) CHECK_EQ(rte_rcu_qsbr_thread_register(qsbr_, i), 0);
}

Grace::~Grace() {
  for (auto& w : waiting_) w.free(w.what);  // the workers have ended
  std::free(qsbr_);
}

void Grace::Retire(void (*free)(void*), void* what) { waiting_.push_back({Begin(), free, what}); }

void Grace::Reclaim() {
  while (!waiting_.empty() && Passed(waiting_.front().token)) {
    Waiting w = waiting_.front();
    waiting_.pop_front();
    w.free(w.what);
  }
}

}  // namespace culvert::dp
