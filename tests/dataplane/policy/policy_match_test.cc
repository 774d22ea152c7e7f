#include <gtest/gtest.h>

#include <random>

#include "tests/support/policy_duel.h"

// Policy match against a slow second opinion (Z11), over many rule sets from seeds.
namespace culvert::testing {
namespace {

constexpr uint8_t kProtocols[] = {0, 1, 6, 17, 47, 58, 132};

class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}
  uint64_t Below(uint64_t n) { return engine_() % n; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  template <typename T, size_t N>
  T Any(const T (&of)[N]) { return of[Below(N)]; }

  // Near one another, so that rules overlap in every way; some at both ends of all there is.
  IpAddress Address(Family family) {
    IpAddress a = IpAddress::Any(family);
    if (OneIn(12)) a.octets.fill(0xff);
    else if (!OneIn(12)) a.octets[0] = 10;
    if (family == Family::kV4) std::fill(a.octets.begin() + 4, a.octets.end(), uint8_t{0});
    a.octets[a.size() - 1] = static_cast<uint8_t>(Below(256));
    if (OneIn(3)) a.octets[a.size() - 2] = static_cast<uint8_t>(Below(4));
    if (OneIn(6)) a.octets[family == Family::kV4 ? 1 : 7] ^= static_cast<uint8_t>(Below(4));
    return a;
  }
  IpRange Range(Family family) {
    if (OneIn(8)) return IpRange::All(family);
    IpAddress a = Address(family), b = Address(family);
    if (OneIn(2)) return IpRange::Of({a, static_cast<uint8_t>(Below(a.bits() + 1))});
    if (OneIn(3)) return {a, a};
    return b < a ? IpRange{b, a} : IpRange{a, b};
  }
  TrafficSelector Selector() {
    TrafficSelector ts{.addresses = Range(OneIn(3) ? Family::kV6 : Family::kV4)};
    if (OneIn(2)) return ts;
    ts.protocol = Any(kProtocols);
    switch (Below(4)) {
      case 0: ts.port_first = ts.port_last = static_cast<uint16_t>(Below(4)); break;
      case 1: ts.port_first = 65535, ts.port_last = 0; break;
      case 2: ts.port_first = static_cast<uint16_t>(Below(3)), ts.port_last = static_cast<uint16_t>(2 + Below(3)); break;
      default: break;
    }
    return ts;
  }
  SelectorList Selectors() {
    SelectorList list;
    for (uint64_t n = OneIn(4) ? 1 + Below(4) : 1; n > 0; --n) list.push_back(Selector());
    return list;
  }
  SlowRule Rule(uint64_t ranks) {
    constexpr uint32_t kTunnels[] = {0, 0, 0, 7, 9};
    SlowRule r{.rank = Below(ranks), .local = Selectors(), .remote = Selectors()};
    r.if_id_in = r.if_id_out = Any(kTunnels);
    if (OneIn(4)) r.if_id_in = Any(kTunnels);
    return r;
  }
  SlowPacket Packet() {
    const Family family = OneIn(3) ? Family::kV6 : Family::kV4;
    SlowPacket p{.source = Address(family), .destination = Address(family), .protocol = Any(kProtocols)};
    if (p.protocol == 0) p.protocol = 89;
    if (OneIn(4)) return p;
    p.source_port = static_cast<uint16_t>(Below(5));
    p.destination_port = p.protocol == 1 || p.protocol == 58 ? *p.source_port : static_cast<uint16_t>(Below(5));
    return p;
  }

 private:
  std::mt19937_64 engine_;
};

TEST(PolicyMatch, AgreesWithASlowSecondOpinion) {
  size_t taken = 0, passed = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Dice dice(seed);
    PolicyDuel duel;
    const uint64_t ranks = seed % 3 == 0 ? 1 : 4, most = 2 + seed % 5 * 25;
    for (int step = 0; step < 300; ++step) {
      if (duel.rules().size() < most && dice.OneIn(2)) duel.Add(dice.Rule(ranks));
      else if (!duel.rules().empty() && dice.OneIn(3)) duel.Remove(dice.Below(duel.rules().size()));
      for (int i = 0; i < 2; ++i) {
        const SlowPacket packet = dice.Packet();
        ASSERT_EQ(duel.Disagreement(packet), "") << "seed " << seed << " step " << step;
        ++(duel.Taken(packet) ? taken : passed);
      }
    }
  }
  EXPECT_GT(taken, 1500u);
  EXPECT_GT(passed, 150u);
}

// A range from the first address to the last but one decomposes into the most prefixes there are.
TEST(PolicyMatch, RangesThatDecomposeIntoMany) {
  PolicyDuel duel;
  const IpRange wide{*IpAddress::Parse("0.0.0.1"), *IpAddress::Parse("255.255.255.254")};
  const IpRange wide6{*IpAddress::Parse("::1"), *IpAddress::Parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe")};
  ASSERT_TRUE(duel.Add({.local = {{.addresses = wide}}, .remote = {{.addresses = wide}}}));
  ASSERT_TRUE(duel.Add({.local = {{.addresses = wide6}}, .remote = {{.addresses = wide6}}}));
  for (const char* edge : {"0.0.0.0", "0.0.0.1", "127.255.255.255", "128.0.0.0", "255.255.255.254", "255.255.255.255"}) {
    EXPECT_EQ(duel.Disagreement({.source = *IpAddress::Parse("10.0.0.1"), .destination = *IpAddress::Parse(edge), .protocol = 6}), "");
  }
  for (const char* edge : {"::", "::1", "7fff::", "8000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe",
                           "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
    EXPECT_EQ(duel.Disagreement({.source = *IpAddress::Parse("fd00::1"), .destination = *IpAddress::Parse(edge), .protocol = 6}), "");
  }
  SlowRule hostile{.local = {}, .remote = {}};
  for (int i = 0; i < 40; ++i) {
    hostile.local.push_back({.addresses = wide6});
    hostile.remote.push_back({.addresses = wide6});
  }
  EXPECT_FALSE(duel.Add(std::move(hostile))) << "so many entries for one command";
}

}  // namespace
}  // namespace culvert::testing
