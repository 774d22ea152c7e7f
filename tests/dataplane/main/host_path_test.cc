// The way to and from the host's own stack, with a test as the stack: which packets are the host's, what it may send, and that
// neither side can flood the other out of the gateway.
#include "dataplane/main/host_path.h"

#include <gtest/gtest.h>

#include "dataplane/main/neighbour_messages.h"
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
constexpr uint8_t kTcp = 6, kUdp = 17, kAh = 51;

// A policy made of answers.
class ScriptedIpsec : public IpsecWorker {
 public:
  void Open(WorkerContext& ctx, Burst& esp, Burst&) override {
    for (uint16_t i = 0; i < esp.n; ++i) ctx.Drop(*esp.p[i], Drop::kUnknownSpi);
    esp.n = 0;
  }
  void ApplyPolicy(WorkerContext& ctx, Burst& plain, Burst& forward, Burst&) override {
    for (uint16_t i = 0; i < plain.n; ++i) {
      Packet& p = *plain.p[i];
      if (outbound != Drop::kCount) {
        ctx.Drop(p, outbound);
      } else if (Forward(ctx, p)) {
        forward.Add(p);
      }
    }
    plain.n = 0;
  }
  Drop RefuseHere(WorkerContext&, const Packet&) override { return Drop::kCount; }
  Drop RefuseToHost(WorkerContext&, const Packet&) override { return to_host; }
  void Seal(WorkerContext&, Burst&, Burst&) override {}
  void TakeKept(WorkerContext&, Burst&, Burst&) override {}
  void TakeMark(const Packet&) override {}
  unsigned devices() const override { return 0; }
  bool TakeBack(WorkerContext&, unsigned, Burst&, Burst&) override { return false; }
  bool MaySealInline(const Packet&) const override { return false; }
  void MakeDummies(WorkerContext&, Burst&) override {}
  bool PathTooBig(WorkerContext&, const TooBigNotice&) override { return false; }
  bool ForwardingOpen() const override { return open; }
  void PollCommands(WorkerContext&) override {}

  Drop outbound = Drop::kCount, to_host = Drop::kCount;
  bool open = true;

 private:
  static bool Forward(WorkerContext& ctx, Packet& p);
};

class HostPathTest : public ::testing::TestWithParam<bool> {
 protected:
  explicit HostPathTest(GatewayRig::Options options = {.tap = true}) : rig(options) {
    rig.AddNeighbour(kLan, alice(), kAlice);
    rig.AddNeighbour(kWan, Ip("192.0.2.254"), kUpstream);
    rig.AddNeighbour(kWan, Ip("2001:db8::fe"), kUpstream);
    EXPECT_EQ(rig.all_drops(), 0u);
  }
  ~HostPathTest() override {
    EXPECT_TRUE(rig.Balanced());
    rig.Sent(kWan);
    rig.Sent(kLan);
    EXPECT_EQ(rig.buffers_in_use(), rig.balance().held);
  }
  bool v6() const { return GetParam(); }
  IpAddress alice() const { return Ip(v6() ? "fd01::2" : "10.1.0.2"); }
  IpAddress far() const { return Ip(v6() ? "2620::5" : "198.51.100.5"); }
  IpAddress lan() const { return Ip(v6() ? "fd01::1" : "10.1.0.1"); }
  IpAddress own() const { return Ip(v6() ? "2001:db8::1" : "192.0.2.1"); }  // wan's, and so the host's
  uint8_t icmp() const { return v6() ? 58 : 1; }
  uint16_t type() const { return v6() ? 0x86dd : 0x0800; }
  Bytes Icmp(uint8_t icmp_type, size_t size = 64) const {
    Bytes b(size, 0);
    b[0] = icmp_type;
    return b;
  }
  void FromAlice(const IpAddress& to, uint8_t protocol, ByteView payload, const IpOptions& o = {}) {
    rig.SendIp(kLan, kAlice, IpPacket(alice(), to, protocol, payload, o));
  }
  // As the host's kernel frames it: to the interface's own address.
  void FromHost(ByteView packet) {
    const auto& mac = rig.port(kWan).mac;
    EXPECT_TRUE(rig.host().Write(Ethernet(mac, mac, packet[0] >> 4 == 4 ? 0x0800 : 0x86dd, packet)));
    rig.Run();
  }
  std::vector<Seen> AtHost() {
    std::vector<Seen> seen;
    for (const Bytes& frame : rig.host().Received()) seen.push_back(Read(frame));
    return seen;
  }
  HostPath::TapCounters counters() { return rig.gateway().host().counters(kWan); }

  GatewayRig rig;
};
bool ScriptedIpsec::Forward(WorkerContext&, Packet& p) {
  // Everything goes to the upstream router: routes are not what these tests are about.
  p.out_port = kWan;
  return true;
}
INSTANTIATE_TEST_SUITE_P(Families, HostPathTest, ::testing::Bool(), [](const auto& i) { return i.param ? "V6" : "V4"; });

class HostPathV6 : public HostPathTest {};
INSTANTIATE_TEST_SUITE_P(Alone, HostPathV6, ::testing::Values(true));

TEST_P(HostPathTest, GivesTheHostWhatNothingHereConsumes) {
  Bytes tcp(40, 7), reply = Icmp(v6() ? 129 : 0), error = Icmp(v6() ? 1 : 3);
  struct {
    const char* what;
    uint8_t protocol;
    Bytes payload;
    IpOptions options;
  } kCases[] = {
      {"TCP", kTcp, tcp, {.ttl = 7}},
      {"UDP", kUdp, UdpDatagram(alice(), own(), {9, 1701}, tcp), {}},
      {"an echo reply", icmp(), reply, {}},
      {"an ICMP error", icmp(), error, {}},
      {"a protocol nobody knows", 253, tcp, {}},
      {"a TCP fragment", kTcp, tcp, {.id = 4, .more = true}},
      {"its rest", kTcp, tcp, {.id = 4, .offset = 40}},
      {"the rest of a large echo request", icmp(), tcp, {.id = 5, .offset = 80}},
  };
  uint64_t given = 0;
  for (const auto& c : kCases) {
    Bytes packet = IpPacket(alice(), own(), c.protocol, c.payload, c.options);
    // By whichever port it comes: the address decides.
    rig.SendIp(kLan, kAlice, packet);
    rig.SendIp(kWan, kUpstream, packet);
    auto seen = AtHost();
    ASSERT_EQ(seen.size(), 2u) << c.what;
    for (const Seen& s : seen) {
      EXPECT_EQ(s.packet, packet) << c.what << ": as it came, its TTL too";
      EXPECT_EQ(s.to, MacText(rig.port(kWan).mac));
      EXPECT_NE(s.from, s.to);
    }
    given += 2;
  }
  EXPECT_EQ(rig.all_drops(), 0u);
  EXPECT_EQ(counters().to_host, given);
  EXPECT_EQ(counters().dropped, 0u);
  EXPECT_TRUE(rig.Sent(kLan).empty() && rig.Sent(kWan).empty());
}

TEST_P(HostPathTest, KeepsFromTheHostWhatIsTheGatewaysOrNobodys) {
  unsigned punted = 0;
  rig.gateway().ike().SetSink([&](const channel::DatagramInfo&, ByteView) { return ++punted != 0; });
  Bytes ike(28, 1), marked(32, 0);
  std::copy(ike.begin(), ike.end(), marked.begin() + 4);
  FromAlice(own(), kUdp, UdpDatagram(alice(), own(), {500, 500}, ike));
  FromAlice(own(), kUdp, UdpDatagram(alice(), own(), {4500, 4500}, marked));
  FromAlice(own(), kUdp, UdpDatagram(alice(), own(), {4500, 4500}, Bytes(1, 0xff)));
  FromAlice(own(), icmp(), EchoRequest(alice(), own(), Bytes(56, 1)));
  EXPECT_EQ(punted, 2u);
  auto answers = rig.Sent(kLan);
  ASSERT_EQ(answers.size(), 1u) << "the gateway answers echo itself";
  EXPECT_EQ(Read(answers[0]).payload[0], v6() ? 129 : 0);
  EXPECT_EQ(rig.all_drops(), 0u);
  struct {
    const char* what;
    IpAddress from, to;
    uint8_t protocol;
    Bytes payload;
    Drop why;
  } kCases[] = {
      {"ESP", alice(), own(), 50, Bytes(64, 1), Drop::kUnknownSpi},
      {"AH", alice(), own(), kAh, Bytes(64, 1), Drop::kUnknownSpi},
      {"ESP in UDP", alice(), own(), kUdp, UdpDatagram(alice(), own(), {4500, 4500}, Bytes(64, 1)), Drop::kUnknownSpi},
      {"a redirect", alice(), own(), icmp(), Icmp(v6() ? 137 : 5), Drop::kIcmpIgnored},
      {"a router's advertisement", alice(), own(), icmp(), Icmp(v6() ? 134 : 9), Drop::kIcmpIgnored},
      {"from the host's own address", own(), own(), kTcp, Bytes(40, 1), Drop::kMartian},
      {"from another of ours", lan(), own(), kTcp, Bytes(40, 1), Drop::kMartian},
      {"to an address without a TAP", alice(), lan(), kTcp, Bytes(40, 1), Drop::kUnconsumed},
      {"multicast", alice(), Ip(v6() ? "ff02::5" : "224.0.0.5"), 89, Bytes(40, 1), Drop::kNotForUs},
  };
  for (const auto& c : kCases) {
    uint64_t before = rig.drops(c.why), all = rig.all_drops();
    rig.SendIp(kLan, kAlice, IpPacket(c.from, c.to, c.protocol, c.payload));
    EXPECT_EQ(rig.drops(c.why), before + 1) << c.what;
    EXPECT_EQ(rig.all_drops(), all + 1) << c.what;
  }
  rig.Send(kLan, Ethernet(testing::kBroadcastMac, kAlice, type(), IpPacket(alice(), own(), kTcp, Bytes(40, 1))));
  EXPECT_EQ(rig.drops(Drop::kNotForUs), 2u);
  EXPECT_TRUE(AtHost().empty());
  EXPECT_EQ(counters().to_host, 0u);
}

// RFC 8200 4.4: behind a routing header that is not used up may be anything, IKE's ports too.
TEST_P(HostPathV6, KeepsSourceRoutesFromTheHost) {
  Bytes routing(24, 0);
  routing[0] = kUdp;
  routing[1] = 2;
  routing[3] = 1;
  FromAlice(own(), 43, routing);
  EXPECT_EQ(rig.drops(Drop::kUnconsumed), 1u);
  EXPECT_TRUE(AtHost().empty());
}

TEST_P(HostPathTest, TellsDatagramsInFragmentsApart) {
  unsigned punted = 0;
  rig.gateway().ike().SetSink([&](const channel::DatagramInfo&, ByteView) { return ++punted != 0; });
  auto send = [&](uint16_t port, uint16_t id) {
    Bytes udp = UdpDatagram(alice(), own(), {1000, port}, Bytes(4000, static_cast<uint8_t>(id)));
    for (uint32_t at : {2400u, 0u, 1200u, 3600u}) {
      ByteView piece = ByteView(udp).subspan(at, std::min<size_t>(1200, udp.size() - at));
      FromAlice(own(), kUdp, piece, {.tos = 0xb8, .id = id, .more = at + 1200 < udp.size(), .offset = at});
    }
    return udp;
  };
  send(500, 1);
  EXPECT_EQ(punted, 1u);
  EXPECT_TRUE(AtHost().empty());
  Bytes udp = send(1701, 2);
  EXPECT_EQ(punted, 1u);
  auto seen = AtHost();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].payload, udp);
  EXPECT_EQ(seen[0].source, alice());
  EXPECT_EQ(seen[0].destination, own());
  EXPECT_EQ(seen[0].protocol, kUdp);
  EXPECT_EQ(rig.all_drops(), 0u);
  // One part of it that may not come in clear, and the host gets none.
  ScriptedIpsec ipsec;
  rig.gateway().SetIpsec(0, &ipsec);
  ipsec.to_host = Drop::kPlaintextInbound;
  send(1701, 3);
  EXPECT_EQ(rig.drops(Drop::kUnconsumed), 1u);
  EXPECT_TRUE(AtHost().empty());
  send(500, 4);
  EXPECT_EQ(punted, 2u) << "IKE waits for no policy";
}

TEST_P(HostPathTest, TheHostSpeaksUnderThePolicyFromItsOwnAddresses) {
  Bytes payload(40, 3);
  FromHost(IpPacket(own(), far(), kTcp, payload, {.ttl = 1}));
  auto frames = rig.Sent(kWan);
  ASSERT_EQ(frames.size(), 1u);
  Seen s = Read(frames[0]);
  EXPECT_EQ(s.to, MacText(kUpstream));
  EXPECT_EQ(s.from, MacText(rig.port(kWan).mac));
  EXPECT_EQ(s.ttl, 1) << "made here, not forwarded";
  EXPECT_EQ(s.payload, payload);
  // Out of whichever port the route says, and in fragments.
  FromHost(IpPacket(own(), alice(), kUdp, payload, {.id = 8, .more = true}));
  FromHost(IpPacket(own(), alice(), kUdp, payload, {.id = 8, .offset = 40}));
  EXPECT_EQ(rig.Sent(kLan).size(), 2u);
  EXPECT_EQ(rig.all_drops(), 0u);
  EXPECT_EQ(counters().from_host, 3u);

  ScriptedIpsec ipsec;
  rig.gateway().SetIpsec(0, &ipsec);
  ipsec.outbound = Drop::kNoSa;
  FromHost(IpPacket(own(), far(), kTcp, payload));
  EXPECT_EQ(rig.drops(Drop::kNoSa), 1u);
  EXPECT_TRUE(rig.Sent(kWan).empty());
}

TEST_P(HostPathTest, TheHostMayNotSpeakAsAnybodyElse) {
  Bytes payload(40, 3);
  auto udp_from = [&](uint16_t port) { return IpPacket(own(), far(), kUdp, UdpDatagram(own(), far(), {port, 500}, payload)); };
  Bytes vlan = Ethernet(rig.port(kWan).mac, kAlice, 0x8100, payload), cut(14, 0);
  Bytes bad = IpPacket(own(), far(), kTcp, payload);
  bad[0] = 0x51;
  struct {
    const char* what;
    Bytes frame;
    Drop why;
  } kCases[] = {
      {"a stranger", IpPacket(far(), alice(), kTcp, payload), Drop::kHostSource},
      {"alice", IpPacket(alice(), far(), kTcp, payload), Drop::kHostSource},
      {"the port without a TAP", IpPacket(lan(), far(), kTcp, payload), Drop::kHostSource},
      {"IKE", udp_from(500), Drop::kHostSource},
      {"IKE behind a NAT", udp_from(4500), Drop::kHostSource},
      {"to itself", IpPacket(own(), own(), kTcp, payload), Drop::kMartian},
      {"to another own address", IpPacket(own(), lan(), kTcp, payload), Drop::kMartian},
      {"multicast", IpPacket(own(), Ip(v6() ? "ff02::5" : "224.0.0.5"), 89, payload), Drop::kNotForUs},
      {"no IP header", bad, Drop::kBadHeader},
  };
  uint64_t dropped = 0;
  auto dropped_in_all = [&] { return counters().dropped + rig.gateway().context(0).host_dropped[kWan].get(); };
  for (const auto& c : kCases) {
    uint64_t before = rig.drops(c.why);
    EXPECT_TRUE(rig.host().Write(Ethernet(rig.port(kWan).mac, rig.port(kWan).mac, type(), c.frame)));
    rig.Run();
    EXPECT_EQ(rig.drops(c.why), before + 1) << c.what;
    EXPECT_EQ(dropped_in_all(), ++dropped) << c.what;
  }
  if (v6()) {
    FromHost(IpPacket(own(), far(), 58, Icmp(136)));
    EXPECT_EQ(rig.drops(Drop::kIcmpIgnored), 1u);
  } else {
    FromHost(IpPacket(own(), Ip("192.0.2.255"), kUdp, payload));
    EXPECT_EQ(rig.drops(Drop::kNotForUs), 2u);
  }
  EXPECT_TRUE(rig.host().Write(vlan) && rig.host().Write(cut));
  rig.Run();
  EXPECT_EQ(rig.drops(Drop::kUnknownEthertype), 1u);
  EXPECT_EQ(rig.drops(Drop::kRunt), 1u);
  EXPECT_EQ(dropped_in_all(), dropped + 3);
  EXPECT_TRUE(rig.Sent(kWan).empty() && rig.Sent(kLan).empty());
}

TEST_P(HostPathTest, TheHostIsToldWhyItsPacketsDoNotArrive) {
  auto expect_error = [&](uint8_t error_type, uint8_t code) {
    auto seen = AtHost();
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].protocol, icmp());
    EXPECT_EQ(seen[0].payload[0], error_type);
    EXPECT_EQ(seen[0].payload[1], code);
    EXPECT_EQ(seen[0].destination, own());
    EXPECT_EQ(seen[0].source, far()) << "no stack takes a packet from an address of its own";
  };
  auto& net = rig.gateway().network();
  const char* to = v6() ? "::/0" : "0.0.0.0/0";
  ASSERT_EQ(net.RemoveRoute({*IpPrefix::Parse(to), Ip(v6() ? "2001:db8::fe" : "192.0.2.254"), ""}, Network::Origin::kConfig),
            channel::Status::kOk);
  FromHost(IpPacket(own(), far(), kTcp, Bytes(40, 1)));
  expect_error(v6() ? 1 : 3, 0);
  EXPECT_EQ(rig.drops(Drop::kNoRoute), 1u);
  // A neighbour that does not answer, told by main: the same way.
  const char* on_link = v6() ? "2620::/64" : "198.51.100.0/24";
  ASSERT_EQ(net.AddRoute({*IpPrefix::Parse(on_link), std::nullopt, "lan"}, Network::Origin::kConfig), channel::Status::kOk);
  FromHost(IpPacket(own(), far(), kTcp, Bytes(40, 1)));
  EXPECT_TRUE(AtHost().empty());
  rig.Advance(std::chrono::seconds(3));
  expect_error(v6() ? 1 : 3, v6() ? 3 : 1);
}

TEST_P(HostPathTest, WaitsForThePolicyAndObeysIt) {
  ScriptedIpsec ipsec;
  rig.gateway().SetIpsec(0, &ipsec);
  ipsec.open = false;
  FromAlice(own(), kTcp, Bytes(40, 1));
  FromHost(IpPacket(own(), far(), kTcp, Bytes(40, 1)));
  EXPECT_EQ(rig.drops(Drop::kNotSynced), 2u);
  ipsec.open = true;
  for (Drop why : {Drop::kPlaintextInbound, Drop::kPolicy}) {
    ipsec.to_host = why;
    FromAlice(own(), kTcp, Bytes(40, 1));
    EXPECT_EQ(rig.drops(why), 1u);
  }
  EXPECT_TRUE(AtHost().empty());
  ipsec.to_host = Drop::kCount;
  FromAlice(own(), kTcp, Bytes(40, 1));
  EXPECT_EQ(AtHost().size(), 1u);
}

TEST_P(HostPathTest, AFloodFromTheHostIsDroppedAndCounted) {
  // The worker does not run: its ring fills, and no further.
  Bytes frame = Ethernet(rig.port(kWan).mac, rig.port(kWan).mac, type(), IpPacket(own(), far(), kTcp, Bytes(40, 1)));
  size_t written = 0;
  while (written < 3000) {
    while (written < 3000 && rig.host().Write(frame)) ++written;
    while (rig.gateway().host().Read(kWan)) {
    }
  }
  uint64_t full = rig.drops(Drop::kHostFull);
  EXPECT_EQ(full, 3000u - 1023u);
  EXPECT_EQ(counters().from_host, 3000u);
  EXPECT_EQ(counters().dropped, full);
  // Main's own ring to the worker is another.
  Bytes ike(28, 1);
  channel::DatagramInfo info{{own(), 500, 0}, {far(), 500, 0}, false, 0, 0};
  EXPECT_EQ(rig.gateway().ike().Inject(info, ike, rig.now()), InjectStatus::kSent);
  rig.Run();
  bool ike_went = false;
  for (const Bytes& f : rig.Sent(kWan)) ike_went |= Read(f).protocol == kUdp;
  EXPECT_TRUE(ike_went);
}

TEST_P(HostPathTest, AFloodToTheHostIsDroppedAndCounted) {
  Bytes packet = IpPacket(alice(), own(), kTcp, Bytes(1200, 1));
  Bytes frame = Ethernet(rig.port(kLan).mac, kAlice, type(), packet);
  // Main does not run: the ring fills.
  for (int i = 0; i < 2000; ++i) {
    rig.Feed(kLan, frame);
    rig.gateway().worker(0).Pass();
  }
  EXPECT_EQ(rig.drops(Drop::kHostFull), 2000u - 1023u);
  EXPECT_EQ(rig.gateway().context(0).host_dropped[kWan].get(), 2000u - 1023u);
  rig.Run();
  // Nor does the host: the interface takes no more.
  while (counters().dropped == 0) FromAlice(own(), kTcp, Bytes(1200, 1));
  EXPECT_EQ(counters().to_host, AtHost().size());
  FromAlice(own(), kTcp, Bytes(1200, 1));
  EXPECT_EQ(AtHost().size(), 1u);
}

TEST_P(HostPathTest, AnInterfaceThatWasTakenAwayCostsNothing) {
  EventLoop& loop = rig.gateway().loop();
  rig.host().Vanish();
  int turns = 0;
  while (loop.Turn(0)) ASSERT_LT(++turns, 10) << "it would spin";
  EXPECT_GE(turns, 1);
  FromAlice(own(), kTcp, Bytes(40, 1));
  EXPECT_EQ(rig.drops(Drop::kHostFull), 1u);
  EXPECT_EQ(counters().dropped, 1u);
}

TEST_P(HostPathTest, TheHostHasThePortsAddressesAsTheyComeAndGo) {
  std::set<IpPrefix> expected = {{LinkLocalOf(rig.port(kWan).mac), 64}, {Ip("192.0.2.1"), 24}, {Ip("2001:db8::1"), 64}};
  EXPECT_EQ(rig.host().addresses(), expected);
  IpPrefix more{Ip(v6() ? "2001:db8:5::1" : "203.0.113.1"), 32};
  FromAlice(more.address, kTcp, Bytes(40, 1));
  EXPECT_TRUE(AtHost().empty());
  rig.Sent(kWan);
  ASSERT_EQ(rig.gateway().AddAddress("wan", more), channel::Status::kOk);
  ASSERT_EQ(rig.gateway().AddAddress("lan", {Ip("203.0.113.9"), 32}), channel::Status::kOk);
  expected.insert(more);
  EXPECT_EQ(rig.host().addresses(), expected);
  FromAlice(more.address, kTcp, Bytes(40, 1));
  EXPECT_EQ(AtHost().size(), 1u);
  FromHost(IpPacket(more.address, alice(), kTcp, Bytes(40, 1)));
  EXPECT_EQ(rig.Sent(kLan).size() >= 1, true);
  ASSERT_EQ(rig.gateway().RemoveAddress("wan", more), channel::Status::kOk);
  expected.erase(more);
  EXPECT_EQ(rig.host().addresses(), expected);
  FromHost(IpPacket(more.address, alice(), kTcp, Bytes(40, 1)));
  EXPECT_EQ(rig.drops(Drop::kHostSource), 1u);
  EXPECT_TRUE(rig.gateway().host().first_error().ok());
  rig.host().refusal = absl::PermissionDeniedError("no");
  ASSERT_EQ(rig.gateway().AddAddress("wan", more), channel::Status::kOk) << "the port has it all the same";
  EXPECT_FALSE(rig.gateway().host().first_error().ok());
}

TEST_P(HostPathV6, WorksLinkLocally) {
  IpAddress ours = LinkLocalOf(rig.port(kWan).mac), theirs = Ip("fe80::77");
  rig.SendIp(kWan, Mac(0x77), IpPacket(theirs, ours, kTcp, Bytes(40, 1)));
  EXPECT_EQ(AtHost().size(), 1u);
  FromHost(IpPacket(ours, theirs, kTcp, Bytes(40, 1)));
  auto asked = rig.Sent(kWan);
  ASSERT_EQ(asked.size(), 1u);
  auto request = DecodeNeighbour(asked[0]);
  ASSERT_TRUE(request && request->request);
  EXPECT_EQ(request->target, theirs) << "the gateway resolves, not the host";
  rig.Advance(std::chrono::seconds(3));
  rig.Sent(kWan);
  AtHost();
}

class NarrowHostPath : public HostPathTest {
 protected:
  NarrowHostPath() : HostPathTest({.workers = 2, .mtu = 1400, .tap = true}) {}
};
INSTANTIATE_TEST_SUITE_P(Families, NarrowHostPath, ::testing::Bool(), [](const auto& i) { return i.param ? "V6" : "V4"; });

TEST_P(NarrowHostPath, TellsTheMtuAndWorksWithTwoWorkers) {
  FromHost(IpPacket(own(), far(), kTcp, Bytes(1400, 1), {.df = true}));
  auto seen = AtHost();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].payload[0], v6() ? 2 : 3);
  EXPECT_EQ(seen[0].payload[6] << 8 | seen[0].payload[7], 1400);
  EXPECT_EQ(rig.drops(Drop::kTooBig), 1u);
  // lan is the other worker's.
  FromAlice(own(), kTcp, Bytes(40, 1));
  EXPECT_EQ(AtHost().size(), 1u);
  FromHost(IpPacket(own(), alice(), kTcp, Bytes(40, 1)));
  EXPECT_EQ(rig.Sent(kLan).size(), 1u);
}

}  // namespace
}  // namespace culvert::dp
