#include "dataplane/main/event_loop.h"

#include <absl/log/check.h>
#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace culvert::dp {

EventLoop::EventLoop(Bell& bell) : bell_(bell), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  PCHECK(epoll_ >= 0);
  Add(bell_.fd(), EPOLLIN, [](uint32_t) {});  // Disarm() reads it; the pollers do the work
}

EventLoop::~EventLoop() {
  for (int fd : timers_) close(fd);
  close(epoll_);
}

void EventLoop::Add(int fd, uint32_t events, OnReady ready) {
  epoll_event e{.events = events, .data = {.fd = fd}};
  PCHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &e) == 0);
  ready_[fd] = std::make_shared<OnReady>(std::move(ready));
}

void EventLoop::Modify(int fd, uint32_t events) {
  epoll_event e{.events = events, .data = {.fd = fd}};
  PCHECK(epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &e) == 0);
}

void EventLoop::Remove(int fd) {
  epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
  ready_.erase(fd);
}

void EventLoop::Every(Duration period, std::function<void()> run) {
  int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  PCHECK(fd >= 0);
  auto s = std::chrono::duration_cast<std::chrono::seconds>(period);
  timespec t{s.count(), (period - s).count()};
  itimerspec spec{t, t};
  PCHECK(timerfd_settime(fd, 0, &spec, nullptr) == 0);
  timers_.push_back(fd);
  Add(fd, EPOLLIN, [fd, run = std::move(run)](uint32_t) {
    uint64_t times;
    if (read(fd, &times, sizeof times) == sizeof times) run();
  });
}

bool EventLoop::Poll() {
  bool busy = false;
  for (auto& p : pollers_) busy |= p();
  return busy;
}

bool EventLoop::Turn(int timeout_ms) {
  bool busy = Poll();
  if (!busy) {
    bell_.Arm();
    busy = Poll();  // what came between the look and the arming rang no bell
  }
  epoll_event events[32];
  int n = epoll_wait(epoll_, events, 32, busy ? 0 : timeout_ms);
  PCHECK(n >= 0 || errno == EINTR);
  bell_.Disarm();
  for (int i = 0; i < n; ++i) {
    auto it = ready_.find(events[i].data.fd);
    if (it == ready_.end()) continue;
    auto keep = it->second;  // the callback may remove itself
    (*keep)(events[i].events);
  }
  return busy || n > 0;
}

void EventLoop::Run() {
  while (!stop_) Turn(-1);
}

}  // namespace culvert::dp
