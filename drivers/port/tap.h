#pragma once

#include <absl/status/statusor.h>
#include <rte_ether.h>

#include <memory>
#include <set>
#include <string>

#include "common/base/unique_fd.h"
#include "drivers/port/host_link.h"
#include "drivers/port/netlink.h"

namespace culvert {

// A TAP interface, made here and gone with this process, however that ends. Checksums and segments are finished before frames
// come (no offloads). Nobody is resolved on it: it does neither ARP nor neighbour discovery, so every frame is addressed to
// the interface itself, and the gateway behind it finds the real neighbour.
//
// How the host's programs speak through it: what has one of its addresses as source goes through it, by a rule for that
// address and a table of the interface's own; what has no source yet goes through it to the addresses' subnets, and anywhere
// else where the host has no other route (a default route of the last resort).
class Tap : public HostLink {
 public:
  struct Options {
    std::string name;        // of the interface
    rte_ether_addr mac{};
    uint32_t mtu = 1500;     // octets of IP packet; below 1,280 it has no IPv6
    uint16_t index = 0;      // tells the last resorts of several apart: the lowest goes first
  };
  // Whether one of that name can be made, as far as can be seen without making it. AlreadyExists where there is an interface
  // of that name, Unavailable where this machine has no TAPs.
  static absl::Status Check(const std::string& name);
  static absl::StatusOr<std::unique_ptr<Tap>> Create(const Options& options);
  ~Tap() override;

  int fd() const override { return fd_.get(); }
  absl::Status AddAddress(const IpPrefix& address) override;
  absl::Status RemoveAddress(const IpPrefix& address) override;

 private:
  Tap(const Options& options, UniqueFd fd, Netlink netlink)
      : options_(options), fd_(std::move(fd)), netlink_(std::move(netlink)) {}
  absl::Status Configure();
  int Assign(const IpPrefix& address);
  int AddRoutes(Family family);
  void RemoveRoutes(Family family);
  int AddRule(const IpAddress& source);
  void RemoveRule(const IpAddress& source);

  const Options options_;
  UniqueFd fd_;
  Netlink netlink_;
  uint32_t ifindex_ = 0;
  bool ipv6_ = false;
  std::set<IpPrefix> addresses_;
};

}  // namespace culvert
