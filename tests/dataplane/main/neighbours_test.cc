#include "dataplane/main/neighbours.h"

#include <gtest/gtest.h>
#include <rte_ip.h>

#include <thread>

#include "tests/support/gateway_rig.h"

namespace culvert::dp {
namespace {

using testing::GatewayRig;
using testing::Ip;
using testing::IpPacket;
using testing::Mac;
using testing::MacText;
using std::chrono::seconds;

constexpr uint16_t kWan = GatewayRig::kWan, kLan = GatewayRig::kLan;

class NeighboursTest : public ::testing::Test {
 protected:
  ~NeighboursTest() override { EXPECT_TRUE(rig.Balanced()); }

  std::optional<Neighbours::View> Find(const char* address) {
    std::optional<Neighbours::View> found;
    rig.gateway().neighbours().Visit([&](const Neighbours::View& v) {
      if (v.address == Ip(address)) found = v;
    });
    return found;
  }
  Neighbours::State StateOf(const char* address) {
    auto v = Find(address);
    return v ? v->state : Neighbours::State::kIdle;
  }
  void FromLan(const char* to) { rig.SendIp(kLan, Mac(2), IpPacket(Ip("10.1.0.2"), Ip(to), 17, Bytes(8, 0))); }
  // Requests among what was sent, by target; true where it went to one MAC.
  std::vector<std::pair<std::string, bool>> Requests() {
    std::vector<std::pair<std::string, bool>> out;
    for (const Bytes& f : rig.Sent(kWan)) {
      if (f[12] == 8 && f[13] == 0) continue;
      auto m = DecodeNeighbour(f);
      if (m && m->request) out.emplace_back(m->target.ToString(), f[0] != 0xff);
    }
    return out;
  }
  void Reply(const char* address, const rte_ether_addr& mac) {
    Asker us{rig.port(kWan).mac, Ip("192.0.2.1")};
    rig.Send(kWan, EncodeReply({mac, Ip(address)}, &us));
  }

  GatewayRig rig;
};

TEST_F(NeighboursTest, LearnsFromWhoAsksForUsButNotFromOthers) {
  rig.Send(kLan, EncodeRequest({Mac(5), Ip("10.1.0.5")}, Ip("10.1.0.1"), nullptr));
  ASSERT_TRUE(Find("10.1.0.5"));
  EXPECT_EQ(Find("10.1.0.5")->state, Neighbours::State::kStale);
  auto sent = rig.Sent(kLan);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(MacText(*DecodeNeighbour(sent[0])->mac), MacText(rig.port(kLan).mac));
  // Asking for another, announcing oneself, answering unasked, being elsewhere: nothing is learnt.
  rig.Send(kLan, EncodeRequest({Mac(6), Ip("10.1.0.6")}, Ip("10.1.0.5"), nullptr));
  rig.Send(kLan, EncodeReply({Mac(7), Ip("10.1.0.7")}, nullptr));
  rig.Send(kLan, EncodeReply({Mac(7), Ip("fd01::7")}, nullptr));
  Asker us{rig.port(kLan).mac, Ip("10.1.0.1")};
  rig.Send(kLan, EncodeReply({Mac(8), Ip("10.1.0.8")}, &us));
  rig.Send(kLan, EncodeRequest({Mac(9), Ip("192.0.2.9")}, Ip("10.1.0.1"), nullptr));
  for (const char* a : {"10.1.0.6", "10.1.0.7", "fd01::7", "10.1.0.8", "192.0.2.9"}) EXPECT_FALSE(Find(a)) << a;
}

TEST_F(NeighboursTest, AGratuitousArpUpdatesOnlyWhatIsKnown) {
  rig.AddNeighbour(kLan, Ip("10.1.0.5"), Mac(5));
  rig.Send(kLan, EncodeReply({Mac(55), Ip("10.1.0.5")}, nullptr));
  EXPECT_EQ(MacText(*Find("10.1.0.5")->mac), MacText(Mac(55)));
  EXPECT_EQ(Find("10.1.0.5")->state, Neighbours::State::kStale);
}

TEST_F(NeighboursTest, NobodyElseMayHaveOurAddress) {
  rig.Send(kLan, EncodeReply({Mac(5), Ip("10.1.0.1")}, nullptr));
  rig.Send(kLan, EncodeRequest({Mac(5), Ip("10.1.0.1")}, Ip("10.1.0.9"), nullptr));
  EXPECT_EQ(rig.drops(Drop::kMartian), 2u);
  EXPECT_FALSE(Find("10.1.0.1"));
}

TEST_F(NeighboursTest, AsksTenTimesASecondAtMostAndThenGivesUp) {
  FromLan("192.0.2.50");
  EXPECT_EQ(StateOf("192.0.2.50"), Neighbours::State::kIncomplete);
  EXPECT_EQ(Requests().size(), 1u);
  for (int i = 0; i < 20; ++i) FromLan("192.0.2.50");
  EXPECT_TRUE(Requests().empty());
  rig.Advance(seconds(1));
  size_t more = Requests().size();
  EXPECT_GE(more, 8u);
  EXPECT_LE(more, 10u);
  rig.Advance(seconds(1));
  EXPECT_FALSE(Find("192.0.2.50"));
  EXPECT_EQ(rig.gateway().neighbours().incomplete(), 0u);
  EXPECT_EQ(rig.balance().held, 0u);
}

TEST_F(NeighboursTest, GoesStaleAndIsProbedWhenUsed) {
  FromLan("192.0.2.50");
  Reply("192.0.2.50", Mac(50));
  EXPECT_EQ(StateOf("192.0.2.50"), Neighbours::State::kReachable);
  Requests();
  rig.Advance(seconds(31));
  EXPECT_EQ(StateOf("192.0.2.50"), Neighbours::State::kStale);
  EXPECT_TRUE(Requests().empty()) << "unused, it is left alone";
  // A worker's stamp is what tells of use; here the worker's clock is set to the rig's.
  rig.gateway().context(0).stamp = static_cast<uint32_t>(std::chrono::duration_cast<seconds>(rig.now().time_since_epoch()).count()) + 2;
  FromLan("192.0.2.50");
  EXPECT_EQ(rig.Sent(kWan).size(), 1u) << "the packet goes out meanwhile";
  rig.Advance(std::chrono::milliseconds(200));
  EXPECT_EQ(StateOf("192.0.2.50"), Neighbours::State::kProbing);
  auto probes = Requests();
  ASSERT_EQ(probes.size(), 1u);
  EXPECT_TRUE(probes[0].second) << "by unicast";
  Reply("192.0.2.50", Mac(50));
  EXPECT_EQ(StateOf("192.0.2.50"), Neighbours::State::kReachable);
  rig.Advance(seconds(700));
  EXPECT_FALSE(Find("192.0.2.50")) << "nobody used it";
}

// RFC 4861 4.4: what Linux answers to a unicast solicitation has no Target Link-Layer Address and no Override flag.
Bytes WithoutMac(Bytes advertisement) {
  advertisement.resize(advertisement.size() - 8);
  auto* ip = reinterpret_cast<rte_ipv6_hdr*>(advertisement.data() + sizeof(rte_ether_hdr));
  auto* icmp = reinterpret_cast<uint8_t*>(ip + 1);
  ip->payload_len = rte_cpu_to_be_16(24);
  icmp[2] = icmp[3] = 0;
  icmp[4] = 0x40;
  uint16_t sum = rte_ipv6_udptcp_cksum(ip, icmp);
  std::memcpy(icmp + 2, &sum, sizeof sum);
  return advertisement;
}

TEST_F(NeighboursTest, AnAnswerToAProbeNeedNotTellTheMac) {
  const char* host = "2001:db8::50";
  Asker us{rig.port(kWan).mac, LinkLocalOf(rig.port(kWan).mac)};
  const Bytes answer = WithoutMac(EncodeReply({Mac(50), Ip(host)}, &us));
  auto use = [&] { rig.SendIp(kLan, Mac(2), IpPacket(Ip("fd01::2"), Ip(host), 17, Bytes(8, 0))); };
  use();
  rig.Send(kWan, answer);
  EXPECT_EQ(StateOf(host), Neighbours::State::kIncomplete) << "it tells nothing that was not known";
  rig.Send(kWan, EncodeReply({Mac(50), Ip(host)}, &us));
  EXPECT_EQ(StateOf(host), Neighbours::State::kReachable);
  rig.Advance(seconds(31));
  rig.gateway().context(0).stamp = static_cast<uint32_t>(std::chrono::duration_cast<seconds>(rig.now().time_since_epoch()).count()) + 2;
  use();
  rig.Advance(std::chrono::milliseconds(200));
  EXPECT_EQ(StateOf(host), Neighbours::State::kProbing);
  rig.Send(kWan, answer);
  EXPECT_EQ(StateOf(host), Neighbours::State::kReachable);
  EXPECT_EQ(MacText(*Find(host)->mac), MacText(Mac(50)));
  rig.Sent(kWan);
}

TEST_F(NeighboursTest, APinnedGatewayThatGoesSilentIsAskedForAgain) {
  ASSERT_TRUE(Find("192.0.2.254") && Find("192.0.2.254")->pinned);
  rig.AddNeighbour(kLan, Ip("10.1.0.2"), Mac(2));
  for (int round = 0; round < 3; ++round) {
    FromLan("198.51.100.1");
    EXPECT_EQ(StateOf("192.0.2.254"), Neighbours::State::kIncomplete);
    rig.Advance(seconds(2));
    EXPECT_EQ(StateOf("192.0.2.254"), Neighbours::State::kIdle);
  }
  EXPECT_EQ(rig.drops(Drop::kNoNeighbour), 3u);
  rig.Sent(kWan);
  FromLan("198.51.100.1");
  Reply("192.0.2.254", Mac(9));
  EXPECT_EQ(rig.Sent(kWan).size(), 2u);  // the request and the packet
}

TEST_F(NeighboursTest, AScanIsRememberedUpToALimit) {
  auto& net = rig.gateway().network();
  ASSERT_EQ(net.AddAddress({"wan", {Ip("172.16.0.1"), 16}}, Network::Origin::kConfig), channel::Status::kOk);
  rig.Run();
  auto scan = [&](uint32_t from, uint32_t n) {
    for (uint32_t i = from; i < from + n; ++i) {
      rig.SendIp(kLan, Mac(2), IpPacket(Ip("10.1.0.2"), IpAddress::V4(0xac100100 + i), 17, Bytes(8, 0)));
      if (i % 100 == 0) rig.Sent(kWan);
    }
  };
  scan(0, 1000);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // main may be asked 10,000 times a second
  scan(1000, 500);
  EXPECT_EQ(rig.gateway().neighbours().incomplete(), kMaxIncomplete);
  EXPECT_EQ(rig.drops(Drop::kNoNeighbour) + rig.drops(Drop::kPuntFull), 1500 - kMaxIncomplete);
  EXPECT_GT(rig.drops(Drop::kNoNeighbour), 0u);
  EXPECT_EQ(rig.balance().held, kMaxIncomplete);
  for (int i = 0; i < 30; ++i) {
    rig.Advance(kRequestInterval);
    rig.Sent(kWan);
    rig.Sent(kLan);
  }
  EXPECT_EQ(rig.gateway().neighbours().incomplete(), 0u);
  EXPECT_EQ(rig.balance().held, 0u);
}

TEST_F(NeighboursTest, TheSlotsOfForgottenNeighboursComeBack) {
  for (uint32_t round = 0; round < 20; ++round) {
    for (uint32_t i = 0; i < 200; ++i) {
      rig.Send(kLan, EncodeRequest({Mac(5), IpAddress::V4(0x0a010002 + i)}, Ip("10.1.0.1"), nullptr));
      if (i % 50 == 0) rig.Sent(kLan);
    }
    rig.Sent(kLan);
    rig.Advance(seconds(610));
  }
  size_t left = 0;
  rig.gateway().neighbours().Visit([&](const Neighbours::View& v) { left += !v.pinned; });
  EXPECT_EQ(left, 0u);
  EXPECT_EQ(rig.gateway().grace().waiting(), 0u);
}

TEST_F(NeighboursTest, AnswersProbesAndSolicitationsForOwnAddressesOfThePortOnly) {
  rig.Send(kWan, EncodeRequest({Mac(5), Ip("2001:db8::5")}, Ip("2001:db8::1"), nullptr));
  auto sent = rig.Sent(kWan);
  ASSERT_EQ(sent.size(), 1u);
  auto na = DecodeNeighbour(sent[0]);
  ASSERT_TRUE(na);
  EXPECT_TRUE(!na->request && na->solicited && na->override_mac);
  EXPECT_EQ(na->target, Ip("2001:db8::1"));
  rig.Send(kWan, EncodeRequest({Mac(5), Ip("2001:db8::5")}, Ip("fd01::1"), nullptr));   // lan's address
  rig.Send(kWan, EncodeRequest({Mac(5), Ip("192.0.2.5")}, Ip("10.1.0.1"), nullptr));
  rig.Send(kWan, EncodeRequest({Mac(5), Ip("2001:db8::5")}, Ip("2001:db8::99"), nullptr));
  EXPECT_TRUE(rig.Sent(kWan).empty());
  // Off the link: a hop limit that is not 255 came through a router.
  Bytes far = EncodeRequest({Mac(5), Ip("2001:db8::5")}, Ip("2001:db8::1"), nullptr);
  far[14 + 7] = 254;
  rig.Send(kWan, far);
  EXPECT_TRUE(rig.Sent(kWan).empty());
  EXPECT_EQ(rig.drops(Drop::kIcmpIgnored), 1u);
}

}  // namespace
}  // namespace culvert::dp
