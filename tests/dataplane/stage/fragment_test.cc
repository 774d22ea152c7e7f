#include <gtest/gtest.h>

#include "tests/support/tunnel_rig.h"

// What is too long for its path goes in fragments where it may, and is put together again by the slow reference.
namespace culvert::testing {
namespace {

constexpr uint16_t kWan = GatewayRig::kWan, kLan = GatewayRig::kLan;

Bytes Counting(size_t n) {
  Bytes b(n);
  for (size_t i = 0; i < n; ++i) b[i] = static_cast<uint8_t>(i * 7 + i / 256);
  return b;
}

// As forwarding leaves it: a hop less, DF and ID as they were.
Bytes OneHopLess(Bytes ip) {
  if (ip[0] >> 4 == 6) return --ip[7], ip;
  --ip[8];
  ip[10] = ip[11] = 0;
  uint16_t sum = test::InternetChecksum(ByteView(ip).first((ip[0] & 15u) * 4));
  ip[10] = static_cast<uint8_t>(sum >> 8);
  ip[11] = static_cast<uint8_t>(sum);
  return ip;
}

// RFC 1812 5.2.6: in clear, options and all; a fragment may be cut again.
TEST(Fragmentation, OfWhatIsForwarded) {
  TunnelRig narrow({.mtu = 600});
  for (size_t size : {581u, 1000u, 1480u}) {
    Bytes ip = IpPacket(narrow.alice(false), Ip("203.0.113.5"), 17, Counting(size), {.id = 77});
    auto out = narrow.FromAlice(ip);
    EXPECT_EQ(out.size(), (size + 575) / 576);
    EXPECT_EQ(ReferenceReassemble(out, 600), OneHopLess(ip));
  }
  EXPECT_EQ(narrow.rig().balance().dropped, 0u);
}

TEST(Fragmentation, CopiesOptionsThatSayTheyAreToBeCopied) {
  TunnelRig narrow({.mtu = 600});
  Bytes ip = IpPacket(narrow.alice(false), Ip("203.0.113.5"), 17, Counting(1200), {.id = 9});
  // Router alert (copied), timestamp (not copied), end of options.
  Bytes options{0x94, 4, 0, 0, 0x44, 8, 5, 0, 0, 0, 0, 0};
  ip.insert(ip.begin() + 20, options.begin(), options.end());
  ip[0] = 0x48;
  ip[2] = static_cast<uint8_t>(ip.size() >> 8);
  ip[3] = static_cast<uint8_t>(ip.size());
  ip[8]++;
  ip = OneHopLess(ip);
  auto out = narrow.FromAlice(ip);
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(out[0][0], 0x48);
  EXPECT_EQ(Bytes(out[0].begin() + 20, out[0].begin() + 32), options);
  for (size_t i : {1u, 2u}) {
    EXPECT_EQ(out[i][0], 0x46);
    EXPECT_EQ(Bytes(out[i].begin() + 20, out[i].begin() + 24), (Bytes{0x94, 4, 0, 0}));
  }
  EXPECT_EQ(ReferenceReassemble(out, 600), OneHopLess(ip));
}

TEST(Fragmentation, OfFragments) {
  TunnelRig narrow({.mtu = 600});
  Bytes whole = IpPacket(narrow.alice(false), Ip("203.0.113.5"), 17, Counting(3000), {.id = 5});
  std::vector<Bytes> out;
  for (const Bytes& f : ReferenceFragment(whole, {1480, 2960}, 5)) {
    for (Bytes& piece : narrow.FromAlice(f)) out.push_back(std::move(piece));
  }
  EXPECT_GT(out.size(), 4u);
  EXPECT_EQ(ReferenceReassemble(out, 600), OneHopLess(whole));
}

struct Shape {
  const char* name;
  bool outside_v6, inside_v6, df, copy_df, ports, ah, encap;
  enum Fate { kCutInside, kCutOutside, kTold } fate;
  size_t size;  // of the inner packet
};
constexpr Shape kShapes[] = {
    {"DfIsTold", false, false, true, true, false, false, false, Shape::kTold, 1500},
    {"ClearIsCutThenSealed", false, false, false, true, false, false, false, Shape::kCutInside, 1500},
    {"ClearIsCutThenSealedOverV6", true, false, false, true, false, false, false, Shape::kCutInside, 1500},
    {"ClearIsCutThenSealedInUdp", false, false, false, true, false, false, true, Shape::kCutInside, 1500},
    {"ClearIsCutThenSealedByAh", false, false, false, true, false, true, false, Shape::kCutInside, 1500},
    {"PortsAreSealedThenCut", false, false, false, true, true, false, false, Shape::kCutOutside, 1500},
    {"PortsWithDfAreTold", false, false, true, true, true, false, false, Shape::kTold, 1500},
    {"NoCopyIsSealedThenCut", false, false, true, false, false, false, false, Shape::kCutOutside, 1500},
    {"NoCopyIsSealedThenCutOverV6", true, false, true, false, false, false, false, Shape::kCutOutside, 1500},
    {"NoCopyIsSealedThenCutByAh", false, false, true, false, false, true, false, Shape::kCutOutside, 1500},
    {"NoCopyIsSealedThenCutByAhOverV6", true, false, true, false, false, true, false, Shape::kCutOutside, 1500},
    {"NoCopyIsSealedThenCutInUdpOverV6", true, false, true, false, false, false, true, Shape::kCutOutside, 1500},
    {"V6IsTold", false, true, false, true, false, false, false, Shape::kTold, 1500},
    {"V6NoCopyIsSealedThenCut", false, true, false, false, false, false, false, Shape::kCutOutside, 1500},
};

class TunnelTooLong : public ::testing::TestWithParam<Shape> {};
INSTANTIATE_TEST_SUITE_P(Shapes, TunnelTooLong, ::testing::ValuesIn(kShapes), [](const auto& i) { return i.param.name; });

// Every length around the one that just fits.
TEST_P(TunnelTooLong, GoesAsItMay) {
  const Shape& s = GetParam();
  constexpr size_t kMtu = 1500;
  TunnelRig t({.v6 = s.outside_v6, .mtu = kMtu});
  t.sa().copy_df = s.copy_df;
  t.sa().encap = s.encap;
  if (s.ah) {
    t.sa().protocol = 51;
    t.sa().suite = {EncrId::kNone, 0, IntegId::kHmacSha256_128, true};
  }
  if (s.ports) {
    for (TrafficSelector& ts : t.sa().remote) ts.protocol = 17, ts.port_first = ts.port_last = 2;
  }
  t.Install();
  size_t head = s.inside_v6 ? 48 : 28;
  bool seen_whole = false, seen_long = false;
  for (size_t size = s.size - 120; size <= s.size; size += 3) {
    Bytes inner = IpPacket(t.alice(s.inside_v6), t.bob(s.inside_v6), 17,
                           UdpDatagram(t.alice(s.inside_v6), t.bob(s.inside_v6), {1, 2}, Counting(size - head)),
                           {.id = static_cast<uint16_t>(size), .df = s.df});
    auto out = t.FromAlice(inner);
    if (out.size() == 1 && s.fate != Shape::kTold) {
      EXPECT_EQ(t.Open(out[0]).inner, OneHopLess(inner));
      seen_whole = true;
      continue;
    }
    if (s.fate == Shape::kTold) {
      auto errors = t.BackToAlice();
      ASSERT_EQ(out.size() + errors.size(), 1u);
      if (out.size() == 1) {
        seen_whole = true;
        continue;
      }
      seen_long = true;
      size_t at = s.inside_v6 ? 40 : 20, fits = static_cast<size_t>(errors[0][at + 6] << 8 | errors[0][at + 7]);
      EXPECT_LT(fits, size);
      EXPECT_GE(fits, kMtu - 120);
      continue;
    }
    seen_long = true;
    ASSERT_EQ(out.size(), 2u) << size;
    if (s.fate == Shape::kCutOutside) {
      EXPECT_EQ(t.Open(ReferenceReassemble(out, kMtu)).inner, OneHopLess(inner));
      continue;
    }
    std::vector<Bytes> pieces;
    for (const Bytes& sealed : out) {
      EXPECT_LE(sealed.size(), kMtu);
      pieces.push_back(t.Open(sealed).inner);
    }
    EXPECT_EQ(ReferenceReassemble(pieces, kMtu), OneHopLess(inner));
  }
  EXPECT_TRUE(seen_whole);
  EXPECT_TRUE(seen_long);
  EXPECT_TRUE(t.rig().Balanced());
}

// A burst of nothing but packets to be cut, and nothing left behind when there are no buffers for the pieces.
TEST(Fragmentation, OfWholeBursts) {
  TunnelRig t({.mtu = 1500});
  t.Install();
  unsigned before = t.rig().buffers_in_use();
  Bytes inner = IpPacket(t.alice(false), t.bob(false), 17, Counting(1480), {.id = 1});
  for (int i = 0; i < 64; ++i) t.rig().Feed(kLan, Ethernet(t.rig().port(kLan).mac, Mac(2), 0x0800, inner));
  t.rig().Run();
  EXPECT_EQ(t.rig().Sent(kWan).size(), 128u);
  EXPECT_EQ(t.rig().buffers_in_use(), before);

  std::vector<rte_mbuf*> taken;
  while (t.rig().buffers_in_use() + 2 < t.rig().pool()->size) taken.push_back(rte_pktmbuf_alloc(t.rig().pool()));
  for (int i = 0; i < 2; ++i) t.rig().Feed(kLan, Ethernet(t.rig().port(kLan).mac, Mac(2), 0x0800, inner));
  t.rig().Run();
  EXPECT_EQ(t.rig().drops(Drop::kNoMbuf), 2u);
  for (rte_mbuf* m : taken) rte_pktmbuf_free(m);
  EXPECT_EQ(t.rig().buffers_in_use(), before);
  EXPECT_TRUE(t.rig().Balanced());
}

}  // namespace
}  // namespace culvert::testing
