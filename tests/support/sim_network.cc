#include "tests/support/sim_network.h"

namespace culvert::ike {

bool SimClock::Step(Time limit) {
  if (queue_.empty() || queue_.top().when > limit) {
    now_ = std::max(now_, limit);
    return false;
  }
  now_ = queue_.top().when;
  auto what = std::move(const_cast<Entry&>(queue_.top()).what);
  queue_.pop();
  what();
  return true;
}

void SimNetwork::Send(SimPacket packet) {
  packet.number = sent++;
  if (on_send) on_send(packet);
  if (nat && packet.from.address == nat->inside) {
    auto [it, fresh] = nat->mapped.try_emplace(packet.from, nat->next_port);
    if (fresh) ++nat->next_port;
    packet.from = {nat->outside, it->second, 0};
  }
  Fate f = fate ? fate(packet) : Fate{};
  for (Duration d : f.arrivals) {
    SimPacket copy = packet;
    if (f.corrupt && !copy.data.empty()) copy.data[random_.Below(copy.data.size())] ^= static_cast<uint8_t>(1 + random_.Below(255));
    clock_.At(clock_.now() + d, [this, copy = std::move(copy)]() mutable { Deliver(std::move(copy)); });
  }
}

void SimNetwork::Deliver(SimPacket packet) {
  if (nat && packet.to.address == nat->outside) {
    auto it = std::ranges::find_if(nat->mapped, [&](const auto& m) { return m.second == packet.to.port; });
    if (it == nat->mapped.end()) return;
    packet.to = it->first;
  } else if (nat && packet.to.address == nat->inside) {
    return;  // nobody outside reaches it by its own address
  }
  auto host = hosts_.find(packet.to.address);
  if (host != hosts_.end()) host->second(std::move(packet));
}

std::function<Fate(const SimPacket&)> MakeWeather(const Weather& w, SeededRandom& random) {
  return [w, &random](const SimPacket&) {
    auto delay = [&] { return w.least + Duration(static_cast<int64_t>(random.Below(static_cast<uint64_t>((w.most - w.least).count()) + 1))); };
    Fate f{.arrivals = {}, .corrupt = random.Chance(w.corrupt)};
    if (!random.Chance(w.drop)) f.arrivals.push_back(delay());
    if (random.Chance(w.duplicate)) f.arrivals.push_back(delay());
    return f;
  };
}

}  // namespace culvert::ike
