#include "control/runtime/job_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>

namespace culvert::control {
namespace {

class SpinJob final : public ike::Job {
 public:
  SpinJob(std::atomic<int>& running, std::atomic<int>& most) : running_(running), most_(most) {}
  void Run() override {
    int now = ++running_;
    for (int seen = most_; seen < now && !most_.compare_exchange_weak(seen, now);) {}
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    --running_;
  }

 private:
  std::atomic<int>&running_, &most_;
};

struct Wake {
  std::atomic<int> count = 0;
  static void Call(void* self) { ++static_cast<Wake*>(self)->count; }
};

TEST(JobPool, KeepsTheOrderOfOneIkeSaAndNeverRunsTwoOfItsJobsAtOnce) {
  Wake wake;
  JobPool pool(4, &Wake::Call, &wake);
  constexpr int kIkes = 5, kJobs = 40;
  std::atomic<int> running[kIkes] = {}, most[kIkes] = {};
  for (int j = 0; j < kJobs; ++j) {
    for (int i = 0; i < kIkes; ++i) {
      pool.Submit({ike::JobId(j * kIkes + i), ike::IkeId(i), std::make_unique<SpinJob>(running[i], most[i])});
    }
  }
  std::vector<ike::JobId> order;
  while (order.size() < kIkes * kJobs) {
    for (auto& d : pool.TakeDone()) order.push_back(d.id);
    std::this_thread::yield();
  }
  for (int i = 0; i < kIkes; ++i) {
    EXPECT_EQ(most[i], 1) << "jobs of one IKE SA overlapped";
    ike::JobId last = 0;
    for (auto id : order) {
      if (id % kIkes != ike::JobId(i)) continue;
      EXPECT_GE(id, last);
      last = id;
    }
  }
  EXPECT_EQ(pool.pending(), 0u);
}

TEST(JobPool, StopsWithWorkStillQueued) {
  Wake wake;
  std::atomic<int> running = 0, most = 0;
  auto pool = std::make_unique<JobPool>(2, &Wake::Call, &wake);
  for (int i = 0; i < 1000; ++i) pool->Submit({ike::JobId(i), ike::IkeId(i), std::make_unique<SpinJob>(running, most)});
  pool.reset();
  EXPECT_EQ(running, 0);
  EXPECT_LT(wake.count, 1000);
}

}  // namespace
}  // namespace culvert::control
