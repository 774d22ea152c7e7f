#include "control/runtime/job_pool.h"

#include <utility>

namespace culvert::control {

JobPool::JobPool(unsigned threads, void (*wake)(void*), void* wake_context) : wake_(wake), wake_context_(wake_context) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

JobPool::~JobPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  for (auto& t : threads_) t.join();
}

void JobPool::Submit(ike::RunJob job) {
  std::lock_guard lock(mutex_);
  ++pending_;
  auto [it, first] = queued_.try_emplace(job.ike);
  ike::IkeId ike = job.ike;
  it->second.push_back(std::move(job));
  if (first) {
    runnable_.push_back(ike);
    ready_.notify_one();
  }
}

std::vector<ike::JobDone> JobPool::TakeDone() {
  std::lock_guard lock(mutex_);
  return std::exchange(done_, {});
}

size_t JobPool::pending() const {
  std::lock_guard lock(mutex_);
  return pending_;
}

void JobPool::Work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ready_.wait(lock, [this] { return stopping_ || !runnable_.empty(); });
    if (stopping_) return;
    ike::IkeId ike = runnable_.front();
    runnable_.pop_front();
    auto& queue = queued_[ike];
    ike::RunJob job = std::move(queue.front());
    queue.pop_front();
    lock.unlock();
    job.job->Run();
    lock.lock();
    done_.push_back({job.id, std::move(job.job)});
    --pending_;
    auto it = queued_.find(ike);
    if (it->second.empty()) {
      queued_.erase(it);
    } else {
      runnable_.push_back(ike);
      ready_.notify_one();
    }
    wake_(wake_context_);
  }
}

}  // namespace culvert::control
