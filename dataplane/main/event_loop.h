#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "common/base/time.h"
#include "dataplane/worker/rings.h"

namespace culvert::dp {

// The main thread's loop: descriptors, periodic timers, and pollers that empty in-process rings. It sleeps in epoll; workers
// wake it through the bell. Main thread only.
class EventLoop {
 public:
  using OnReady = std::function<void(uint32_t events)>;  // EPOLLIN, ...
  using Poller = std::function<bool()>;                  // true: found something, there may be more

  explicit EventLoop(Bell& bell);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // The descriptor stays the caller's, who removes it before closing it. Add and Remove may be called from a callback; a
  // removed descriptor's callback is not called again, even for an event already taken.
  void Add(int fd, uint32_t events, OnReady ready);
  void Modify(int fd, uint32_t events);
  void Remove(int fd);

  void Every(Duration period, std::function<void()> run);  // for the loop's life
  // Called on every turn, before descriptors, as long as one of them finds something.
  void AddPoller(Poller poller) { pollers_.push_back(std::move(poller)); }

  void Run();               // until Stop()
  bool Turn(int timeout_ms);  // one turn; sleeps up to timeout_ms (-1: until something happens) unless a poller is busy
  void Stop() { stop_ = true; }

 private:
  bool Poll();

  Bell& bell_;
  int epoll_ = -1;
  bool stop_ = false;
  std::vector<Poller> pollers_;
  std::vector<int> timers_;  // owned timerfds
  std::map<int, std::shared_ptr<OnReady>> ready_;
};

}  // namespace culvert::dp
