#include "control/radius/udp_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "common/base/unique_fd.h"
#include "config/text.h"
#include "control/radius/access.h"

namespace culvert::radius {
namespace {

using Clock = std::chrono::steady_clock;
using config::Cat;

constexpr unsigned kPatience = 2;                         // packets unanswered before the next server is asked beside
constexpr std::chrono::seconds kSilence{60};              // how long a silent server is asked last
constexpr std::chrono::seconds kLongest{30};              // of one login, however many servers there are
constexpr std::chrono::milliseconds kLook{200};           // how soon a stop is seen

Clock::duration Seconds(double s) { return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s)); }

std::string Trouble() { return std::error_code(errno, std::generic_category()).message(); }

UniqueFd Connect(const config::RadiusServer& server) {
  const bool v4 = server.address.family == Family::kV4;
  UniqueFd fd(socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return fd;
  sockaddr_in to4{};
  to4.sin_family = AF_INET;
  to4.sin_port = htons(server.auth_port);
  sockaddr_in6 to6{};
  to6.sin6_family = AF_INET6;
  to6.sin6_port = htons(server.auth_port);
  std::memcpy(v4 ? static_cast<void*>(&to4.sin_addr) : &to6.sin6_addr, server.address.octets.data(), server.address.size());
  const auto* to = v4 ? reinterpret_cast<const sockaddr*>(&to4) : reinterpret_cast<const sockaddr*>(&to6);
  if (connect(fd.get(), to, v4 ? sizeof to4 : sizeof to6) != 0) fd.Reset();
  return fd;
}

config::RadiusServer Copy(const config::RadiusServer& s) {
  return {.name = s.name,
          .address = s.address,
          .auth_port = s.auth_port,
          .secret = s.secret.Clone(),
          .nas_identifier = s.nas_identifier,
          .timeout_s = s.timeout_s,
          .base = s.base,
          .tries = s.tries};
}

}  // namespace

// One login: the servers asked so far, each with its socket and its own retransmissions.
class UdpClient::Round {
 public:
  Round(UdpClient& client, const Login& login) : client_(client), login_(login), waiting_(client.InOrder()) {}

  Verdict Run() {
    const Clock::time_point end = Clock::now() + kLongest;
    for (Clock::time_point now = Clock::now(); now < end && !*client_.stop_; now = Clock::now()) {
      Drive(now);
      if (Over()) break;
      Wait(std::min(end, now + kLook));
      for (Attempt& a : attempts_) {
        if (auto verdict = Receive(a)) return *std::move(verdict);
      }
    }
    return {.kind = Verdict::Kind::kNoAnswer, .why = *client_.stop_ ? "the gateway stops" : Why()};
  }

 private:
  struct Attempt {
    Server* server = nullptr;
    UniqueFd fd;
    Exchange exchange;
    Bytes request;                     // the same octets each time (RFC 2865 2.5)
    unsigned sent = 0;
    Clock::duration wait{};
    Clock::time_point next{};          // when the last packet has waited long enough
    bool over = false, troubled = false;
    std::string why = "no answer";
  };

  // Sends what is due, and asks one more server where the latest makes one wait.
  void Drive(Clock::time_point now) {
    if (attempts_.empty()) Begin();
    for (size_t i = 0; i < attempts_.size(); ++i) {
      Advance(attempts_[i], now);
      const Attempt& a = attempts_[i];
      const bool slow = a.over || a.troubled || a.sent > std::min(kPatience, a.server->settings.tries);
      if (slow && i + 1 == attempts_.size()) Begin();
    }
  }

  void Begin() {
    if (waiting_.empty()) return;
    Attempt& a = attempts_.emplace_back();
    a.server = waiting_.front();
    waiting_.erase(waiting_.begin());
    const config::RadiusServer& settings = a.server->settings;
    a.fd = Connect(settings);
    if (!a.fd.valid()) a.why = Trouble();
    client_.random_.Fill({&a.exchange.id, 1});
    client_.random_.Fill(a.exchange.authenticator);
    a.exchange.secret = settings.secret.view();
    a.request = MakeRequest(login_, a.exchange, settings.nas_identifier);
    a.wait = Seconds(settings.timeout_s);
    if (!a.fd.valid()) GiveUp(a);
  }

  void Advance(Attempt& a, Clock::time_point now) {
    if (a.over || now < a.next) return;
    if (a.sent == a.server->settings.tries) return GiveUp(a);
    if (send(a.fd.get(), a.request.data(), a.request.size(), MSG_NOSIGNAL) < 0) Note(a);
    a.next = now + a.wait;
    a.wait = Seconds(std::chrono::duration<double>(a.wait).count() * a.server->settings.base);
    ++a.sent;
  }

  // An ICMP error is nobody's word: it lets the next server be asked, and ends nothing.
  void Note(Attempt& a) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return;
    a.troubled = true;
    a.why = Trouble();
  }

  void GiveUp(Attempt& a) {
    a.over = true;
    a.server->silent_until = (Clock::now() + kSilence).time_since_epoch().count();
  }

  bool Over() const { return waiting_.empty() && std::ranges::all_of(attempts_, &Attempt::over); }

  void Wait(Clock::time_point until) {
    std::vector<pollfd> fds;
    for (const Attempt& a : attempts_) {
      if (a.over) continue;
      fds.push_back({a.fd.get(), POLLIN, 0});
      until = std::min(until, a.next);
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    (void)poll(fds.data(), fds.size(), static_cast<int>(std::max<int64_t>(0, left.count())));
  }

  std::optional<Verdict> Receive(Attempt& a) {
    uint8_t buffer[kMaxPacket + 1];
    // A server that has been given up may still answer while others are asked.
    while (a.fd.valid()) {
      const ssize_t n = recv(a.fd.get(), buffer, sizeof buffer, MSG_TRUNC);
      if (n < 0) {
        Note(a);
        return std::nullopt;
      }
      // B71: what is longer than any packet is none.
      const bool whole = static_cast<size_t>(n) <= kMaxPacket;
      auto reply = whole ? ReadReply({buffer, static_cast<size_t>(n)}, a.exchange) : std::unexpected(Discard::kMalformed);
      if (reply) {
        a.server->silent_until = 0;
        reply->server = a.server->settings.name;
        return *std::move(reply);
      }
      a.why = Cat("a reply ", Name(reply.error()));
    }
    return std::nullopt;
  }

  std::string Why() const {
    std::string out;
    for (const Attempt& a : attempts_) out += Cat(out.empty() ? "" : "; ", a.server->settings.name, ": ", a.why);
    return out.empty() ? "there is no server" : out;
  }

  UdpClient& client_;
  const Login& login_;
  std::vector<Server*> waiting_;       // not asked yet, in order
  std::vector<Attempt> attempts_;
};

UdpClient::UdpClient(std::span<const config::RadiusServer> servers, ike::Random& random, Stop stop)
    : random_(random), stop_(std::move(stop)) {
  for (const config::RadiusServer& s : servers) {
    servers_.push_back(std::make_unique<Server>());
    servers_.back()->settings = Copy(s);
  }
}

Verdict UdpClient::Ask(const Login& login) {
  if (!Fits(login)) return {.kind = Verdict::Kind::kReject, .why = "a user name or password that RADIUS cannot carry"};
  return Round(*this, login).Run();
}

std::vector<UdpClient::Server*> UdpClient::InOrder() const {
  const int64_t now = Clock::now().time_since_epoch().count();
  std::vector<Server*> out;
  for (const auto& s : servers_) out.push_back(s.get());
  std::ranges::stable_partition(out, [now](const Server* s) { return s->silent_until <= now; });
  return out;
}

}  // namespace culvert::radius
