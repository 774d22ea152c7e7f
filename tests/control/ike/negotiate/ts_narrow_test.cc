#include "control/ike/negotiate/ts_narrow.h"

#include <gtest/gtest.h>

#include "common/base/limits.h"
#include "tests/control/ike/crypto/test_util.h"

namespace culvert::ike {
namespace {

constexpr int kOpaque = -1;  // for a port: OPAQUE

TrafficSelector Ts(const char* range, uint8_t protocol = 0, int first = 0, int last = 65535) {
  TrafficSelector ts{.addresses = *IpRange::Parse(range), .protocol = protocol};
  ts.port_first = static_cast<uint16_t>(first == kOpaque ? 65535 : first);
  ts.port_last = static_cast<uint16_t>(first == kOpaque ? 0 : last);
  return ts;
}

constexpr uint8_t kTcp = 6, kUdp = 17;

struct Row {
  const char* what;
  SelectorList our_local, our_remote, offered_local, offered_remote;
  const char *local, *remote;  // nullptr: TS_UNACCEPTABLE
  bool covers_first = true;
};

const Row kRows[] = {
    {"equal", {Ts("10.1.0.0/24")}, {Ts("10.2.0.0/24")}, {Ts("10.1.0.0/24")}, {Ts("10.2.0.0/24")}, "10.1.0.0/24", "10.2.0.0/24"},
    // B41: everything is asked for where policy is a /24.
    {"any to a subnet", {Ts("10.1.0.0/24")}, {Ts("10.2.0.0/24")}, {Ts("0.0.0.0/0")}, {Ts("0.0.0.0/0")}, "10.1.0.0/24", "10.2.0.0/24", false},
    {"the peer asks for less", {Ts("10.1.0.0/16")}, {Ts("0.0.0.0/0")}, {Ts("10.1.7.0/24")}, {Ts("10.2.0.9")}, "10.1.7.0/24", "10.2.0.9/32"},
    {"another's subnet", {Ts("10.1.0.0/24")}, {Ts("10.2.0.0/24")}, {Ts("10.1.0.0/24")}, {Ts("10.3.0.0/24")}, nullptr, nullptr},
    // Trap 14: the packet first, then what it is part of: the answer holds it and is as wide as policy.
    {"a triggering packet", {Ts("10.1.0.0/24")}, {Ts("10.2.0.0/24")}, {Ts("10.1.0.5", kTcp, 80, 80), Ts("10.1.0.0/16")},
     {Ts("10.2.0.7", kTcp, 4711, 4711), Ts("10.2.0.0/16")}, "10.1.0.0/24", "10.2.0.0/24"},
    {"a triggering packet alone", {Ts("10.1.0.0/24")}, {Ts("10.2.0.0/24")}, {Ts("10.1.0.5", kTcp, 80, 80)}, {Ts("10.2.0.7", kTcp, 4711, 4711)},
     "10.1.0.5/32[tcp/80]", "10.2.0.7/32[tcp/4711]"},
    {"a packet policy does not want", {Ts("10.1.0.0/24")}, {Ts("10.2.0.0/24")}, {Ts("10.9.0.5", kTcp, 80, 80), Ts("10.0.0.0/8")}, {Ts("10.2.0.7"), Ts("10.2.0.0/16")},
     "10.1.0.0/24", "10.2.0.0/24", false},
    {"several of ours", {Ts("10.1.0.0/24"), Ts("10.1.2.0/24")}, {Ts("10.2.0.0/24")}, {Ts("10.0.0.0/8")}, {Ts("10.2.0.0/24")}, "10.1.0.0/24 10.1.2.0/24", "10.2.0.0/24", false},
    {"one inside another", {Ts("10.1.0.0/24"), Ts("10.1.0.0/16")}, {Ts("10.2.0.0/24")}, {Ts("0.0.0.0/0")}, {Ts("10.2.0.0/24")}, "10.1.0.0/16", "10.2.0.0/24", false},
    {"protocol and port", {Ts("10.1.0.0/24", kTcp, 0, 1023)}, {Ts("10.2.0.0/24")}, {Ts("10.1.0.0/24", 0, 22, 8080)}, {Ts("10.2.0.0/24")}, "10.1.0.0/24[tcp/22-1023]", "10.2.0.0/24", false},
    {"ports apart", {Ts("10.1.0.0/24", kTcp, 0, 1023)}, {Ts("10.2.0.0/24")}, {Ts("10.1.0.0/24", kTcp, 1024, 65535)}, {Ts("10.2.0.0/24")}, nullptr, nullptr},
    {"protocols apart", {Ts("10.1.0.0/24", kTcp)}, {Ts("10.2.0.0/24")}, {Ts("10.1.0.0/24", kUdp)}, {Ts("10.2.0.0/24")}, nullptr, nullptr},
    {"protocols that never meet", {Ts("10.1.0.0/24", kTcp)}, {Ts("10.2.0.0/24", kUdp)}, {Ts("10.1.0.0/24")}, {Ts("10.2.0.0/24")}, nullptr, nullptr},
    {"OPAQUE within any", {Ts("10.1.0.0/24")}, {Ts("10.2.0.0/24")}, {Ts("10.1.0.0/24", kTcp, kOpaque)}, {Ts("10.2.0.0/24")}, "10.1.0.0/24[tcp/OPAQUE]", "10.2.0.0/24"},
    {"OPAQUE and a port", {Ts("10.1.0.0/24", kTcp, 80, 80)}, {Ts("10.2.0.0/24")}, {Ts("10.1.0.0/24", kTcp, kOpaque)}, {Ts("10.2.0.0/24")}, nullptr, nullptr},
    {"ranges", {Ts("10.1.0.10-10.1.0.50")}, {Ts("10.2.0.0/24")}, {Ts("10.1.0.40-10.1.0.90")}, {Ts("10.2.0.0/24")}, "10.1.0.40-10.1.0.50", "10.2.0.0/24", false},
    {"both families", {Ts("10.1.0.0/24"), Ts("2001:db8:1::/64")}, {Ts("10.2.0.0/24"), Ts("2001:db8:2::/64")}, {Ts("0.0.0.0/0"), Ts("::/0")}, {Ts("0.0.0.0/0"), Ts("::/0")},
     "10.1.0.0/24 2001:db8:1::/64", "10.2.0.0/24 2001:db8:2::/64", false},
    {"a family only one side has", {Ts("10.1.0.0/24"), Ts("2001:db8:1::/64")}, {Ts("10.2.0.0/24")}, {Ts("0.0.0.0/0"), Ts("::/0")}, {Ts("0.0.0.0/0")},
     "10.1.0.0/24", "10.2.0.0/24", false},
    {"families that never meet", {Ts("10.1.0.0/24")}, {Ts("2001:db8::/64")}, {Ts("0.0.0.0/0")}, {Ts("::/0")}, nullptr, nullptr},
    {"nothing offered that was understood", {Ts("10.1.0.0/24")}, {Ts("10.2.0.0/24")}, {}, {Ts("10.2.0.0/24")}, nullptr, nullptr},
};

TEST(Narrow, FollowsTheTable) {
  for (const Row& r : kRows) {
    SCOPED_TRACE(r.what);
    auto narrowed = Narrow(r.our_local, r.our_remote, r.offered_local, r.offered_remote);
    ASSERT_EQ(narrowed.has_value(), r.local != nullptr);
    if (!narrowed) continue;
    EXPECT_EQ(ToString(narrowed->local), r.local);
    EXPECT_EQ(ToString(narrowed->remote), r.remote);
    EXPECT_EQ(narrowed->covers_first, r.covers_first);
    EXPECT_FALSE(narrowed->more_possible);
    EXPECT_TRUE(IsSubset(narrowed->local, r.offered_local));
    EXPECT_TRUE(IsSubset(narrowed->remote, r.offered_remote));
  }
}

// R14: at the cap, and above it.
TEST(Narrow, KeepsTheFirstOfMoreThanFitOneSa) {
  auto hosts = [](size_t n) {
    SelectorList list;
    for (size_t i = 0; i < n; ++i) list.push_back(Ts(("10.1." + std::to_string(i / 100) + "." + std::to_string(i % 100)).c_str()));
    return list;
  };
  const SelectorList remote = {Ts("10.2.0.0/24")};
  for (size_t n : {kMaxSelectorsPerSa - 1, kMaxSelectorsPerSa, kMaxSelectorsPerSa + 1, size_t{1000}}) {
    auto narrowed = Narrow(hosts(n), remote, {Ts("10.1.0.50"), Ts("0.0.0.0/0")}, remote);
    ASSERT_TRUE(narrowed);
    EXPECT_EQ(narrowed->local.size(), std::min(n, kMaxSelectorsPerSa));
    EXPECT_EQ(narrowed->more_possible, n > kMaxSelectorsPerSa);
    EXPECT_EQ(narrowed->local[0], Ts("10.1.0.50"));
    EXPECT_TRUE(narrowed->covers_first);
  }
}

TEST(IsSubset, NeverTakesMoreThanWasProposed) {
  const SelectorList proposed = {Ts("10.1.0.0/24"), Ts("10.2.0.0/24", kTcp, 80, 90), Ts("10.3.0.0/24", kTcp, kOpaque)};
  EXPECT_TRUE(IsSubset(proposed, proposed));
  EXPECT_TRUE(IsSubset({Ts("10.1.0.7", kUdp, 53, 53)}, proposed));
  EXPECT_TRUE(IsSubset({Ts("10.1.0.7", kUdp, kOpaque)}, proposed));
  EXPECT_TRUE(IsSubset({Ts("10.2.0.0/25", kTcp, 81, 90)}, proposed));
  EXPECT_TRUE(IsSubset({Ts("10.3.0.1", kTcp, kOpaque)}, proposed));
  EXPECT_FALSE(IsSubset({}, proposed));
  EXPECT_FALSE(IsSubset({Ts("10.1.0.0/23")}, proposed));
  EXPECT_FALSE(IsSubset({Ts("10.2.0.0/24", kTcp, 80, 91)}, proposed));
  EXPECT_FALSE(IsSubset({Ts("10.2.0.0/24", 0, 80, 90)}, proposed)) << "any protocol is more than TCP";
  EXPECT_FALSE(IsSubset({Ts("10.2.0.0/24", kTcp, kOpaque)}, proposed));
  EXPECT_FALSE(IsSubset({Ts("10.3.0.0/24", kTcp, 1, 2)}, proposed));
  EXPECT_FALSE(IsSubset({Ts("10.1.0.0/24"), Ts("10.4.0.0/24")}, proposed));
}

// ---- a slow oracle: a packet is in the result exactly where it is in both sides' lists ----

struct End {
  IpAddress address;
  int port;  // kOpaque: hidden
};

bool Holds(const TrafficSelector& ts, const End& e, uint8_t protocol) {
  if (!ts.addresses.Contains(e.address) || (ts.protocol != 0 && ts.protocol != protocol)) return false;
  if (ts.port_first == 0 && ts.port_last == 65535) return true;           // ANY, also what is hidden (RFC 4301 4.4.1.1)
  if (ts.port_first == 65535 && ts.port_last == 0) return e.port == kOpaque;
  return e.port >= ts.port_first && e.port <= ts.port_last;
}

bool Holds(const SelectorList& list, const End& e, uint8_t protocol) {
  return std::ranges::any_of(list, [&](const TrafficSelector& ts) { return Holds(ts, e, protocol); });
}

TrafficSelector RandomSelector(SeededRandom& random) {
  static const char* kRanges[] = {"10.0.0.0/30", "10.0.0.2-10.0.0.5", "10.0.0.4/32", "10.0.0.0-10.0.0.7", "10.0.0.6/31", "2001:db8::/126", "2001:db8::2-2001:db8::5"};
  static const int kPorts[][2] = {{0, 65535}, {0, 65535}, {kOpaque, 0}, {1, 3}, {2, 2}, {3, 65535}, {0, 2}};
  static const uint8_t kProtocols[] = {0, 0, kTcp, kUdp};
  const auto& ports = kPorts[random.Below(std::size(kPorts))];
  return Ts(kRanges[random.Below(std::size(kRanges))], kProtocols[random.Below(std::size(kProtocols))], ports[0], ports[1]);
}

SelectorList RandomList(SeededRandom& random) {
  SelectorList list(1 + random.Below(4));
  for (auto& ts : list) ts = RandomSelector(random);
  return list;
}

std::vector<End> AllEnds() {
  std::vector<End> out;
  for (int port : {kOpaque, 0, 1, 2, 3, 4, 65535}) {
    for (uint8_t host = 0; host < 9; ++host) {
      out.push_back({IpAddress::V4(10, 0, 0, host), port});
      IpAddress v6 = *IpAddress::Parse("2001:db8::");
      v6.octets[15] = host;
      out.push_back({v6, port});
    }
  }
  return out;
}

TEST(Narrow, HoldsExactlyThePacketsOfBothSides) {
  SeededRandom random(11);
  const std::vector<End> ends = AllEnds();
  int some = 0, none = 0;
  for (int run = 0; run < 3000; ++run) {
    SelectorList our_local = RandomList(random), our_remote = RandomList(random), local = RandomList(random), remote = RandomList(random);
    auto narrowed = Narrow(our_local, our_remote, local, remote);
    bool any_packet = false;
    for (uint8_t protocol : {uint8_t{1}, kTcp, kUdp}) {
      std::vector<const End*> locals, remotes, locals_out, remotes_out;
      for (const End& e : ends) {
        if (Holds(our_local, e, protocol) && Holds(local, e, protocol)) locals.push_back(&e);
        if (Holds(our_remote, e, protocol) && Holds(remote, e, protocol)) remotes.push_back(&e);
        if (narrowed && Holds(narrowed->local, e, protocol)) locals_out.push_back(&e);
        if (narrowed && Holds(narrowed->remote, e, protocol)) remotes_out.push_back(&e);
      }
      for (Family f : {Family::kV4, Family::kV6}) {
        auto of = [f](std::vector<const End*> v) {
          std::erase_if(v, [f](const End* e) { return e->address.family != f; });
          return v;
        };
        // Packets are pairs: an end without a counterpart in the other list is part of none.
        bool packets = !of(locals).empty() && !of(remotes).empty();
        any_packet |= packets;
        if (packets) {
          ASSERT_TRUE(narrowed);
          ASSERT_EQ(of(locals_out), of(locals));
          ASSERT_EQ(of(remotes_out), of(remotes));
        } else {
          ASSERT_TRUE(of(locals_out).empty() || of(remotes_out).empty());
        }
      }
    }
    ASSERT_EQ(narrowed.has_value(), any_packet);
    (any_packet ? some : none)++;
    if (!narrowed) continue;
    ASSERT_TRUE(IsSubset(narrowed->local, local) && IsSubset(narrowed->remote, remote));
    ASSERT_TRUE(IsSubset(narrowed->local, our_local) && IsSubset(narrowed->remote, our_remote));
    for (const SelectorList* list : {&narrowed->local, &narrowed->remote}) {
      for (const auto& a : *list) {
        for (const auto& b : *list) ASSERT_TRUE(&a == &b || !a.Covers(b)) << ToString(*list);
      }
    }
    // Narrowing again changes nothing: a rekey proposes the narrowed set and gets it back (trap 14).
    auto again = Narrow(our_local, our_remote, narrowed->local, narrowed->remote);
    ASSERT_TRUE(again);
    ASSERT_EQ(again->local, narrowed->local);
    ASSERT_EQ(again->remote, narrowed->remote);
  }
  EXPECT_GT(some, 500);
  EXPECT_GT(none, 100);
}

}  // namespace
}  // namespace culvert::ike
