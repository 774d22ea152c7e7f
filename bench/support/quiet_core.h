#pragma once

#include <sched.h>

#include <thread>

namespace culvert::bench {

// Ahead of everything else on this core while it lives, where the system lets us: a timed round is milliseconds, and one that
// lost the core in between measures something else.
class Undisturbed {
 public:
  Undisturbed() { Set(SCHED_FIFO, 1); }
  ~Undisturbed() { Set(SCHED_OTHER, 0); }
  Undisturbed(const Undisturbed&) = delete;
  Undisturbed& operator=(const Undisturbed&) = delete;

 private:
  static void Set(int policy, int priority) {
    sched_param p{};
    p.sched_priority = priority;
    (void)sched_setscheduler(0, policy, &p);
  }
};

// Where workers live; frequency and caches are one core's then.
inline void PinToLastCore() {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(std::thread::hardware_concurrency() - 1, &set);
  sched_setaffinity(0, sizeof set, &set);
}

}  // namespace culvert::bench
