#include "dataplane/main/watch_service.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <sstream>

#include "tests/support/tunnel_rig.h"

// The whole way of what is watched: workers, main, the control socket, a client.
namespace culvert::testing {
namespace {

using nlohmann::ordered_json;

class Client {
 public:
  Client(dp::EventLoop& loop, const std::string& path) : loop_(loop), fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un a{.sun_family = AF_UNIX, .sun_path = {}};
    std::memcpy(a.sun_path, path.data(), path.size());
    EXPECT_EQ(connect(fd_.get(), reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
    Turn();
  }
  void Ask(const ordered_json& question) {
    std::string text = question.dump() + "\n";
    EXPECT_EQ(send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    Turn();
  }
  // What has come since the last call.
  std::vector<ordered_json> Lines() {
    char buffer[65536];
    for (int quiet = 0; quiet < 2;) {
      Turn();
      ssize_t n = recv(fd_.get(), buffer, sizeof buffer, 0);
      if (n > 0) in_.append(buffer, static_cast<size_t>(n));
      closed_ |= n == 0;
      quiet = n > 0 ? 0 : quiet + 1;
    }
    std::vector<ordered_json> lines;
    for (size_t end; (end = in_.find('\n')) != std::string::npos; in_.erase(0, end + 1)) {
      lines.push_back(ordered_json::parse(in_.substr(0, end)));
    }
    return lines;
  }
  bool closed() const { return closed_; }
  void HangUp() {
    fd_ = UniqueFd();
    Turn();
  }

 private:
  void Turn() {
    while (loop_.Turn(0)) {
    }
  }
  dp::EventLoop& loop_;
  UniqueFd fd_;
  std::string in_;
  bool closed_ = false;
};

class WatchServiceTest : public ::testing::Test {
 protected:
  WatchServiceTest() {
    t.Install();
    path = (std::filesystem::temp_directory_path() / ("culvert-watch-" + std::to_string(getpid()) + ".sock")).string();
    EXPECT_TRUE(control.Listen(path).ok());
    loop.AddPoller([this] { return service.Poll(); });
  }
  Bytes Plain() const {
    return IpPacket(t.alice(false), t.bob(false), 17, UdpDatagram(t.alice(false), t.bob(false), {1000, 2000}, Bytes(60, 's')));
  }
  ordered_json Watch(ordered_json what) const { return {{"watch", std::move(what)}}; }
  // The workers let go of what is over.
  void Pass() {
    t.rig().Run();
    service.Tick(std::chrono::steady_clock::now());
  }

  TunnelRig t{TunnelRig::Options{}};
  std::string path;
  dp::Bell bell;
  dp::EventLoop loop{bell};
  dp::ControlSocket control{loop, {{"one", [] { return ordered_json{{"one", 1}}; }}}};
  dp::WatchService service{t.rig().gateway(), &t.ipsec().database(), control};
};

TEST_F(WatchServiceTest, ATraceEndsByCount) {
  Client c(loop, path);
  c.Ask(Watch({{"kind", "trace"}, {"count", 2}}));
  EXPECT_EQ(c.Lines()[0]["watching"]["kind"], "trace");
  t.FromAlice(Plain());
  auto lines = c.Lines();
  ASSERT_EQ(lines.size(), 1u);
  const ordered_json& way = lines[0]["path"];
  ASSERT_EQ(way.size(), 7u);
  EXPECT_EQ(way[0]["stage"], "receive");
  EXPECT_EQ(way[0]["port"], "lan");
  EXPECT_EQ(way[0]["packet"]["source"], "10.1.0.2");
  EXPECT_EQ(way[3]["stage"], "seal");
  EXPECT_EQ(way[3]["sa"]["direction"], "out");
  EXPECT_EQ(way[5]["packet"]["protocol"], "esp");
  EXPECT_EQ(way[5]["packet"]["sequence"], 1);
  EXPECT_EQ(way[6]["exit"], "transmitted");
  EXPECT_EQ(way[6]["port"], "wan");
  for (int i = 0; i < 3; ++i) t.FromAlice(Plain());
  lines = c.Lines();
  ASSERT_EQ(lines.size(), 1u);
  Pass();
  lines = c.Lines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["end"]["why"], "count");
  EXPECT_EQ(lines[0]["end"]["packets"], 2);
  t.FromAlice(Plain());
  EXPECT_TRUE(c.Lines().empty());
  c.Ask({{"get", "one"}});
  EXPECT_EQ(c.Lines().at(0), (ordered_json{{"one", 1}})) << "it may ask again";
}

TEST_F(WatchServiceTest, EndsByTime) {
  Client c(loop, path);
  c.Ask(Watch({{"kind", "trace"}, {"seconds", 5}}));
  service.Tick(std::chrono::steady_clock::now() + std::chrono::seconds(4));
  Pass();
  EXPECT_EQ(c.Lines().size(), 1u);
  service.Tick(std::chrono::steady_clock::now() + std::chrono::seconds(6));
  Pass();
  auto lines = c.Lines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["end"]["why"], "time");
}

TEST_F(WatchServiceTest, OneAtATimeAndTheOtherIsToldWhy) {
  Client first(loop, path), second(loop, path);
  first.Ask(Watch({{"kind", "trace"}}));
  second.Ask(Watch({{"kind", "stages"}}));
  auto lines = second.Lines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0]["error"].get<std::string>().find("pid " + std::to_string(getpid())), std::string::npos);
  first.HangUp();
  Pass();
  second.Ask(Watch({{"kind", "stages"}}));
  EXPECT_TRUE(second.Lines().at(0).contains("watching"));
}

TEST_F(WatchServiceTest, WhoHangsUpLeavesNothingArmed) {
  Client c(loop, path);
  c.Ask(Watch({{"kind", "trace"}}));
  EXPECT_NE(t.rig().gateway().context(0).armed.load(), nullptr);
  c.HangUp();
  EXPECT_EQ(t.rig().gateway().context(0).armed.load(), nullptr);
  Pass();
  t.FromAlice(Plain());
  EXPECT_TRUE(t.rig().Balanced());
}

TEST_F(WatchServiceTest, WhoDoesNotReadIsEnded) {
  Client c(loop, path);
  c.Ask(Watch({{"kind", "trace"}, {"count", 1000000}}));
  for (int i = 0; i < 20000 && t.rig().gateway().context(0).armed.load() != nullptr; ++i) {
    t.FromAlice(Plain());
    while (loop.Turn(0)) {
    }
  }
  EXPECT_EQ(t.rig().gateway().context(0).armed.load(), nullptr);
  EXPECT_EQ(control.clients(), 0u);
  c.Lines();
  EXPECT_TRUE(c.closed());
}

TEST_F(WatchServiceTest, WhoSpeaksMeanwhileIsEnded) {
  Client c(loop, path);
  c.Ask(Watch({{"kind", "trace"}}));
  c.Ask({{"get", "one"}});
  EXPECT_EQ(control.clients(), 0u);
  EXPECT_EQ(t.rig().gateway().context(0).armed.load(), nullptr);
}

TEST_F(WatchServiceTest, RefusesWithAReason) {
  Client c(loop, path);
  for (const ordered_json& wrong : {ordered_json{{"kind", "look"}}, ordered_json{{"kind", "trace"}, {"sa", "nobody"}}, ordered_json(7)}) {
    c.Ask(Watch(wrong));
    EXPECT_TRUE(c.Lines().at(0).contains("error")) << wrong;
  }
  c.Ask({{"get", "one"}});
  EXPECT_EQ(c.Lines().at(0)["one"], 1);
}

TEST_F(WatchServiceTest, ACaptureNamesTheSa) {
  Client c(loop, path);
  c.Ask(Watch({{"kind", "capture"}, {"clear_text", true}}));
  EXPECT_EQ(c.Lines().at(0)["watching"]["interfaces"][2]["name"], "inside");
  int64_t now = std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
  auto sent = t.FromAlice(Plain());
  auto lines = c.Lines();
  ASSERT_EQ(lines.size(), 3u);
  const ordered_json &lan = lines[0]["frame"], &inside = lines[1]["frame"], &wan = lines[2]["frame"];
  EXPECT_EQ(lan["interface"], 1);
  EXPECT_EQ(lan["direction"], "in");
  EXPECT_EQ(inside["interface"], 2);
  EXPECT_EQ(inside["direction"], "out");
  EXPECT_EQ(wan["interface"], 0);
  EXPECT_EQ(wan["direction"], "out");
  EXPECT_EQ(wan["length"], sent[0].size() + 14);
  std::ostringstream spi;
  spi << std::hex << t.sa().spi;
  EXPECT_NE(wan["comment"].get<std::string>().find("SPI 0" + spi.str() + ", sequence 1"), std::string::npos) << wan["comment"];
  EXPECT_LT(std::abs(wan["time_ns"].get<int64_t>() - now), int64_t{60} * 1000000000);
}

// What AH protects can be read on the wire, and so could its capture.
TEST_F(WatchServiceTest, WhatAnSaDoesNotEncipherIsCut) {
  for (auto d : {channel::Direction::kInbound, channel::Direction::kOutbound}) t.Remove(t.sa(), d);
  ASSERT_EQ(t.ipsec().database().RemovePolicy(t.sa().policy_id), channel::Status::kOk);
  t.Settle();
  t.Install({"AhV4", false, true, false});
  Client c(loop, path);
  c.Ask(Watch({{"kind", "capture"}}));
  t.FromAlice(Plain());
  t.FromPeer(t.Seal(IpPacket(t.bob(false), t.alice(false), 17, UdpDatagram(t.bob(false), t.alice(false), {2000, 1000}, Bytes(60, 's')))));
  auto lines = c.Lines();
  ASSERT_EQ(lines.size(), 3u);
  for (size_t i : {1u, 2u}) EXPECT_EQ(lines[i]["frame"]["octets"].get<std::string>().size(), 2 * (14 + 20 + 12u));
}

TEST_F(WatchServiceTest, AFilterByNameFollowsTheSas) {
  auto next = [this](uint32_t slot) {
    test::SaSpec s = t.sa();
    s.spi = MakeSpi(1, 6, slot);
    s.sa_index = SaIndex(s.spi);
    s.preference = slot;
    s.connection = "gw";
    s.child = "net";
    return s;
  };
  t.Install(next(20), channel::Direction::kOutbound);
  Client c(loop, path);
  c.Ask(Watch({{"kind", "trace"}, {"sa", "net"}}));
  c.Lines();
  t.FromAlice(Plain());
  auto lines = c.Lines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["path"][3]["sa"]["child"], "net");
  EXPECT_EQ(lines[0]["path"][3]["sa"]["connection"], "gw");
  // Rekeyed: another SA of the same name carries what follows.
  t.Install(next(21), channel::Direction::kOutbound);
  t.FromAlice(Plain());
  EXPECT_TRUE(c.Lines().empty()) << "main has not looked yet";
  service.Tick(std::chrono::steady_clock::now() + std::chrono::seconds(2));
  t.FromAlice(Plain());
  EXPECT_EQ(c.Lines().size(), 1u);
}

// With workers on threads of their own: watching begins and ends under traffic, and nothing of that is lost or leaks.
TEST(WatchThreads, ComesAndGoesUnderTraffic) {
  GatewayRig rig({.workers = 2});
  rig.AddNeighbour(GatewayRig::kWan, Ip("192.0.2.254"), Mac(9));
  rig.AddNeighbour(GatewayRig::kLan, Ip("10.1.0.2"), Mac(2));
  dp::Gateway& g = rig.gateway();
  dp::Bell bell;
  dp::EventLoop loop(bell);
  dp::ControlSocket control(loop, {});
  dp::WatchService service(g, nullptr, control);
  g.Start();
  Bytes out = IpPacket(Ip("10.1.0.2"), Ip("198.51.100.1"), 17, Bytes(64, 0));
  Bytes back = IpPacket(Ip("198.51.100.1"), Ip("10.1.0.2"), 17, Bytes(64, 0));
  size_t fed = 0, seen = 0, watches = 0;
  auto drain = [&] {
    g.Poll(rig.now());
    for (uint16_t port : {GatewayRig::kWan, GatewayRig::kLan}) seen += rig.Sent(port).size();
  };
  auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (size_t i = 0; (fed < 20000 || watches < 100) && std::chrono::steady_clock::now() < patience; ++i) {
    if (fed - seen < 512) {
      rig.Feed(GatewayRig::kLan, Ethernet(rig.port(GatewayRig::kLan).mac, Mac(2), 0x0800, out));
      rig.Feed(GatewayRig::kWan, Ethernet(rig.port(GatewayRig::kWan).mac, Mac(9), 0x0800, back));
      fed += 2;
    }
    if (i % 16 == 0) watches += service.Begin({i, 0, 0}, {{"kind", i % 32 == 0 ? "capture" : "trace"}, {"port", "wan"}}).empty();
    service.Tick(std::chrono::steady_clock::now());
    drain();
  }
  while (seen < fed && std::chrono::steady_clock::now() < patience) drain();
  EXPECT_GE(watches, 100u);
  EXPECT_EQ(seen, fed);
  g.Stop();
  rig.Run();
  EXPECT_TRUE(rig.Balanced());
}

TEST_F(WatchServiceTest, AnSaHasALabel) {
  const auto& database = t.ipsec().database();
  auto label = database.LabelOf(channel::Direction::kOutbound, t.sa().sa_index);
  ASSERT_TRUE(label);
  EXPECT_EQ(label->spi, t.sa().spi);
  EXPECT_TRUE(label->enciphers);
  EXPECT_FALSE(database.LabelOf(channel::Direction::kOutbound, t.sa().sa_index + 1));
  EXPECT_TRUE(database.SasNamed("nobody").empty());
}

TEST_F(WatchServiceTest, StagesAreCountedMeanwhile) {
  Client c(loop, path);
  t.FromAlice(Plain());
  c.Ask(Watch({{"kind", "stages"}}));
  for (int i = 0; i < 4; ++i) t.FromAlice(Plain());
  service.Tick(std::chrono::steady_clock::now() + std::chrono::seconds(2));
  Pass();
  auto lines = c.Lines();
  ASSERT_EQ(lines.size(), 3u);
  uint64_t sum = 0;
  for (const auto& row : lines[1]["stages"]["stages"]) {
    sum += row["cycles"].get<uint64_t>();
    if (row["stage"] != "idle" && row["stage"] != "upkeep") {
      EXPECT_EQ(row["packets"], 4) << row;
    }
  }
  EXPECT_EQ(sum, lines[1]["stages"]["cycles"]);
  EXPECT_NE(lines[1]["stages"]["workers"][0]["polls"], 0);
}

}  // namespace
}  // namespace culvert::testing
