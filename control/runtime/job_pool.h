#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "control/ike/action.h"

namespace culvert::control {

// Helper threads for the core's public-key work. Jobs of one IKE SA run one after another and come back in that order;
// jobs of different ones run side by side. Submit and TakeDone are the loop thread's; `wake` is called on a helper thread
// after a job was done and must be safe there (uv_async_send is).
class JobPool {
 public:
  JobPool(unsigned threads, void (*wake)(void*), void* wake_context);
  ~JobPool();  // waits for the jobs in hand, drops the rest

  void Submit(ike::RunJob job);
  std::vector<ike::JobDone> TakeDone();
  size_t pending() const;

 private:
  void Work();

  void (*wake_)(void*);
  void* wake_context_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<ike::IkeId> runnable_;                       // IKE SAs with a job and none in hand
  std::map<ike::IkeId, std::deque<ike::RunJob>> queued_;  // an entry exists while one is in hand or queued
  std::vector<ike::JobDone> done_;
  size_t pending_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace culvert::control
