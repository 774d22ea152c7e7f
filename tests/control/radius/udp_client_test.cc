#include "control/radius/udp_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

#include "common/base/unique_fd.h"
#include "tests/control/radius/reply.h"

namespace culvert::radius {
namespace {

using std::chrono::steady_clock;

// A server on loopback that answers as it is told, for as long as it lives.
class FakeServer {
 public:
  using Answer = std::function<std::vector<Bytes>(const Exchange&, unsigned nth)>;

  explicit FakeServer(Answer answer) : answer_(std::move(answer)) {
    fd_ = UniqueFd(socket(AF_INET, SOCK_DGRAM, 0));
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    EXPECT_EQ(getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&at), &size), 0);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~FakeServer() {
    stop_ = true;
    thread_.join();
  }
  uint16_t port() const { return port_; }
  unsigned asked() const { return asked_; }
  std::vector<Bytes> requests() const {
    std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void Serve() {
    while (!stop_) {
      pollfd p{fd_.get(), POLLIN, 0};
      if (poll(&p, 1, 20) != 1) continue;
      uint8_t buffer[kMaxPacket];
      sockaddr_in from{};
      socklen_t size = sizeof from;
      const ssize_t n = recvfrom(fd_.get(), buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &size);
      auto request = Decode({buffer, static_cast<size_t>(std::max<ssize_t>(n, 0))});
      if (!request) continue;
      {
        std::lock_guard lock(mutex_);
        requests_.push_back(ToBytes(request->octets));
      }
      Exchange exchange{.id = request->id, .secret = AsBytes("radsecret")};
      std::ranges::copy(request->authenticator, exchange.authenticator.begin());
      for (const Bytes& reply : answer_(exchange, ++asked_)) {
        (void)sendto(fd_.get(), reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
      }
    }
  }

  Answer answer_;
  UniqueFd fd_;
  uint16_t port_ = 0;
  std::atomic<bool> stop_{false};
  std::atomic<unsigned> asked_{0};
  mutable std::mutex mutex_;
  std::vector<Bytes> requests_;
  std::thread thread_;
};

config::RadiusServer At(uint16_t port, const std::string& name, double timeout_s = 0.2, unsigned tries = 3) {
  config::RadiusServer s;
  s.name = name;
  s.address = IpAddress::V4(127, 0, 0, 1);
  s.auth_port = port;
  s.secret = SecretBytes(AsBytes("radsecret"));
  s.nas_identifier = "culvert";
  s.timeout_s = timeout_s;
  s.base = 1.0;
  s.tries = tries;
  return s;
}

Login TheLogin() { return {.user = "user1", .password = SecretBytes(AsBytes("pass1"))}; }

std::vector<Bytes> Accept(const Exchange& e, unsigned) {
  return {MakeReply{.attributes = {{Type::kFramedIpAddress, {10, 3, 0, 77}}}}.For(e)};
}
std::vector<Bytes> Nothing(const Exchange&, unsigned) { return {}; }

struct Clients {
  template <typename... Servers>
  explicit Clients(Servers... servers) {
    (list.push_back(std::move(servers)), ...);
    client = std::make_shared<UdpClient>(list, random, stop);
  }
  Verdict Ask() { return client->Ask(TheLogin()); }

  std::vector<config::RadiusServer> list;
  ike::SystemRandom random;
  std::shared_ptr<std::atomic<bool>> stop = std::make_shared<std::atomic<bool>>(false);
  std::shared_ptr<UdpClient> client;
};

TEST(UdpClient, AnAnswer) {
  FakeServer server(Accept);
  Clients c(At(server.port(), "one"));
  LoginJob job(c.client, TheLogin());
  EXPECT_TRUE(job.waits());
  job.Run();
  EXPECT_EQ(job.verdict().kind, Verdict::Kind::kAccept);
  EXPECT_EQ(job.verdict().server, "one");
  EXPECT_EQ(job.verdict().framed_ip, IpAddress::V4(10, 3, 0, 77));
}

TEST(UdpClient, RepeatsTheSameOctets) {
  FakeServer server([](const Exchange& e, unsigned nth) { return nth < 3 ? std::vector<Bytes>{} : Accept(e, nth); });
  Clients c(At(server.port(), "one", 0.05));
  EXPECT_EQ(c.Ask().kind, Verdict::Kind::kAccept);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0], requests[1]);
  EXPECT_EQ(requests[0], requests[2]);
  // Another login is another request.
  EXPECT_EQ(c.Ask().kind, Verdict::Kind::kAccept);
  EXPECT_NE(server.requests().back(), requests[0]);
}

TEST(UdpClient, AForgeryOnlyDelaysNothing) {
  FakeServer server([](const Exchange& e, unsigned nth) {
    Bytes forged = MakeReply{}.For(e);
    forged[kAuthenticatorAt] ^= 1;
    return std::vector<Bytes>{Bytes(4097, 2), Bytes{}, forged, Accept(e, nth)[0]};
  });
  Clients c(At(server.port(), "one", 5));
  const auto start = steady_clock::now();
  EXPECT_EQ(c.Ask().kind, Verdict::Kind::kAccept);
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(4));
}

TEST(UdpClient, SaysWhyNobodyAnswered) {
  FakeServer wrong([](const Exchange& e, unsigned) {
    Exchange other = e;
    other.secret = AsBytes("another");
    return std::vector<Bytes>{MakeReply{}.For(other)};
  });
  FakeServer silent(Nothing);
  Clients c(At(wrong.port(), "one", 0.03), At(silent.port(), "two", 0.03));
  const Verdict verdict = c.Ask();
  EXPECT_EQ(verdict.kind, Verdict::Kind::kNoAnswer);
  EXPECT_EQ(verdict.why, "one: a reply not made with the shared secret; two: no answer");
  EXPECT_EQ(wrong.asked(), 3u);
  EXPECT_EQ(silent.asked(), 3u);
}

// F21: a silent server is joined by the next while it is still being asked, and later logins spare themselves the wait.
TEST(UdpClient, TheNextServerIsAskedSoonAndFirstFromThenOn) {
  FakeServer silent(Nothing), good(Accept);
  Clients c(At(silent.port(), "one", 0.1, 4), At(good.port(), "two", 5));
  EXPECT_EQ(c.Ask().server, "two");
  EXPECT_LT(silent.asked(), 4u);      // not all it would be asked alone
  EXPECT_EQ(good.asked(), 1u);
}

TEST(UdpClient, AServerThatWasSilentIsAskedLast) {
  FakeServer silent(Nothing);
  auto slow = [](const Exchange& e, unsigned nth) {
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    return Accept(e, nth);
  };
  FakeServer good(slow);
  Clients c(At(silent.port(), "one", 0.02, 3), At(good.port(), "two", 5));
  EXPECT_EQ(c.Ask().server, "two");
  const unsigned before = silent.asked();
  EXPECT_EQ(before, 3u);
  EXPECT_EQ(c.Ask().server, "two");
  EXPECT_EQ(silent.asked(), before);
}

TEST(UdpClient, APortNobodyHas) {
  uint16_t closed = 0;
  { closed = FakeServer(Nothing).port(); }
  FakeServer good(Accept);
  Clients c(At(closed, "one", 5), At(good.port(), "two", 5));
  const auto start = steady_clock::now();
  EXPECT_EQ(c.Ask().server, "two");
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(4));
}

TEST(UdpClient, LoginsRadiusCannotCarry) {
  FakeServer server(Accept);
  Clients c(At(server.port(), "one"));
  const Verdict verdict = c.client->Ask({.user = "user1", .password = SecretBytes(size_t{129})});
  EXPECT_EQ(verdict.kind, Verdict::Kind::kReject);
  EXPECT_EQ(server.asked(), 0u);
}

TEST(UdpClient, EndsWithTheProcess) {
  FakeServer silent(Nothing);
  Clients c(At(silent.port(), "one", 20));
  std::thread closer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    *c.stop = true;
  });
  const auto start = steady_clock::now();
  EXPECT_EQ(c.Ask().why, "the gateway stops");
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(5));
  closer.join();
  EXPECT_EQ(c.Ask().kind, Verdict::Kind::kNoAnswer);
  EXPECT_EQ(Clients().Ask().why, "there is no server");
}

}  // namespace
}  // namespace culvert::radius
