#include <gtest/gtest.h>

#include "tests/support/meddler.h"

// Padding against traffic analysis (RFC 4303 2.7): what two gateways say of it, and what they then do.
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;

// Of the halves that were installed last: octets out, and in.
std::pair<int, int> Padding(const SimPeer& p) {
  std::pair<int, int> seen{-1, -1};
  for (const auto& [half, sa] : p.installed) (half.second ? seen.second : seen.first) = sa.what.tfc_padding;
  return seen;
}

TEST(Padding, IsOfTheSideThatWantsItAndOfItsWayOut) {
  TwoPeers p;
  p.ChildOf(p.a).tfc_padding = 1000;
  p.Establish();
  EXPECT_EQ(Padding(p.a), std::pair(1000, 0));
  EXPECT_EQ(Padding(p.b), std::pair(0, 0));
}

// RFC 4303 2.6: every receiver ends them in silence, so nobody is asked. AH has none.
TEST(Padding, DummiesAreOfTheSideThatWantsThemAndOfItsWayOut) {
  for (bool ah : {false, true}) {
    TwoPeers p;
    p.ChildOf(p.a).dummy_packets = 10;
    if (ah) p.ForBoth([&](SimPeer& peer) { p.UseAh(peer); });
    p.Establish();
    for (const SimPeer* peer : {&p.a, &p.b}) {
      for (const auto& [half, sa] : peer->installed) {
        const bool sends = !ah && peer == &p.a && !sa.what.inbound;
        EXPECT_EQ(sa.what.dummy_packets, sends ? 10u : 0u);
      }
    }
  }
}

// RFC 7296 1.3.1: either message may say that its sender takes none, which binds the other side alone.
TEST(Padding, IsNotForAPeerThatTakesNone) {
  for (bool in_request : {true, false}) {
    TwoPeers p;
    p.ForBoth([&](SimPeer& peer) { p.ChildOf(peer).tfc_padding = config::kTfcToMtu; });
    p.Start();
    Meddler m(p);
    auto say = [](std::vector<Payload>& payloads) {
      payloads.push_back(Meddler::Notify(NotifyType::kEspTfcPaddingNotSupported));
    };
    if (in_request)
      m.InRequests(ExchangeType::kIkeAuth, say);
    else
      m.InAnswers(ExchangeType::kIkeAuth, say);
    RequestId r = p.a.Up("net");
    p.RunFor(2s);
    ASSERT_TRUE(p.a.replies[r].ok);
    EXPECT_EQ(Padding(p.a).first, in_request ? config::kTfcToMtu : 0);
    EXPECT_EQ(Padding(p.b).first, in_request ? 0 : config::kTfcToMtu);
  }
}

TEST(Padding, IsNoneInTransportModeAndOfAh) {
  for (bool ah : {false, true}) {
    TwoPeers p;
    p.ForBoth([&](SimPeer& peer) {
      p.ChildOf(peer).tfc_padding = 1000;
      ah ? p.UseAh(peer) : p.UseTransport(peer);
    });
    p.Establish();
    EXPECT_EQ(Padding(p.a), std::pair(0, 0));
    EXPECT_EQ(Padding(p.b), std::pair(0, 0));
  }
}

}  // namespace
}  // namespace culvert::ike
