#include "dataplane/main/port_watchdog.h"

#include <absl/log/log.h>

#include <algorithm>

namespace culvert::dp {

PortWatchdog::PortWatchdog(const std::vector<std::unique_ptr<Port>>& ports, Grace& grace,
                           std::function<uint64_t(uint16_t)> passes, std::function<bool()> buffers)
    : ports_(ports), grace_(grace), passes_(std::move(passes)), buffers_(std::move(buffers)), watched_(ports.size()) {
  for (uint16_t i = 0; i < watched_.size(); ++i) watched_[i].last = ports_[i]->stats();
}

void PortWatchdog::Tick(Time now) {
  for (uint16_t i = 0; i < watched_.size(); ++i) {
    Watched& w = watched_[i];
    if (ports_[i]->rx_queues() == 0) continue;  // a VLAN: its parent is watched
    if (!w.asked && ports_[i]->AsksReset()) {
      w.asked = true;
      LOG(WARNING) << "port " << ports_[i]->name() << ": its device asks for a reset";
      if (!w.token) LayToRest(i, w);
    }
    if (!w.token)
      Look(i, w, now);
    else if (now >= w.rests_until && grace_.Passed(*w.token))
      BringBack(i, w, now);
  }
}

void PortWatchdog::Look(uint16_t index, Watched& w, Time now) {
  Port& port = *ports_[index];
  const Port::Stats is = port.stats();
  const uint64_t passes = passes_(index);
  // What the kernel counts begins anew with an interface that took another's place.
  const bool came = is.rx_missed > w.last.rx_missed || is.rx_offered > w.last.rx_offered;
  const bool arrived = is.rx_packets != w.last.rx_packets, asked = passes != w.last_passes;
  w.last = is;
  w.last_passes = passes;
  if (arrived) w.patience = kDeaf;
  if (arrived || !asked || !port.link_up()) {
    w.deaf_since.reset();
    return;
  }
  if (!came) return;
  if (!w.deaf_since) w.deaf_since = now;
  if (now - *w.deaf_since < kDeaf || now < w.rests_until || !buffers_()) return;
  LOG(WARNING) << "port " << port.name() << ": frames come and none has arrived for "
               << std::chrono::duration_cast<std::chrono::milliseconds>(now - *w.deaf_since).count() << " ms: it is restarted";
  LayToRest(index, w);
}

void PortWatchdog::LayToRest(uint16_t index, Watched& w) {
  ports_[index]->Rest(true);
  w.token = grace_.Begin();
}

void PortWatchdog::BringBack(uint16_t index, Watched& w, Time now) {
  Port& port = *ports_[index];
  w.deaf_since.reset();
  w.rests_until = now + w.patience;
  w.patience = std::min<Duration>(2 * w.patience, kLongest);
  absl::Status s = w.asked ? port.ResetDevice() : port.Restart();
  if (s.ok())
    ++(w.asked ? w.resets : w.restarts);
  else
    LOG(ERROR) << "port " << port.name() << (w.asked ? " is not reset: " : " does not restart: ") << s.message();
  if (!s.ok() && (w.asked || !absl::IsFailedPrecondition(s))) return;  // it rests, and is tried again
  if (w.asked) LOG(WARNING) << "port " << port.name() << " was reset";
  w.asked = false;
  port.Rest(false);
  w.token.reset();
  w.last = port.stats();
}

}  // namespace culvert::dp
