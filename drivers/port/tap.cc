#include "drivers/port/tap.h"

#include <absl/strings/str_cat.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>

namespace culvert {
namespace {

constexpr const char* kDevice = "/dev/net/tun";
constexpr uint32_t kMinMtuV6 = 1280;               // octets, RFC 8200 5
constexpr uint8_t kProtocol = 99;                  // marks our routes and rules; names none of rt_protos
constexpr uint32_t kRulePriority = 31000;          // before the main table's
constexpr uint32_t kTableBase = 0x63750000;        // plus the interface's index
constexpr uint32_t kLastResortMetric = 0xfffff000; // behind every route of the host's own

uint8_t FamilyOf(Family f) { return f == Family::kV4 ? AF_INET : AF_INET6; }

// Whether the host reaches the address through routes of the TAP's; link-local ones have their link.
bool IsRouted(const IpPrefix& a) { return a.address.family == Family::kV4 || !a.address.is_link_local(); }

bool SetSysctl(const std::string& name, const std::string& key, const char* value) {
  std::ofstream file(absl::StrCat("/proc/sys/net/ipv6/conf/", name, "/", key));
  return static_cast<bool>(file << value << std::flush);
}

ifreq Request(const std::string& name) {
  ifreq r{};
  name.copy(r.ifr_name, sizeof r.ifr_name - 1);
  return r;
}

absl::Status Failed(const std::string& name, const std::string& what) {
  return absl::ErrnoToStatus(errno, absl::StrCat("tap ", name, ": ", what));
}

absl::Status NameTaken(const std::string& name) {
  return absl::AlreadyExistsError(absl::StrCat("tap = yes makes an interface of the port's name, and there is an interface ",
                                               name, " already; give the port another name"));
}

NetlinkRequest DefaultRoute(uint16_t type, Family family, uint32_t table, uint32_t ifindex) {
  rtmsg head{};
  head.rtm_family = FamilyOf(family);
  head.rtm_protocol = kProtocol;
  head.rtm_scope = family == Family::kV4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  head.rtm_type = RTN_UNICAST;
  NetlinkRequest r(type, type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_EXCL : 0, head);
  r.Add(RTA_TABLE, table).Add(RTA_OIF, ifindex);
  return r;
}

NetlinkRequest Rule(uint16_t type, const IpAddress& source) {
  fib_rule_hdr head{};
  head.family = FamilyOf(source.family);
  head.src_len = static_cast<uint8_t>(source.bits());
  head.action = FR_ACT_TO_TBL;
  NetlinkRequest r(type, type == RTM_NEWRULE ? NLM_F_CREATE | NLM_F_EXCL : 0, head);
  r.Add(FRA_SRC, source.bytes()).Add(FRA_PRIORITY, kRulePriority).Add(FRA_PROTOCOL, kProtocol);
  return r;
}

}  // namespace

absl::Status Tap::Check(const std::string& name) {
  if (if_nametoindex(name.c_str()) != 0) return NameTaken(name);
  if (access(kDevice, R_OK | W_OK) == 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("tap = yes needs ", kDevice, ": ", std::strerror(errno),
                                             "; modprobe tun, or give the container that device"));
}

absl::StatusOr<std::unique_ptr<Tap>> Tap::Create(const Options& options) {
  if (auto s = Check(options.name); !s.ok()) return s;
  UniqueFd fd(open(kDevice, O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) return Failed(options.name, kDevice);
  ifreq r = Request(options.name);
  r.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL);
  if (ioctl(fd.get(), TUNSETIFF, &r) != 0) return errno == EBUSY ? NameTaken(options.name) : Failed(options.name, "TUNSETIFF");
  if (ioctl(fd.get(), TUNSETOFFLOAD, 0) != 0) return Failed(options.name, "offloads");
  auto netlink = Netlink::Open();
  if (!netlink.ok()) return netlink.status();
  std::unique_ptr<Tap> tap(new Tap(options, std::move(fd), std::move(*netlink)));
  if (auto s = tap->Configure(); !s.ok()) return s;
  return tap;
}

absl::Status Tap::Configure() {
  const std::string& name = options_.name;
  UniqueFd control(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!control.valid()) return Failed(name, "socket");
  ifreq r = Request(name);
  r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  std::copy_n(options_.mac.addr_bytes, sizeof options_.mac.addr_bytes, r.ifr_hwaddr.sa_data);
  if (ioctl(control.get(), SIOCSIFHWADDR, &r) != 0) return Failed(name, "MAC address");
  r = Request(name);
  r.ifr_mtu = static_cast<int>(options_.mtu);
  if (ioctl(control.get(), SIOCSIFMTU, &r) != 0) return Failed(name, absl::StrCat("mtu ", options_.mtu));
  // Addresses come from the port alone: none made by the kernel, none of a router.
  ipv6_ = options_.mtu >= kMinMtuV6 && SetSysctl(name, "addr_gen_mode", "1") && SetSysctl(name, "accept_ra", "0") &&
          SetSysctl(name, "disable_ipv6", "0");
  r = Request(name);
  if (ioctl(control.get(), SIOCGIFFLAGS, &r) != 0) return Failed(name, "flags");
  r.ifr_flags = static_cast<short>(r.ifr_flags | IFF_UP | IFF_NOARP);
  if (ioctl(control.get(), SIOCSIFFLAGS, &r) != 0) return Failed(name, "up");
  ifindex_ = if_nametoindex(name.c_str());
  return ifindex_ != 0 ? absl::OkStatus() : Failed(name, "index");
}

// The interface and its routes end with its descriptor; rules are nobody's.
Tap::~Tap() {
  for (const IpPrefix& a : addresses_) {
    if (IsRouted(a)) RemoveRule(a.address);
  }
}

absl::Status Tap::AddAddress(const IpPrefix& address) {
  bool v6 = address.address.family == Family::kV6;
  if (v6 && !ipv6_) {
    // A link-local address is nobody's wish.
    if (!IsRouted(address)) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat("tap ", options_.name, ": ", address.ToString(),
                                                      ": the kernel has no IPv6 there (it is off, or the mtu is below 1280)"));
  }
  int error = Assign(address);
  if (error == 0 && IsRouted(address)) error = AddRoutes(address.address.family);
  if (error == 0 && IsRouted(address)) error = AddRule(address.address);
  addresses_.insert(address);
  if (error == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(error, absl::StrCat("tap ", options_.name, ": ", address.ToString()));
}

absl::Status Tap::RemoveAddress(const IpPrefix& address) {
  if (addresses_.erase(address) == 0) return absl::OkStatus();
  ifaddrmsg head{};
  head.ifa_family = FamilyOf(address.address.family);
  head.ifa_prefixlen = address.length;
  head.ifa_index = ifindex_;
  NetlinkRequest r(RTM_DELADDR, 0, head);
  r.Add(IFA_LOCAL, address.address.bytes()).Add(IFA_ADDRESS, address.address.bytes());
  int error = netlink_.Do(r);
  if (IsRouted(address)) RemoveRule(address.address);
  // With the first IPv4 address of a subnet go its others, and with the last of all the routes: what is left is said again.
  bool routed = false;
  for (const IpPrefix& a : addresses_) {
    if (a.address.family != address.address.family) continue;
    Assign(a);
    routed |= IsRouted(a);
  }
  if (routed)
    AddRoutes(address.address.family);
  else
    RemoveRoutes(address.address.family);
  if (error == 0 || error == EADDRNOTAVAIL) return absl::OkStatus();
  return absl::ErrnoToStatus(error, absl::StrCat("tap ", options_.name, ": ", address.ToString()));
}

int Tap::Assign(const IpPrefix& address) {
  ifaddrmsg head{};
  head.ifa_family = FamilyOf(address.address.family);
  head.ifa_prefixlen = address.length;
  head.ifa_scope = IsRouted(address) ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
  head.ifa_index = ifindex_;
  // Whether somebody else has it is for the port to find out.
  if (head.ifa_family == AF_INET6) head.ifa_flags = IFA_F_NODAD;
  NetlinkRequest r(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, head);
  r.Add(IFA_LOCAL, address.address.bytes()).Add(IFA_ADDRESS, address.address.bytes());
  int error = netlink_.Do(r);
  return error == EEXIST ? 0 : error;
}

int Tap::AddRoutes(Family family) {
  int error = netlink_.Do(DefaultRoute(RTM_NEWROUTE, family, kTableBase + ifindex_, ifindex_));
  if (error != 0 && error != EEXIST) return error;
  auto last = DefaultRoute(RTM_NEWROUTE, family, RT_TABLE_MAIN, ifindex_);
  error = netlink_.Do(last.Add(RTA_PRIORITY, kLastResortMetric + options_.index));
  return error == EEXIST ? 0 : error;
}

void Tap::RemoveRoutes(Family family) {
  netlink_.Do(DefaultRoute(RTM_DELROUTE, family, kTableBase + ifindex_, ifindex_));
  auto last = DefaultRoute(RTM_DELROUTE, family, RT_TABLE_MAIN, ifindex_);
  netlink_.Do(last.Add(RTA_PRIORITY, kLastResortMetric + options_.index));
}

int Tap::AddRule(const IpAddress& source) {
  RemoveRule(source);  // what a killed process left leads to a table that is empty now
  return netlink_.Do(Rule(RTM_NEWRULE, source).Add(FRA_TABLE, kTableBase + ifindex_));
}

void Tap::RemoveRule(const IpAddress& source) {
  constexpr int kLeftAtMost = 64;
  for (int i = 0; i < kLeftAtMost && netlink_.Do(Rule(RTM_DELRULE, source)) == 0; ++i) {
  }
}

}  // namespace culvert
