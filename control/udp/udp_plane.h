#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <vector>

#include "common/base/unique_fd.h"
#include "control/runtime/data_plane.h"
#include "control/runtime/event_loop.h"

namespace culvert::control {

// SPIs for Child SAs that lead nowhere: one after the other.
class PlainSpis final : public ike::SpiAllocator {
 public:
  uint32_t Draw(uint8_t) override {
    if (next_ == 0) next_ = kFirstSpi;
    return next_++;
  }
  void Release(uint32_t) override {}

 private:
  uint32_t next_ = kFirstSpi;
};

// No data plane: IKE on two UDP sockets of the kernel's, for the plain port and for the one with the non-ESP marker
// (RFC 3948 2.2). Every Child SA counts as installed and protects nothing: handshakes are measured so, on machines without a
// port for DPDK. Loop thread only.
class UdpPlane final : public DataPlane {
 public:
  struct Options {
    IpAddress address;  // of the sockets; both ends of every datagram
    uint16_t ike_port = 500, nat_port = 4500;
  };
  // Fails where a socket cannot be bound. `events` receives what the core is to be told, in turns of the loop.
  static absl::StatusOr<std::unique_ptr<UdpPlane>> Open(EventLoop& loop, const Options& options,
                                                        std::function<void(ike::Event)> events);

  void Send(ike::SendDatagram datagram) override;
  void Install(ike::InstallChild install) override;
  void Remove(const ike::RemoveChild&) override {}
  void Update(const ike::UpdateChild&) override {}
  void SetTrap(const ike::SetTrap&) override {}
  void QueryUse(const ike::QueryChildUse& query) override;
  void QuerySource(const ike::QuerySource& query) override;

  ike::SpiAllocator& spis() { return spis_; }

 private:
  struct Socket {
    UniqueFd fd;
    Endpoint local;
    bool marker = false;
    std::unique_ptr<FdWatch> watch;
  };
  UdpPlane(EventLoop& loop, const Options& options, std::function<void(ike::Event)> events);
  absl::Status Bind(EventLoop& loop, Socket& s, uint16_t port, bool marker);
  void Receive(const Socket& s);
  void Answer(ike::Event event);

  const Options options_;
  std::function<void(ike::Event)> events_;
  PlainSpis spis_;
  Socket plain_, marked_;
  std::vector<ike::Event> answers_;  // for the loop's next turn: none comes before the call that asks returns
  Wakeup answered_;
};

}  // namespace culvert::control
