#include "bench/ike/responder.h"

#include <absl/log/check.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <format>
#include <fstream>
#include <thread>

namespace culvert::bench {
namespace {

constexpr auto kStartTimeout = std::chrono::seconds(20);
constexpr uint32_t kFirstHost = 10u << 24 | 128u << 16;
constexpr const char* kSecret = "a pre-shared key of no importance";

void Write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path) << text;
  chmod(path.c_str(), 0600);
}

pid_t Start(const std::vector<std::string>& words, const std::filesystem::path& log) {
  pid_t pid = fork();
  CHECK(pid >= 0) << "fork failed";
  if (pid > 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int fd = open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  dup2(fd, STDOUT_FILENO);
  dup2(fd, STDERR_FILENO);
  std::vector<char*> argv;
  for (const auto& w : words) argv.push_back(const_cast<char*>(w.c_str()));
  argv.push_back(nullptr);
  execvp(argv[0], argv.data());
  _exit(127);
}

int Wait(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  return status;
}

void Run(const std::vector<std::string>& words, const std::filesystem::path& log = "/dev/null") {
  CHECK(Wait(Start(words, log)) == 0) << words[0] << " failed; see " << log;
}

// The key exchange as in proposals: what goes by a name of its own here is the first one and an additional one.
std::string Proposed(const std::string& ke) { return ke == kHybrid ? "x25519-ke1_mlkem768" : ke; }

// What both ends' connections have in common.
std::string Body(const Handshake& h, const std::string& own, const std::string& peer, const std::string& selectors) {
  const char* auth = h.pki ? "pubkey" : "psk";
  return std::format(
      " version = 2\n proposals = {}\n unique = never\n mobike = no\n"
      " local {{ auth = {}\n id = {}\n }}\n remote {{ auth = {}\n id = {}\n }}\n"
      " children {{ net {{ esp_proposals = aes128gcm16\n {} }} }}\n",
      ProposalOf(h), auth, own, auth, peer, selectors);
}

std::string Secrets() { return std::format("secrets {{ ike {{ secret = \"{}\"\n }} }}\n", kSecret); }

}  // namespace

std::string ProposalOf(const Handshake& h) { return "aes128gcm16-prfsha256-" + Proposed(h.ke); }

std::string ResponderConnections(const Handshake& h, const IpAddress& responder) {
  return std::format("connections {{ c {{ local_addrs = {}\n remote_addrs = %any\n{} }} }}\n", responder.ToString(),
                     Body(h, "gw.bench", "%any", "local_ts = 10.1.0.0/16\n remote_ts = 10.128.0.0/9\n")) +
         Secrets();
}

std::string InitiatorConnections(const Handshake& h, const IpAddress& responder, unsigned first, unsigned count) {
  std::string all = "connections {\n";
  for (unsigned i = 0; i < count; ++i) {
    std::string host = IpAddress::V4(kFirstHost + first + i).ToString();
    std::string selectors = std::format("local_ts = {}/32\n remote_ts = 10.1.0.0/16\n", host);
    all += std::format("c{} {{ remote_addrs = {}\n{} }}\n", i, responder.ToString(),
                       Body(h, "initiator.bench", "gw.bench", selectors));
  }
  return all + "}\n" + Secrets();
}

void EnterNamespace(const IpAddress& address, const IpPrefix& initiators) {
  CHECK(unshare(CLONE_NEWNET) == 0) << "a network namespace needs root";
  Run({"ip", "link", "set", "lo", "up"});
  Run({"ip", "link", "add", "bench", "type", "veth", "peer", "name", "other"});
  Run({"ip", "addr", "add", address.ToString() + "/24", "dev", "bench"});
  Run({"ip", "link", "set", "bench", "up"});
  Run({"ip", "link", "set", "other", "up"});
  Run({"ip", "route", "add", "local", initiators.ToString(), "dev", "lo"});
}

void Responder::WriteCredentials(const Pki& pki) {
  for (const char* kind : {"x509", "x509ca", "private"}) std::filesystem::create_directories(folder_ / "swanctl" / kind);
  Write(folder_ / "swanctl/x509ca/root.pem", pki.root.pem());
  Write(folder_ / "swanctl/x509/own.pem", pki.responder.pem());
  Write(folder_ / "swanctl/private/own.pem", pki.responder.key_pem());
}

void Responder::WriteCulvert(const Handshake& h) {
  Write(folder_ / "culvert.conf", "control {\n" + ResponderConnections(h, address_) + "}\n");
}

void Responder::WriteCharon(const Handshake& h) {
  std::filesystem::create_directories(folder_ / "swanctl");
  Write(folder_ / "swanctl/swanctl.conf", ResponderConnections(h, address_));
  Write(folder_ / "strongswan.conf",
        std::format("charon-systemd {{\n load = random nonce openssl hmac kdf pem pkcs1 pkcs8 x509 constraints pubkey"
                    " kernel-libipsec kernel-netlink socket-default vici\n dos_protection = no\n threads = 16\n"
                    " ikesa_table_size = 16384\n ikesa_table_segments = 16\n install_virtual_ip = no\n install_routes = no\n"
                    " rsa_pss = yes\n"
                    " journal {{ default = -1\n }}\n"
                    " plugins {{ vici {{ socket = unix://{}/vici.sock\n }}\n kernel-libipsec {{ raw_esp = yes\n }} }}\n}}\n"
                    "swanctl {{ load = random pem pkcs1 pkcs8 x509 openssl\n }}\n",
                    folder_.string()));
}

Responder::Responder(const std::string& program, const Handshake& h, const IpAddress& address) : address_(address) {
  char pattern[] = "/tmp/culvert-bench-XXXXXX";
  CHECK(mkdtemp(pattern) != nullptr) << "no folder in /tmp";
  folder_ = pattern;
  bool charon = program == "charon";
  if (h.pki) WriteCredentials(*h.pki);
  auto socket = folder_ / "vici.sock";
  if (charon) {
    WriteCharon(h);
    setenv("STRONGSWAN_CONF", (folder_ / "strongswan.conf").c_str(), 1);
    setenv("SWANCTL_DIR", (folder_ / "swanctl").c_str(), 1);
    pid_ = Start({"/usr/sbin/charon-systemd"}, folder_ / "log");
  } else {
    WriteCulvert(h);
    std::vector<std::string> command{"culvert-ike", "--config", folder_, "--run", folder_, "--udp", address.ToString()};
    if (h.memory != 0) command.insert(command.begin(), {"prlimit", std::format("--data={}", uint64_t{h.memory} << 20)});
    pid_ = Start(command, folder_ / "log");
  }
  auto deadline = std::chrono::steady_clock::now() + kStartTimeout;
  while (!std::filesystem::exists(socket)) {
    CHECK(waitpid(pid_, nullptr, WNOHANG) == 0) << program << " ended at once; see " << folder_ / "log";
    CHECK(std::chrono::steady_clock::now() < deadline) << program << " does not start; see " << folder_ / "log";
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  if (charon) Run({"swanctl", "--load-all", "--uri", "unix://" + socket.string()}, folder_ / "log");
}

Responder::~Responder() {
  kill(pid_, SIGKILL);  // its SAs go with the namespace; a polite end would take a message for each
  Wait(pid_);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

double Responder::CpuSeconds() const {
  clockid_t clock;
  timespec t{};
  CHECK(clock_getcpuclockid(pid_, &clock) == 0 && clock_gettime(clock, &t) == 0) << "the responder has died";
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

uint64_t Responder::ResidentOctets() const {
  std::ifstream in(std::format("/proc/{}/statm", pid_));
  uint64_t size = 0, resident = 0;
  in >> size >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace culvert::bench
