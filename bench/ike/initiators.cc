#include "bench/ike/initiators.h"

#include <absl/log/check.h>
#include <absl/log/log.h>
#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace culvert::bench {
namespace {

sockaddr_in ToSocket(const Endpoint& e) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(e.port);
  to.sin_addr.s_addr = htonl(e.address.v4());
  return to;
}

}  // namespace

Initiators::Initiators(const config::Control& control, std::shared_ptr<const auth::Credentials> credentials,
                       const Endpoint& local, ike::Random& random)
    : local_(local), fd_(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)), core_(control, random, spis_) {
  sockaddr_in at = ToSocket(local);
  CHECK(bind(fd_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0) << local.ToString() << " cannot be bound";
  constexpr int kBuffer = 4 << 20;  // octets
  (void)setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kBuffer, sizeof kBuffer);
  if (credentials) core_.set_credentials(std::move(credentials));
  Post(ike::ConfigChanged{});
}

ike::RequestId Initiators::Ask(Done done) {
  asked_.emplace(next_request_, std::move(done));
  return next_request_++;
}

void Initiators::Up(unsigned i, Done done) {
  Post(ike::Initiate{.request = Ask(std::move(done)), .ike = "c" + std::to_string(i), .child = "net"});
}

void Initiators::RekeyIke(unsigned i, Done done) {
  ike::Rekey rekey;
  rekey.request = Ask(std::move(done));
  rekey.ike = "c" + std::to_string(i);
  Post(std::move(rekey));
}

void Initiators::CloseChild(unsigned i, Done done) {
  ike::Terminate end;
  end.request = Ask(std::move(done));
  end.ike = "c" + std::to_string(i);
  end.child = "net";
  Post(std::move(end));
}

void Initiators::Receive() {
  uint8_t data[65535];
  sockaddr_in from{};
  for (;;) {
    socklen_t size = sizeof from;
    ssize_t n = recvfrom(fd_.get(), data, sizeof data, 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (n < 0) return;
    Endpoint remote{IpAddress::V4(ntohl(from.sin_addr.s_addr)), ntohs(from.sin_port)};
    Post(ike::DatagramIn{local_, remote, false, Bytes(data, data + n)});
  }
}

void Initiators::OnTime() {
  while (auto due = timers_.PopDue(std::chrono::steady_clock::now())) Post(ike::TimerFired{*due});
}

size_t Initiators::Established() const {
  auto all = core_.List();
  return static_cast<size_t>(std::ranges::count_if(all, [](const ike::IkeView& sa) { return sa.state == "ESTABLISHED"; }));
}

void Initiators::Post(ike::Event event) {
  events_.push_back(std::move(event));
  if (running_) return;
  running_ = true;
  ike::Actions actions;
  while (!events_.empty()) {
    ike::Event next = std::move(events_.front());
    events_.pop_front();
    core_.Handle(std::move(next), std::chrono::steady_clock::now(), actions);
    for (auto& action : actions) std::visit([this](auto& a) { Do(a); }, action);
    actions.clear();
  }
  running_ = false;
}

void Initiators::Do(ike::SendDatagram& a) {
  sockaddr_in to = ToSocket(a.remote);
  (void)sendto(fd_.get(), a.data.data(), a.data.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

void Initiators::Do(ike::RunJob& a) {
  a.job->Run();
  events_.push_back(ike::JobDone{a.id, std::move(a.job)});
}

void Initiators::Do(ike::InstallChild& a) {
  events_.push_back(ike::ChildInstalled{a.child, a.inbound, ike::InstallStatus::kOk});
}

void Initiators::Do(ike::QueryChildUse& a) { events_.push_back(ike::ChildUse{.child = a.child}); }

void Initiators::Do(ike::QuerySource& a) { events_.push_back(ike::SourceFound{a.query, local_}); }

void Initiators::Do(ike::Reply& a) {
  auto node = asked_.extract(a.request);
  if (node) node.mapped()(a);
}

void Initiators::Do(ike::Audit& a) {
  if (a.severity >= ike::Severity::kError) LOG_EVERY_N_SEC(ERROR, 1) << a.text;
}

}  // namespace culvert::bench
