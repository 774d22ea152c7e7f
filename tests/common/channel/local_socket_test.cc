#include "common/channel/local_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <filesystem>

namespace culvert::channel {
namespace {

struct Dir {
  Dir() { path = mkdtemp(name); }
  ~Dir() { std::filesystem::remove_all(path); }
  char name[32] = "/tmp/culvert-socket-XXXXXX";
  std::string path;
};

size_t OpenFds() {
  size_t n = 0;
  for ([[maybe_unused]] const auto& e : std::filesystem::directory_iterator("/proc/self/fd")) ++n;
  return n;
}

TEST(LocalSocket, PassesDescriptorsAndTellsWhoConnected) {
  Dir dir;
  const std::string path = dir.path + "/s";
  EXPECT_EQ(ConnectLocal(path).status().code(), absl::StatusCode::kUnavailable);
  auto listener = ListenLocal(path, getuid());
  ASSERT_TRUE(listener.ok()) << listener.status();
  struct stat st = {};
  ASSERT_EQ(stat(path.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
  EXPECT_EQ(AcceptLocal(listener->get()).status().code(), absl::StatusCode::kNotFound);
  auto client = ConnectLocal(path);
  ASSERT_TRUE(client.ok()) << client.status();
  auto server = AcceptLocal(listener->get());
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_EQ(*PeerUid(server->get()), getuid());

  uint8_t message[5];
  EXPECT_EQ(ReceiveWithFds(client->get(), message).status().code(), absl::StatusCode::kUnavailable);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  UniqueFd in(ends[0]), out(ends[1]);
  ASSERT_TRUE(SendWithFds(server->get(), AsBytes("hello"), {out.get()}).ok());
  auto fds = ReceiveWithFds(client->get(), message);
  ASSERT_TRUE(fds.ok()) << fds.status();
  ASSERT_EQ(fds->size(), 1u);
  EXPECT_TRUE(fcntl((*fds)[0].get(), F_GETFD) & FD_CLOEXEC);
  ASSERT_EQ(write((*fds)[0].get(), "x", 1), 1);
  char c = 0;
  EXPECT_EQ(read(in.get(), &c, 1), 1);
  server->Reset();
  EXPECT_EQ(ReceiveWithFds(client->get(), message).status().code(), absl::StatusCode::kOutOfRange);
}

TEST(LocalSocket, RefusesOtherLengthsAndTooManyDescriptorsAndLeaksNone) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
  UniqueFd a(ends[0]), b(ends[1]);
  const size_t before = OpenFds();
  uint8_t message[5];
  for (std::string_view wrong : {"hell", "hello!"}) {
    ASSERT_TRUE(SendWithFds(a.get(), AsBytes(wrong), {a.get(), b.get()}).ok());
    EXPECT_EQ(ReceiveWithFds(b.get(), message).status().code(), absl::StatusCode::kFailedPrecondition) << wrong;
  }
  ASSERT_TRUE(SendWithFds(a.get(), AsBytes("hello"), {a.get(), b.get()}).ok());
  EXPECT_EQ(ReceiveWithFds(b.get(), message, 1).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(OpenFds(), before);
}

TEST(LocalSocket, TakesThePlaceOfADeadProcess) {
  Dir dir;
  const std::string path = dir.path + "/s";
  const pid_t child = fork();
  if (child == 0) {
    auto dead = ListenLocal(path, getuid());
    _exit(dead.ok() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_EQ(ConnectLocal(path).status().code(), absl::StatusCode::kUnavailable);
  auto listener = ListenLocal(path, getuid());
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_TRUE(ConnectLocal(path).ok());
  EXPECT_FALSE(ListenLocal(dir.path + "/" + std::string(200, 'x'), getuid()).ok());
}

}  // namespace
}  // namespace culvert::channel
