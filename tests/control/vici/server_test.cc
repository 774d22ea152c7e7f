#include "control/vici/server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <optional>
#include <thread>

#include "common/base/unique_fd.h"
#include "tests/support/no_descriptors.h"

namespace culvert::control {
namespace {

using vici::Packet;
using vici::PacketType;

// A blocking client over a real socket, on the test's own thread.
class Client {
 public:
  explicit Client(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un addr{};
    addr.sun_family = AF_UNIX;
    path.copy(addr.sun_path, sizeof addr.sun_path - 1);
    connected = connect(fd_, reinterpret_cast<sockaddr*>(&addr), sizeof addr) == 0;
    timeval wait{10, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  }
  ~Client() { close(fd_); }
  void Write(ByteView b) { EXPECT_EQ(send(fd_, b.data(), b.size(), MSG_NOSIGNAL), static_cast<ssize_t>(b.size())); }
  void Write(const Packet& p) { Write(vici::EncodeRecord(p)); }
  // nullopt: the server closed.
  std::optional<Packet> Read() {
    Bytes body;
    while (in_.Next(body) != vici::RecordBuffer::State::kRecord) {
      uint8_t b[4096];
      ssize_t n = recv(fd_, b, sizeof b, 0);
      if (n <= 0) return std::nullopt;
      in_.Feed({b, static_cast<size_t>(n)});
    }
    return *vici::DecodePacket(body);
  }
  bool connected = false;

 private:
  int fd_;
  vici::RecordBuffer in_;
};

// The server on a loop thread of its own: "echo" answers at once, "hold" never.
class ViciServerTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "/vici-" + std::to_string(getpid()) + ".sock";
    std::promise<void> up;
    thread_ = std::thread([&] {
      EventLoop loop;
      ViciServer server(loop, {.command =
                                   [&](ClientId id, const std::string& c, const vici::Section& r) {
                                     if (c == "echo") server.Emit(id, "said", r), server.Respond(id, r);
                                     return c == "echo" || c == "hold";
                                   },
                               .event_known = [](const std::string& e) { return e == "said"; },
                               .gone = [this](ClientId) { ++gone_; }});
      status_ = server.Listen(path_, getuid());
      Wakeup stop(loop, [&] { loop.Stop(); });
      stop_ = &stop;
      up.set_value();
      loop.Run();
    });
    up.get_future().wait();
    ASSERT_TRUE(status_.ok()) << status_;
  }
  void TearDown() override {
    stop_->Signal();
    thread_.join();
    EXPECT_NE(access(path_.c_str(), F_OK), 0) << "the socket file is left behind";
  }

  std::string path_;
  std::thread thread_;
  absl::Status status_;
  Wakeup* stop_ = nullptr;
  std::atomic<int> gone_ = 0;
};

TEST_F(ViciServerTest, AnswersCommandsAndSendsRegisteredEventsFirst) {
  Client c(path_);
  c.Write({PacketType::kEventRegister, "said", {}});
  EXPECT_EQ(c.Read()->type, PacketType::kEventConfirm);
  c.Write({PacketType::kEventRegister, "nonsense", {}});
  EXPECT_EQ(c.Read()->type, PacketType::kEventUnknown);
  c.Write({PacketType::kCommandRequest, "echo", vici::Section().Add("k", "v")});
  auto event = c.Read();
  EXPECT_EQ(event->type, PacketType::kEvent);
  EXPECT_EQ(event->name, "said");
  auto answer = c.Read();
  EXPECT_EQ(answer->type, PacketType::kCommandResponse);
  EXPECT_EQ(answer->message.Get("k"), "v");
  c.Write({PacketType::kCommandRequest, "no-such", {}});
  EXPECT_EQ(c.Read()->type, PacketType::kCommandUnknown);
}

TEST_F(ViciServerTest, ClosesClientsThatBreakTheProtocolAndServesTheOthers) {
  Client honest(path_);
  const Bytes bad[] = {{0xff, 0xff, 0xff, 0xff}, {0, 0, 0, 1, 9}, {0, 0, 0, 3, 0, 200, 'x'}, {0, 0, 0, 2, 0, 1}};
  for (const auto& b : bad) {
    Client c(path_);
    c.Write(b);
    EXPECT_FALSE(c.Read());
  }
  Client twice(path_);
  twice.Write({PacketType::kCommandRequest, "hold", {}});
  twice.Write({PacketType::kCommandRequest, "hold", {}});
  EXPECT_FALSE(twice.Read());
  honest.Write({PacketType::kCommandRequest, "echo", {}});
  EXPECT_EQ(honest.Read()->type, PacketType::kCommandResponse);
}

TEST_F(ViciServerTest, AdmitsExactlyTheCapOfClients) {
  std::vector<std::unique_ptr<Client>> clients;
  for (size_t i = 0; i < kMaxViciClients; ++i) {
    clients.push_back(std::make_unique<Client>(path_));
    clients.back()->Write({PacketType::kCommandRequest, "echo", {}});
    ASSERT_TRUE(clients.back()->Read()) << i;
  }
  Client over(path_);
  EXPECT_FALSE(over.Read());
  clients.pop_back();
  while (gone_ == 0) std::this_thread::yield();
  Client next(path_);
  next.Write({PacketType::kCommandRequest, "echo", {}});
  EXPECT_TRUE(next.Read());
}

// hostile.md F25. The loop is a thread of its own: that it does not spin shows in the processor time it takes.
TEST_F(ViciServerTest, WaitsForADescriptorWithoutSpinning) {
  std::optional<Client> c;
  {
    UniqueFd spare(dup(STDERR_FILENO));
    NoDescriptors none;
    spare = UniqueFd();
    c.emplace(path_);
    EXPECT_TRUE(c->connected);
    auto used = [] {
      rusage usage{};
      getrusage(RUSAGE_SELF, &usage);
      return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    };
    const long before = used();
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    EXPECT_LT(used() - before, 350'000);
  }
  c->Write({PacketType::kCommandRequest, "echo", vici::Section().Add("k", "v")});
  EXPECT_EQ(c->Read()->message.Get("k"), "v");
}

TEST_F(ViciServerTest, ClosesAClientThatBeginsARecordAndStops) {
  Client c(path_);
  c.Write(Bytes{0, 0, 0});
  EXPECT_FALSE(c.Read());
}

TEST_F(ViciServerTest, ASecondServerOnALivePathIsRefused) {
  EventLoop loop;
  ViciServer second(loop, {});
  EXPECT_EQ(second.Listen(path_, getuid()).code(), absl::StatusCode::kAlreadyExists);
}

}  // namespace
}  // namespace culvert::control
