#pragma once

#include <absl/status/status.h>

#include "common/net/ip_address.h"

namespace culvert {

// The kernel's side of a port: an interface of this machine on which its programs have the port's own addresses. Main thread.
class HostLink {
 public:
  virtual ~HostLink() = default;

  // Non-blocking; one read or write is one frame that begins at the Ethernet header. Stays this object's.
  virtual int fd() const = 0;
  // Gives the host an own address of the port, host bits kept, or takes it again. Adding what is there, and removing what is
  // not, is fine.
  virtual absl::Status AddAddress(const IpPrefix& address) = 0;
  virtual absl::Status RemoveAddress(const IpPrefix& address) = 0;
};

}  // namespace culvert
