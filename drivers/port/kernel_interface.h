#pragma once

#include <absl/status/status.h>

#include <optional>
#include <string>

namespace culvert {

// The kernel interface a vdev takes its packets from ("iface=" of af_xdp and af_packet), if it has one.
std::optional<std::string> KernelInterfaceUnder(const std::string& device);

// The interface's MTU in octets of IP packet, as the kernel has it; 0 where it cannot be read.
uint32_t KernelMtu(const std::string& interface);

// Frames that have come to the interface, modulo 2^32; 0 where there is none.
uint32_t KernelReceived(const std::string& interface);

// The kernel must not see the traffic: after the dataplane is killed the kernel's stack receives what is no longer taken,
// and af_packet always copies to it. Refuses an interface that has addresses, or IPv6 that would give it some, or whose
// namespace forwards; the message says how to put it right.
absl::Status CheckKernelBlind(const std::string& interface);

// For an interface that is blind while the host has the gateway's addresses elsewhere (a TAP): Linux takes a packet to any of
// its addresses on any interface, and answers ARP for it there. Puts settings of the interface so that it does neither; refuses
// where that cannot be done.
absl::Status KeepHostAway(const std::string& interface);

}  // namespace culvert
