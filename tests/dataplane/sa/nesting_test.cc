#include <map>

#include "dataplane/stage/classify.h"
#include "tests/dataplane/sa/manual_sa_fixture.h"

// ESP and AH on one packet: ESP inside, AH in transport mode around it.
namespace culvert::test {
namespace {

using channel::Direction;
using channel::Mode;
using channel::Status;

constexpr uint16_t kMtu = 1400;

class NestingTest : public ManualSaTest {
 protected:
  NestingTest() : ManualSaTest(1, kMtu) {}

  void Between(SaSpec& s, bool v6) {
    if (!v6) return;
    s.gateway.address = *IpAddress::Parse("2001:db8::1");
    s.peer.address = *IpAddress::Parse("2001:db8:5::9");
    if (!s.transport()) return;
    s.local = {{{s.gateway.address, s.gateway.address}}};
    s.remote = {{{s.peer.address, s.peer.address}}};
  }
  SaSpec MakeCarrier(Spi spi, bool v6, IntegId integ = IntegId::kHmacSha256_128, unsigned site = 9) {
    SaSpec ah = Make(spi, site, 51, Mode::kTransport);
    ah.suite.integ = integ;
    rig_.MakeKeys(ah);
    Between(ah, v6);
    for (SelectorList* side : {&ah.local, &ah.remote}) side->front().protocol = 50;
    return ah;
  }
  Status InstallNamed(const SaSpec& s, Direction d, const char* name, const char* over, bool carrier) {
    dp::WorkerDatabase::ManualSa manual{.sa = s.Install(d), .local = s.local, .remote = s.remote, .worker = {}, .over = over,
                                        .carrier = carrier};
    channel::SetName(manual.sa.child, name);
    return Install(manual);
  }
  void InstallBundle(const SaSpec& esp, const SaSpec& ah, const char* name) {
    for (Direction d : {Direction::kInbound, Direction::kOutbound}) {
      ASSERT_EQ(InstallNamed(ah, d, name, "", true), Status::kOk);
      ASSERT_EQ(InstallNamed(esp, d, "esp", name, false), Status::kOk);
    }
  }
  Bytes BothAround(const SaSpec& esp, const SaSpec& ah, uint64_t sequence) {
    return Sealed(ah, sequence, Sealed(esp, sequence));
  }
};

TEST_F(NestingTest, SealsEspAndThenAhAndOpensInOnePass) {
  unsigned site = 20;
  for (bool v6 : {false, true}) {
    for (Mode mode : {Mode::kTunnel, Mode::kTransport}) {
      for (IntegId integ : {IntegId::kHmacSha512_256, IntegId::kAesXcbc96, IntegId::kAesGmac256}) {
        SCOPED_TRACE(std::string(v6 ? "IPv6 " : "IPv4 ") + (mode == Mode::kTunnel ? "tunnel " : "transport ") + Name(integ));
        ++site;
        SaSpec esp = Make(0x1000 + site, site, 50, mode), ah = MakeCarrier(0x2000 + site, false, integ, site);
        Between(esp, v6);
        Between(ah, v6);
        ah.local = {{{ah.gateway.address, ah.gateway.address}, 50}};
        if (v6) {
          esp.peer.address.octets[15] = ah.peer.address.octets[15] = static_cast<uint8_t>(site);
          if (esp.transport()) esp.remote = {{{esp.peer.address, esp.peer.address}}};
        }
        ah.remote = {{{ah.peer.address, ah.peer.address}, 50}};
        ASSERT_NO_FATAL_FAILURE(InstallBundle(esp, ah, std::to_string(site).c_str()));
        for (uint64_t i = 1; i <= 3; ++i) {
          ReferenceOpened outside = ReferenceOpenAny(ah.Outbound(), Send(esp), 0);
          ASSERT_EQ(outside.error, "");
          EXPECT_EQ(outside.next_header, 50);
          EXPECT_EQ(outside.sequence, i);
          ReferenceOpened inside = ReferenceOpenAny(esp.Outbound(), outside.inner, 0);
          ASSERT_EQ(inside.error, "");
          EXPECT_EQ(inside.inner, PacketOf(esp, true));
        }
        EXPECT_EQ(Receive({BothAround(esp, ah, 1), BothAround(esp, ah, 3), BothAround(esp, ah, 2)}), 3);
      }
    }
  }
  EXPECT_EQ(rig_.AllDrops(), 0u);
}

// Beside others, in one burst.
TEST_F(NestingTest, LeavesOthersAsTheyAre) {
  SaSpec esp = Make(0x1000, 20), ah = MakeCarrier(0x2000, false, IntegId::kHmacSha256_128, 20), plain = Make(0x3000, 21),
         alone = Make(0x4000, 22, 51);
  InstallBundle(esp, ah, "ah");
  InstallBoth(plain);
  InstallBoth(alone);
  std::vector<Bytes> burst;
  for (uint64_t i = 1; i <= 8; ++i) {
    for (const SaSpec* s : {&plain, &alone}) burst.push_back(Sealed(*s, i));
    burst.push_back(BothAround(esp, ah, i));
  }
  EXPECT_EQ(Receive(burst), burst.size());
  dp::Burst in, forward, seal, sealed;
  const SaSpec* order[] = {&esp, &plain, &alone, &esp, &alone, &plain, &esp};
  for (const SaSpec* s : order) in.Add(rig_.MakePacket(PacketOf(*s, true)));
  rig_.worker().ApplyPolicy(rig_.context(), in, forward, seal);
  rig_.worker().Seal(rig_.context(), seal, sealed);
  ASSERT_EQ(sealed.n, std::size(order));
  std::map<Spi, int> seen;
  for (uint16_t i = 0; i < sealed.n; ++i) {
    Bytes outer = EspRig::Contents(*sealed.p[i]);
    for (const SaSpec* s : {&ah, &plain, &alone}) seen[s->spi] += ReferenceOpenAny(s->Outbound(), outer, 0).error.empty();
  }
  EXPECT_EQ(seen, (std::map<Spi, int>{{ah.spi, 3}, {plain.spi, 2}, {alone.spi, 2}}));
  rig_.Free(sealed);
  EXPECT_EQ(rig_.AllDrops(), 0u);
}

TEST_F(NestingTest, OpensNothingOtherwise) {
  SaSpec esp = Make(0x1000, 20), ah = MakeCarrier(0x2000, false, IntegId::kHmacSha256_128, 20), plain = Make(0x3000, 20),
         other_esp = Make(0x4000, 20), other_ah = MakeCarrier(0x5000, false, IntegId::kHmacSha256_128, 20),
         unknown = Make(0x6000, 20);
  plain.remote = {{*IpRange::Parse("10.21.0.0/16")}};
  other_esp.remote = {{*IpRange::Parse("10.22.0.0/16")}};
  InstallBundle(esp, ah, "ah");
  InstallBundle(other_esp, other_ah, "other");
  InstallBoth(plain);
  uint64_t n = 0;
  auto spoilt = [](Bytes packet, size_t from_end) {
    packet[packet.size() - from_end] ^= 1;
    return packet;
  };
  const Bytes good = BothAround(esp, ah, ++n);
  ASSERT_EQ(Receive({good}), 1);
  const struct {
    const char* what;
    Bytes packet;
    Drop why;
  } kCases[] = {
      {"no AH", Sealed(esp, ++n), Drop::kNesting},
      {"another's AH", Sealed(other_ah, ++n, Sealed(esp, n)), Drop::kNesting},
      {"an SA that has none", Sealed(ah, ++n, Sealed(plain, n)), Drop::kNesting},
      {"nobody's SPI", Sealed(ah, ++n, Sealed(unknown, n)), Drop::kUnknownSpi},
      {"AH in AH", Sealed(ah, ++n, Sealed(other_ah, n, Sealed(esp, n))), Drop::kInnerMismatch},
      {"no ESP", Sealed(ah, ++n, MakeUdp(ah.peer.address, ah.gateway.address, 1, 2, 60)), Drop::kInnerMismatch},
      {"spoilt outside", spoilt(BothAround(esp, ah, ++n), 1), Drop::kBadIcv},
      {"spoilt inside", Sealed(ah, ++n, spoilt(Sealed(esp, n), 1)), Drop::kBadIcv},
      {"again", good, Drop::kReplayed},
      {"again inside", Sealed(ah, ++n, Sealed(esp, 1)), Drop::kReplayed},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(Receive({c.packet}), 0) << c.what;
    EXPECT_EQ(rig_.Drops(c.why), 1u) << c.what << ": " << Name(c.why);
  }
  EXPECT_EQ(rig_.AllDrops(), std::size(kCases));
}

// What comes out of ESP and is IPsec again has been deep enough.
TEST_F(NestingTest, GoesNoDeeper) {
  SaSpec esp = Make(0x1000, 20, 50, Mode::kTransport), ah = MakeCarrier(0x2000, false, IntegId::kHmacSha256_128, 20),
         inner = Make(0x3000, 20);
  InstallBundle(esp, ah, "ah");
  InstallBoth(inner);
  dp::Burst ipsec, opened, plain;
  ipsec.Add(rig_.MakePacket(Sealed(ah, 1, Sealed(esp, 1, Sealed(inner, 1)))));
  rig_.worker().Open(rig_.context(), ipsec, opened);
  ASSERT_EQ(opened.n, 1);
  dp::ClassifyOpened(rig_.context(), opened, plain);
  EXPECT_EQ(plain.n, 0);
  EXPECT_EQ(rig_.Drops(Drop::kNesting), 1u);
}

// RFC 4301 8.2.1: both headers count.
TEST_F(NestingTest, SaysWhichLengthFits) {
  for (Mode mode : {Mode::kTunnel, Mode::kTransport}) {
    unsigned site = mode == Mode::kTunnel ? 20 : 21;
    SaSpec esp = Make(0x1000 + site, site, 50, mode), ah = MakeCarrier(0x2000 + site, false, IntegId::kHmacSha256_128, site);
    InstallBundle(esp, ah, mode == Mode::kTunnel ? "a" : "b");
    ASSERT_TRUE(Send(esp, kMtu).empty());
    EXPECT_EQ(rig_.Drops(Drop::kTooBig), 1u);
    dp::Burst& made = rig_.context().originated;
    ASSERT_EQ(made.n, 1);
    Bytes icmp = EspRig::Contents(*made.p[0]);
    rig_.Free(made);
    size_t fits = static_cast<size_t>(icmp[26] << 8 | icmp[27]);
    Bytes sealed = Send(esp, fits);
    EXPECT_FALSE(sealed.empty());
    EXPECT_LE(sealed.size(), kMtu);
    EXPECT_GT(sealed.size() + 16, kMtu) << "no block more would fit";
    EXPECT_TRUE(Send(esp, fits + 1).empty());
    rig_.Free(made);
    EXPECT_EQ(rig_.Drops(Drop::kTooBig), 1u);
  }
}

TEST_F(NestingTest, OverNothingButAhBetweenTheSameEnds) {
  SaSpec esp = Make(0x1000, 20), ah = MakeCarrier(0x2000, false, IntegId::kHmacSha256_128, 20),
         elsewhere = MakeCarrier(0x3000, false, IntegId::kHmacSha256_128, 21), tunnel = Make(0x4000, 20, 51);
  for (Direction d : {Direction::kInbound, Direction::kOutbound}) {
    EXPECT_EQ(InstallNamed(esp, d, "esp", "ah", false), Status::kMalformed) << "not there yet";
    ASSERT_EQ(InstallNamed(ah, d, "ah", "", true), Status::kOk);
    ASSERT_EQ(InstallNamed(elsewhere, d, "elsewhere", "", true), Status::kOk);
    ASSERT_EQ(InstallNamed(tunnel, d, "tunnel", "", false), Status::kOk);
    EXPECT_EQ(InstallNamed(esp, d, "esp", "elsewhere", false), Status::kMalformed);
    EXPECT_EQ(InstallNamed(esp, d, "esp", "tunnel", false), Status::kMalformed);
    EXPECT_EQ(InstallNamed(esp, d, "esp", "ah", false), Status::kOk);
  }
}

}  // namespace
}  // namespace culvert::test
