#pragma once

#include <rte_rcu_qsbr.h>

#include <cstdint>
#include <deque>

namespace culvert::dp {

// When memory that workers may still read can be reused. A worker passes a grace point at the start of every pass over its
// queues and holds no pointer into shared tables across it; a sleeping worker counts as passed. Rings between workers carry
// indices and generations, never pointers, so nothing in them is waited for.
class Grace {
 public:
  explicit Grace(unsigned workers);
  ~Grace();
  Grace(const Grace&) = delete;
  Grace& operator=(const Grace&) = delete;

  // Worker threads, each with its own id.
  void Online(unsigned worker) { rte_rcu_qsbr_thread_online(qsbr_, worker); }
  void Offline(unsigned worker) { rte_rcu_qsbr_thread_offline(qsbr_, worker); }
  void Pass(unsigned worker) { rte_rcu_qsbr_quiescent(qsbr_, worker); }

  // Main thread. Begin() after the last pointer to the old thing has been replaced; the token has passed once no worker
  // can hold one.
  uint64_t Begin() { return rte_rcu_qsbr_start(qsbr_); }
  bool Passed(uint64_t token) { return rte_rcu_qsbr_check(qsbr_, token, false) == 1; }
  // Calls free(what) at a later Reclaim(), once every worker has passed.
  void Retire(void (*free)(void*), void* what);
  void Reclaim();
  size_t waiting() const { return waiting_.size(); }  // stays above zero while a stuck worker blocks reuse

 private:
  struct Waiting {
    uint64_t token;
    void (*free)(void*);
    void* what;
  };
  rte_rcu_qsbr* qsbr_ = nullptr;   // owned; cache-line aligned
  std::deque<Waiting> waiting_;    // tokens rise
};

}  // namespace culvert::dp
