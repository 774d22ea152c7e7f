#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "common/bytes/writer.h"
#include "tests/support/tunnel_rig.h"

// Errors of routers about the outer path, and who may send them; what is told inside; TCP's segment size.
namespace culvert::testing {
namespace {

constexpr uint16_t kWan = GatewayRig::kWan, kLan = GatewayRig::kLan;

class PathMtu : public ::testing::TestWithParam<TunnelKind> {
 protected:
  PathMtu() : t({.v6 = GetParam().v6}) {
    t.Install(GetParam());
  }
  bool v6() const { return GetParam().v6; }
  Bytes Inner(size_t size, bool df = true) const {
    return IpPacket(t.alice(false), t.bob(false), 17, Bytes(size - 20, 5), {.id = 3, .df = df});
  }
  // What a router on the way says of a packet of ours.
  Bytes TooBig(ByteView about, uint32_t mtu, size_t quote = 120) const {
    Writer w;
    w.U8(v6() ? 2 : 3);
    w.U8(v6() ? 0 : 4);
    w.U16(0);
    w.U32(mtu);
    w.Put(about.first(std::min(quote, about.size())));
    IpAddress router = Ip(v6() ? "2001:db8:77::1" : "203.0.113.1");
    const IpAddress& own = t.sa().gateway.address;
    w.PatchU16(2, v6() ? PseudoChecksum(router, own, 58, w.view()) : Checksum(w.view()));
    return IpPacket(router, own, v6() ? 58 : 1, w.view());
  }
  void Say(ByteView error) {
    t.FromPeer(error);
    t.Settle();
  }
  // The longest inner packet that goes out now, by what is told of one that does not.
  size_t Fits() {
    auto out = t.FromAlice(Inner(1500));
    EXPECT_TRUE(out.empty());
    auto told = t.BackToAlice();
    EXPECT_EQ(told.size(), 1u);
    return told.empty() ? 0 : static_cast<size_t>(told[0][26] << 8 | told[0][27]);
  }
  Bytes Sealed(size_t size = 1000) {
    auto out = t.FromAlice(Inner(size));
    EXPECT_EQ(out.size(), 1u);
    return out.empty() ? Bytes(200, 0) : out[0];
  }

  mutable TunnelRig t;
};
INSTANTIATE_TEST_SUITE_P(Kinds, PathMtu, ::testing::ValuesIn(kTunnelKinds), [](const auto& i) { return i.param.name; });

TEST_P(PathMtu, IsLearnedAndTold) {
  size_t before = Fits();
  uint64_t consumed = t.rig().balance().consumed;
  Say(TooBig(Sealed(), 1400));
  EXPECT_EQ(t.rig().balance().consumed, consumed + 1);
  size_t after = Fits();
  EXPECT_GE(before - after, 96u);
  EXPECT_LE(before - after, 104u);
  auto fits = t.FromAlice(Inner(after));
  ASSERT_EQ(fits.size(), 1u);
  EXPECT_LE(fits[0].size(), 1400u);
  EXPECT_TRUE(t.FromAlice(Inner(after + 1)).empty());
  // What may be cut is, and each piece fits.
  auto pieces = t.FromAlice(Inner(1480, false));
  EXPECT_EQ(pieces.size(), 2u);
  for (const Bytes& p : pieces) EXPECT_LE(p.size(), 1400u);
  // Lower again, never higher.
  Say(TooBig(Sealed(), 1340));
  EXPECT_LT(Fits(), after);
  after = Fits();
  Say(TooBig(Sealed(), 1480));
  EXPECT_EQ(Fits(), after);
  EXPECT_TRUE(t.rig().Balanced());
}

// D21: 576 and 1,280 are the floors; an IPv6 path that says it is narrower is not believed at all (RFC 8201 4).
TEST_P(PathMtu, NeverFallsBelowTheLeastLink) {
  size_t before = Fits();
  Say(TooBig(Sealed(), v6() ? 1279 : 68));
  size_t after = Fits();
  if (v6()) {
    EXPECT_EQ(after, before);
    return;
  }
  EXPECT_GE(after, 470u);
  EXPECT_LT(after, 576u);
  auto out = t.FromAlice(Inner(after));
  ASSERT_EQ(out.size(), 1u);
  EXPECT_LE(out[0].size(), 576u);
}

// RFC 1191 7.1: routers of old say nothing of what fits.
TEST_P(PathMtu, IsGuessedWhereTheRouterDoesNotSay) {
  if (v6()) return;
  size_t before = Fits();
  Bytes sealed = Sealed(1300);
  Say(TooBig(sealed, 0));
  EXPECT_LE(Fits() + 300, before);  // the plateau below is 1,006
}

// Only who has seen a packet of ours lately is believed.
TEST_P(PathMtu, IsNotLearnedFromStrangers) {
  size_t before = Fits();
  Bytes sealed = Sealed();
  size_t ip = v6() ? 40 : 20, spi = ip + (GetParam().encap ? 8 : 0) + (GetParam().ah ? 4 : 0);
  auto mend = [&](Bytes b) {
    if (v6()) return b;
    b[10] = b[11] = 0;
    return b;
  };
  struct {
    const char* what;
    size_t at;
    uint8_t flip;
  } kLies[] = {{"SPI", spi + 1, 1},      {"a number not yet used", spi + 7, 0x80},       {"an old number", spi + 5, 0x10},
               {"our address", v6() ? size_t{20} : size_t{14}, 1}, {"the peer's", v6() ? size_t{30} : size_t{18}, 1},
               {"protocol", v6() ? size_t{6} : size_t{9}, 0x20}, {"version", 0, 0x10}};
  for (const auto& lie : kLies) {
    Bytes quote = sealed;
    quote[lie.at] ^= lie.flip;
    Say(TooBig(mend(quote), 1400));
    EXPECT_EQ(Fits(), before) << lie.what;
  }
  if (!v6()) {
    Bytes later = sealed;
    later[7] = 9;  // not its first fragment
    Say(TooBig(later, 1400));
    EXPECT_EQ(Fits(), before);
  }
  Bytes damaged = TooBig(sealed, 1400);
  damaged[ip + 7] ^= 1;
  Say(damaged);
  EXPECT_EQ(Fits(), before) << "checksum";
  for (size_t quote : {size_t{8}, ip - 1, ip, spi + 4, spi + 7}) {
    Say(TooBig(sealed, 1400, quote));
    EXPECT_EQ(Fits(), before) << "quotes " << quote;
  }
  Say(TooBig(sealed, 1400, spi + 8));
  EXPECT_LT(Fits(), before) << "quotes enough";
  EXPECT_TRUE(t.rig().Balanced());
}

TEST_P(PathMtu, IsTheLinksAgainAfterAWhile) {
  t.ipsec().database().set_path_age(std::chrono::milliseconds(150));
  size_t before = Fits();
  Say(TooBig(Sealed(), 1400));
  EXPECT_LT(Fits(), before);
  std::this_thread::sleep_for(std::chrono::milliseconds(160));
  t.Settle();
  EXPECT_EQ(Fits(), before);
}

// A rekeyed SA goes the same way as the one before it.
TEST_P(PathMtu, IsInheritedByTheNextSa) {
  size_t before = Fits();
  Say(TooBig(Sealed(), 1400));
  size_t after = Fits();
  ASSERT_LT(after, before);
  test::SaSpec next = t.sa();
  next.spi = MakeSpi(1, 6, 9);
  next.sa_index = SaIndex(next.spi);
  next.preference = 5;
  t.Install(next, channel::Direction::kInbound);
  t.Install(next, channel::Direction::kOutbound);
  t.Remove(t.sa(), channel::Direction::kOutbound);
  EXPECT_EQ(Fits(), after);
}

TEST_P(PathMtu, CostsLittleHoweverManyErrorsCome) {
  Bytes error = TooBig(Sealed(), 1400);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 1000; ++i) {
    t.rig().Feed(kWan, Ethernet(t.rig().port(kWan).mac, Mac(9), v6() ? 0x86dd : 0x0800, error));
    if (i % 100 == 99) t.rig().Run();
  }
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_GE(static_cast<double>(t.rig().drops(Drop::kIcmpIgnored)), 890 - 100 * seconds);
  EXPECT_TRUE(t.rig().Balanced());
}

// RFC 8200 5: 1,280 octets of IPv6 pass whatever the tunnel takes; longer ones are told.
TEST_P(PathMtu, CarriesTheLeastPacketOfV6) {
  Say(TooBig(Sealed(), 1300));
  auto packet = [&](size_t size) { return IpPacket(t.alice(true), t.bob(true), 17, Bytes(size - 40, 9)); };
  auto out = t.FromAlice(packet(1280));
  ASSERT_EQ(out.size(), 2u);
  auto o = t.Open(ReferenceReassemble(out, 1300));
  Bytes wanted = packet(1280);
  --wanted[7];
  EXPECT_EQ(o.inner, wanted);
  EXPECT_TRUE(t.FromAlice(packet(1281)).empty());
  auto told = t.BackToAlice();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0][46] << 8 | told[0][47], 1280);
}

// ---- the maximum segment size of TCP ----

struct Syn {
  uint8_t flags = 2;
  Bytes options;
};

Bytes Tcp(const IpAddress& from, const IpAddress& to, const Syn& s) {
  Writer w;
  w.U16(1000);
  w.U16(80);
  w.U32(1);
  w.U32(0);
  w.U8(static_cast<uint8_t>((20 + s.options.size()) / 4 << 4));
  w.U8(s.flags);
  w.U16(65535);
  w.U16(0);
  w.U16(0);
  w.Put(s.options);
  w.PatchU16(16, PseudoChecksum(from, to, 6, w.view()));
  return IpPacket(from, to, 6, w.view());
}

// The value of the option that begins at `at` of the TCP header; its checksum has to be right.
int MssAt(const Bytes& ip, size_t at) {
  bool v6 = ip[0] >> 4 == 6;
  size_t tcp = v6 ? 40 : 20;
  IpAddress from = *IpAddress::FromBytes(ByteView(ip).subspan(v6 ? 8 : 12, v6 ? 16 : 4)),
            to = *IpAddress::FromBytes(ByteView(ip).subspan(v6 ? 24 : 16, v6 ? 16 : 4));
  EXPECT_EQ(PseudoChecksum(from, to, 6, ByteView(ip).subspan(tcp)), 0);
  return ip[tcp + at + 2] << 8 | ip[tcp + at + 3];
}

struct Clamp {
  const char* name;
  uint16_t mss;
  int v4, v6;  // what 1,460 and 1,440 become at most
};

TEST(Mss, IsClampedInBothDirections) {
  for (bool outside_v6 : {false, true}) {
    // AES-GCM over IPv4: 20 + 8 + 8 + 16 around, two octets of trailer, in steps of four.
    const int inner = outside_v6 ? 1500 - 40 - 32 - 2 : 1500 - 20 - 32 - 2;
    const Clamp kClamps[] = {{"no", 0, 1460, 1440},
                             {"auto", dp::EspWorker::kMssAuto, inner - 40, inner - 60},
                             {"1200", 1200, 1200, 1200},
                             {"9000", 9000, 1460, 1440}};
    for (const Clamp& c : kClamps) {
      SCOPED_TRACE(c.name);
      TunnelRig t({.v6 = outside_v6, .esp = {.mss = c.mss}});
      t.Install();
      for (bool v6 : {false, true}) {
        int offered = v6 ? 1440 : 1460, wanted = v6 ? c.v6 : c.v4;
        for (uint8_t flags : {uint8_t{2}, uint8_t{0x12}}) {
          // At an even and at an odd place, behind other options.
          for (size_t before : {0u, 1u, 2u, 3u}) {
            Bytes options(before, 1);
            Append(options, Bytes{2, 4, static_cast<uint8_t>(offered >> 8), static_cast<uint8_t>(offered)});
            options.resize(8, 0);
            auto out = t.FromAlice(Tcp(t.alice(v6), t.bob(v6), {flags, options}));
            ASSERT_EQ(out.size(), 1u);
            EXPECT_LE(MssAt(t.Open(out[0]).inner, 20 + before), wanted);
            EXPECT_GT(MssAt(t.Open(out[0]).inner, 20 + before), wanted - 4);
            auto in = t.FromPeer(t.Seal(Tcp(t.bob(v6), t.alice(v6), {flags, options})));
            ASSERT_EQ(in.size(), 1u);
            EXPECT_LE(MssAt(in[0], 20 + before), wanted);
            EXPECT_GT(MssAt(in[0], 20 + before), wanted - 4);
          }
        }
      }
    }
  }
}

TEST(Mss, LeavesAllElseAlone) {
  TunnelRig t({.esp = {.mss = 500}});
  t.Install();
  auto same = [&](const Bytes& ip) {
    auto out = t.FromAlice(ip);
    EXPECT_EQ(out.size(), 1u);
    if (out.size() != 1) return false;
    Bytes inner = t.Open(out[0]).inner;
    return std::equal(inner.begin() + 20, inner.end(), ip.begin() + 20, ip.end());
  };
  auto tcp = [&](const Syn& s) { return Tcp(t.alice(false), t.bob(false), s); };
  EXPECT_TRUE(same(tcp({.flags = 0x10, .options = {2, 4, 5, 0xb4}}))) << "no SYN";
  EXPECT_TRUE(same(tcp({.options = {2, 4, 1, 0xf4}}))) << "500 already";
  EXPECT_TRUE(same(tcp({.options = {2, 4, 0, 99}}))) << "less already";
  EXPECT_TRUE(same(tcp({}))) << "no option";
  EXPECT_TRUE(same(tcp({.options = {0, 2, 4, 5}}))) << "behind the end";
  EXPECT_TRUE(same(tcp({.options = {3, 0, 2, 4}}))) << "an option without length";
  EXPECT_TRUE(same(tcp({.options = {1, 3, 9, 9}}))) << "an option beyond the header";
  EXPECT_TRUE(same(tcp({.options = {1, 1, 1, 2}}))) << "half an option";
  EXPECT_TRUE(same(tcp({.options = {2, 3, 9, 0}}))) << "of another length";
  Bytes cut = tcp({.options = {2, 4, 5, 0xb4}});
  cut[32] = 0xf0;  // a header longer than the packet
  EXPECT_TRUE(same(cut));
  Bytes udp = tcp({.options = {2, 4, 5, 0xb4}});
  udp[9] = 17;
  udp[10] = udp[11] = 0;
  uint16_t sum = test::InternetChecksum(ByteView(udp).first(20));
  udp[10] = static_cast<uint8_t>(sum >> 8);
  udp[11] = static_cast<uint8_t>(sum);
  EXPECT_TRUE(same(udp));
  EXPECT_FALSE(same(tcp({.options = {2, 4, 5, 0xb4}})));
}

}  // namespace
}  // namespace culvert::testing
