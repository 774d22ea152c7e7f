#include "dataplane/stage/esp_worker.h"

// Packets of an SA that is not here yet. Whoever answers an exchange that makes an SA may use it at once, and its first packets
// take a shorter way than its answer, which goes by culvert-ike. A few are kept for a moment, whatever SPI they have: a flood
// pushes them out, and is no better off.
namespace culvert::dp {
namespace {

constexpr uint64_t kPatiencePerSecond = 10;  // a tenth of a second
constexpr uint64_t kLooksPerSecond = 4000;

}  // namespace

void EspWorker::HoldEarly(WorkerContext& ctx, Packet& p, Spi spi) {
  if (options_.early == 0 || p.sa != nullptr) return ctx.Drop(p, Drop::kUnknownSpi);
  if (early_.size() == options_.early) {
    ctx.counters.unparked.Add(1);
    ctx.Drop(early_.front().packet, Drop::kUnknownSpi);
    early_.pop_front();
  }
  ctx.Hold(p);
  early_.push_back({p, spi, ctx.now + ctx.tsc_hz / kPatiencePerSecond});
  p.m = nullptr;
}

void EspWorker::TakeEarly(WorkerContext& ctx, Burst& esp) {
  early_look_ = ctx.now + ctx.tsc_hz / kLooksPerSecond;
  std::erase_if(early_, [&](const Early& e) {
    const InboundSa* sa = tables_.inbound.Get(SaIndex(e.spi));
    const bool here = sa != nullptr && sa->spi == e.spi;
    if (!here && ctx.now < e.until) return false;
    ctx.counters.unparked.Add(1);
    Packet& p = ctx.slots.New();
    p = e.packet;
    if (here)
      esp.Add(p);
    else
      ctx.Drop(p, Drop::kUnknownSpi);
    return true;
  });
}

}  // namespace culvert::dp
