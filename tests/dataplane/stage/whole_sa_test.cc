#include <gtest/gtest.h>

#include <algorithm>

#include "common/bytes/writer.h"
#include "tests/dataplane/stage/lend_device.h"
#include "tests/support/reference_transport.h"
#include "tests/support/tunnel_rig.h"

// SAs that a device has as a whole, by the stand-ins: what holds whether it is a port (rte_security inline protocol) or a crypto
// device (lookaside protocol). Through a whole gateway, against the slow reference. The rest of each is in
// inline_protocol_test.cc and lend_whole_test.cc.
namespace culvert::testing {
namespace {

using channel::Direction;
using channel::Offload;
using offload::Engine, offload::StepDown;
using test::MakeUdp;

constexpr Direction kBoth[] = {Direction::kInbound, Direction::kOutbound};

class WholeSa : public ::testing::TestWithParam<Engine> {
 protected:
  static bool by_port() { return GetParam() == Engine::kInlineProtocol; }
  // An SA pair that insists on the device, and is not there yet.
  struct Lab {
    explicit Lab(bool v6 = false)
        : device(by_port() ? nullptr
                           : std::make_unique<Device>("crypto_aesni_gcm", 64, 1, Device::Ipsec::kSoftware)),
          t({.v6 = v6, .engines = device ? device->get() : nullptr, .inline_wan = by_port()}) {
      t.sa().suite.esn = false;
      t.sa().offload = Offload::kPacket;
    }
    uint64_t worked() { return by_port() ? t.rig().inline_wan().sealed() + t.rig().inline_wan().opened() : device->enqueued(); }
    uint32_t sessions() { return by_port() ? t.rig().inline_wan().sessions() : device->soft().sessions(); }
    Bytes Out() { return MakeUdp(t.alice(false), t.bob(false), 1000, 2000, 100); }
    Bytes In(uint8_t tos = 0) { return MakeUdp(t.bob(false), t.alice(false), 2000, 1000, 100, tos); }

    std::unique_ptr<Device> device;
    TunnelRig t;
  };
  // A UDP checksum over IPv6 is one over what the port makes of the text.
  static std::vector<TunnelKind> Kinds() {
    std::vector<TunnelKind> kinds;
    std::ranges::copy_if(kTunnelKinds, std::back_inserter(kinds),
                         [](const TunnelKind& k) { return !k.ah && !(by_port() && k.v6 && k.encap); });
    return kinds;
  }
};

TEST_P(WholeSa, CarriesEveryShapeThatItTakes) {
  for (uint16_t bits : {uint16_t{128}, uint16_t{192}, uint16_t{256}}) {
    for (const TunnelKind& kind : Kinds()) {
      SCOPED_TRACE(std::string(kind.name) + " " + std::to_string(bits));
      Lab lab(kind.v6);
      TunnelRig& t = lab.t;
      t.sa().suite.encr_key_bits = bits;
      t.sa().copy_dscp = true;
      t.sa().sequence = 70;
      t.next_sequence = 71;
      t.Install(kind);
      for (auto d : kBoth) {
        EXPECT_EQ(t.engine(d).engine, GetParam());
        EXPECT_EQ(t.engine(d).step_down, StepDown::kNone);
      }
      uint64_t packets = 0;
      for (bool v6 : {false, true}) {
        for (size_t size : {60u, 61u, 62u, 63u, 576u, 1300u}) {
          const uint8_t tos = size == 61 ? 0xb9 : 0x2a;
          const bool df = size != 62;
          Bytes out = MakeUdp(t.alice(v6), t.bob(v6), 1000, 2000, size, tos, df),
                in = MakeUdp(t.bob(v6), t.alice(v6), 2000, 1000, size, tos);
          auto sealed = t.FromAlice(out);
          ASSERT_EQ(sealed.size(), 1u);
          auto o = t.Open(sealed[0]);
          EXPECT_EQ(o.inner.size(), size);
          EXPECT_EQ(o.sequence, 71 + packets);
          EXPECT_EQ(o.tos, tos);
          EXPECT_EQ(o.df, !kind.v6 && (df || v6));
          EXPECT_TRUE(std::equal(o.inner.begin() + 40, o.inner.end(), out.begin() + 40, out.end()));
          if (o.df || kind.v6) {  // without DF everyone has IDs of his own
            EXPECT_EQ(test::WithoutLabel(test::SealAgain(t.sa().Outbound(), o)), test::WithoutLabel(sealed[0]));
          }
          Writer iv;
          iv.U64(uint64_t{by_port() ? 0u : t.sa().iv_generation} << 48 | o.sequence);
          EXPECT_EQ(o.iv, ToBytes(iv.view())) << "the port's, or given with the packet";
          t.choices.tos = 0xb8;
          auto opened = t.FromPeer(t.Seal(in));
          ASSERT_EQ(opened.size(), 1u);
          EXPECT_EQ(opened[0][v6 ? 7 : 8], in[v6 ? 7 : 8] - 1) << "TTL";
          EXPECT_EQ(v6 ? (opened[0][0] << 4 | opened[0][1] >> 4) & 0xff : opened[0][1], 0xb8 | (tos & 3)) << "DSCP";
          EXPECT_TRUE(std::equal(opened[0].begin() + 40, opened[0].end(), in.begin() + 40, in.end()));
          ++packets;
        }
      }
      EXPECT_EQ(lab.worked(), 2 * packets);
      EXPECT_EQ(t.rig().all_drops(), 0u);
      for (auto d : kBoth) {
        EXPECT_EQ(t.inventory(d).packets, packets);
        EXPECT_EQ(t.inventory(d).sequence, 70 + packets);
        EXPECT_GT(t.inventory(d).bytes, packets * 60);
        EXPECT_NE(t.inventory(d).last_use, 0);
      }
      for (auto d : kBoth) t.Remove(t.sa(), d);
      EXPECT_EQ(lab.sessions(), 0u);
    }
  }
}

// RFC 6864 4.3: without DF no ID comes again soon.
TEST_P(WholeSa, WhatMayBeFragmentedHasAnId) {
  Lab lab;
  lab.t.Install();
  std::vector<uint16_t> ids;
  for (int i = 0; i < 3; ++i) {
    auto sealed = lab.t.FromAlice(MakeUdp(lab.t.alice(false), lab.t.bob(false), 1000, 2000, 100, 0, false));
    ASSERT_EQ(sealed.size(), 1u);
    ids.push_back(lab.t.Open(sealed[0]).id);
  }
  EXPECT_EQ(static_cast<uint16_t>(ids[1] - ids[0]), 1);
  EXPECT_EQ(static_cast<uint16_t>(ids[2] - ids[1]), 1);
}

// The gateway's own answers to echo requests are what goes and comes between the two ends.
TEST_P(WholeSa, CarriesTransportMode) {
  for (const TunnelKind& kind : Kinds()) {
    SCOPED_TRACE(kind.name);
    Lab lab(kind.v6);
    TunnelRig& t = lab.t;
    t.sa().mode = channel::Mode::kTransport;
    t.sa().local = {{*IpRange::Parse(kind.v6 ? "2001:db8::1" : "192.0.2.1")}};
    t.sa().remote = {{*IpRange::Parse(kind.v6 ? "2001:db8:5::9" : "198.51.100.9")}};
    t.Install(kind);
    const IpAddress &own = t.sa().gateway.address, &peer = t.sa().peer.address;
    for (size_t size : {1u, 2u, 3u, 4u, 1000u}) {
      Bytes request = IpPacket(peer, own, kind.v6 ? 58 : 1, EchoRequest(peer, own, Bytes(size, 7)), {.df = true});
      t.FromPeer(t.Seal(request));
      auto sent = t.BackToPeer();
      ASSERT_EQ(sent.size(), 1u);
      auto o = t.Open(sent[0]);
      EXPECT_EQ(o.inner.size(), request.size());
      EXPECT_EQ(test::WithoutLabel(test::SealAgain(t.sa().Outbound(), o)), test::WithoutLabel(sent[0]));
    }
    EXPECT_EQ(lab.worked(), 10u);
    EXPECT_EQ(t.rig().all_drops(), 0u);
  }
}

TEST_P(WholeSa, DropsWhatIsForgedOldOrRepeated) {
  Lab lab;
  lab.t.sa().window = 64;
  lab.t.Install();
  Bytes old = lab.t.Seal(lab.In()), good = lab.t.Seal(lab.In()), forged = good, next = lab.t.Seal(lab.In());
  forged[forged.size() - 20] ^= 1;
  // Both copies pass the first look at the window.
  EXPECT_EQ(lab.t.FromPeer({forged, good, good, next}).size(), 2u);
  EXPECT_EQ(lab.t.rig().drops(Drop::kBadIcv), 1u);
  EXPECT_EQ(lab.t.rig().drops(Drop::kReplayed), 1u);
  lab.t.next_sequence += 64;
  EXPECT_EQ(lab.t.FromPeer({lab.t.Seal(lab.In()), old, good}).size(), 1u);
  EXPECT_EQ(lab.t.rig().drops(Drop::kReplayed), 3u);
  EXPECT_EQ(lab.t.inventory(Direction::kInbound).packets, 3u);
  EXPECT_TRUE(lab.t.rig().Balanced());
}

TEST_P(WholeSa, WhatComesOutMustBeTheSas) {
  Lab lab;
  TunnelRig& t = lab.t;
  t.Install();
  const Bytes wrong[] = {MakeUdp(Ip("10.8.0.2"), t.alice(false), 1, 2, 100), MakeUdp(t.bob(false), Ip("10.2.0.2"), 1, 2, 100),
                         MakeUdp(Ip("fd08::2"), t.alice(true), 1, 2, 100)};
  for (const Bytes& inner : wrong) EXPECT_TRUE(t.FromPeer(t.Seal(inner)).empty());
  EXPECT_EQ(t.rig().drops(Drop::kInnerMismatch), 3u);
  Bytes padded = lab.In();
  Append(padded, Bytes(40, 9));
  auto opened = t.FromPeer(t.Seal(padded));
  ASSERT_EQ(opened.size(), 1u);
  EXPECT_EQ(opened[0].size(), 100u) << "RFC 4303 2.7";
  t.choices.pad_length = 99;
  EXPECT_TRUE(t.FromPeer(t.Seal(lab.In())).empty());
  EXPECT_EQ(t.rig().drops(Drop::kBadIcv), 1u) << "a device says no more of what was wrong";
  t.choices.pad_length = -1;
  t.choices.next_header = 59;
  EXPECT_TRUE(t.FromPeer(t.Seal(lab.In())).empty()) << "a dummy";
  EXPECT_EQ(t.rig().all_drops(), 4u);
  EXPECT_EQ(t.inventory(Direction::kInbound).packets, 5u) << "those inside which were others' count as genuine";
}

// RFC 6040 4.2, figure 4: by the port, or here.
TEST_P(WholeSa, CongestionMarkedOutsideIsMarkedInside) {
  Lab lab;
  lab.t.Install();
  constexpr int kInside[4][4] = {{0, 0, 0, -1}, {1, 1, 1, 3}, {2, 1, 2, 3}, {3, 3, 3, 3}};
  for (uint8_t inner = 0; inner < 4; ++inner) {
    for (uint8_t outer = 0; outer < 4; ++outer) {
      SCOPED_TRACE(::testing::Message() << +inner << " in " << +outer);
      lab.t.choices.tos = outer;
      auto opened = lab.t.FromPeer(lab.t.Seal(lab.In(inner)));
      ASSERT_EQ(opened.size(), kInside[inner][outer] < 0 ? 0u : 1u);
      if (!opened.empty()) {
        EXPECT_EQ(opened[0][1] & 3, kInside[inner][outer]);
      }
    }
  }
  EXPECT_EQ(lab.t.rig().drops(by_port() ? Drop::kBadIcv : Drop::kEcn), 1u);
  EXPECT_EQ(lab.worked(), 16u);
}

TEST_P(WholeSa, LimitsAreTheWorkers) {
  Lab lab;
  lab.t.sa().lifetime.soft_packets = 2;
  lab.t.sa().lifetime.hard_packets = 4;
  lab.t.Install();
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(lab.t.FromAlice(lab.Out()).size(), i < 4 ? 1u : 0u);
    EXPECT_EQ(lab.t.FromPeer(lab.t.Seal(lab.In())).size(), i < 4 ? 1u : 0u);
  }
  EXPECT_EQ(lab.t.rig().drops(Drop::kExpired), 4u);
  lab.t.Settle();
  auto told = [&](channel::EventType type) {
    return std::ranges::count_if(lab.t.events(), [&](const channel::Event& e) { return e.type == type; });
  };
  EXPECT_EQ(told(channel::EventType::kSoftExpiry), 2) << "a port says so, too, and is not heard twice";
  EXPECT_EQ(told(channel::EventType::kHardExpiry), 2);
}

INSTANTIATE_TEST_SUITE_P(By, WholeSa, ::testing::Values(Engine::kInlineProtocol, Engine::kLookasideProtocol),
                         [](const auto& i) { return std::string(i.param == Engine::kInlineProtocol ? "Port" : "CryptoDevice"); });

}  // namespace
}  // namespace culvert::testing
