#include <gtest/gtest.h>

#include <chrono>
#include <cstring>

#include "dataplane/main/neighbour_messages.h"
#include "dataplane/topology.h"
#include "tests/support/tunnel_rig.h"

// Frames of every shape: tagged and not, in one segment and in many, short and 9,216 octets long.
namespace culvert::testing {
namespace {

constexpr uint16_t kWan = GatewayRig::kWan, kLan = GatewayRig::kLan, kDmz = GatewayRig::kDmz;
constexpr uint16_t kVid = 7;

Bytes Tagged(ByteView frame, uint16_t tag) {
  Bytes f = ToBytes(frame);
  const uint8_t octets[] = {0x81, 0x00, static_cast<uint8_t>(tag >> 8), static_cast<uint8_t>(tag)};
  f.insert(f.begin() + 12, std::begin(octets), std::end(octets));
  return f;
}
// Empty where the frame has no such tag.
Bytes Untagged(ByteView frame, uint16_t vid) {
  Bytes f = ToBytes(frame);
  if (f.size() < 18 || f[12] != 0x81 || f[13] != 0 || (f[14] << 8 | f[15]) != vid) return {};
  f.erase(f.begin() + 12, f.begin() + 16);
  return f;
}

class Vlan : public ::testing::TestWithParam<bool> {
 protected:
  Vlan() : rig({.vlan = kVid}) {
    rig.AddNeighbour(kWan, upstream(), Mac(9));
    rig.AddNeighbour(kLan, alice(), Mac(2));
  }
  bool v6() const { return GetParam(); }
  IpAddress upstream() const { return Ip(v6() ? "2001:db8::fe" : "192.0.2.254"); }
  IpAddress alice() const { return Ip(v6() ? "fd01::2" : "10.1.0.2"); }
  IpAddress dora() const { return Ip(v6() ? "fd07::2" : "10.7.0.2"); }
  IpAddress own() const { return Ip(v6() ? "fd07::1" : "10.7.0.1"); }
  IpAddress far() const { return Ip(v6() ? "2001:db8:9::5" : "203.0.113.5"); }
  Bytes FromDora(const IpAddress& to, uint8_t protocol, ByteView payload, IpOptions o = {}) const {
    return Ethernet(rig.port(kLan).mac, Mac(5), v6() ? 0x86dd : 0x0800, IpPacket(dora(), to, protocol, payload, o));
  }
  void MeetDora() {
    const auto& mac = rig.port(kLan).mac;
    rig.Send(kLan, Tagged(dp::EncodeRequest({Mac(5), dora()}, own(), &mac), kVid));
    dp::Asker gateway{mac, v6() ? dp::LinkLocalOf(mac) : own()};
    rig.Send(kLan, Tagged(dp::EncodeReply({Mac(5), dora()}, &gateway), kVid));
  }

  mutable GatewayRig rig;
};
INSTANTIATE_TEST_SUITE_P(Families, Vlan, ::testing::Bool(), [](const auto& i) { return i.param ? "V6" : "V4"; });

TEST_P(Vlan, IsALinkOfItsOwn) {
  // Its neighbours are asked for, and answered, with the tag.
  rig.SendIp(kWan, Mac(9), IpPacket(far(), dora(), 17, Bytes(32, 1)));
  auto asked = rig.Sent(kLan);
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_FALSE(Untagged(asked[0], kVid).empty());
  MeetDora();
  auto sent = rig.Sent(kLan);
  bool answered = false, arrived = false;
  for (const Bytes& f : sent) {
    Bytes plain = Untagged(f, kVid);
    ASSERT_FALSE(plain.empty()) << "a frame without the tag";
    uint16_t type = static_cast<uint16_t>(plain[12] << 8 | plain[13]);
    if (type == 0x0806) {
      answered = true;
      continue;
    }
    Seen s = Read(plain);
    if (s.protocol == 58) answered = true;
    if (s.protocol != 17) continue;
    arrived = true;
    EXPECT_EQ(s.to, MacText(Mac(5)));
  }
  EXPECT_TRUE(answered);
  EXPECT_TRUE(arrived);

  // Out of it, into it, and to itself.
  rig.Send(kLan, Tagged(FromDora(far(), 17, Bytes(32, 2)), kVid));
  EXPECT_EQ(rig.Sent(kWan).size(), 1u);
  rig.Send(kLan, Tagged(FromDora(alice(), 17, Bytes(32, 3)), kVid));
  auto to_alice = rig.Sent(kLan);
  ASSERT_EQ(to_alice.size(), 1u);
  EXPECT_TRUE(Untagged(to_alice[0], kVid).empty()) << "alice is on no VLAN";
  EXPECT_EQ(Read(to_alice[0]).to, MacText(Mac(2)));
  rig.SendIp(kLan, Mac(2), IpPacket(alice(), dora(), 17, Bytes(32, 4)));
  auto to_dora = rig.Sent(kLan);
  ASSERT_EQ(to_dora.size(), 1u);
  EXPECT_EQ(Read(Untagged(to_dora[0], kVid)).to, MacText(Mac(5)));
  rig.Send(kLan, Tagged(FromDora(own(), v6() ? 58 : 1, EchoRequest(dora(), own(), Bytes(16, 7))), kVid));
  auto echo = rig.Sent(kLan);
  ASSERT_EQ(echo.size(), 1u);
  EXPECT_EQ(Read(Untagged(echo[0], kVid)).source, own());
  EXPECT_EQ(rig.all_drops(), 0u);
  EXPECT_TRUE(rig.Balanced());
}

TEST_P(Vlan, KeepsOthersOut) {
  MeetDora();
  rig.Sent(kLan);
  Bytes frame = FromDora(far(), 17, Bytes(32, 2)), half = Tagged(frame, kVid), service = half, lldp = half;
  half.resize(16);
  service[12] = 0x88;
  service[13] = 0xa8;
  lldp[16] = 0x88;
  lldp[17] = 0xcc;
  struct {
    const char* what;
    Bytes frame;
    Drop why;
  } kCases[] = {
      {"another VLAN", Tagged(frame, 8), Drop::kVlan},
      {"two tags", Tagged(Tagged(frame, kVid), kVid), Drop::kVlan},
      {"a tag behind one for priority", Tagged(Tagged(frame, kVid), 0x6000), Drop::kVlan},
      {"a service tag", service, Drop::kVlan},
      {"half a tag", half, Drop::kRunt},
      {"an unknown type inside", lldp, Drop::kUnknownEthertype},
  };
  for (const auto& c : kCases) {
    uint64_t before = rig.drops(c.why);
    rig.Send(kLan, c.frame);
    EXPECT_EQ(rig.drops(c.why), before + 1) << c.what;
  }
  rig.Send(kWan, Tagged(frame, kVid));
  EXPECT_EQ(rig.drops(Drop::kVlan), 5u) << "the VLAN of another port";
  EXPECT_TRUE(rig.Sent(kWan).empty());
  // 802.1Q: VLAN 0 is none, the tag is for priority.
  rig.SendIp(kLan, Mac(2), IpPacket(alice(), far(), 17, Bytes(32, 4)));
  EXPECT_EQ(rig.Sent(kWan).size(), 1u);
  Bytes priority = Ethernet(rig.port(kLan).mac, Mac(2), v6() ? 0x86dd : 0x0800, IpPacket(alice(), far(), 17, Bytes(32, 4)));
  rig.Send(kLan, Tagged(priority, 0xa000));
  EXPECT_EQ(rig.Sent(kWan).size(), 1u);
  EXPECT_TRUE(rig.Balanced());
}

TEST(VlanTopology, SharesTheQueuesOfItsPort) {
  auto t = dp::Topology::Plan(3, {{"dmz", 0, 2, false, 1}, {"lan", 2, 2}, {"wan", 1, 1}});
  EXPECT_EQ(t.Check(), "");
  EXPECT_TRUE(t.ports[0].rx_worker.empty());
  EXPECT_EQ(t.ports[0].tx_queue, t.ports[1].tx_queue);
  EXPECT_EQ(t.ports[0].tx_owner, t.ports[1].tx_owner);
}

// An own address is own on any port, and errors speak from the one nearest to whom they tell.
TEST(Addresses, SeveralOnOnePort) {
  GatewayRig rig;
  auto add = [&](const char* address, uint8_t length) {
    ASSERT_EQ(rig.gateway().network().AddAddress({"lan", {Ip(address), length}}, dp::Network::Origin::kConfig), channel::Status::kOk);
  };
  add("10.2.0.1", 24);
  add("10.1.0.3", 32);
  rig.AddNeighbour(kLan, Ip("10.1.0.2"), Mac(2));
  rig.Sent(kLan);
  rig.Send(kLan, dp::EncodeRequest({Mac(4), Ip("10.2.0.9")}, Ip("10.2.0.1"), nullptr));
  EXPECT_EQ(rig.Sent(kLan).size(), 1u) << "an ARP answer";
  for (auto [from, mac, to] : {std::tuple{"10.1.0.2", Mac(2), "10.1.0.1"}, {"10.1.0.2", Mac(2), "10.1.0.3"},
                               {"10.1.0.2", Mac(2), "10.2.0.1"}, {"10.1.0.2", Mac(2), "192.0.2.1"}}) {
    rig.SendIp(kLan, mac, IpPacket(Ip(from), Ip(to), 1, EchoRequest(Ip(from), Ip(to), Bytes(8, 1))));
    auto out = rig.Sent(kLan);
    ASSERT_EQ(out.size(), 1u) << to;
    EXPECT_EQ(Read(out[0]).source, Ip(to));
  }
  rig.SendIp(kLan, Mac(2), IpPacket(Ip("10.1.0.2"), Ip("203.0.113.9"), 17, Bytes(8, 0), {.ttl = 1}));
  auto error = rig.Sent(kLan);
  ASSERT_EQ(error.size(), 1u);
  EXPECT_EQ(Read(error[0]).source, Ip("10.1.0.1"));
}

// ---- buffers ----

struct Segments {
  size_t each;           // octets of one segment; 0: all in one
  uint16_t headroom;     // octets before the data
  bool held;             // somebody else holds it too
  size_t count = 0;      // so many segments, whatever their length
  bool full = false;     // no octet behind the data of any
};

rte_mbuf* MakeFrame(GatewayRig& rig, ByteView frame, const Segments& s) {
  rte_mbuf *head = nullptr, *last = nullptr;
  const size_t each = s.count != 0 ? (frame.size() + s.count - 1) / s.count : s.each == 0 ? frame.size() : s.each;
  for (size_t at = 0; at < frame.size();) {
    size_t n = std::min(each, frame.size() - at);
    rte_mbuf* m = rte_pktmbuf_alloc(rig.pool());
    m->data_off = s.full ? static_cast<uint16_t>(m->buf_len - n) : s.headroom;
    std::copy_n(frame.begin() + static_cast<ptrdiff_t>(at), n, reinterpret_cast<uint8_t*>(rte_pktmbuf_append(m, static_cast<uint16_t>(n))));
    if (head == nullptr) {
      head = m;
    } else {
      last->next = m;
      head->nb_segs++;
      head->pkt_len += static_cast<uint32_t>(n);
    }
    last = m;
    at += n;
  }
  if (s.held) rte_pktmbuf_refcnt_update(head, 1);
  return head;
}

// B64: whatever buffer a frame comes in, what goes out is the same, sealed, opened and in clear; and what somebody else holds is
// never written to.
TEST(Buffers, OfEveryShape) {
  constexpr Segments kShapes[] = {{0, 128, false}, {1, 128, false},  {64, 0, false}, {7, 33, false},
                                  {0, 0, false},   {0, 128, true},   {90, 0, true},  {1460, 128, false},
                                  {.each = 1, .headroom = 128, .held = false, .count = 64},
                                  {.each = 0, .headroom = 0, .held = false, .full = true},
                                  {.each = 1, .headroom = 0, .held = true, .count = 64, .full = true}};
  for (size_t size : {60u, 64u, 300u, 1400u, 1500u, 9000u, 9161u, 9162u, 9163u, 9216u}) {
    TunnelRig t({.mtu = 9216});
    t.sa().copy_df = false;
    t.Install();
    for (const Segments& s : kShapes) {
      if (s.count == 0 && s.each != 0 && size / s.each > 1500) continue;
      SCOPED_TRACE(::testing::Message() << size << " octets in " << s.each << " from " << s.headroom << (s.held ? ", held" : ""));
      unsigned in_use = t.rig().buffers_in_use();
      Bytes clear = IpPacket(t.alice(false), Ip("203.0.113.5"), 17, Bytes(size - 20, 3)),
            out = IpPacket(t.alice(false), t.bob(false), 17, Bytes(size - 20, 4)),
            in = IpPacket(t.bob(false), t.alice(false), 17, Bytes(size - 20, 5));
      bool fits = 52 + (size + 2 + 3) / 4 * 4 <= 9216;  // up to 9,162: the next is too long by its padding
      Bytes sealed = fits ? t.Seal(in) : Bytes{};
      std::vector<rte_mbuf*> held;
      auto feed = [&](uint16_t port, const Bytes& ip) {
        if (ip.empty()) return;
        Bytes frame = Ethernet(t.rig().port(port).mac, Mac(port == kWan ? 9 : 2), 0x0800, ip);
        rte_mbuf* m = MakeFrame(t.rig(), frame, s);
        ASSERT_TRUE(t.rig().port(port).Feed(m));
        t.rig().Run();
        if (!s.held) return;
        Bytes now(frame.size());
        const void* from = rte_pktmbuf_read(m, 0, static_cast<uint32_t>(now.size()), now.data());
        if (from != now.data()) std::memcpy(now.data(), from, now.size());
        EXPECT_EQ(now, frame) << "written to";
        rte_pktmbuf_free(m);
      };
      feed(kLan, clear);
      auto forwarded = t.rig().Sent(kWan);
      ASSERT_EQ(forwarded.size(), 1u);
      EXPECT_TRUE(std::equal(forwarded[0].begin() + 34, forwarded[0].end(), clear.begin() + 20, clear.end()));
      feed(kLan, out);
      auto frames = t.rig().Sent(kWan);
      ASSERT_EQ(frames.size(), fits ? 1u : 2u);
      std::vector<Bytes> packets;
      for (const Bytes& f : frames) packets.push_back(ToBytes(ByteView(f).subspan(14)));
      Bytes inner = t.Open(packets.size() == 1 ? packets[0] : ReferenceReassemble(packets, 9216)).inner;
      EXPECT_TRUE(std::equal(inner.begin() + 20, inner.end(), out.begin() + 20, out.end()));
      feed(kWan, sealed);
      auto opened = t.rig().Sent(kLan);
      ASSERT_EQ(opened.size(), fits ? 1u : 0u);
      if (fits) {
        EXPECT_TRUE(std::equal(opened[0].begin() + 34, opened[0].end(), in.begin() + 20, in.end()));
      }
      EXPECT_EQ(t.rig().buffers_in_use(), in_use);
    }
    EXPECT_EQ(t.rig().all_drops(), 0u);
    EXPECT_TRUE(t.rig().Balanced());
  }
}

// RFC 1812 4.3.2.8, RFC 4443 2.4 (f): also of what was opened, and of packets that do not fit.
TEST(Errors, AreRationed) {
  TunnelRig t({.mtu = 1500});
  t.Install();
  Bytes big = IpPacket(t.alice(false), t.bob(false), 17, Bytes(1480, 1), {.df = true}),
        late = IpPacket(t.bob(false), t.alice(false), 17, Bytes(100, 1), {.ttl = 1});
  size_t told = 0;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 600; ++i) {
    t.FromAlice(big);
    told += t.BackToAlice().size();
    t.rig().SendIp(kWan, Mac(9), t.Seal(late));
    told += t.rig().Sent(kWan).size();
  }
  EXPECT_EQ(t.rig().drops(Drop::kTooBig), 600u);
  EXPECT_EQ(t.rig().drops(Drop::kTtlExpired), 600u);
  EXPECT_GE(told, 50u);
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_LE(static_cast<double>(told), 60 + 1000 * seconds);
}

}  // namespace
}  // namespace culvert::testing
