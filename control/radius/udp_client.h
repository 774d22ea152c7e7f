#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "config/model.h"
#include "control/ike/crypto/random.h"
#include "control/radius/client.h"

namespace culvert::radius {

// Asks the servers in their order. One that leaves two packets unanswered is joined by the next, so that a dead server costs
// seconds of the first login alone: those that answered nobody lately are asked last for a minute. A server is given up after
// its number of tries; whichever answers first is believed, once its reply is proven.
// Every request has a socket of its own, connected, so that nobody else's datagrams arrive and ids do not run out.
class UdpClient final : public Client {
 public:
  // Set when the process stops: what is being asked then ends at once, with kNoAnswer. Any thread.
  using Stop = std::shared_ptr<const std::atomic<bool>>;

  // Copies the servers. `random` is borrowed and must be safe on any thread.
  UdpClient(std::span<const config::RadiusServer> servers, ike::Random& random, Stop stop);

  Verdict Ask(const Login& login) override;

 private:
  struct Server {
    config::RadiusServer settings;
    std::atomic<int64_t> silent_until{0};   // nanoseconds of the monotonic clock
  };
  class Round;

  std::vector<Server*> InOrder() const;

  std::vector<std::unique_ptr<Server>> servers_;
  ike::Random& random_;
  Stop stop_;
};

}  // namespace culvert::radius
