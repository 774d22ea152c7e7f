#include "dataplane/main/control_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "dataplane/main/reports.h"
#include "tests/support/gateway_rig.h"
#include "tests/support/no_descriptors.h"

namespace culvert::dp {
namespace {

using nlohmann::ordered_json;

class ControlSocketTest : public ::testing::Test {
 protected:
  ControlSocketTest() {
    path = (std::filesystem::temp_directory_path() / ("culvert-ctl-" + std::to_string(getpid()) + ".sock")).string();
    EXPECT_TRUE(control.Listen(path).ok());
  }
  UniqueFd Connect() {
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    sockaddr_un a{.sun_family = AF_UNIX, .sun_path = {}};
    std::memcpy(a.sun_path, path.data(), path.size());
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
    Turn();
    return fd;
  }
  void Turn() {
    while (loop.Turn(0)) {
    }
  }
  std::string Say(int fd, const std::string& text) {
    EXPECT_EQ(send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    return Hear(fd);
  }
  std::string Hear(int fd) {
    std::string out;
    char buffer[65536];
    for (int quiet = 0; quiet < 2;) {
      Turn();
      ssize_t n = recv(fd, buffer, sizeof buffer, 0);
      if (n > 0) out.append(buffer, static_cast<size_t>(n));
      quiet = n > 0 ? 0 : quiet + 1;
    }
    return out;
  }
  bool Closed(int fd) {
    char c;
    Turn();
    return recv(fd, &c, 1, 0) == 0;
  }

  std::string path;
  Bell bell;
  EventLoop loop{bell};
  ControlSocket control{loop,
                        {{"one", [] { return ordered_json{{"one", 1}}; }},
                         {"big", [] { return ordered_json{{"big", std::string(1 << 20, 'x')}}; }}}};
};

TEST_F(ControlSocketTest, AnswersLineByLine) {
  UniqueFd c = Connect();
  EXPECT_EQ(Say(c.get(), "{\"get\":\"one\"}\n"), "{\"one\":1}\n");
  EXPECT_EQ(Say(c.get(), "{\"get\":\"one\"}\n{\"get\":\"one\"}\n{\"get\""), "{\"one\":1}\n{\"one\":1}\n");
  EXPECT_EQ(Say(c.get(), ":\"one\"}\n"), "{\"one\":1}\n");
}

TEST_F(ControlSocketTest, SaysWhatIsWrongAndGoesOn) {
  UniqueFd c = Connect();
  for (const char* bad : {"\n", "x\n", "[]\n", "{}\n", "{\"get\":7}\n", "{\"get\":\"two\"}\n", "\xff\xfe{\n", "{\"set\":\"one\"}\n"}) {
    auto answer = ordered_json::parse(Say(c.get(), bad), nullptr, false);
    EXPECT_TRUE(answer.is_object() && answer.contains("error")) << bad;
  }
  EXPECT_EQ(Say(c.get(), "{\"get\":\"one\"}\n"), "{\"one\":1}\n");
}

TEST_F(ControlSocketTest, HasSomethingMovedWhereItCan) {
  UniqueFd c = Connect();
  EXPECT_TRUE(Say(c.get(), "{\"move\":{\"child\":\"net\"}}\n").starts_with("{\"error\""));
  control.SetMover([](const nlohmann::json& what) { return ordered_json{{"moved", what["child"]}}; });
  EXPECT_EQ(Say(c.get(), "{\"move\":{\"child\":\"net\"}}\n"), "{\"moved\":\"net\"}\n");
}

TEST_F(ControlSocketTest, EndsALineWithoutEnd) {
  UniqueFd c = Connect();
  EXPECT_EQ(Say(c.get(), std::string(ControlSocket::kMaxRequest, ' ')), "");
  EXPECT_EQ(control.clients(), 1u);
  Say(c.get(), "  ");
  EXPECT_EQ(control.clients(), 0u);
  EXPECT_TRUE(Closed(c.get()));
}

TEST_F(ControlSocketTest, EndsWhoStallsButNotWhoIsSilent) {
  UniqueFd silent = Connect(), half = Connect(), deaf = Connect();
  Say(half.get(), "{\"get\"");
  for (int i = 0; i < 4; ++i) {
    std::string text = "{\"get\":\"big\"}\n";
    ASSERT_EQ(send(deaf.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }
  Turn();
  control.Tick(std::chrono::steady_clock::now());
  EXPECT_EQ(control.clients(), 3u);
  control.Tick(std::chrono::steady_clock::now() + std::chrono::seconds(6));
  EXPECT_EQ(control.clients(), 1u);
  EXPECT_EQ(Say(silent.get(), "{\"get\":\"one\"}\n"), "{\"one\":1}\n");
}

TEST_F(ControlSocketTest, AdmitsThirtyTwo) {
  std::vector<UniqueFd> clients;
  for (size_t i = 0; i < ControlSocket::kMaxClients; ++i) clients.push_back(Connect());
  EXPECT_EQ(control.clients(), ControlSocket::kMaxClients);
  UniqueFd more = Connect();
  EXPECT_TRUE(Closed(more.get()));
  clients.pop_back();
  Turn();
  UniqueFd room = Connect();
  EXPECT_EQ(Say(room.get(), "{\"get\":\"one\"}\n"), "{\"one\":1}\n");
}

// One stream at a time, of as many lines as a test likes.
class OneStream : public Streamer {
 public:
  std::string Begin(const Asker& who, const nlohmann::json& question) override {
    if (question != "please") return "say please";
    asker = who;
    return "";
  }
  void Gone(uint64_t client) override { gone.push_back(client); }
  Asker asker{};
  std::vector<uint64_t> gone;
};

class ControlStreamTest : public ControlSocketTest {
 protected:
  ControlStreamTest() { control.SetStreamer(&stream); }
  OneStream stream;
};

TEST_F(ControlStreamTest, LinesComeUntilTheEndAndThenAnswersAgain) {
  UniqueFd c = Connect();
  EXPECT_EQ(Say(c.get(), "{\"watch\":\"now\"}\n"), "{\"error\":\"say please\"}\n");
  EXPECT_EQ(Say(c.get(), "{\"watch\":\"please\"}\n"), "");
  EXPECT_EQ(stream.asker.uid, getuid());
  EXPECT_EQ(stream.asker.pid, getpid());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(control.Push(stream.asker.client, {{"line", i}}));
  EXPECT_EQ(Hear(c.get()), "{\"line\":0}\n{\"line\":1}\n{\"line\":2}\n");
  control.Tick(std::chrono::steady_clock::now() + std::chrono::hours(1));
  EXPECT_EQ(control.clients(), 1u) << "a stream may be silent";
  control.Finish(stream.asker.client);
  EXPECT_FALSE(control.Push(stream.asker.client, {{"line", 4}}));
  EXPECT_EQ(Say(c.get(), "{\"get\":\"one\"}\n"), "{\"one\":1}\n");
  EXPECT_TRUE(stream.gone.empty());
}

TEST_F(ControlStreamTest, TheDeadTheTalkativeAndTheStallingAreToldOff) {
  UniqueFd dead = Connect();
  Say(dead.get(), "{\"watch\":\"please\"}\n");
  uint64_t first = stream.asker.client;
  dead = UniqueFd();
  Turn();
  EXPECT_EQ(stream.gone, std::vector<uint64_t>{first});
  EXPECT_FALSE(control.Push(first, {{"line", 1}}));

  UniqueFd talker = Connect();
  Say(talker.get(), "{\"watch\":\"please\"}\n{\"get\":\"one\"}\n");
  EXPECT_TRUE(Closed(talker.get()));
  EXPECT_EQ(stream.gone.size(), 2u);

  UniqueFd stalls = Connect();
  Say(stalls.get(), "{\"watch\":\"please\"}\n");
  EXPECT_TRUE(control.Push(stream.asker.client, {{"line", std::string(3 << 20, 'x')}}));
  Turn();
  control.Tick(std::chrono::steady_clock::now() + std::chrono::seconds(6));
  EXPECT_EQ(control.clients(), 0u);
  EXPECT_EQ(stream.gone.size(), 3u);
}

TEST_F(ControlStreamTest, WhoReadsTooSlowlyIsClosedAndThePushSaysSo) {
  UniqueFd slow = Connect();
  Say(slow.get(), "{\"watch\":\"please\"}\n");
  int pushed = 0;
  while (pushed < 100 && control.Push(stream.asker.client, {{"line", std::string(1 << 20, 'x')}})) ++pushed;
  EXPECT_GT(pushed, 1);
  EXPECT_LT(pushed, 6);
  EXPECT_EQ(control.clients(), 0u);
  EXPECT_TRUE(stream.gone.empty());
}

TEST_F(ControlSocketTest, WithoutAStreamerAWatchIsAnError) {
  UniqueFd c = Connect();
  EXPECT_NE(Say(c.get(), "{\"watch\":\"please\"}\n").find("error"), std::string::npos);
}

// hostile.md F25. Connect() turns the loop until it has nothing to do, which a loop that spins never has.
TEST_F(ControlSocketTest, WaitsForADescriptorWithoutSpinning) {
  UniqueFd c;
  {
    UniqueFd spare(dup(STDERR_FILENO));
    NoDescriptors none;
    spare = UniqueFd();
    c = Connect();
    EXPECT_EQ(control.clients(), 0u);
  }
  control.Tick(std::chrono::steady_clock::now());
  EXPECT_EQ(Say(c.get(), "{\"get\":\"one\"}\n"), "{\"one\":1}\n");
}

TEST_F(ControlSocketTest, DeliversALargeAnswerToASlowReader) {
  UniqueFd c = Connect();
  EXPECT_EQ(Say(c.get(), "{\"get\":\"big\"}\n").size(), (1u << 20) + 11);
}

TEST_F(ControlSocketTest, TakesTheLiberatedPlaceAndLeavesNothing) {
  struct stat s;
  ASSERT_EQ(stat(path.c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777u, 0660u);
  {
    ControlSocket again(loop, {});
    EXPECT_TRUE(again.Listen(path).ok()) << "a dead process's socket is in the way of nobody";
  }
  EXPECT_NE(stat(path.c_str(), &s), 0);
}

TEST(Reports, SayWhatTheGatewayCounts) {
  testing::GatewayRig rig;
  rig.AddNeighbour(0, testing::Ip("192.0.2.254"), testing::Mac(9));
  rig.SendIp(1, testing::Mac(2), testing::IpPacket(testing::Ip("10.1.0.2"), testing::Ip("198.51.100.1"), 17, Bytes(8, 0)));
  rig.SendIp(1, testing::Mac(2), testing::IpPacket(testing::Ip("10.1.0.2"), testing::Ip("10.1.0.1"), 6, Bytes(20, 0)));
  ProcessFacts facts;
  facts.idle = "adaptive";
  auto reports = Reports(rig.gateway(), nullptr, facts);
  auto counters = reports.at("counters")();
  EXPECT_EQ(counters["drops"], (ordered_json{{"unconsumed", 1}}));
  EXPECT_EQ(counters["balanced"], true);
  uint64_t in = counters["received"].get<uint64_t>() + counters["injected"].get<uint64_t>();
  uint64_t out = counters["forwarded"].get<uint64_t>() + counters["punted"].get<uint64_t>() +
                 counters["consumed"].get<uint64_t>() + counters["held"].get<uint64_t>() + counters["dropped"].get<uint64_t>();
  EXPECT_EQ(in, out);
  EXPECT_EQ(counters["threads"].size(), 2u);
  EXPECT_EQ(reports.at("ports")()["ports"][0]["name"], "wan");
  EXPECT_EQ(reports.at("ports")()["ports"][1]["addresses"][0], "10.1.0.1/24");
  EXPECT_EQ(reports.at("routes")()["routes"].size(), 6u);
  EXPECT_EQ(reports.at("neighbours")()["neighbours"].size(), 2u);
  EXPECT_TRUE(reports.at("sas")()["sas"].empty());
  EXPECT_EQ(reports.at("status")()["forwarding"], "open");
}

}  // namespace
}  // namespace culvert::dp
