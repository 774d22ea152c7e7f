#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>

#include "dataplane/stage/reassemble.h"
#include "tests/support/tunnel_rig.h"

// Fragments of IPsec to an own address are put together before they are opened, within bounds.
namespace culvert::testing {
namespace {

using dp::Reassembly;
constexpr uint16_t kWan = GatewayRig::kWan, kLan = GatewayRig::kLan;

class Reassembling : public ::testing::TestWithParam<TunnelKind> {
 protected:
  Reassembling() : t({.v6 = GetParam().v6, .mtu = 3000}) {
    t.Install(GetParam());
    t.rig().gateway().ike().SetSink([this](const channel::DatagramInfo&, ByteView payload) {
      ike.push_back(ToBytes(payload));
      return true;
    });
  }
  Bytes Inner(size_t size) {
    Bytes data(size);
    for (auto& b : data) b = static_cast<uint8_t>(random());
    return IpPacket(t.bob(false), t.alice(false), 17, UdpDatagram(t.bob(false), t.alice(false), {1, 2}, data), {.ttl = 9});
  }
  // As it leaves on the other side.
  static Bytes Out(Bytes ip) {
    --ip[8];
    ip[10] = ip[11] = 0;
    uint16_t sum = test::InternetChecksum(ByteView(ip).first(20));
    ip[10] = static_cast<uint8_t>(sum >> 8);
    ip[11] = static_cast<uint8_t>(sum);
    return ip;
  }
  std::vector<Bytes> Fragments(const Bytes& inner, std::vector<size_t> cuts) {
    t.choices.id = static_cast<uint16_t>(++id);  // AH covers it
    return ReferenceFragment(t.Seal(inner), cuts, id);
  }
  uint32_t held() const { return static_cast<uint32_t>(t.rig().balance().held); }

  mutable TunnelRig t;
  std::vector<Bytes> ike;
  uint32_t id = 100;
  std::mt19937 random{7};
};
INSTANTIATE_TEST_SUITE_P(Kinds, Reassembling, ::testing::ValuesIn(kTunnelKinds), [](const auto& i) { return i.param.name; });

TEST_P(Reassembling, InEveryOrder) {
  std::vector<size_t> order{0, 1, 2, 3};
  do {
    Bytes inner = Inner(1300);
    auto f = Fragments(inner, {256, 600, 1208});
    std::vector<Bytes> out;
    for (size_t i : order) {
      EXPECT_TRUE(out.empty());
      out = t.FromPeer(f[i]);
    }
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(out[0], Out(inner));
    EXPECT_EQ(held(), 0u);
  } while (std::ranges::next_permutation(order).found);
  EXPECT_EQ(t.rig().all_drops(), 0u);
  EXPECT_EQ(t.rig().balance().consumed, 24 * 3u + t.rig().gateway().main_counters().consumed.get());
  EXPECT_TRUE(ike.empty());
}

// Lengths and cuts at random, several at once, some lost, some repeated: what is whole comes out as it was, the rest never.
TEST_P(Reassembling, AtRandom) {
  for (int round = 0; round < 60; ++round) {
    std::vector<Bytes> wire, wanted;
    for (int n = 0; n < 6; ++n) {
      Bytes inner = Inner(900 + random() % 1900);
      std::vector<size_t> cuts;
      for (size_t at = 256 + random() % 60 * 8; at + 8 < inner.size(); at += 256 + random() % 100 * 8) cuts.push_back(at);
      auto f = Fragments(inner, cuts);
      bool lose = random() % 4 == 0;
      if (lose)
        f.erase(f.begin() + static_cast<ptrdiff_t>(random() % f.size()));
      else
        wanted.push_back(Out(inner));
      if (lose && f.empty()) continue;
      if (random() % 3 == 0 && f.size() > 1) f.insert(f.begin() + 1, f[0]);  // again, before the datagram is whole
      for (Bytes& x : f) wire.push_back(std::move(x));
    }
    std::vector<Bytes> first(wire.begin(), wire.end());
    for (size_t i = 0; i + 1 < wire.size(); ++i) {
      if (random() % 3 == 0) std::swap(wire[i], wire[i + 1]);
    }
    auto out = t.FromPeer(wire);
    std::ranges::sort(out);
    std::ranges::sort(wanted);
    // A repeated fragment that comes when its datagram is whole already only waits in vain.
    EXPECT_EQ(out, wanted) << round;
  }
  EXPECT_EQ(t.rig().drops(Drop::kBadIcv), 0u);
  EXPECT_TRUE(t.rig().Balanced());
}

// RFC 5722 4: whatever overlaps ends the datagram, and its genuine pieces do not revive it.
TEST_P(Reassembling, RefusesWhatContradicts) {
  struct {
    const char* what;
    std::vector<size_t> cuts_a, cuts_b;
    size_t from_a, from_b;
  } kCases[] = {
      {"overlap", {512, 1024}, {768}, 0, 1},           // 0-512, then 768-end, then ...
      {"overlap behind", {512, 1024}, {256, 768}, 0, 1},  // 0-512 and 256-768
      {"inside", {256, 1208}, {512, 768}, 1, 1},       // 256-1208 and 512-768
      {"around", {512, 768}, {256, 1208}, 1, 1},       // 512-768 and 256-1208
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.what);
    uint32_t same = ++id;
    t.choices.id = static_cast<uint16_t>(same);
    Bytes sealed = t.Seal(Inner(1300));
    auto a = ReferenceFragment(sealed, c.cuts_a, same), b = ReferenceFragment(sealed, c.cuts_b, same);
    EXPECT_TRUE(t.FromPeer(a[c.from_a]).empty());
    EXPECT_TRUE(t.FromPeer(b[c.from_b]).empty());
    if (std::string(c.what) == "overlap") {
      EXPECT_TRUE(t.FromPeer(a[2]).empty());
    }
    EXPECT_EQ(held(), 0u) << "given up";
  }
  // The same place, other octets; two ends; behind the end.
  auto f = Fragments(Inner(1300), {256, 600});
  Bytes other = f[0];
  other.back() ^= 1;
  EXPECT_TRUE(t.FromPeer({f[0], other}).empty());
  EXPECT_EQ(held(), 0u);
  auto g = Fragments(Inner(1300), {256, 600, 904});
  auto short_end = ReferenceFragment(ByteView(t.Seal(Inner(600))), {256}, id);
  EXPECT_TRUE(t.FromPeer({g[3], short_end[1]}).empty());
  EXPECT_EQ(held(), 0u);
  EXPECT_GE(t.rig().drops(Drop::kFragment), 12u);
  EXPECT_TRUE(t.rig().Sent(kLan).empty());
  EXPECT_TRUE(t.rig().Balanced());
}

// A piece that comes twice is the network's doing.
TEST_P(Reassembling, ForgivesRepetition) {
  Bytes inner = Inner(1300);
  auto f = Fragments(inner, {256, 600});
  auto out = t.FromPeer({f[0], f[0], f[2], f[2], f[1]});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0], Out(inner));
  EXPECT_EQ(t.rig().drops(Drop::kFragment), 2u);
}

TEST_P(Reassembling, RefusesTinyOnesAndWhatIsNoFragment) {
  for (size_t cut : {8u, 64u, 248u}) {
    auto f = Fragments(Inner(1000), {cut});
    EXPECT_TRUE(t.FromPeer(f[0]).empty());
  }
  Bytes odd = Fragments(Inner(1000), {256})[0];
  odd.pop_back();
  size_t at = GetParam().v6 ? 4 : 2, length = odd.size() - (GetParam().v6 ? 40 : 0);
  odd[at] = static_cast<uint8_t>(length >> 8);
  odd[at + 1] = static_cast<uint8_t>(length);
  if (!GetParam().v6) {
    odd[10] = odd[11] = 0;
    uint16_t sum = test::InternetChecksum(ByteView(odd).first(20));
    odd[10] = static_cast<uint8_t>(sum >> 8);
    odd[11] = static_cast<uint8_t>(sum);
  }
  EXPECT_TRUE(t.FromPeer(odd).empty());
  EXPECT_EQ(t.rig().drops(Drop::kFragment), 4u);
  EXPECT_EQ(held(), 0u);
}

// RFC 791 3.2, B66: the data may end at 65,535 and no later; what is whole and fits no buffer is given up.
TEST_P(Reassembling, RefusesWhatIsTooLong) {
  auto f = Fragments(Inner(1300), {256});
  Bytes far = f[0];
  size_t at = GetParam().v6 ? 42 : 6;
  far[at] = GetParam().v6 ? 0xff : 0x1f;
  far[at + 1] = GetParam().v6 ? 0xf8 : 0xff;  // offset 65,528, and the last
  if (!GetParam().v6) {
    far[10] = far[11] = 0;
    uint16_t sum = test::InternetChecksum(ByteView(far).first(20));
    far[10] = static_cast<uint8_t>(sum >> 8);
    far[11] = static_cast<uint8_t>(sum);
  }
  EXPECT_TRUE(t.FromPeer(far).empty());
  EXPECT_EQ(t.rig().drops(Drop::kFragment), 1u);
  Bytes payload(20000, 0x55);
  if (GetParam().encap) payload[2] = 4500 >> 8, payload[3] = 4500 & 255;
  Bytes big = IpPacket(t.sa().peer.address, t.sa().gateway.address, GetParam().encap ? 17 : GetParam().ah ? 51 : 50, payload);
  std::vector<size_t> cuts;
  for (size_t c = 1000; c < payload.size(); c += 1000) cuts.push_back(c);
  EXPECT_TRUE(t.FromPeer(ReferenceFragment(big, cuts, ++id)).empty());
  EXPECT_EQ(t.rig().drops(Drop::kFragment), 21u);
  EXPECT_EQ(held(), 0u);
}

// What a narrower link cut again comes in pieces as short as eight octets.
TEST_P(Reassembling, TakesWhatWasCutTwice) {
  Bytes inner = Inner(1300);
  auto out = t.FromPeer(Fragments(inner, {808, 816, 1208, 1216}));
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0], Out(inner));
  EXPECT_EQ(t.rig().all_drops(), 0u);
}

// RFC 3168 5.3: congestion met by one fragment was met by the packet.
TEST_P(Reassembling, KeepsCongestionMarks) {
  auto mark = [&](Bytes f, uint8_t ecn) {
    if (GetParam().v6) {
      f[1] = static_cast<uint8_t>((f[1] & 0xcf) | ecn << 4);
      return f;
    }
    f[1] = static_cast<uint8_t>((f[1] & 0xfc) | ecn);
    f[10] = f[11] = 0;
    uint16_t sum = test::InternetChecksum(ByteView(f).first(20));
    f[10] = static_cast<uint8_t>(sum >> 8);
    f[11] = static_cast<uint8_t>(sum);
    return f;
  };
  struct {
    uint8_t first, second;
    int inside;  // of ECT(0); -1: dropped
  } kCases[] = {{2, 2, 2}, {2, 3, 3}, {3, 2, 3}, {3, 3, 3}, {0, 3, -1}, {3, 0, -1}, {0, 0, 2}};
  for (const auto& c : kCases) {
    Bytes inner = IpPacket(t.bob(false), t.alice(false), 17, Bytes(900, 1), {.tos = 2});
    auto f = Fragments(inner, {512});
    auto out = t.FromPeer({mark(f[0], c.first), mark(f[1], c.second)});
    ASSERT_EQ(out.size(), c.inside < 0 ? 0u : 1u);
    EXPECT_TRUE(c.inside < 0 || out[0][1] == c.inside);
  }
}

TEST_P(Reassembling, GivesUpAfterTwoSeconds) {
  auto f = Fragments(Inner(1300), {256, 600});
  EXPECT_TRUE(t.FromPeer({f[0], f[2]}).empty());
  EXPECT_EQ(held(), 2u);
  std::this_thread::sleep_for(std::chrono::milliseconds(Reassembly::kPatienceMs + 50));
  t.rig().Run();
  EXPECT_EQ(held(), 0u);
  EXPECT_EQ(t.rig().drops(Drop::kFragmentTimeout), 2u);
  EXPECT_TRUE(t.FromPeer(f[1]).empty());
}

// D19: strangers from everywhere, and strangers from one place, fill it; an honest datagram still comes through at once, and no
// more than a quarter of the buffers is ever held.
TEST_P(Reassembling, StaysBoundedAndUsefulInAFlood) {
  const TunnelKind& k = GetParam();
  Bytes payload(600, 0x55);
  if (k.encap) payload[2] = 4500 >> 8, payload[3] = 4500 & 255;
  auto stranger = [&](const IpAddress& from) {
    Bytes ip = IpPacket(from, t.sa().gateway.address, k.encap ? 17 : k.ah ? 51 : 50, payload);
    return ReferenceFragment(ip, {304}, ++id)[0];
  };
  for (bool one_source : {false, true}) {
    for (unsigned i = 0; i < 4000; ++i) {
      unsigned host = one_source ? 7 : i;
      IpAddress from = k.v6 ? Ip(("2001:db8:66::" + std::to_string(host)).c_str())
                            : IpAddress::V4(0xcb007100u + (host << 8 & 0xff0000) + (host & 0xff) + (host << 16));
      if (from.is_multicast() || (!k.v6 && (from.octets[0] >= 224 || from.octets[0] == 127))) continue;
      t.rig().Feed(kWan, Ethernet(t.rig().port(kWan).mac, Mac(9), k.v6 ? 0x86dd : 0x0800, stranger(from)));
      if (i % 200 != 199) continue;
      t.rig().Run();
      EXPECT_LE(t.rig().buffers_in_use(), t.rig().pool()->size / 4 + 64);
      Bytes inner = Inner(1300);
      auto out = t.FromPeer(Fragments(inner, {256, 600}));
      ASSERT_EQ(out.size(), 1u);
      EXPECT_EQ(out[0], Out(inner));
    }
  }
  auto& reassembly = *t.rig().gateway().context(0).reassembly;
  EXPECT_LE(reassembly.datagrams(), 1024u);
  EXPECT_GT(t.rig().drops(Drop::kFragmentFull) + t.rig().drops(Drop::kFragmentTimeout), 4000u);
  EXPECT_EQ(held(), reassembly.pieces());
}

// IKE in fragments comes by the same port, and only its first fragment says what it is.
TEST(ReassemblingIke, LeavesItToMain) {
  for (bool v6 : {false, true}) {
    for (uint16_t port : {uint16_t{500}, uint16_t{4500}}) {
      for (auto order : {std::vector<size_t>{0, 1, 2}, {2, 1, 0}, {1, 0, 2}}) {
        TunnelRig t({.v6 = v6});
        t.Install();
        Bytes got;
        t.rig().gateway().ike().SetSink([&](const channel::DatagramInfo&, ByteView payload) {
          got = ToBytes(payload);
          return true;
        });
        Bytes message(2000, 3), payload = port == 4500 ? Bytes(4, 0) : Bytes{};
        Append(payload, message);
        IpAddress peer = t.sa().peer.address, own = t.sa().gateway.address;
        Bytes ip = IpPacket(peer, own, 17, UdpDatagram(peer, own, {port, port}, payload));
        auto f = ReferenceFragment(ip, {800, 1600}, 12);
        for (size_t i : order) t.FromPeer(f[i]);
        EXPECT_EQ(got, message) << v6 << " " << port;
        EXPECT_EQ(t.rig().balance().held, 0u);
        EXPECT_EQ(t.rig().balance().punted, 1u);
        EXPECT_TRUE(t.rig().Balanced());
      }
    }
  }
}

}  // namespace
}  // namespace culvert::testing
