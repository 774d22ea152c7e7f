#include "dataplane/policy/sa_set.h"

#include <gtest/gtest.h>

#include <list>
#include <random>

#include "dataplane/sa/outbound_sa.h"

namespace culvert::dp {
namespace {

class SeededRandom {
 public:
  explicit SeededRandom(uint64_t seed) : engine_(seed) {}
  uint64_t Below(uint64_t n) { return engine_() % n; }
  bool Chance(double p) { return static_cast<double>(engine_() >> 11) * 0x1p-53 < p; }

 private:
  std::mt19937_64 engine_;
};

struct Sa {
  Sa(uint32_t of_preference, uint64_t of_order, const SelectorSet& of_selectors)
      : preference(of_preference), order(of_order), selectors(of_selectors) {}
  OutboundSa sa{};
  uint32_t preference;
  uint64_t order;
  SelectorSet selectors;
  bool there = true;
};

IpAddress V4(uint32_t n) { return IpAddress::V4(10u << 24 | n); }

// Ranges of few addresses near one another, some with ports, so that they overlap in every way.
TrafficSelector AnySelector(SeededRandom& random, uint64_t addresses) {
  auto first = static_cast<uint32_t>(random.Below(addresses));
  TrafficSelector ts{.addresses = {V4(first), V4(first + static_cast<uint32_t>(random.Below(random.Chance(0.5) ? 2 : 200)))}};
  if (random.Chance(0.2)) {
    ts.protocol = 17;
    ts.port_first = ts.port_last = static_cast<uint16_t>(random.Below(4));
  }
  return ts;
}

Flow AnyFlow(SeededRandom& random, uint64_t addresses) {
  Flow f;
  f.family = 4;
  f.protocol = random.Chance(0.7) ? 17 : 6;
  f.ports_known = true;
  f.source_port = static_cast<uint16_t>(random.Below(4));
  f.destination_port = static_cast<uint16_t>(random.Below(4));
  f.source = WideAddress::Of(V4(static_cast<uint32_t>(random.Below(addresses))));
  f.destination = WideAddress::Of(V4(static_cast<uint32_t>(random.Below(addresses))));
  return f;
}

const OutboundSa* Slowly(const std::list<Sa>& sas, const Flow& f) {
  const Sa* best = nullptr;
  for (const Sa& s : sas) {
    if (!s.there || !s.selectors.MatchesOutbound(f)) continue;
    if (!best || std::pair(s.preference, s.order) > std::pair(best->preference, best->order)) best = &s;
  }
  return best ? &best->sa : nullptr;
}

TEST(SaSet, FindsWhatAWalkOverAllFinds) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SeededRandom random(seed);
    const uint64_t addresses = 40 << seed % 5;
    SaSet set;
    std::list<Sa> sas;
    uint64_t order = 0;
    size_t found = 0, missed = 0;
    for (int step = 0; step < 2000; ++step) {
      auto pick = sas.empty() ? sas.end() : std::next(sas.begin(), static_cast<ptrdiff_t>(random.Below(sas.size())));
      const uint64_t deed = random.Below(10);
      if (deed < 4) {
        SelectorList local, remote;
        for (uint64_t n = 1 + random.Below(3); n > 0; --n) local.push_back(AnySelector(random, addresses));
        for (uint64_t n = 1 + random.Below(3); n > 0; --n) remote.push_back(AnySelector(random, addresses));
        Sa& s = sas.emplace_back(static_cast<uint32_t>(random.Below(5)), order++, SelectorSet(local, remote));
        set.Add(&s.sa, s.preference, s.selectors);
      } else if (deed < 6 && pick != sas.end()) {
        set.Remove(&pick->sa);   // also a second time
        pick->there = false;
      } else if (deed == 6 && pick != sas.end() && pick->there) {
        pick->preference = static_cast<uint32_t>(random.Below(5));
        pick->order = order++;
        set.SetPreference(&pick->sa, pick->preference);
      }
      const Flow f = AnyFlow(random, addresses);
      const OutboundSa* expected = Slowly(sas, f);
      ASSERT_EQ(set.Find(f), expected) << "seed " << seed << " step " << step;
      ++(expected ? found : missed);
    }
    EXPECT_GT(found, 100u);
    EXPECT_GT(missed, 10u);
  }
}

}  // namespace
}  // namespace culvert::dp
