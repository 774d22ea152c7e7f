#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "common/vici/message.h"
#include "config/syntax/inherit.h"
#include "config/syntax/parse.h"
#include "tests/config/print.h"

// The parser against the one it imitates: swanctl reads a file and sends each connection to a daemon; the daemon here only
// writes down what came. Random files use every construct that both accept.
namespace culvert::config {
namespace {

std::string Print(const vici::Section& s) {
  std::string values, sections;
  for (const vici::Section::Item& item : s.items()) {
    if (auto* text = std::get_if<std::string>(&item.value)) {
      values += (values.empty() ? "" : " ") + item.name + "=" + *text + ";";
    } else if (auto* child = std::get_if<vici::Section>(&item.value)) {
      std::string inside = Print(*child);
      sections += (sections.empty() ? "" : " ") + item.name + " {" + (inside.empty() ? "" : " " + inside) + " }";
    }
  }
  return values + (values.empty() || sections.empty() ? "" : " ") + sections;
}

// Accepts one client and answers until it leaves.
class Daemon {
 public:
  explicit Daemon(const std::string& path) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0) << path;
    EXPECT_EQ(listen(listener_, 1), 0);
  }
  ~Daemon() { close(listener_); }

  // "name { ... }" of every connection loaded, in order.
  std::string Serve() {
    int client = accept(listener_, nullptr, nullptr);
    vici::RecordBuffer buffer;
    uint8_t chunk[4096];
    for (ssize_t n; (n = read(client, chunk, sizeof chunk)) > 0;) {
      buffer.Feed({chunk, static_cast<size_t>(n)});
      Bytes body;
      while (buffer.Next(body) == vici::RecordBuffer::State::kRecord) Answer(client, body);
    }
    close(client);
    return std::move(loaded_);
  }

 private:
  void Answer(int client, const Bytes& body) {
    auto packet = vici::DecodePacket(body);
    ASSERT_TRUE(packet);
    vici::Packet reply{.type = vici::PacketType::kCommandResponse, .name = "", .message = {}};
    if (packet->name == "get-conns") reply.message.AddList("conns", {});
    if (packet->name == "load-conn") {
      loaded_ += (loaded_.empty() ? "" : " ") + Print(packet->message);
      reply.message.Add("success", "yes");
    }
    Bytes record = vici::EncodeRecord(reply);
    EXPECT_EQ(write(client, record.data(), record.size()), static_cast<ssize_t>(record.size()));
  }

  int listener_;
  std::string loaded_;
};

int RunSwanctl(const std::string& file, const std::string& uri) {
  pid_t child = fork();
  if (child == 0) {
    (void)!freopen("/dev/null", "w", stdout);
    (void)!freopen("/dev/null", "w", stderr);
    execlp("swanctl", "swanctl", "--load-conns", "--file", file.c_str(), "--uri", uri.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  std::string File() {
    std::string out;
    // A section may take from what has a smaller number only: circles are an error here and ignored there.
    for (int i = 0; i < 3; ++i) out += "t" + std::to_string(i) + Heritage(i, -1) + Body(1);
    for (int round = Below(2); round >= 0; --round) {
      out += "connections" + Blank() + "{" + Newline();
      for (int i = 0; i < 4; ++i) out += "c" + std::to_string(i) + Heritage(3, i) + Body(0);
      out += "}" + Newline();
    }
    return out;
  }

 private:
  int Below(int n) { return static_cast<int>(random_() % static_cast<uint32_t>(n)); }
  template <size_t N>
  std::string Pick(const char* const (&from)[N]) {
    return from[static_cast<size_t>(Below(N))];
  }
  std::string Blank() { return Pick({"", " ", "\t", "  "}); }
  std::string Newline() { return Pick({"\n", "\n\n", " # comment { } = \"\n", "\r\n", "\n\t# include x\n"}); }
  std::string Name() { return std::string(1, static_cast<char>('k' + Below(4))); }

  std::string Heritage(int templates, int connections) {
    std::string out;
    for (int i = Below(3); i > 0; --i) {
      bool conn = connections > 0 && Below(3) == 0;
      if (!conn && templates == 0) continue;
      std::string from = conn ? "connections.c" + std::to_string(Below(connections)) : "t" + std::to_string(Below(templates));
      out += Blank() + (out.empty() ? ":" : ",") + Blank() + from;
    }
    return out + Pick({"", " ", "\n", " # x\n"});
  }

  std::string Value() {
    std::string out;
    for (int i = Below(4); i > 0; --i) {
      out += Pick({"word", "a=b", "1,2", "x{y", "z:w.v", "\"two  blanks\"", "\"q\\\"\\\\\\t\\n.\"", "\"joi\\\nned\"",
                   "\"# } {\"", "%any", "\"over\nlines\"", "back\\slash"});
      out += Pick({" ", "  ", "\t"});
    }
    return out;
  }

  std::string Body(int depth) {
    std::string out = "{" + Newline();
    for (int i = Below(5); i > 0; --i) {
      if (depth < 3 && Below(3) == 0) {
        // "s": keys and sections of one name would print alike.
        out += Blank() + "s" + Name() + (depth > 0 ? Pick({"", " "}) : Heritage(3, -1)) + Body(depth + 1);
      } else {
        out += Blank() + Name() + Blank() + "=" + Blank() + Value() + Newline();
      }
    }
    return out + "}" + Newline();
  }

  std::mt19937 random_;
};

std::string ReadHere(const std::string& path) {
  DiskFiles files;
  Tree tree;
  Complaints complaints;
  Report report(tree, complaints);
  if (!ParseConfig(files, path, {.dir = "", .closed_section = ""}, tree, report)) return Print(complaints);
  Section root = Inherit(tree, tree.root, report);
  const Section* connections = root.FindSection("connections");
  return HasErrors(complaints) ? Print(complaints) : connections ? Print(*connections) : "";
}

std::string ReadBySwanctl(const std::string& dir, const std::string& path) {
  std::string socket_path = dir + "/vici";
  std::filesystem::remove(socket_path);
  Daemon daemon(socket_path);
  std::string loaded;
  std::thread server([&] { loaded = daemon.Serve(); });
  int code = RunSwanctl(path, "unix://" + socket_path);
  EXPECT_EQ(code, 0) << "swanctl of strongswan-swanctl is needed on the PATH";
  if (code != 0) {  // it may never have called
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
    (void)connect(s, reinterpret_cast<sockaddr*>(&address), sizeof address);
    close(s);
  }
  server.join();
  return loaded;
}

TEST(SwanctlAgreement, RandomFilesReadAlike) {
  auto dir = testing::TempDir() + "culvert-swanctl-" + std::to_string(getpid());
  std::filesystem::create_directory(dir);
  auto path = dir + "/swanctl.conf";
  constexpr uint32_t kFiles = 40;
  size_t read = 0;
  for (uint32_t seed = 1; seed <= kFiles && !HasFailure(); ++seed) {
    std::ofstream(path) << Generator(seed).File();
    std::string here = ReadHere(path);
    EXPECT_EQ(here, ReadBySwanctl(dir, path)) << "seed " << seed << ":\n" << Generator(seed).File();
    read += here.size();
  }
  EXPECT_GT(read, 100 * kFiles) << "there was little to agree on";
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace culvert::config
