#include "control/runtime/event_loop.h"

#include <absl/log/check.h>
#include <uv.h>

namespace culvert::control {
namespace {

// libuv frees nothing itself and calls back after uv_close(): the holder lives until then.
template <typename Impl>
void CloseAndFree(Impl* impl) {
  impl->callback = nullptr;
  impl->handle.data = impl;
  uv_close(reinterpret_cast<uv_handle_t*>(&impl->handle), [](uv_handle_t* h) { delete static_cast<Impl*>(h->data); });
}

}  // namespace

EventLoop::EventLoop() : loop_(new uv_loop_t) { CHECK_EQ(uv_loop_init(loop_.get()), 0); }

EventLoop::~EventLoop() {
  uv_run(loop_.get(), UV_RUN_NOWAIT);  // lets the closing handles finish
  CHECK_EQ(uv_loop_close(loop_.get()), 0) << "a handle outlives its loop";
}

void EventLoop::Run() { uv_run(loop_.get(), UV_RUN_DEFAULT); }
void EventLoop::Stop() { uv_stop(loop_.get()); }
Time EventLoop::Now() { return std::chrono::steady_clock::now(); }

struct FdWatch::Impl {
  uv_poll_t handle;
  std::function<void(int)> callback;
};

FdWatch::FdWatch(EventLoop& loop, int fd, std::function<void(int)> callback) : impl_(new Impl{{}, std::move(callback)}) {
  CHECK_EQ(uv_poll_init(loop.raw(), &impl_->handle, fd), 0);
  impl_->handle.data = impl_;
}

FdWatch::~FdWatch() { CloseAndFree(impl_); }

void FdWatch::Want(int events) {
  if (!events) {
    uv_poll_stop(&impl_->handle);
    return;
  }
  static_assert(int{kReadable} == int{UV_READABLE} && int{kWritable} == int{UV_WRITABLE});
  uv_poll_start(&impl_->handle, events | UV_DISCONNECT, [](uv_poll_t* h, int status, int ready) {
    auto* impl = static_cast<Impl*>(h->data);
    auto callback = impl->callback;  // the callback may destroy the watch
    int told = status < 0 || (ready & UV_DISCONNECT) ? kReadable : 0;
    if (callback) callback(told | (ready & (kReadable | kWritable)));
  });
}

struct LoopTimer::Impl {
  uv_timer_t handle;
  std::function<void()> callback;
};

LoopTimer::LoopTimer(EventLoop& loop, std::function<void()> callback) : impl_(new Impl{{}, std::move(callback)}) {
  CHECK_EQ(uv_timer_init(loop.raw(), &impl_->handle), 0);
  impl_->handle.data = impl_;
}

LoopTimer::~LoopTimer() { CloseAndFree(impl_); }

namespace {
void OnTimer(uv_timer_t* h) {
  auto callback = *static_cast<std::function<void()>*>(uv_handle_get_data(reinterpret_cast<uv_handle_t*>(h)));
  if (callback) callback();
}
}  // namespace

void LoopTimer::At(Time deadline) {
  auto wait = deadline - EventLoop::Now();
  // libuv counts whole milliseconds from its cached time: rounding up, never early.
  auto ms = wait <= Duration::zero() ? 0 : std::chrono::ceil<std::chrono::milliseconds>(wait).count();
  uv_update_time(impl_->handle.loop);
  impl_->handle.data = &impl_->callback;
  uv_timer_start(&impl_->handle, OnTimer, static_cast<uint64_t>(ms), 0);
}

void LoopTimer::Every(Duration period) {
  auto ms = static_cast<uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(period).count());
  impl_->handle.data = &impl_->callback;
  uv_timer_start(&impl_->handle, OnTimer, ms, ms);
}

void LoopTimer::Stop() { uv_timer_stop(&impl_->handle); }

struct SignalWatch::Impl {
  uv_signal_t handle;
  std::function<void()> callback;
};

SignalWatch::SignalWatch(EventLoop& loop, int signal, std::function<void()> callback)
    : impl_(new Impl{{}, std::move(callback)}) {
  CHECK_EQ(uv_signal_init(loop.raw(), &impl_->handle), 0);
  impl_->handle.data = impl_;
  CHECK_EQ(uv_signal_start(
               &impl_->handle,
               [](uv_signal_t* h, int) {
                 auto call = static_cast<Impl*>(h->data)->callback;
                 if (call) call();
               },
               signal),
           0);
}

SignalWatch::~SignalWatch() { CloseAndFree(impl_); }

struct Wakeup::Impl {
  uv_async_t handle;
  std::function<void()> callback;
};

Wakeup::Wakeup(EventLoop& loop, std::function<void()> callback) : impl_(new Impl{{}, std::move(callback)}) {
  CHECK_EQ(uv_async_init(loop.raw(), &impl_->handle,
                         [](uv_async_t* h) {
                           auto wake = static_cast<Impl*>(h->data)->callback;
                           if (wake) wake();
                         }),
           0);
  impl_->handle.data = impl_;
}

Wakeup::~Wakeup() { CloseAndFree(impl_); }

void Wakeup::Signal() { uv_async_send(&impl_->handle); }

}  // namespace culvert::control
