#include "dataplane/worker/worker.h"

#include <absl/log/check.h>
#include <rte_cycles.h>
#include <rte_pause.h>
#include <sys/prctl.h>
#include <time.h>

#include <algorithm>

#include "dataplane/stage/classify.h"
#include "dataplane/stage/forward.h"
#include "dataplane/stage/fragment.h"
#include "dataplane/stage/host.h"
#include "dataplane/stage/icmp_error.h"
#include "dataplane/stage/reassemble.h"
#include "dataplane/stage/transmit.h"
#include "dataplane/watch/watch.h"

namespace culvert::dp {
namespace {

constexpr unsigned kEmptyPassesBeforeSleep = 1000;
constexpr uint64_t kFirstSleepUs = 20, kLongestSleepUs = 200;
constexpr uint64_t kHousekeepingPerSecond = 1000;

}  // namespace

Worker::Worker(WorkerContext& ctx, const Published<Forwarding>& fib, Grace& grace, Options options)
    : ctx_(ctx), fib_(fib), grace_(grace), options_(options) {
  CHECK(options.burst > 0 && options.burst <= kBurstMax);
}

bool Worker::Pass() {
  grace_.Pass(ctx_.id);
  const uint64_t now = rte_rdtsc();
  if (was_busy_) ctx_.counters.busy_cycles.Add(now - ctx_.now);
  ctx_.now = now;
  ctx_.watch = ctx_.armed.load(std::memory_order_acquire);
  if (ctx_.watch != nullptr) [[unlikely]]
    ctx_.watch->BeginPass();
  ctx_.fib = fib_.get();
  ctx_.forwarding_open = ctx_.ipsec == nullptr || ctx_.ipsec->ForwardingOpen();
  if (ctx_.ipsec != nullptr) ctx_.ipsec->PollCommands(ctx_);
  bool busy = false;
  if (ctx_.rings->from_main != nullptr) busy |= TakeRing(*ctx_.rings->from_main);
  if (ctx_.rings->from_host != nullptr) busy |= TakeRing(*ctx_.rings->from_host);
  const auto& from_worker = ctx_.rings->from_worker;
  for (unsigned w = 0; w < from_worker.size(); ++w) {
    if (from_worker[w] == nullptr) continue;
    ctx_.taking_from = w;
    busy |= TakeRing(*from_worker[w]);
  }
  ctx_.taking_from = ctx_.id;
  if (ctx_.ipsec != nullptr) {
    busy |= TakeKept();
    for (unsigned i = 0, n = ctx_.ipsec->devices(); i < n; ++i) busy |= TakeBack(i);
  }
  for (uint16_t i = 0; i < ctx_.port_count; ++i) {
    WorkerPort& port = ctx_.ports[i];
    if (port.rx_queue == kNoQueue) continue;
    [[gnu::uninitialized]] rte_mbuf* frames[kBurstMax];
    ctx_.Enter(Stage::kIdle, 0);
    uint16_t n = port.port->Receive(port.rx_queue, frames, options_.burst);
    if (n == 0) continue;
    if (ctx_.watch != nullptr) [[unlikely]]
      ctx_.watch->Found(Stage::kReceive, n);
    busy = true;
    ctx_.slots.Clear();
    Classify(ctx_, i, frames, n, esp_, plain_);
    Process();
  }
  if (ctx_.now >= housekeeping_at_) {
    ctx_.Enter(Stage::kUpkeep, 0);
    Housekeep();
  }
  ctx_.Enter(Stage::kIdle, 0);
  ctx_.counters.polls.Add(1);
  if (!busy) ctx_.counters.empty_polls.Add(1);
  was_busy_ = busy;
  return busy;
}

bool Worker::TakeKept() {
  for (bool some = false;; some = true) {
    ctx_.slots.Clear();
    ctx_.ipsec->TakeKept(ctx_, esp_, seal_);
    if (esp_.n + seal_.n == 0) [[likely]] return some;
    Process();
  }
}

bool Worker::TakeBack(unsigned device) {
  ctx_.slots.Clear();
  if (!ctx_.ipsec->TakeBack(ctx_, device, opened_, sealed_)) return false;
  Send(sealed_);
  if (opened_.n != 0) ctx_.Enter(Stage::kInside, opened_);
  ClassifyOpened(ctx_, opened_, plain_);
  Process();
  return true;
}

bool Worker::TakeRing(PacketRing& ring) {
  if (ring.empty()) [[likely]] return false;
  uint32_t n = ring.Take(taken_, options_.burst);
  if (ctx_.watch != nullptr) [[unlikely]]
    NoteTaken(n);
  ctx_.slots.Clear();
  uint32_t marks = 0;
  for (uint32_t i = 0; i < n; ++i) {
    Packet& p = taken_[i].packet;
    switch (static_cast<HandOverKind>(taken_[i].kind)) {
      case HandOverKind::kOpen: esp_.Add(p); break;
      case HandOverKind::kSeal: seal_.Add(p); break;
      case HandOverKind::kTransmit:
        if ((p.m->ol_flags & RTE_MBUF_F_TX_SEC_OFFLOAD) == 0 || ctx_.ipsec->MaySealInline(p))
          transmit_.Add(p);
        else
          ctx_.Drop(p, Drop::kRetired);
        break;
      case HandOverKind::kOriginate: plain_.Add(p); break;
      case HandOverKind::kFromHost:
        if (AdmitFromHost(ctx_, p)) plain_.Add(p);
        break;
      case HandOverKind::kMove:
        ctx_.ipsec->TakeMark(p);
        ++marks;
        break;
      case HandOverKind::kUnreachable:
        SendIcmpError(ctx_, p, IcmpError::kHostUnreachable);
        ctx_.Drop(p, Drop::kNoNeighbour);
        break;
    }
  }
  ctx_.counters.unparked.Add(n - marks);
  Send(transmit_);
  Process();
  return true;
}

void Worker::NoteTaken(uint32_t n) {
  ctx_.watch->Found(Stage::kTake, static_cast<uint16_t>(n));
  for (uint32_t i = 0; i < n; ++i) {
    Packet& p = taken_[i].packet;
    const auto kind = static_cast<HandOverKind>(taken_[i].kind);
    if (kind != HandOverKind::kMove) ctx_.watch->Taken(p, kind, ctx_.ports[p.port].port->mac);
  }
}

void Worker::Process() {
  if (esp_.n != 0) {
    ctx_.Enter(Stage::kOpen, esp_);
    if (ctx_.ipsec != nullptr) {
      ctx_.ipsec->Open(ctx_, esp_, opened_);
      if (opened_.n != 0) ctx_.Enter(Stage::kInside, opened_);
      ClassifyOpened(ctx_, opened_, plain_);
    } else {
      for (uint16_t i = 0; i < esp_.n; ++i) ctx_.Drop(*esp_.p[i], Drop::kUnknownSpi);
    }
    esp_.n = 0;
  }
  Route(plain_);
  // ICMP made on the way; it causes no further ICMP, so one more round is enough.
  if (ctx_.originated.n != 0) {
    for (uint16_t i = 0; i < ctx_.originated.n; ++i) plain_.Add(*ctx_.originated.p[i]);
    ctx_.originated.n = 0;
    Route(plain_);
  }
}

void Worker::Route(Burst& plain) {
  if (ctx_.ipsec == nullptr) {
    if (plain.n != 0) ctx_.Enter(Stage::kRoute, plain);
    Forward(ctx_, plain);
    Send(plain);
    if (ctx_.oversize.n != 0) [[unlikely]]
      Split();
    return;
  }
  if (plain.n != 0) {
    ctx_.Enter(Stage::kPolicy, plain);
    ctx_.ipsec->ApplyPolicy(ctx_, plain, forward_, seal_);
  }
  plain.n = 0;
  if (seal_.n != 0) Seal();
  Send(sealed_);
  Send(forward_);
  if (ctx_.oversize.n != 0) [[unlikely]]
    Split();
}

void Worker::Seal() {
  ctx_.Enter(Stage::kSeal, seal_);
  ctx_.ipsec->Seal(ctx_, seal_, sealed_);
  seal_.n = 0;
}

void Worker::Send(Burst& burst) {
  if (burst.n == 0) return;
  ctx_.Enter(Stage::kTransmit, burst);
  Transmit(ctx_, burst);
}

// One packet at a time: its fragments fill a burst of their own.
void Worker::Split() {
  for (uint16_t i = 0; i < ctx_.oversize.n; ++i) {
    Packet& p = ctx_.oversize.p[i];
    bool seal = p.sa != nullptr;
    ctx_.pieces.Clear();
    Burst one;
    one.Add(p);
    ctx_.Enter(Stage::kCut, one);
    if (!Fragment(ctx_, p, seal ? seal_ : transmit_)) continue;
    if (seal) Seal();
    Send(sealed_);
    Send(transmit_);
  }
  ctx_.oversize.n = 0;
}

void Worker::Housekeep() {
  housekeeping_at_ = ctx_.now + ctx_.tsc_hz / kHousekeepingPerSecond;
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  ctx_.stamp = static_cast<uint32_t>(t.tv_sec);
  if (ctx_.reassembly != nullptr) ctx_.reassembly->Expire(ctx_);
  if (ctx_.ipsec == nullptr) return;
  ctx_.slots.Clear();
  ctx_.ipsec->MakeDummies(ctx_, seal_);
  if (seal_.n == 0) return;
  Seal();
  Send(sealed_);
}

void Worker::Sleep(uint64_t microseconds) {
  ctx_.counters.sleeps.Add(1);
  grace_.Offline(ctx_.id);
  timespec t{0, static_cast<long>(microseconds) * 1000};
  nanosleep(&t, nullptr);
  grace_.Online(ctx_.id);
}

void Worker::Run() {
  prctl(PR_SET_TIMERSLACK, 1);  // nanoseconds: the default of 50,000 would double a short sleep
  grace_.Online(ctx_.id);
  unsigned empty = 0;
  uint64_t sleep_us = kFirstSleepUs;
  while (!stop_.load(std::memory_order_relaxed)) {
    if (Pass()) {
      empty = 0;
      sleep_us = kFirstSleepUs;
    } else if (!options_.adaptive || ++empty < kEmptyPassesBeforeSleep) {
      rte_pause();
    } else {
      Sleep(sleep_us);
      sleep_us = std::min(2 * sleep_us, kLongestSleepUs);
    }
  }
  grace_.Offline(ctx_.id);
}

}  // namespace culvert::dp
