#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "common/base/limits.h"
#include "dataplane/main/neighbour_messages.h"
#include "tests/dataplane/stage/inline_fixture.h"

// Packets in clear on their way from the seal pass to the port that is to seal them, by inline protocol or inline crypto: nobody
// but that port may have one. It leaves by no other, waits nowhere, and goes to no neighbour that it was not for.
namespace culvert::testing {
namespace {

using channel::Direction;
using channel::Offload;
using offload::Engine;
using std::chrono::seconds;

constexpr uint16_t kWan = GatewayRig::kWan, kLan = GatewayRig::kLan;

// The port's queues are one worker's, the SA the other's: between their passes there is time for everything.
class InlineWayTest : public InlineFixture, public ::testing::WithParamInterface<Offload> {
 protected:
  InlineWayTest() : InlineFixture({.workers = 2, .inline_wan = true}) {
    text_.fill(0x5a);
    rig_.sa().offload = GetParam();
  }
  bool whole() const { return GetParam() == Offload::kPacket; }
  dp::Gateway& gateway() { return rig_.rig().gateway(); }
  // Alice's, with text of which nothing may be seen.
  Bytes WithText() {
    Bytes out = Out(200);
    std::ranges::copy(text_, out.end() - static_cast<std::ptrdiff_t>(text_.size()));
    return out;
  }
  // From here on it is in the ring to the worker with the port's queues.
  void ToRing() {
    rig_.rig().Feed(kLan, Ethernet(rig_.rig().port(kLan).mac, Mac(2), 0x0800, WithText()));
    for (int i = 0; i < 4 && gateway().ReadBalance().held == 0; ++i) gateway().worker(0).Pass();
    gateway().worker(1).Pass();
    ASSERT_EQ(gateway().ReadBalance().held, 1u);
  }
  // Out of a port since the last call, but for questions and answers about neighbours: IP packets, none with the text in it.
  std::vector<Bytes> Left(uint16_t port) {
    std::vector<Bytes> packets;
    for (const Bytes& f : rig_.rig().Sent(port)) {
      EXPECT_TRUE(std::ranges::search(f, text_).empty()) << "in clear";
      if (f.size() > 150) packets.push_back(ToBytes(ByteView(f).subspan(14)));
    }
    return packets;
  }
  void ExpectItsEnd(Drop why) {
    gateway().worker(0).Pass();
    EXPECT_EQ(Drops(why), 1u);
    rig_.rig().Run();
    EXPECT_TRUE(Left(kWan).empty());
    EXPECT_TRUE(Left(kLan).empty());
    EXPECT_EQ(gateway().ReadBalance().held, 0u) << "it waits";
    EXPECT_EQ(port().sealed(), 0u);
    EXPECT_EQ(port().stats().tx_errors, 0u);
    EXPECT_TRUE(rig_.rig().Balanced());
  }
  // The peer is on the link. Of it nothing is heard for ten minutes, while the others are heard of halfway.
  void PutPeerOnLink() {
    rig_.sa().peer.address = Ip("192.0.2.77");
    rig_.rig().AddNeighbour(kWan, Ip("192.0.2.77"), Mac(7));
    rig_.rig().Advance(seconds(300));
    rig_.rig().AddNeighbour(kWan, Ip("192.0.2.254"), Mac(9));
    rig_.rig().AddNeighbour(kLan, rig_.alice(false), Mac(2));
  }
  void ForgetPeer() { gateway().neighbours().Tick(rig_.rig().now() + seconds(331)); }
  void ForgetAll() {
    for (int after : {31, 632}) gateway().neighbours().Tick(rig_.rig().now() + seconds(after));
  }
  void RouteByLan(const char* to) {
    ASSERT_EQ(gateway().network().AddRoute({*IpPrefix::Parse(to), rig_.alice(false), ""}, dp::Network::Origin::kConfig),
              channel::Status::kOk);
  }

  std::array<uint8_t, 40> text_;
};

INSTANTIATE_TEST_SUITE_P(Both, InlineWayTest, ::testing::Values(Offload::kPacket, Offload::kCrypto),
                         [](const auto& p) { return p.param == Offload::kPacket ? "Protocol" : "Crypto"; });

// Its route's gateway has no MAC any more. In main it would wait for one.
TEST_P(InlineWayTest, WaitsForNoNeighbour) {
  ASSERT_NO_FATAL_FAILURE(InstallOnSecondWorker());
  ASSERT_NO_FATAL_FAILURE(ToRing());
  ForgetAll();
  ExpectItsEnd(Drop::kNoNeighbour);
  EXPECT_EQ(gateway().neighbours().incomplete(), 0u);
}

// What is where the destination is to stand is Alice's: it is routed by a neighbour that is there.
TEST_P(InlineWayTest, GoesToNoOtherNeighbour) {
  PutPeerOnLink();
  ASSERT_NO_FATAL_FAILURE(InstallOnSecondWorker());
  ASSERT_NO_FATAL_FAILURE(ToRing());
  ForgetPeer();
  ExpectItsEnd(Drop::kNoNeighbour);
}

TEST_P(InlineWayTest, GoesToNoNeighbourOfAnotherPort) {
  PutPeerOnLink();
  ASSERT_NO_FATAL_FAILURE(InstallOnSecondWorker());
  ASSERT_NO_FATAL_FAILURE(ToRing());
  ForgetPeer();
  RouteByLan("192.0.2.77/32");
  ExpectItsEnd(Drop::kNoNeighbour);
}

TEST_P(InlineWayTest, EndsWhereItsSaIsThePortsNoMore) {
  ASSERT_NO_FATAL_FAILURE(InstallOnSecondWorker());
  ASSERT_NO_FATAL_FAILURE(ToRing());
  port().Reset();
  rig_.ipsec().database().Poll([](const channel::Event&) {});  // the order is in the owner's mail
  gateway().worker(1).Pass();
  ExpectItsEnd(Drop::kRetired);
}

TEST_P(InlineWayTest, LeavesByAnotherPortSealedByTheProcessor) {
  ASSERT_NO_FATAL_FAILURE(InstallOnSecondWorker());
  RouteByLan("198.51.100.9/32");
  rig_.rig().SendIp(kLan, Mac(2), WithText());
  EXPECT_TRUE(Left(kWan).empty());
  auto sealed = Left(kLan);
  ASSERT_EQ(sealed.size(), 1u);
  EXPECT_EQ(rig_.Open(sealed[0]).inner.size(), 200u);
  EXPECT_EQ(port().sealed(), 0u);
  rig_.Settle();
  EXPECT_EQ(rig_.engine(Direction::kOutbound).engine, whole() ? Engine::kCpu : Engine::kInlineCrypto);
}

// Nobody else uses the gateway of its route, so nobody else would ask for it.
TEST_P(InlineWayTest, AsksForTheGatewayThatWasForgotten) {
  ASSERT_NO_FATAL_FAILURE(InstallOnSecondWorker());
  ForgetAll();
  rig_.rig().AddNeighbour(kLan, rig_.alice(false), Mac(2));
  rig_.rig().SendIp(kLan, Mac(2), WithText());
  EXPECT_TRUE(Left(kWan).empty());
  EXPECT_EQ(gateway().neighbours().incomplete(), 1u);
  EXPECT_EQ(gateway().ReadBalance().held, 1u) << "sealed";
  dp::Asker asker{rig_.rig().port(kWan).mac, Ip("192.0.2.1")};
  rig_.rig().Send(kWan, dp::EncodeReply({Mac(9), Ip("192.0.2.254")}, &asker));
  auto sealed = Left(kWan);
  ASSERT_EQ(sealed.size(), 1u);
  EXPECT_EQ(rig_.Open(sealed[0]).inner.size(), 200u);
  EXPECT_EQ(port().sealed(), 0u);
  EXPECT_EQ(rig_.rig().all_drops(), 0u);
}

// It would be the processor's for ever, because it has no rekey: by inline protocol its first packet is lost instead.
TEST_P(InlineWayTest, AManualSaStaysWhileItsNeighbourIsAskedFor) {
  test::SaSpec& s = rig_.sa();
  s.peer.address = Ip("192.0.2.77");
  s.encr_key.assign(s.suite.encr_keymat(), 0x11);
  dp::WorkerDatabase::ManualSa manual{.sa = s.Install(Direction::kOutbound), .local = s.local, .remote = s.remote};
  manual.sa.sa_index = manual.sa.policy_id = 0;
  manual.sa.child_id = manual.sa.ike_id = 0;
  EXPECT_EQ(rig_.ipsec().database().InstallManual(manual, [](const channel::Ack&) {}).engine,
            whole() ? Engine::kInlineProtocol : Engine::kInlineCrypto);
  rig_.Settle();
  rig_.rig().SendIp(kLan, Mac(2), WithText());
  EXPECT_TRUE(Left(kWan).empty());
  EXPECT_EQ(gateway().neighbours().incomplete(), 1u);
  EXPECT_EQ(Drops(Drop::kNoNeighbour), whole() ? 1u : 0u);
  EXPECT_EQ(gateway().ReadBalance().held, whole() ? 0u : 1u);
  dp::Asker asker{rig_.rig().port(kWan).mac, Ip("192.0.2.1")};
  rig_.rig().Send(kWan, dp::EncodeReply({Mac(7), Ip("192.0.2.77")}, &asker));
  EXPECT_EQ(Left(kWan).size(), whole() ? 0u : 1u);
  for (uint64_t i = 1; i <= 2; ++i) {
    rig_.rig().SendIp(kLan, Mac(2), WithText());
    auto sealed = Left(kWan);
    ASSERT_EQ(sealed.size(), 1u);
    EXPECT_EQ(rig_.Open(sealed[0]).sequence, whole() ? i : i + 1);
    EXPECT_EQ(port().sealed(), i);
  }
}

}  // namespace
}  // namespace culvert::testing
