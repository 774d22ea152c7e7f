#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/ike/wire/v1/message.h"
#include "tests/support/against_raw_peer_v1.h"

// NAT traversal: RFC 3947, and draft-02 and draft-03 as old peers have them.
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;

// a sits behind a NAT that b sees as 198.51.100.7.
struct Hidden {
  explicit Hidden(const SpeakV1& how = {}, const std::function<void(TwoPeers&)>& change = {})
      : nat{.inside = p.a.address, .outside = Address("198.51.100.7"), .mapped = {}} {
    UseIkev1(p, how);
    p.network.nat = &nat;
    p.ConnectionOf(p.b).remote_addrs = {"%any"};
    if (change) change(p);
  }

  TwoPeers p;
  SimNat nat;
};

TEST(NatV1, IsFoundByBothAndTheInitiatorFloats) {
  for (bool aggressive : {false, true}) {
    SCOPED_TRACE(aggressive);
    Hidden h({.aggressive = aggressive});
    std::vector<uint16_t> ports;
    h.p.network.on_send = [&](const SimPacket& packet) { ports.push_back(packet.from.port); };
    h.p.Establish();
    ASSERT_GE(ports.size(), 6u);
    EXPECT_EQ(ports[0], 500);
    EXPECT_EQ(ports.back(), 4500);
    // RFC 3947 4: it floats with the first message after the NAT was found.
    EXPECT_EQ(std::ranges::find(ports, 4500) - ports.begin(), aggressive ? 2 : 4);
    const IkeView a = h.p.a.Established().at(0), b = h.p.b.Established().at(0);
    EXPECT_TRUE(a.nat_local && !a.nat_remote && !b.nat_local && b.nat_remote);
    EXPECT_EQ(b.remote.address, h.nat.outside);
    const InstallChild* out = h.p.b.Sends("net");
    EXPECT_TRUE(out->udp_encap && h.p.a.Sends("net")->udp_encap);
    EXPECT_EQ(out->remote, b.remote);
    EXPECT_EQ(out->local.port, 4500);
  }
}

TEST(NatV1, NothingIsEncapsulatedWithoutOneUnlessItIsForced) {
  for (bool forced : {false, true}) {
    TwoPeers p;
    UseIkev1(p);
    p.ConnectionOf(p.a).encap = forced;
    p.Establish();
    EXPECT_EQ(p.a.Sends("net")->udp_encap, forced);
    EXPECT_EQ(p.b.Sends("net")->udp_encap, forced);
  }
}

TEST(NatV1, EachAuthenticationGoesThrough) {
  for (bool aggressive : {false, true}) {
    for (SpeakV1 how : {SpeakV1{.by = SpeakV1::By::kPubkey}, SpeakV1{.xauth = true, .mode_config = true}, SpeakV1{.esp = "aes128gcm16-ecp256"},
                        SpeakV1{.by = SpeakV1::By::kHybrid, .mode_config = true, .key = KeyKind::kRsa}}) {
      how.aggressive = aggressive;
      Hidden h(how);
      h.p.Establish();
    }
  }
}

TEST(NatV1, ComesUpWhateverHappensToOneMessage) {
  for (bool aggressive : {false, true}) {
    for (uint64_t lost = 0; lost < 9; ++lost) {
      SCOPED_TRACE(lost);
      Hidden h({.aggressive = aggressive});
      h.p.ConnectionOf(h.p.a).keyingtries = 2;
      h.p.network.fate = [=](const SimPacket& packet) { return packet.number == lost ? Fate{.arrivals = {}} : Fate{}; };
      h.p.Start();
      h.p.a.Up("net");
      h.p.RunFor(100s);
      EXPECT_EQ(h.p.Disagreement(), "");
      EXPECT_TRUE(h.p.CarriesBothWays());
    }
  }
}

TEST(NatV1, APeerIsFollowedToAnotherPortAndKeepsTheMappingAlive) {
  Hidden h({}, [](TwoPeers& p) { p.ForBoth([&](SimPeer& peer) { p.ConnectionOf(peer).dpd_delay = 0s; }); });
  h.p.Establish();
  size_t keepalives = 0;
  h.p.network.on_send = [&](const SimPacket& packet) { keepalives += packet.data == Bytes{0xff}; };
  h.p.RunFor(100s);
  EXPECT_GE(keepalives, 3u);
  h.nat.Rebind();
  h.p.a.RekeyChildren("net");
  h.p.RunFor(20s);
  EXPECT_EQ(h.p.Disagreement(), "");
  EXPECT_GE(h.p.b.Counted(Count::kPeerMoved), 1u);
  EXPECT_EQ(h.p.b.Sends("net")->remote, h.p.b.Established().at(0).remote);
}

TEST(NatV1, IsRekeyedAndAuthenticatedAgainByEitherSide) {
  for (bool by_a : {true, false}) {
    SCOPED_TRACE(by_a);
    Hidden h;
    h.p.Establish();
    h.p.WatchTraffic("net", 10ms);
    SimPeer& who = by_a ? h.p.a : h.p.b;
    for (int round = 0; round < 2; ++round) {
      const RequestId child = who.RekeyChildren("net");
      h.p.RunFor(20s);
      const RequestId ike = who.RekeyIke("gw");
      h.p.RunFor(20s);
      EXPECT_TRUE(who.replies[child].ok && who.replies[ike].ok) << who.replies[ike].error;
    }
    EXPECT_EQ(h.p.Disagreement(), "");
    EXPECT_EQ(h.p.lost, 0u) << h.p.first_loss;
    EXPECT_EQ(h.p.a.Established().size(), 1u);
  }
}

// RFC 3947 5.2: each side gets to know the addresses the other has in its checksums.
TEST(NatV1, TransportModeTellsTheOriginalAddresses) {
  Hidden h({}, [](TwoPeers& p) { p.ForBoth([&](SimPeer& peer) { p.UseTransport(peer); }); });
  h.p.Establish();
  bool found = false;
  for (const auto& [half, sa] : h.p.b.installed) {
    if (!half.second) continue;
    ASSERT_TRUE(sa.what.original);
    EXPECT_EQ(sa.what.original->remote, h.p.a.address);
    found = true;
  }
  EXPECT_TRUE(found);
}

namespace hv1 = ::culvert::ike::v1;

// draft-ietf-ipsec-nat-t-ike: other vendor ids, payload types and encapsulation modes than RFC 3947, and no port but 4500's.
struct Draft {
  const char* name;
  Bytes vendor_id;
};
const Draft kDrafts[] = {
    {"draft-02", {0xcd, 0x60, 0x46, 0x43, 0x35, 0xdf, 0x21, 0xf8, 0x7c, 0xfd, 0xb2, 0xfc, 0x68, 0xb6, 0xa4, 0x48}},
    {"draft-02\\n", {0x90, 0xcb, 0x80, 0x91, 0x3e, 0xbb, 0x69, 0x6e, 0x08, 0x63, 0x81, 0xb5, 0xec, 0x42, 0x7b, 0x1f}},
    {"draft-03", {0x7d, 0x94, 0x19, 0xa6, 0x53, 0x10, 0xca, 0x6f, 0x2c, 0x17, 0x9d, 0x92, 0x15, 0x52, 0x9d, 0x56}},
};

std::optional<uint64_t> ModeOf(const hv1::SaPayload& sa) {
  for (const hv1::Attribute& a : sa.proposals.at(0).transforms.at(0).attributes) {
    if (a.type == static_cast<uint16_t>(hv1::IpsecAttribute::kMode)) return a.Number();
  }
  return std::nullopt;
}

TEST(NatV1, OldPeersSpeakTheDrafts) {
  for (const Draft& d : kDrafts) {
    SCOPED_TRACE(d.name);
    hv1::Target t;
    hv1::RawPeer& raw = *t.raw;
    hv1::Payloads first = raw.Main1();
    first.Add(hv1::PayloadType::kVendorId, d.vendor_id);
    auto answers = raw.Ask(raw.InClear(hv1::ExchangeType::kMain, first));
    ASSERT_EQ(answers.size(), 1u);
    const hv1::Chain second = raw.InClear(answers[0]);
    bool echoed = false;
    for (const hv1::Item& item : second.items) {
      if (TypeOf(item.payload) == hv1::PayloadType::kVendorId) echoed |= Equal(item.body(), d.vendor_id);
    }
    EXPECT_TRUE(echoed);
    ASSERT_TRUE(raw.Hear(answers[0]));
    // Hashes that fit nothing: both sides are behind a NAT.
    hv1::Payloads third = raw.Main3();
    third.Add(hv1::PayloadType::kNatDDraft, Bytes(32, 1));
    third.Add(hv1::PayloadType::kNatDDraft, Bytes(32, 2));
    answers = raw.Ask(raw.InClear(hv1::ExchangeType::kMain, third));
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_TRUE(raw.InClear(answers[0]).Find(hv1::PayloadType::kNatDDraft));
    EXPECT_FALSE(raw.InClear(answers[0]).Find(hv1::PayloadType::kNatD));
    ASSERT_TRUE(raw.Hear(answers[0]));
    raw.local.port = raw.remote.port = 4500;
    answers = raw.Ask(raw.Seal(hv1::ExchangeType::kMain, 0, raw.Main5()));
    ASSERT_EQ(answers.size(), 1u);
    raw.Open(answers[0]);
    raw.last_block = raw.chains[0];
    t.Expect(1, 0);
    // RFC 3947's number means nothing to such a peer, nor a tunnel without UDP.
    answers = raw.Ask(raw.SealHashed(hv1::ExchangeType::kQuick, 0x60, raw.Quick1({.mode = hv1::Encapsulation::kUdpTunnelDraft})));
    ASSERT_EQ(answers.size(), 1u);
    const hv1::Chain quick = raw.Open(answers[0]);
    auto* sa = quick.Get<hv1::SaPayload>();
    ASSERT_TRUE(sa);
    EXPECT_EQ(ModeOf(*sa), 61443u);
    EXPECT_EQ(t.b.LiveChildren().size(), 1u);
  }
}

TEST(NatV1, OldPeersAreCalledByTheDrafts) {
  for (const Draft& d : kDrafts) {
    SCOPED_TRACE(d.name);
    TwoPeers p;
    UseIkev1(p);
    p.ConnectionOf(p.a).dpd_delay = 0s;
    p.a.Start();
    hv1::RawPeer raw({p.clock, p.network, p.a}, p.b.address, false);
    raw.id = "b.example.org";
    raw.vendor_id = d.vendor_id;
    raw.nat_d = hv1::PayloadType::kNatDDraft;
    p.a.Up("net");
    ASSERT_TRUE(raw.AnswerMainMode());
    EXPECT_TRUE(raw.InClear(raw.third).Find(hv1::PayloadType::kNatDDraft));
    EXPECT_FALSE(raw.InClear(raw.third).Find(hv1::PayloadType::kNatD));
    raw.Send(raw.Seal(hv1::ExchangeType::kMain, 0, raw.Main5()));
    raw.last_block = raw.chains[0];
    p.RunFor(20ms);
    const IkeView a = p.a.Established().at(0);
    EXPECT_TRUE(a.nat_local && a.nat_remote);
    EXPECT_EQ(a.local.port, 4500);
    const auto heard = raw.Heard();
    ASSERT_EQ(heard.size(), 1u);
    const hv1::Chain quick = raw.Open(heard[0]);
    auto* sa = quick.Get<hv1::SaPayload>();
    ASSERT_TRUE(sa);
    EXPECT_EQ(ModeOf(*sa), 61443u);
  }
}

}  // namespace
}  // namespace culvert::ike
