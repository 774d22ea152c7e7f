// The gateway as a router, from port to port: what each kind of packet becomes, that it is counted once, and that nothing
// leaks. IPsec has its own tests.
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "common/bytes/hex.h"
#include "dataplane/stage/reassemble.h"
#include "tests/support/gateway_rig.h"

namespace culvert::dp {
namespace {

using testing::EchoRequest;
using testing::Ethernet;
using testing::GatewayRig;
using testing::Ip;
using testing::IpOptions;
using testing::IpPacket;
using testing::Mac;
using testing::MacText;
using testing::Read;
using testing::Seen;
using testing::UdpDatagram;

constexpr uint16_t kWan = GatewayRig::kWan, kLan = GatewayRig::kLan;
const rte_ether_addr kAlice = Mac(2), kUpstream = Mac(9);

class Router : public ::testing::TestWithParam<bool> {
 protected:
  Router() {
    rig.AddNeighbour(kLan, Ip("10.1.0.2"), kAlice);
    rig.AddNeighbour(kLan, Ip("fd01::2"), kAlice);
    rig.AddNeighbour(kWan, Ip("192.0.2.254"), kUpstream);
    rig.AddNeighbour(kWan, Ip("2001:db8::fe"), kUpstream);
    EXPECT_EQ(rig.all_drops(), 0u);
  }
  ~Router() override {
    EXPECT_TRUE(rig.Balanced());
    EXPECT_EQ(rig.buffers_in_use(), rig.balance().held);
  }
  bool v6() const { return GetParam(); }
  IpAddress alice() const { return Ip(v6() ? "fd01::2" : "10.1.0.2"); }
  IpAddress far() const { return Ip(v6() ? "2620::5" : "198.51.100.5"); }
  IpAddress lan() const { return Ip(v6() ? "fd01::1" : "10.1.0.1"); }
  uint8_t icmp() const { return v6() ? 58 : 1; }
  Bytes FromAlice(const IpAddress& to, uint8_t protocol, ByteView payload, const IpOptions& o = {}) {
    return IpPacket(alice(), to, protocol, payload, o);
  }
  // The one ICMP error that came back to alice.
  Seen Error() {
    auto frames = rig.Sent(kLan);
    EXPECT_EQ(frames.size(), 1u);
    if (frames.empty()) return {};
    Seen s = Read(frames[0]);
    EXPECT_EQ(s.protocol, icmp());
    EXPECT_EQ(s.destination, alice());
    EXPECT_EQ(s.source, lan());
    EXPECT_EQ(v6() ? testing::PseudoChecksum(s.source, s.destination, 58, s.payload) : testing::Checksum(s.payload), 0);
    return s;
  }

  GatewayRig rig;
};
INSTANTIATE_TEST_SUITE_P(Families, Router, ::testing::Bool(), [](const auto& i) { return i.param ? "V6" : "V4"; });

TEST_P(Router, ForwardsWithOneHopLessAndNewMacs) {
  Bytes payload = UdpDatagram(alice(), far(), {1000, 2000}, Bytes(100, 7));
  rig.SendIp(kLan, kAlice, FromAlice(far(), 17, payload, {.ttl = 9, .df = true}));
  auto frames = rig.Sent(kWan);
  ASSERT_EQ(frames.size(), 1u);
  Seen s = Read(frames[0]);
  EXPECT_EQ(s.to, MacText(kUpstream));
  EXPECT_EQ(s.from, MacText(rig.port(kWan).mac));
  EXPECT_EQ(s.ttl, 8);
  EXPECT_EQ(s.source, alice());
  EXPECT_EQ(s.destination, far());
  EXPECT_EQ(s.payload, payload);
  EXPECT_EQ(rig.all_drops(), 0u);
  EXPECT_TRUE(rig.Sent(kLan).empty());
}

TEST_P(Router, LowersTheTtlSoThatTheChecksumStaysRight) {
  // Every value of the checksum's high octet: the carry of RFC 1141 included. Read() verifies it.
  for (unsigned id = 0; id < 0x200; ++id) {
    for (uint8_t ttl : std::initializer_list<uint8_t>{2, 64, 255}) {
      rig.SendIp(kLan, kAlice, FromAlice(far(), 17, Bytes(8, 0), {.ttl = ttl, .id = static_cast<uint16_t>(id * 0x81)}));
      auto frames = rig.Sent(kWan);
      ASSERT_EQ(frames.size(), 1u);
      ASSERT_EQ(Read(frames[0]).ttl, ttl - 1);
    }
  }
}

TEST_P(Router, AnswersEchoToOwnAddresses) {
  for (const char* own : {v6() ? "fd01::1" : "10.1.0.1", v6() ? "2001:db8::1" : "192.0.2.1"}) {
    Bytes payload(56, 0x5a);
    rig.SendIp(kLan, kAlice, FromAlice(Ip(own), icmp(), EchoRequest(alice(), Ip(own), payload)));
    auto frames = rig.Sent(kLan);
    ASSERT_EQ(frames.size(), 1u) << own;
    Seen s = Read(frames[0]);
    EXPECT_EQ(s.source, Ip(own));
    EXPECT_EQ(s.destination, alice());
    EXPECT_EQ(s.to, MacText(kAlice));
    EXPECT_EQ(s.ttl, 64);
    EXPECT_EQ(s.payload[0], v6() ? 129 : 0);
    EXPECT_EQ(v6() ? testing::PseudoChecksum(s.source, s.destination, 58, s.payload) : testing::Checksum(s.payload), 0);
    EXPECT_TRUE(Equal(ByteView(s.payload).subspan(8), payload));
  }
  EXPECT_EQ(rig.all_drops(), 0u);
}

TEST_P(Router, TellsWhenTheHopsRunOut) {
  for (uint8_t ttl : std::initializer_list<uint8_t>{0, 1}) {
    rig.SendIp(kLan, kAlice, FromAlice(far(), 17, Bytes(20, 1), {.ttl = ttl}));
    Seen s = Error();
    EXPECT_EQ(s.payload[0], v6() ? 3 : 11);
    EXPECT_EQ(s.payload[1], 0);
    // The quote starts with the offending header.
    EXPECT_EQ(s.payload[8] >> 4, v6() ? 6 : 4);
  }
  EXPECT_EQ(rig.drops(Drop::kTtlExpired), 2u);
}

TEST_P(Router, TellsTheMtuWhenAPacketIsTooBig) {
  GatewayRig small({.mtu = 1400});
  small.AddNeighbour(kLan, alice(), kAlice);
  small.SendIp(kLan, kAlice, FromAlice(far(), 17, Bytes(1400, 1), {.df = true}));
  auto frames = small.Sent(kLan);
  ASSERT_EQ(frames.size(), 1u);
  Seen s = Read(frames[0]);
  EXPECT_EQ(s.payload[0], v6() ? 2 : 3);
  EXPECT_EQ(s.payload[1], v6() ? 0 : 4);
  EXPECT_EQ(s.payload[6] << 8 | s.payload[7], 1400);
  EXPECT_LE(s.packet.size(), v6() ? 1280u : 576u);
  EXPECT_EQ(small.drops(Drop::kTooBig), 1u);
  small.SendIp(kLan, kAlice, FromAlice(far(), 17, Bytes(1360, 1), {.df = true}));
  EXPECT_EQ(small.drops(Drop::kTooBig), 1u);  // exactly the MTU, or below it
  if (!v6()) {
    small.SendIp(kLan, kAlice, FromAlice(far(), 17, Bytes(1400, 1)));
    EXPECT_EQ(small.balance().dropped, 1u);  // goes in fragments
  }
  EXPECT_TRUE(small.Balanced());
}

TEST_P(Router, AnswersAClosedPortButNothingThatMustNotBeAnswered) {
  Bytes udp = UdpDatagram(alice(), lan(), {1000, 9}, Bytes(8, 0));
  rig.SendIp(kLan, kAlice, FromAlice(lan(), 17, udp));
  Seen s = Error();
  EXPECT_EQ(s.payload[0], v6() ? 1 : 3);
  EXPECT_EQ(s.payload[1], v6() ? 4 : 3);
  // An ICMP error, a fragment but the first, a broadcast frame.
  Bytes error = s.payload;
  rig.SendIp(kLan, kAlice, FromAlice(far(), icmp(), error, {.ttl = 1}));
  rig.SendIp(kLan, kAlice, FromAlice(far(), 17, Bytes(16, 0), {.ttl = 1, .offset = 80}));
  rig.Send(kLan, Ethernet(testing::kBroadcastMac, kAlice, v6() ? 0x86dd : 0x0800, FromAlice(lan(), 17, udp)));
  EXPECT_TRUE(rig.Sent(kLan).empty());
}

TEST_P(Router, LimitsTheRateOfErrors) {
  for (int i = 0; i < 500; ++i) rig.SendIp(kLan, kAlice, FromAlice(far(), 17, Bytes(8, 0), {.ttl = 1}));
  size_t errors = rig.Sent(kLan).size();
  EXPECT_GE(errors, 50u);   // the bucket
  EXPECT_LT(errors, 400u);  // some refill while the test runs
  EXPECT_EQ(rig.drops(Drop::kTtlExpired), 500u);
}

TEST_P(Router, DropsByNameWhatItMayNotForward) {
  uint16_t type = v6() ? 0x86dd : 0x0800;
  Bytes packet = FromAlice(far(), 17, Bytes(8, 0)), tagged{0, 5, static_cast<uint8_t>(type >> 8), static_cast<uint8_t>(type)};
  Append(tagged, packet);
  struct {
    const char* what;
    Bytes frame;
    Drop why;
  } kCases[] = {
      {"another's MAC", Ethernet(Mac(77), kAlice, type, packet), Drop::kNotForUs},
      {"a broadcast frame", Ethernet(testing::kBroadcastMac, kAlice, type, packet), Drop::kNotForUs},
      {"a tag", Ethernet(rig.port(kLan).mac, kAlice, 0x8100, tagged), Drop::kVlan},
      {"LLDP", Ethernet(rig.port(kLan).mac, kAlice, 0x88cc, packet), Drop::kUnknownEthertype},
      {"the other family", Ethernet(rig.port(kLan).mac, kAlice, v6() ? 0x0800 : 0x86dd, packet), Drop::kBadHeader},
      {"a cut frame", Bytes(13, 0), Drop::kRunt},
      {"nothing in it", Ethernet(rig.port(kLan).mac, kAlice, type, {}), Drop::kRunt},
      {"our own address as source", Ethernet(rig.port(kLan).mac, kAlice, type, IpPacket(lan(), far(), 17, Bytes(8, 0))),
       Drop::kMartian},
      {"multicast", Ethernet(rig.port(kLan).mac, kAlice, type,
                             IpPacket(alice(), Ip(v6() ? "ff0e::1" : "239.1.1.1"), 17, Bytes(8, 0))),
       Drop::kNotForUs},
      {"TCP to us", Ethernet(rig.port(kLan).mac, kAlice, type, FromAlice(lan(), 6, Bytes(20, 0))), Drop::kUnconsumed},
      {"ESP without SAs", Ethernet(rig.port(kLan).mac, kAlice, type, FromAlice(lan(), 50, Bytes(64, 0))), Drop::kUnknownSpi},
      {"an ESP fragment", Ethernet(rig.port(kLan).mac, kAlice, type, FromAlice(lan(), 50, Bytes(64, 0), {.more = true})),
       Drop::kFragment},
      {"an echo reply", Ethernet(rig.port(kLan).mac, kAlice, type, FromAlice(lan(), icmp(), Bytes(8, v6() ? 129 : 0))),
       Drop::kIcmpIgnored},
  };
  for (const auto& c : kCases) {
    uint64_t before = rig.drops(c.why), all = rig.all_drops();
    rig.Send(kLan, c.frame);
    EXPECT_EQ(rig.drops(c.why), before + 1) << c.what;
    EXPECT_EQ(rig.all_drops(), all + 1) << c.what;
    EXPECT_TRUE(rig.Sent(kWan).empty()) << c.what;
  }
}

TEST_P(Router, SaysNoRouteWhereThereIsNone) {
  GatewayRig bare;
  bare.AddNeighbour(kLan, alice(), kAlice);
  auto& net = bare.gateway().network();
  for (const char* to : {"0.0.0.0/0", "::/0"}) {
    bool six = to[0] == ':';
    EXPECT_EQ(net.RemoveRoute({*IpPrefix::Parse(to), Ip(six ? "2001:db8::fe" : "192.0.2.254"), ""}, Network::Origin::kConfig),
              channel::Status::kOk);
  }
  bare.SendIp(kLan, kAlice, FromAlice(far(), 17, Bytes(8, 0)));
  auto frames = bare.Sent(kLan);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(Read(frames[0]).payload[0], v6() ? 1 : 3);
  EXPECT_EQ(bare.drops(Drop::kNoRoute), 1u);
  EXPECT_TRUE(bare.Balanced());
}

TEST_P(Router, HoldsPacketsUntilTheNeighbourAnswers) {
  IpAddress bob = Ip(v6() ? "2001:db8::42" : "192.0.2.42");
  for (int i = 0; i < 10; ++i) rig.SendIp(kLan, kAlice, FromAlice(bob, 17, Bytes(8, static_cast<uint8_t>(i))));
  EXPECT_EQ(rig.balance().held, kMaxHeldPackets);
  EXPECT_EQ(rig.drops(Drop::kNoNeighbour), 2u);
  auto asked = rig.Sent(kWan);
  ASSERT_EQ(asked.size(), 1u);  // one request, however many packets wait
  auto request = DecodeNeighbour(asked[0]);
  ASSERT_TRUE(request && request->request);
  EXPECT_EQ(request->target, bob);
  Asker us{rig.port(kWan).mac, request->sender};
  rig.Send(kWan, EncodeReply({Mac(42), bob}, &us));
  auto frames = rig.Sent(kWan);
  ASSERT_EQ(frames.size(), kMaxHeldPackets);
  for (size_t i = 0; i < frames.size(); ++i) {
    EXPECT_EQ(Read(frames[i]).to, MacText(Mac(42)));
    EXPECT_EQ(Read(frames[i]).payload[0], i) << "held packets keep their order";
  }
  EXPECT_EQ(rig.balance().held, 0u);
}

TEST_P(Router, TellsTheSenderWhenANeighbourDoesNotAnswer) {
  IpAddress bob = Ip(v6() ? "2001:db8::42" : "192.0.2.42");
  rig.SendIp(kLan, kAlice, FromAlice(bob, 17, Bytes(8, 0)));
  rig.Advance(std::chrono::seconds(3));
  Seen s = Error();
  EXPECT_EQ(s.payload[0], v6() ? 1 : 3);
  EXPECT_EQ(s.payload[1], v6() ? 3 : 1);
  EXPECT_EQ(rig.drops(Drop::kNoNeighbour), 1u);
  EXPECT_EQ(rig.balance().held, 0u);
  EXPECT_EQ(rig.Sent(kWan).size(), kMaxRequests);
}

TEST_P(Router, PuntsIkeByPortAndMarker) {
  std::vector<std::pair<channel::DatagramInfo, Bytes>> punted;
  bool room = true;
  rig.gateway().ike().SetSink([&](const channel::DatagramInfo& info, ByteView payload) {
    if (room) punted.emplace_back(info, ToBytes(payload));
    return room;
  });
  Bytes ike(28, 0x11);
  auto send = [&](uint16_t port, ByteView payload) {
    rig.SendIp(kLan, kAlice, FromAlice(lan(), 17, UdpDatagram(alice(), lan(), {4500, port}, payload), {.ttl = 33, .tos = 0xb8}));
  };
  send(500, ike);
  Bytes marked(4, 0);
  Append(marked, ike);
  send(4500, marked);
  ASSERT_EQ(punted.size(), 2u);
  EXPECT_EQ(punted[0].first.local, (Endpoint{lan(), 500, 0}));
  EXPECT_EQ(punted[0].first.remote, (Endpoint{alice(), 4500, 0}));
  EXPECT_FALSE(punted[0].first.marker);
  EXPECT_EQ(punted[0].first.ttl, 33);
  EXPECT_EQ(punted[0].first.dscp, 46);
  EXPECT_TRUE(punted[1].first.marker);
  EXPECT_EQ(punted[0].second, ike);
  EXPECT_EQ(punted[1].second, ike);
  EXPECT_EQ(rig.balance().punted, 2u);
  uint64_t consumed = rig.balance().consumed;
  send(4500, Bytes{0xff});
  EXPECT_EQ(rig.balance().consumed, consumed + 1);
  send(4500, Bytes{0xff, 0xff});
  EXPECT_EQ(rig.drops(Drop::kRunt), 1u);
  send(4500, ike);  // not a marker: ESP in UDP
  EXPECT_EQ(rig.drops(Drop::kUnknownSpi), 1u);
  room = false;
  send(500, ike);
  EXPECT_EQ(rig.drops(Drop::kPuntFull), 1u);
  // A wrong checksum is the wire's fault, and culvert-ike need not see it.
  Bytes udp = UdpDatagram(alice(), lan(), {500, 500}, ike);
  udp[20] ^= 1;
  rig.SendIp(kLan, kAlice, FromAlice(lan(), 17, udp));
  EXPECT_EQ(rig.drops(Drop::kBadHeader), 1u);
}

TEST_P(Router, PutsIkeFragmentsTogether) {
  Bytes got;
  rig.gateway().ike().SetSink([&](const channel::DatagramInfo&, ByteView payload) {
    got = ToBytes(payload);
    return true;
  });
  Bytes ike(4000, 0);
  for (size_t i = 0; i < ike.size(); ++i) ike[i] = static_cast<uint8_t>(i * 7);
  Bytes udp = UdpDatagram(alice(), lan(), {500, 500}, ike);
  std::vector<Bytes> pieces;
  for (size_t at = 0; at < udp.size(); at += 1000) {
    ByteView piece = ByteView(udp).subspan(at, std::min<size_t>(1000, udp.size() - at));
    pieces.push_back(FromAlice(lan(), 17, piece, {.id = 99, .more = at + 1000 < udp.size(), .offset = static_cast<uint32_t>(at)}));
  }
  for (size_t i : {2, 0, 4, 1}) rig.SendIp(kLan, kAlice, pieces[i]);
  EXPECT_TRUE(got.empty());
  EXPECT_EQ(rig.balance().held, 4u);
  rig.SendIp(kLan, kAlice, pieces[3]);
  EXPECT_EQ(got, ike);
  EXPECT_EQ(rig.balance().held, 0u);
  EXPECT_EQ(rig.balance().punted, 1u);
  // Given up after a while, counted.
  rig.SendIp(kLan, kAlice, pieces[1]);
  rig.Advance(std::chrono::seconds(20));
  EXPECT_EQ(rig.drops(Drop::kFragment), 1u);
  EXPECT_EQ(rig.balance().held, 0u);
}

TEST_P(Router, InjectsIkeWithChecksumsAndInFragmentsWhereItMust) {
  auto& ike = rig.gateway().ike();
  for (size_t size : {28u, 1400u, 1472u, 1473u, 4000u, 60000u}) {
    for (bool marker : {false, true}) {
      Bytes payload(size, 0);
      for (size_t i = 0; i < size; ++i) payload[i] = static_cast<uint8_t>(i * 13);
      channel::DatagramInfo info{{lan(), 4500, 0}, {far(), 4501, 0}, marker, 46, 0};
      ASSERT_EQ(ike.Inject(info, payload, rig.now()), InjectStatus::kSent);
      rig.Run();
      Bytes udp;
      auto frames = rig.Sent(kWan);
      for (const Bytes& f : frames) {
        Seen s = Read(f);
        ASSERT_LE(s.packet.size(), 1500u);
        EXPECT_EQ(s.source, lan());
        EXPECT_EQ(s.to, MacText(kUpstream));
        EXPECT_EQ(s.protocol, 17);
        EXPECT_EQ(s.ttl, 64);
        Append(udp, s.payload);
      }
      EXPECT_EQ(frames.size() == 1, size + 8 + (marker ? 4 : 0) + (v6() ? 40 : 20) <= 1500);
      EXPECT_EQ(testing::PseudoChecksum(lan(), far(), 17, udp), 0);
      Bytes expected;
      expected.reserve(4 + payload.size());
      expected.resize(marker ? 4 : 0);
      Append(expected, payload);
      EXPECT_TRUE(Equal(ByteView(udp).subspan(8), expected));
    }
  }
  channel::DatagramInfo info{{lan(), 500, 0}, {far(), 500, 0}, false, 0, 0};
  EXPECT_EQ(ike.Inject(info, Bytes(65530, 0), rig.now()), InjectStatus::kTooLong);
  info.local.address = far();
  EXPECT_EQ(ike.Inject(info, Bytes(28, 0), rig.now()), InjectStatus::kBadSource);
  info = {{lan(), 500, 0}, {lan(), 500, 0}, false, 0, 0};
  EXPECT_EQ(ike.Inject(info, Bytes(28, 0), rig.now()), InjectStatus::kNoRoute);
}

// Link-local addresses mean something on their port only; the zone says which.
TEST(RouterIke, GoesBetweenLinkLocalAddresses) {
  GatewayRig rig;
  channel::DatagramInfo got;
  rig.gateway().ike().SetSink([&](const channel::DatagramInfo& info, ByteView) {
    got = info;
    return true;
  });
  IpAddress own = LinkLocalOf(rig.port(kLan).mac), peer = Ip("fe80::2");
  rig.SendIp(kLan, kAlice, IpPacket(peer, own, 17, UdpDatagram(peer, own, {500, 500}, Bytes(28, 1))));
  EXPECT_EQ(got.local, (Endpoint{own, 500, kLan}));
  EXPECT_EQ(got.remote, (Endpoint{peer, 500, kLan}));
  // The other port's address is not here.
  IpAddress other = LinkLocalOf(rig.port(kWan).mac);
  rig.SendIp(kLan, kAlice, IpPacket(peer, other, 17, UdpDatagram(peer, other, {500, 500}, Bytes(28, 1))));
  EXPECT_EQ(rig.balance().punted, 1u);
  EXPECT_EQ(rig.gateway().ike().Inject(got, Bytes(28, 2), rig.now()), InjectStatus::kSent);
  rig.Run();
  auto asked = rig.Sent(kLan);
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(DecodeNeighbour(asked[0])->target, peer);
  Asker us{rig.port(kLan).mac, own};
  rig.Send(kLan, EncodeReply({kAlice, peer}, &us));
  auto sent = rig.Sent(kLan);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(Read(sent[0]).destination, peer);
  EXPECT_EQ(Read(sent[0]).source, own);
  EXPECT_TRUE(rig.Sent(kWan).empty());
  EXPECT_TRUE(rig.Balanced());
}

TEST(RouterBooks, BalanceUnderGarbage) {
  GatewayRig rig;
  rig.AddNeighbour(kLan, Ip("10.1.0.2"), kAlice);
  rig.AddNeighbour(kWan, Ip("192.0.2.254"), kUpstream);
  rig.gateway().ike().SetSink([](const channel::DatagramInfo&, ByteView) { return true; });
  std::mt19937_64 random(5);
  std::vector<Bytes> seeds;
  for (const char* to : {"10.1.0.1", "198.51.100.9", "10.1.0.255"}) {
    IpAddress a = Ip("10.1.0.2"), b = Ip(to);
    seeds.push_back(Ethernet(rig.port(kLan).mac, kAlice, 0x0800, IpPacket(a, b, 17, UdpDatagram(a, b, {500, 500}, Bytes(40, 0)))));
    seeds.push_back(Ethernet(rig.port(kLan).mac, kAlice, 0x0800, IpPacket(a, b, 1, EchoRequest(a, b, Bytes(40, 0)))));
    seeds.push_back(Ethernet(rig.port(kLan).mac, kAlice, 0x0800, IpPacket(a, b, 17, Bytes(40, 0), {.more = true, .offset = 8})));
  }
  for (const char* to : {"fd01::1", "2620::9", "ff02::1:ff00:1"}) {
    IpAddress a = Ip("fd01::2"), b = Ip(to);
    seeds.push_back(Ethernet(rig.port(kLan).mac, kAlice, 0x86dd, IpPacket(a, b, 58, EchoRequest(a, b, Bytes(40, 0)))));
    seeds.push_back(Ethernet(rig.port(kLan).mac, kAlice, 0x86dd, IpPacket(a, b, 17, Bytes(40, 0), {.more = true})));
  }
  seeds.push_back(EncodeRequest({kAlice, Ip("10.1.0.2")}, Ip("10.1.0.1"), nullptr));
  seeds.push_back(EncodeRequest({kAlice, Ip("fd01::2")}, Ip("fd01::1"), nullptr));
  for (int i = 0; i < 30000; ++i) {
    Bytes frame = seeds[random() % seeds.size()];
    for (uint64_t n = random() % 4; n > 0; --n) frame[random() % frame.size()] = static_cast<uint8_t>(random());
    if (random() % 8 == 0) frame.resize(random() % frame.size() + 1);
    rig.Send(random() % 2 == 0 ? kLan : kWan, frame);
    if (i % 64 == 0) {
      rig.Sent(kLan);
      rig.Sent(kWan);
      rig.Advance(kRequestInterval);
      ASSERT_TRUE(rig.Balanced()) << i;
    }
  }
  rig.Sent(kLan);
  rig.Sent(kWan);
  // Workers give fragments up by a clock of their own.
  std::this_thread::sleep_for(std::chrono::milliseconds(Reassembly::kPatienceMs + 50));
  rig.Advance(std::chrono::seconds(30));
  rig.Sent(kLan);
  rig.Sent(kWan);
  EXPECT_TRUE(rig.Balanced());
  EXPECT_EQ(rig.balance().held, 0u);
  EXPECT_EQ(rig.buffers_in_use(), 0u);
}

TEST(RouterWorkers, HandOverWhatAnotherTransmits) {
  GatewayRig rig({.workers = 2});  // worker 0 has wan's queues, worker 1 lan's
  rig.AddNeighbour(kLan, Ip("10.1.0.2"), kAlice);
  rig.AddNeighbour(kWan, Ip("192.0.2.254"), kUpstream);
  for (int i = 0; i < 100; ++i) {
    rig.SendIp(kLan, kAlice, IpPacket(Ip("10.1.0.2"), Ip("198.51.100.1"), 17, Bytes(8, 0)));
    rig.SendIp(kWan, kUpstream, IpPacket(Ip("198.51.100.1"), Ip("10.1.0.2"), 17, Bytes(8, 0)));
  }
  EXPECT_EQ(rig.Sent(kWan).size(), 100u);
  EXPECT_EQ(rig.Sent(kLan).size(), 100u);
  EXPECT_GE(rig.gateway().context(1).counters.parked.get(), 100u);
  EXPECT_EQ(rig.all_drops(), 0u);
  EXPECT_TRUE(rig.Balanced());
  EXPECT_EQ(rig.buffers_in_use(), 0u);
}

// Main does not turn: its rings fill, and what does not fit is counted, each class by itself.
TEST(RouterWorkers, DropWhatMainDoesNotTake) {
  GatewayRig rig;
  rig.gateway().ike().SetSink([](const channel::DatagramInfo&, ByteView) { return true; });
  rig.AddNeighbour(kWan, Ip("192.0.2.254"), kUpstream);
  IpAddress from = Ip("10.1.0.2"), to = Ip("10.1.0.1");
  auto frame = [&](uint8_t responder_spi) {
    Bytes ike(28, 0);
    ike[15] = responder_spi;
    return Ethernet(rig.port(kLan).mac, kAlice, 0x0800, IpPacket(from, to, 17, UdpDatagram(from, to, {500, 500}, ike)));
  };
  Bytes arp = EncodeRequest({kAlice, from}, to, nullptr);
  for (const Bytes& f : {frame(0), frame(1), arp}) {
    for (int i = 0; i < 1100; ++i) {
      rig.Feed(kLan, f);
      while (rig.gateway().worker(0).Pass()) {
      }
    }
  }
  // 255 strangers, 1,023 known, 1,023 ARP; forwarding goes on meanwhile.
  EXPECT_EQ(rig.drops(Drop::kPuntFull), (1100u - 255) + (1100u - 1023) * 2);
  rig.Feed(kLan, Ethernet(rig.port(kLan).mac, kAlice, 0x0800, IpPacket(from, Ip("198.51.100.1"), 17, Bytes(8, 0))));
  rig.gateway().worker(0).Pass();
  EXPECT_EQ(rig.Sent(kWan).size(), 1u);
  EXPECT_TRUE(rig.Balanced());
  EXPECT_EQ(rig.balance().held, 255u + 1023 * 2);
  rig.Run();
  EXPECT_EQ(rig.balance().held, 0u);
  EXPECT_EQ(rig.balance().punted, 255u + 1023);
  EXPECT_TRUE(rig.Balanced());
}

// F06: nothing left in the pool. What needs a buffer is dropped or not made; with buffers back, all is as before.
TEST(RouterWorkers, OutliveAnEmptyPool) {
  GatewayRig rig;
  rig.AddNeighbour(kLan, Ip("10.1.0.2"), kAlice);
  rig.AddNeighbour(kWan, Ip("192.0.2.254"), kUpstream);
  std::vector<rte_mbuf*> taken;
  while (rte_mbuf* m = rte_pktmbuf_alloc(rig.pool())) taken.push_back(m);
  auto give_back = [&](size_t n) {
    rte_pktmbuf_free_bulk(&taken[taken.size() - n], static_cast<unsigned>(n));
    taken.resize(taken.size() - n);
  };
  give_back(1);  // the frame's own
  rig.SendIp(kLan, kAlice, IpPacket(Ip("10.1.0.2"), Ip("198.51.100.1"), 17, Bytes(8, 0), {.ttl = 1}));
  EXPECT_EQ(rig.drops(Drop::kTtlExpired), 1u);
  EXPECT_TRUE(rig.Sent(kLan).empty()) << "no buffer for the error";
  rig.SendIp(kLan, kAlice, IpPacket(Ip("10.1.0.2"), Ip("198.51.100.1"), 17, Bytes(8, 0)));
  EXPECT_EQ(rig.Sent(kWan).size(), 1u);
  taken.push_back(rte_pktmbuf_alloc(rig.pool()));
  channel::DatagramInfo info{{Ip("192.0.2.1"), 500, 0}, {Ip("198.51.100.1"), 500, 0}, false, 0, 0};
  EXPECT_EQ(rig.gateway().ike().Inject(info, Bytes(28, 0), rig.now()), InjectStatus::kNoMemory);
  EXPECT_TRUE(rig.Balanced());
  give_back(taken.size());
  EXPECT_EQ(rig.gateway().ike().Inject(info, Bytes(28, 0), rig.now()), InjectStatus::kSent);
  rig.Run();
  EXPECT_EQ(rig.Sent(kWan).size(), 1u);
  EXPECT_EQ(rig.buffers_in_use(), 0u);
  EXPECT_TRUE(rig.Balanced());
}

// An SA keeps its next hop for as long as no route changes; its neighbour may go and come back meanwhile.
TEST(RouterWorkers, OutliveAStaleNextHop) {
  GatewayRig rig({.workers = 2});
  IpAddress bob = Ip("192.0.2.50");
  rig.AddNeighbour(kWan, bob, Mac(50));
  auto& sealing = rig.gateway().context(1);  // wan's queue is worker 0's
  NextHop old = sealing.neighbours->Find(kWan, 4, bob.octets.data());
  ASSERT_NE(old, 0u);
  rig.Advance(std::chrono::seconds(700));
  ASSERT_EQ(sealing.neighbours->Find(kWan, 4, bob.octets.data()), 0u);
  rig.AddNeighbour(kWan, bob, Mac(51));
  uint64_t asked_main = rig.gateway().context(0).counters.parked.get();
  Bytes packet = IpPacket(Ip("192.0.2.1"), bob, 50, Bytes(32, 0));
  Packet p;
  p.m = rte_pktmbuf_alloc(rig.pool());
  std::ranges::copy(packet, reinterpret_cast<uint8_t*>(rte_pktmbuf_append(p.m, static_cast<uint16_t>(packet.size()))));
  p.family = 4;
  p.length = static_cast<uint16_t>(packet.size());
  p.out_port = kWan;
  p.next_hop = old;
  p.local_origin = true;
  sealing.counters.injected.Add(1);
  sealing.HandOver(0, HandOverKind::kTransmit, p);
  rig.Run();
  auto sent = rig.Sent(kWan);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(Read(sent[0]).to, MacText(Mac(51)));
  EXPECT_EQ(rig.gateway().context(0).counters.parked.get(), asked_main) << "main was not asked";
  EXPECT_TRUE(rig.Balanced());
}

TEST(RouterWorkers, CountWhatAFullTransmitQueueLoses) {
  GatewayRig rig;
  rig.AddNeighbour(kWan, Ip("192.0.2.254"), kUpstream);
  // Nobody drains wan: its ring of 1,024 fills.
  for (int i = 0; i < 1100; ++i) rig.SendIp(kLan, kAlice, IpPacket(Ip("10.1.0.2"), Ip("198.51.100.1"), 17, Bytes(8, 0)));
  EXPECT_EQ(rig.drops(Drop::kTxFull), 1100u - 1024u);
  rig.port(kWan).Stop();
  rig.SendIp(kLan, kAlice, IpPacket(Ip("10.1.0.2"), Ip("198.51.100.1"), 17, Bytes(8, 0)));
  EXPECT_EQ(rig.drops(Drop::kPortDown), 1u);
  EXPECT_TRUE(rig.Balanced());
}

}  // namespace
}  // namespace culvert::dp
