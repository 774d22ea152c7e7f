#pragma once

#include <functional>
#include <memory>

#include "common/base/time.h"

struct uv_loop_s;

namespace culvert::control {

// libuv's loop, with handles that own themselves: destroying one stops it at once, its callback never runs again. One
// thread; only Wakeup::Signal may be called from others.
class EventLoop {
 public:
  EventLoop();
  ~EventLoop();  // after every handle
  EventLoop(const EventLoop&) = delete;

  void Run();  // until Stop()
  void Stop();
  static Time Now();  // CLOCK_MONOTONIC, not the loop's cached time

  uv_loop_s* raw() { return loop_.get(); }

 private:
  std::unique_ptr<uv_loop_s> loop_;
};

class FdWatch {
 public:
  enum Events : int { kReadable = 1, kWritable = 2 };
  // `fd` stays the caller's and must outlive the watch. A closed or failed fd reports as readable: read it to learn why.
  FdWatch(EventLoop& loop, int fd, std::function<void(int events)> callback);
  ~FdWatch();
  void Want(int events);  // 0 pauses

 private:
  struct Impl;
  Impl* impl_;
};

class LoopTimer {
 public:
  LoopTimer(EventLoop& loop, std::function<void()> callback);
  ~LoopTimer();
  void At(Time deadline);  // once; a deadline in the past fires in the next turn; replaces the last
  void Every(Duration period);
  void Stop();

 private:
  struct Impl;
  Impl* impl_;
};

class SignalWatch {
 public:
  SignalWatch(EventLoop& loop, int signal, std::function<void()> callback);
  ~SignalWatch();

 private:
  struct Impl;
  Impl* impl_;
};

// Wakes the loop from any thread; several signals may make one call.
class Wakeup {
 public:
  Wakeup(EventLoop& loop, std::function<void()> callback);
  ~Wakeup();
  void Signal();

 private:
  struct Impl;
  Impl* impl_;
};

}  // namespace culvert::control
