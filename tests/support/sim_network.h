#pragma once

#include <functional>
#include <map>
#include <queue>
#include <vector>

#include "common/base/time.h"
#include "control/ike/action.h"
#include "tests/support/seeded_random.h"

namespace culvert::ike {

// Time and everything that waits for it. Things of one instant happen in the order they were scheduled.
class SimClock {
 public:
  Time now() const { return now_; }
  void At(Time when, std::function<void()> what) { queue_.push({std::max(when, now_), next_++, std::move(what)}); }
  // Runs the earliest thing; false where there is none, or none until `limit`: then it is `limit`.
  bool Step(Time limit);
  void RunUntil(Time limit) { while (Step(limit)) {} }
  void RunFor(Duration d) { RunUntil(now_ + d); }

 private:
  struct Entry {
    Time when;
    uint64_t order;
    std::function<void()> what;
    bool operator<(const Entry& o) const { return std::tie(o.when, o.order) < std::tie(when, order); }
  };
  Time now_ = Time(std::chrono::hours(1));
  uint64_t next_ = 0;
  std::priority_queue<Entry> queue_;
};

// A datagram on its way; `marker` stands for the four octets in front of it.
struct SimPacket {
  Endpoint from, to;
  bool marker = false;
  Bytes data;
  uint64_t number = 0;       // of all that were ever sent, from 0
};

// What becomes of one datagram.
struct Fate {
  std::vector<Duration> arrivals{std::chrono::milliseconds(5)};   // one copy each; none: lost
  bool corrupt = false;
};

// Address translation of one host: as it sends, its source becomes `outside` with ports from `next_port` on.
struct SimNat {
  IpAddress inside, outside;
  uint16_t next_port = 40000;
  std::map<Endpoint, uint16_t> mapped;
  void Rebind() { mapped.clear(); }   // the next datagram gets another port; the old ones lead nowhere
};

class SimNetwork {
 public:
  SimNetwork(SimClock& clock, uint64_t seed) : clock_(clock), random_(seed) {}

  using Receiver = std::function<void(SimPacket)>;
  void Attach(const IpAddress& address, Receiver receiver) { hosts_[address] = std::move(receiver); }
  void Detach(const IpAddress& address) { hosts_.erase(address); }
  void Send(SimPacket packet);
  // At the end of its way, past what translates addresses.
  void Deliver(SimPacket packet);

  std::function<Fate(const SimPacket&)> fate;            // default: everything arrives after 5 ms
  std::function<void(const SimPacket&)> on_send;         // sees each datagram as it is sent
  SimNat* nat = nullptr;
  uint64_t sent = 0;

 private:
  SimClock& clock_;
  SeededRandom random_;
  std::map<IpAddress, Receiver> hosts_;
};

// Loses, repeats, delays (and so reorders) and corrupts at random.
struct Weather {
  double drop = 0, duplicate = 0, corrupt = 0;
  Duration least = std::chrono::milliseconds(1), most = std::chrono::milliseconds(50);
};
std::function<Fate(const SimPacket&)> MakeWeather(const Weather& w, SeededRandom& random);

}  // namespace culvert::ike
