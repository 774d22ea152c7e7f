#include "control/udp/udp_plane.h"

#include <gtest/gtest.h>

namespace culvert::control {
namespace {

// High ports of the loopback address: no privilege wanted.
class UdpPlaneTest : public testing::Test {
 protected:
  struct End {
    End(EventLoop& loop, uint16_t port, std::function<void()> heard) {
      UdpPlane::Options options{IpAddress::V4(127, 0, 0, 1), port, static_cast<uint16_t>(port + 1)};
      auto opened = UdpPlane::Open(loop, options, [this, heard](ike::Event e) {
        events.push_back(std::move(e));
        heard();
      });
      EXPECT_TRUE(opened.ok()) << opened.status();
      if (opened.ok()) plane = std::move(*opened);
    }
    std::vector<ike::Event> events;
    std::unique_ptr<UdpPlane> plane;
  };

  // Turns the loop until the two ends have heard of `count` events together.
  void RunUntil(size_t count) {
    wanted_ = count;
    LoopTimer late(loop_, [this] { loop_.Stop(); });
    late.At(EventLoop::Now() + std::chrono::seconds(5));
    if (a.events.size() + b.events.size() < wanted_) loop_.Run();
  }
  static Endpoint At(uint16_t port) { return {IpAddress::V4(127, 0, 0, 1), port}; }

  EventLoop loop_;
  size_t wanted_ = 0;
  std::function<void()> heard_ = [this] {
    if (a.events.size() + b.events.size() >= wanted_) loop_.Stop();
  };
  End a{loop_, 45500, heard_}, b{loop_, 45600, heard_};
};

TEST_F(UdpPlaneTest, CarriesDatagramsWithAndWithoutTheMarker) {
  a.plane->Send({.local = At(45500), .remote = At(45600), .data = {1, 2, 3}});
  a.plane->Send({.local = At(45501), .remote = At(45601), .marker = true, .data = {4, 5}});
  RunUntil(2);
  ASSERT_EQ(b.events.size(), 2u);
  for (auto& e : b.events) {
    auto& d = std::get<ike::DatagramIn>(e);
    EXPECT_EQ(d.data, d.marker ? (Bytes{4, 5}) : (Bytes{1, 2, 3}));
    EXPECT_EQ(d.remote, d.marker ? At(45501) : At(45500));
    EXPECT_EQ(d.local, d.marker ? At(45601) : At(45600));
  }
}

TEST_F(UdpPlaneTest, KeepsFromTheCoreWhatIsNotIkeOnTheMarkedPort) {
  a.plane->Send({.local = At(45500), .remote = At(45601), .data = {0xff}});                         // a NAT keepalive
  a.plane->Send({.local = At(45500), .remote = At(45601), .data = {0, 0, 0, 0}});                   // the marker and nothing
  a.plane->Send({.local = At(45500), .remote = At(45601), .data = {0, 0, 1, 0, 9, 9, 9, 9}});       // ESP
  a.plane->Send({.local = At(45501), .remote = At(45601), .marker = true, .data = {7}});
  RunUntil(1);
  ASSERT_EQ(b.events.size(), 1u);
  EXPECT_EQ(std::get<ike::DatagramIn>(b.events[0]).data, Bytes{7});
}

TEST_F(UdpPlaneTest, AnswersInALaterTurn) {
  a.plane->Install({.child = 4, .inbound = true});
  a.plane->QuerySource({.query = 9, .destination = IpAddress::V4(192, 0, 2, 1)});
  a.plane->QuerySource({.query = 10, .destination = IpAddress::Any(Family::kV6)});
  a.plane->QueryUse({.child = 4});
  EXPECT_TRUE(a.events.empty());
  RunUntil(4);
  ASSERT_EQ(a.events.size(), 4u);
  EXPECT_EQ(std::get<ike::ChildInstalled>(a.events[0]).status, ike::InstallStatus::kOk);
  EXPECT_EQ(std::get<ike::SourceFound>(a.events[1]).local.address, IpAddress::V4(127, 0, 0, 1));
  EXPECT_TRUE(std::get<ike::SourceFound>(a.events[2]).local.address.is_unspecified());
  EXPECT_EQ(std::get<ike::ChildUse>(a.events[3]).child, 4u);
}

TEST_F(UdpPlaneTest, SaysWhichSocketIsTaken) {
  auto taken = UdpPlane::Open(loop_, {IpAddress::V4(127, 0, 0, 1), 45500, 45501}, [](ike::Event) {});
  ASSERT_FALSE(taken.ok());
  EXPECT_NE(std::string(taken.status().message()).find("127.0.0.1:45500"), std::string::npos);
}

TEST(PlainSpis, AreNeverReserved) {
  PlainSpis spis;
  EXPECT_EQ(spis.Draw(3), kFirstSpi);
  EXPECT_EQ(spis.Draw(7), kFirstSpi + 1);
}

}  // namespace
}  // namespace culvert::control
