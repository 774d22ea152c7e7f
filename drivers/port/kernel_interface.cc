#include "drivers/port/kernel_interface.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <ifaddrs.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <vector>

namespace culvert {
namespace {

// A number in /proc/sys/net; `absent` where the kernel has no such file (IPv6 compiled out).
int Sysctl(const std::string& path, int absent) {
  std::ifstream file("/proc/sys/net/" + path);
  int value;
  return file >> value ? value : absent;
}

bool SetSysctl(const std::string& path, int value) {
  std::ofstream file("/proc/sys/net/" + path);
  return static_cast<bool>(file << value << std::flush);
}

bool HasAddress(const std::string& interface) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return false;
  bool found = false;
  for (ifaddrs* i = list; i != nullptr; i = i->ifa_next) {
    if (i->ifa_addr == nullptr || interface != i->ifa_name) continue;
    found |= i->ifa_addr->sa_family == AF_INET || i->ifa_addr->sa_family == AF_INET6;
  }
  freeifaddrs(list);
  return found;
}

}  // namespace

std::optional<std::string> KernelInterfaceUnder(const std::string& device) {
  if (!device.starts_with("net_af_xdp") && !device.starts_with("net_af_packet")) return std::nullopt;
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(device, ','))) {
    if (part.starts_with("iface=")) return part.substr(6);
  }
  return std::nullopt;
}

uint32_t KernelMtu(const std::string& interface) {
  ifreq request{};
  if (interface.size() >= sizeof request.ifr_name) return 0;
  std::ranges::copy(interface, request.ifr_name);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 0;
  bool known = ioctl(fd, SIOCGIFMTU, &request) == 0;
  close(fd);
  return known ? static_cast<uint32_t>(request.ifr_mtu) : 0;
}

uint32_t KernelReceived(const std::string& interface) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return 0;
  uint32_t frames = 0;
  for (ifaddrs* i = list; i != nullptr; i = i->ifa_next) {
    const bool counts = i->ifa_addr != nullptr && i->ifa_addr->sa_family == AF_PACKET && i->ifa_data != nullptr;
    if (counts && interface == i->ifa_name) frames = static_cast<const rtnl_link_stats*>(i->ifa_data)->rx_packets;
  }
  freeifaddrs(list);
  return frames;
}

absl::Status CheckKernelBlind(const std::string& interface) {
  if (if_nametoindex(interface.c_str()) == 0) {
    return absl::NotFoundError(absl::StrCat("there is no interface ", interface, " in this network namespace"));
  }
  auto refuse = [&](const std::string& what, const std::string& cure) {
    return absl::FailedPreconditionError(
        absl::StrCat(interface, ": ", what, ", so the kernel would take part in the gateway's traffic; ", cure));
  };
  constexpr int kNoAddressGeneration = 1;  // addr_gen_mode as the kernel counts: eui64 0, none 1
  std::string v6 = absl::StrCat("ipv6/conf/", interface, "/");
  if (Sysctl(v6 + "disable_ipv6", 1) != 1 && Sysctl(v6 + "addr_gen_mode", kNoAddressGeneration) != kNoAddressGeneration) {
    return refuse("IPv6 is on", absl::StrCat("ip link set ", interface, " addrgenmode none; sysctl -w net.ipv6.conf.",
                                             interface, ".disable_ipv6=1"));
  }
  if (HasAddress(interface)) return refuse("it has addresses", absl::StrCat("ip addr flush dev ", interface));
  if (Sysctl("ipv4/ip_forward", 0) != 0 || Sysctl(absl::StrCat("ipv4/conf/", interface, "/forwarding"), 0) != 0) {
    return refuse("its network namespace forwards IPv4", "sysctl -w net.ipv4.ip_forward=0, or give the gateway a namespace");
  }
  if (Sysctl("ipv6/conf/all/forwarding", 0) != 0) {
    return refuse("its network namespace forwards IPv6",
                  "sysctl -w net.ipv6.conf.all.forwarding=0, or give the gateway a namespace");
  }
  return absl::OkStatus();
}

absl::Status KeepHostAway(const std::string& interface) {
  constexpr int kReplyToNobody = 8;  // arp_ignore
  std::string v4 = absl::StrCat("ipv4/conf/", interface, "/"), v6 = absl::StrCat("ipv6/conf/", interface, "/");
  // An interface without addresses and routes is no way back to anybody, so its reverse path filter lets nothing in.
  bool done = (Sysctl(v4 + "rp_filter", 0) != 0 || SetSysctl(v4 + "rp_filter", 1)) &&
              SetSysctl(v4 + "arp_ignore", kReplyToNobody) &&
              (Sysctl(v6 + "disable_ipv6", 1) == 1 || SetSysctl(v6 + "disable_ipv6", 1));
  if (done) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      interface, ": with tap = yes the host would take the gateway's traffic from it too, and this cannot be stopped; ",
      "sysctl -w net.ipv4.conf.", interface, ".rp_filter=1 net.ipv4.conf.", interface, ".arp_ignore=8 net.ipv6.conf.",
      interface, ".disable_ipv6=1"));
}

}  // namespace culvert
