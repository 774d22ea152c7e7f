#include <gtest/gtest.h>

#include <set>

#include "tests/support/tunnel_rig.h"

// What of an inner header is copied to the outer one and back, in every combination.
namespace culvert::testing {
namespace {

struct Outside {
  bool v6, ah;
};
constexpr Outside kOutsides[] = {{false, false}, {true, false}, {false, true}, {true, true}};

class Headers : public ::testing::TestWithParam<Outside> {
 protected:
  Headers() : t({.v6 = GetParam().v6}) {
    if (!GetParam().ah) return;
    t.sa().protocol = 51;
    t.sa().suite = {EncrId::kNone, 0, IntegId::kHmacSha256_128, true};
  }
  Bytes FromAlice(bool v6, IpOptions o = {}) const {
    return IpPacket(t.alice(v6), t.bob(v6), 17, UdpDatagram(t.alice(v6), t.bob(v6), {1, 2}, Bytes(30, 7)), o);
  }
  Bytes FromBob(bool v6, IpOptions o = {}) const {
    return IpPacket(t.bob(v6), t.alice(v6), 17, UdpDatagram(t.bob(v6), t.alice(v6), {1, 2}, Bytes(30, 7)), o);
  }
  static uint8_t TosOf(ByteView ip) {
    return ip[0] >> 4 == 4 ? ip[1] : static_cast<uint8_t>(ip[0] << 4 | ip[1] >> 4);
  }
  test::ReferenceOpened Sealed(ByteView inner) {
    auto out = t.FromAlice(inner);
    EXPECT_EQ(out.size(), 1u);
    return out.empty() ? test::ReferenceOpened{} : t.Open(out[0]);
  }

  mutable TunnelRig t;
};
INSTANTIATE_TEST_SUITE_P(Outside, Headers, ::testing::ValuesIn(kOutsides), [](const auto& i) {
  return std::string(i.param.ah ? "Ah" : "Esp") + (i.param.v6 ? "V6" : "V4");
});

class HeadersCopied : public Headers {
 protected:
  // Code points whose bits differ, with every ECN field.
  static std::vector<uint8_t> Fields() {
    std::vector<uint8_t> all;
    for (unsigned dscp : {0u, 46u, 21u}) {
      for (unsigned ecn = 0; ecn < 4; ++ecn) all.push_back(static_cast<uint8_t>(dscp << 2 | ecn));
    }
    return all;
  }
  void Out(bool copy_dscp, bool copy_ecn) {
    for (bool v6 : {false, true}) {
      for (uint8_t tos : Fields()) {
        auto o = Sealed(FromAlice(v6, {.tos = tos}));
        EXPECT_EQ(o.tos, (copy_dscp ? tos & 0xfc : 0) | (copy_ecn ? tos & 3 : 0)) << unsigned{tos};
        EXPECT_EQ(TosOf(o.inner), tos) << "the packet inside is not changed";
      }
    }
  }
  // RFC 6040 4.2, figure 4; -1: dropped.
  void In(bool copy_dscp, bool copy_ecn) {
    constexpr int kNotEct = 0, kEct1 = 1, kEct0 = 2, kCe = 3, kDropped = -1;
    constexpr int kTable[4][4] = {
        // outer:        Not-ECT  ECT(1)   ECT(0)   CE
        /* Not-ECT */ {kNotEct, kNotEct, kNotEct, kDropped},
        /* ECT(1)  */ {kEct1, kEct1, kEct1, kCe},
        /* ECT(0)  */ {kEct0, kEct1, kEct0, kCe},
        /* CE      */ {kCe, kCe, kCe, kCe},
    };
    for (bool v6 : {false, true}) {
      for (uint8_t inner : Fields()) {
        for (uint8_t outer : Fields()) {
          t.choices.tos = outer;
          uint64_t dropped = t.rig().drops(Drop::kEcn);
          auto out = t.FromPeer(t.Seal(FromBob(v6, {.tos = inner})));
          int ecn = copy_ecn ? kTable[inner & 3][outer & 3] : inner & 3;
          EXPECT_EQ(out.size(), ecn == kDropped ? 0u : 1u);
          EXPECT_EQ(t.rig().drops(Drop::kEcn), dropped + (ecn == kDropped ? 1 : 0));
          if (out.size() != 1 || ecn == kDropped) continue;
          EXPECT_EQ(TosOf(out[0]), ((copy_dscp ? outer : inner) & 0xfc) | ecn) << unsigned{inner} << " in " << unsigned{outer};
          EXPECT_TRUE(v6 || test::InternetChecksum(ByteView(out[0]).first(20)) == 0);
        }
      }
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Outside, HeadersCopied, ::testing::ValuesIn(kOutsides), [](const auto& i) {
  return std::string(i.param.ah ? "Ah" : "Esp") + (i.param.v6 ? "V6" : "V4");
});

TEST_P(HeadersCopied, DscpAndEcnByEverySetting) {
  for (bool dscp : {false, true}) {
    for (bool ecn : {false, true}) {
      SCOPED_TRACE(::testing::Message() << "copy_dscp " << dscp << " copy_ecn " << ecn);
      t.sa().copy_dscp = dscp;
      t.sa().copy_ecn = ecn;
      t.next_sequence = 1;
      t.Install();
      Out(dscp, ecn);
      In(dscp, ecn);
      for (auto d : {channel::Direction::kInbound, channel::Direction::kOutbound}) t.Remove(t.sa(), d);
      ASSERT_EQ(t.ipsec().database().RemovePolicy(t.sa().policy_id), channel::Status::kOk);
      t.Settle();
    }
  }
  EXPECT_TRUE(t.rig().Balanced());
}

// RFC 4301 8.1; and RFC 6864 4: an ID where the packet may be cut on its way.
TEST_P(Headers, DfAsConfigured) {
  for (bool copy_df : {true, false}) {
    t.sa().copy_df = copy_df;
    t.Install();
    std::set<uint16_t> ids;
    for (int i = 0; i < 3; ++i) {
      for (auto [v6, df] : {std::pair{false, false}, {false, true}, {true, false}}) {
        auto o = Sealed(FromAlice(v6, {.df = df}));
        bool wanted = copy_df && (df || v6) && !GetParam().v6;
        EXPECT_EQ(o.df, wanted);
        if (GetParam().v6) continue;
        EXPECT_TRUE(wanted || ids.insert(o.id).second) << "an ID comes again";
        EXPECT_TRUE(!wanted || GetParam().ah || o.id == 0);
      }
    }
    for (auto d : {channel::Direction::kInbound, channel::Direction::kOutbound}) t.Remove(t.sa(), d);
    ASSERT_EQ(t.ipsec().database().RemovePolicy(t.sa().policy_id), channel::Status::kOk);
    t.Settle();
  }
}

// RFC 6864 4.3: pieces of two SAs' packets between the same ends would be put together.
TEST_P(Headers, IdsOfTwoSasAreNotTheSame) {
  if (GetParam().v6) return;
  std::set<uint16_t> ids;
  for (uint32_t slot : {3u, 4u, 5u}) {
    t.sa().spi = MakeSpi(1, 6, slot);
    t.sa().sa_index = SaIndex(t.sa().spi);
    t.Install();
    auto o = Sealed(FromAlice(false));
    EXPECT_EQ(o.sequence, 1u);
    EXPECT_TRUE(ids.insert(o.id).second);
    for (auto d : {channel::Direction::kInbound, channel::Direction::kOutbound}) t.Remove(t.sa(), d);
    ASSERT_EQ(t.ipsec().database().RemovePolicy(t.sa().policy_id), channel::Status::kOk);
    t.Settle();
  }
}

// RFC 2003 3.1, RFC 4301 5.1.2: one hop less inside at either end, and as many as the gateway wants outside.
TEST_P(Headers, OneHopLessAndSixtyFourOutside) {
  t.Install();
  for (bool v6 : {false, true}) {
    size_t at = v6 ? 7 : 8;
    for (uint8_t ttl : {uint8_t{2}, uint8_t{64}, uint8_t{255}}) {
      auto out = t.FromAlice(FromAlice(v6, {.ttl = ttl}));
      ASSERT_EQ(out.size(), 1u);
      EXPECT_EQ(out[0][GetParam().v6 ? 7 : 8], 64);
      EXPECT_EQ(t.Open(out[0]).inner[at], ttl - 1);
      auto in = t.FromPeer(t.Seal(FromBob(v6, {.ttl = ttl})));
      ASSERT_EQ(in.size(), 1u);
      EXPECT_EQ(in[0][at], ttl - 1);
    }
    EXPECT_TRUE(t.FromAlice(FromAlice(v6, {.ttl = 1})).empty());
    EXPECT_EQ(t.BackToAlice().size(), 1u) << "an ICMP error";
  }
  EXPECT_EQ(t.rig().drops(Drop::kTtlExpired), 2u);
}

// RFC 6437 3: one label for all of an SA, whatever flows are inside; none of them is told.
TEST_P(Headers, OneFlowLabelForTheSa) {
  if (!GetParam().v6) return;
  t.Install();
  std::set<uint32_t> labels;
  for (uint8_t flow = 0; flow < 8; ++flow) {
    Bytes inner = FromAlice(true);
    inner[3] = flow;  // its own flow label
    inner[41] = flow;
    labels.insert(Sealed(inner).flow_label);
  }
  EXPECT_EQ(labels.size(), 1u);
  EXPECT_FALSE(labels.contains(0));
}

}  // namespace
}  // namespace culvert::testing
