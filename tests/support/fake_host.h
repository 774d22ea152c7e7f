#pragma once

#include <absl/log/check.h>
#include <signal.h>
#include <sys/socket.h>

#include <set>
#include <vector>

#include "common/base/unique_fd.h"
#include "common/bytes/bytes.h"
#include "drivers/port/host_link.h"

namespace culvert::testing {

// A TAP without a kernel: the test plays the host's stack at the other end of a socket that keeps frames apart.
class FakeHost : public HostLink {
 public:
  FakeHost() {
    int ends[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    gateway_ = UniqueFd(ends[0]);
    stack_ = UniqueFd(ends[1]);
  }

  int fd() const override { return gateway_.get(); }
  absl::Status AddAddress(const IpPrefix& address) override {
    addresses_.insert(address);
    return refusal;
  }
  absl::Status RemoveAddress(const IpPrefix& address) override {
    addresses_.erase(address);
    return refusal;
  }

  // The host's stack. False: the interface takes no more now.
  bool Write(ByteView frame) { return send(stack_.get(), frame.data(), frame.size(), 0) == static_cast<ssize_t>(frame.size()); }
  std::vector<Bytes> Received() {
    std::vector<Bytes> frames;
    Bytes buffer(70000, 0);
    for (ssize_t n; (n = recv(stack_.get(), buffer.data(), buffer.size(), 0)) > 0;) {
      frames.emplace_back(buffer.begin(), buffer.begin() + n);
    }
    return frames;
  }
  void Vanish() {
    signal(SIGPIPE, SIG_IGN);  // a socket says so, a TAP would not
    stack_.Reset();
  }
  const std::set<IpPrefix>& addresses() const { return addresses_; }

  absl::Status refusal;  // what the kernel says to addresses

 private:
  UniqueFd gateway_, stack_;
  std::set<IpPrefix> addresses_;
};

}  // namespace culvert::testing
