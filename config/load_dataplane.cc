#include <unistd.h>

#include <algorithm>
#include <map>

#include "common/base/limits.h"
#include "common/bytes/hex.h"
#include "config/load.h"
#include "config/manual_sas.h"
#include "config/schema/check_keys.h"
#include "config/schema/reader.h"
#include "config/syntax/inherit.h"
#include "config/syntax/parse.h"
#include "config/text.h"

namespace culvert::config {
namespace {

constexpr size_t kMaxPortName = 15;             // characters: what the channel's messages hold
constexpr uint64_t kLeastMss = 216, kMostMss = 9176;  // octets: what ports of 256 and 9,216 would carry
constexpr uint64_t kMaxHugepagesMib = 1 << 20;  // 1 TiB

std::string Quote(std::string_view text) { return Cat("\"", Escape(text), "\""); }

// What Linux takes for the name of an interface; a % would be a pattern to it, and these words are settings of all of them.
bool IsInterfaceName(const std::string& name) {
  bool plain = std::ranges::all_of(name, [](char c) { return c > ' ' && c < 127 && c != '/' && c != ':' && c != '%'; });
  return plain && !name.empty() && name != "." && name != ".." && name != "all" && name != "default";
}

Port ReadPort(const SectionReader& in) {
  Port port{.name = in.section().name, .device = in.Text("device"), .addrs = {}};
  if (port.name.size() > kMaxPortName) in.Error(Cat("the name is too long; expected at most ", kMaxPortName, " characters"));
  port.vlan = static_cast<uint16_t>(in.Integer("vlan", 0));
  if (port.vlan != 0) {
    port.parent = in.Text("parent");
    if (in.Has("device")) in.Error("device", "is the parent's: a VLAN has none of its own");
  } else if (in.Has("parent")) {
    in.Error("parent", "says nothing without vlan");
  } else if (port.device.empty()) {
    in.Error("device", "missing; expected a PCI address or a vdev such as net_af_xdp0,iface=eth1");
  }
  for (const std::string& text : in.List("addrs")) {
    if (auto address = ParsePortAddress(text)) port.addrs.push_back(*address);
  }
  port.mtu = static_cast<uint32_t>(in.Integer("mtu", port.mtu));
  port.tap = in.Bool("tap", port.tap);
  auto inlined = in.Text("inline_ipsec", "auto");
  if (inlined != "auto") port.inline_ipsec = inlined == "no" ? Port::Inline::kNo : Port::Inline::kSoftware;
  if (port.vlan != 0 && in.Has("inline_ipsec"))
    in.Error("inline_ipsec", "a VLAN has none: frames with a tag are the processor's");
  if (port.tap && !IsInterfaceName(port.name)) {
    in.Error("tap", Cat("no interface can be called ", Quote(port.name), "; give the port another name"));
  }
  return port;
}

// A VLAN is of a port that is none itself, and each of a port once.
void CheckVlans(const SectionReader& in, std::vector<Port>& ports) {
  for (const Section& s : in.section().sections()) {
    SectionReader reader = in.Child(s);
    Port& port = *std::ranges::find(ports, s.name, &Port::name);
    if (port.vlan == 0) continue;
    auto parent = std::ranges::find(ports, port.parent, &Port::name);
    if (parent == ports.end()) {
      bool none = port.parent.empty();
      reader.Error("parent", none ? "missing; expected the port the VLAN is of" : Cat(Quote(port.parent), " is no port"));
      continue;
    }
    if (parent->vlan != 0) reader.Error("vlan", Cat("is of ", Quote(port.parent), ", which is a VLAN itself"));
    if (!reader.Has("mtu")) port.mtu = parent->mtu;
    if (port.mtu > parent->mtu) reader.Error("mtu", Cat(port.mtu, " octets; ", Quote(port.parent), " carries ", parent->mtu));
    for (const Port& other : ports) {
      if (&other < &port && other.vlan == port.vlan && other.parent == port.parent) {
        reader.Error("vlan", Cat(port.vlan, " of ", Quote(port.parent), " is port ", Quote(other.name), " too"));
      }
    }
  }
}

void ReadPorts(const SectionReader& in, Dataplane& out) {
  std::map<std::string, std::string> device_of;
  std::map<IpAddress, std::string> address_of;
  for (const Section& s : in.section().sections()) {
    SectionReader reader = in.Child(s);
    Port port = ReadPort(reader);
    if (auto [it, first] = device_of.emplace(port.device, port.name); !first && !port.device.empty()) {
      reader.Error("device", Cat("is the device of port ", Quote(it->second), " too"));
    }
    for (const IpPrefix& a : port.addrs) {
      auto [it, first] = address_of.emplace(a.address, port.name);
      if (!first) reader.Error("addrs", Cat(a.address.ToString(), " is an address of port ", Quote(it->second), " too"));
    }
    out.ports.push_back(std::move(port));
  }
  CheckVlans(in, out.ports);
  if (out.ports.size() > kMaxPorts) in.Error(Cat(out.ports.size(), " ports; expected at most ", kMaxPorts));
}

void ReadCryptoDevices(const SectionReader& in, Dataplane& out) {
  for (const Section& s : in.section().sections()) {
    SectionReader reader = in.Child(s);
    CryptoDevice d{.name = s.name, .device = reader.Text("device")};
    d.sessions = static_cast<uint32_t>(reader.Integer("sessions", d.sessions));
    auto whole = reader.Text("lookaside_ipsec", "auto");
    using enum CryptoDevice::Lookaside;
    d.lookaside_ipsec = whole == "no" ? kNo : whole == "software" ? kSoftware : kAuto;
    if (d.device.empty()) reader.Error("device", "missing; expected a PCI address or a vdev such as crypto_aesni_mb");
    auto same = std::ranges::find(out.crypto_devices, d.device, &CryptoDevice::device);
    if (same != out.crypto_devices.end() && !d.device.empty())
      reader.Error("device", Cat("is that of crypto device ", Quote(same->name), " too"));
    out.crypto_devices.push_back(std::move(d));
  }
  if (out.crypto_devices.size() > kMaxCryptoDevices)
    in.Error(Cat(out.crypto_devices.size(), " crypto devices; expected at most ", kMaxCryptoDevices));
}

// Whose address it is: "port \"wan\""; empty: nobody's.
std::string OwnerOf(const Dataplane& dataplane, const IpAddress& address) {
  auto has = [&](const auto& of) { return std::ranges::contains(of.addrs, address, &IpPrefix::address); };
  for (const Port& port : dataplane.ports) {
    if (has(port)) return Cat("port ", Quote(port.name));
  }
  for (const Tunnel& tunnel : dataplane.tunnels) {
    if (has(tunnel)) return Cat("tunnel ", Quote(tunnel.name));
  }
  return "";
}

void ReadTunnel(const SectionReader& in, Dataplane& out) {
  Tunnel tunnel{.name = in.section().name, .if_id = static_cast<uint32_t>(in.Integer("if_id", 0)), .addrs = {}};
  if (tunnel.name.size() > kMaxPortName) in.Error(Cat("the name is too long; expected at most ", kMaxPortName, " characters"));
  if (std::ranges::contains(out.ports, tunnel.name, &Port::name)) in.Error("a port has that name");
  if (!in.Has("if_id")) in.Error("if_id", "missing; expected the number of the children it is for");
  auto same = std::ranges::find(out.tunnels, tunnel.if_id, &Tunnel::if_id);
  if (same != out.tunnels.end() && tunnel.if_id != 0) in.Error("if_id", Cat("is that of tunnel ", Quote(same->name), " too"));
  for (const std::string& text : in.List("addrs")) {
    auto address = ParsePortAddress(text);
    if (!address) continue;  // reported by type already
    if (auto owner = OwnerOf(out, address->address); !owner.empty()) {
      in.Error("addrs", Cat(address->address.ToString(), " is an address of ", owner, " too"));
    }
    // Its scope is a link, and a tunnel has no MAC that others would find it by.
    if (address->address.is_link_local() && address->address.family == Family::kV6) {
      in.Error("addrs", Cat(address->address.ToString(), " is link-local; expected an address that is routed"));
    }
    tunnel.addrs.push_back(*address);
  }
  out.tunnels.push_back(std::move(tunnel));
}

// The port or tunnel in one of whose subnets `via` lies; empty where none does.
std::string Towards(const Dataplane& dataplane, const IpAddress& via, const std::string& wanted) {
  auto leads = [&](const auto& way) {
    auto holds = [&](const IpPrefix& a) { return a.Contains(via); };
    return (wanted.empty() || way.name == wanted) && std::ranges::any_of(way.addrs, holds);
  };
  auto port = std::ranges::find_if(dataplane.ports, leads);
  if (port != dataplane.ports.end()) return port->name;
  auto tunnel = std::ranges::find_if(dataplane.tunnels, leads);
  return tunnel != dataplane.tunnels.end() ? tunnel->name : "";
}

void ReadRoute(const SectionReader& in, Dataplane& out) {
  Route route{.name = in.section().name, .to = {}, .via = std::nullopt, .port = in.Text("port")};
  auto to = IpPrefix::Parse(in.Text("to"));
  if (!in.Has("to")) in.Error("to", "missing; expected a prefix such as 0.0.0.0/0");
  if (in.Has("via")) route.via = IpAddress::Parse(in.Text("via"));
  if (!to || (in.Has("via") && !route.via)) return;  // reported by type already
  route.to = *to;
  const bool known = std::ranges::contains(out.ports, route.port, &Port::name);
  const bool tunnel = std::ranges::contains(out.tunnels, route.port, &Tunnel::name);
  if (in.Has("port") && !known && !tunnel) {
    return in.Error("port", Cat(Quote(route.port), " is no port or tunnel of this gateway"));
  }
  if (!route.via) {
    if (route.port.empty()) return in.Error("via", "missing; expected a next hop, or a port for an on-link route");
  } else {
    if (route.via->family != route.to.address.family)
      return in.Error("via", "is of another address family than the destination");
    const std::string port = Towards(out, *route.via, route.port);
    // A link-local next hop is in no configured subnet: the port says where it is.
    bool by_name = route.via->is_link_local() && known;
    if (port.empty() && !by_name) {
      const char* of = tunnel ? "that tunnel" : known ? "that port" : "any port";
      return in.Error("via", Cat(route.via->ToString(), " is in no subnet of ", of));
    }
    if (!port.empty()) route.port = port;
  }
  auto same = std::ranges::find(out.routes, route.to, &Route::to);
  if (same != out.routes.end())
    return in.Error("to", Cat(route.to.ToString(), " is the destination of route ", Quote(same->name), " too"));
  out.routes.push_back(std::move(route));
}

void ReadSettings(const SectionReader& in, unsigned cores, Dataplane& out) {
  auto workers = ParseCores(in.Text("workers", "1"), cores);
  if (workers)
    out.worker_cores = std::move(*workers);
  else
    in.Error("workers", workers.error());
  out.rebalance = in.Bool("rebalance", true);
  auto pages = in.Text("hugepages", "auto");
  if (pages == "no") {
    out.hugepages = Hugepages::kNo;
  } else if (pages != "auto") {
    auto mib = ParseInteger(pages, 1, kMaxHugepagesMib);
    if (!mib) in.Error("hugepages", Cat(Quote(pages), "; expected auto, no or a number of MiB"));
    out.hugepages = Hugepages::kMiB;
    out.hugepages_mib = static_cast<uint32_t>(mib.value_or(1));
  }
  if (in.Has("idle")) out.idle = in.Text("idle") == "poll" ? Idle::kPoll : Idle::kAdaptive;
  out.default_forward = in.Text("default_policy", "forward") == "forward";
  auto mss = in.Text("mss", "no");
  if (mss == "auto") {
    out.mss = Dataplane::Mss::kAuto;
  } else if (mss != "no") {
    auto octets = ParseInteger(mss, kLeastMss, kMostMss);
    if (!octets) in.Error("mss", Cat(Quote(mss), "; expected no, auto or ", kLeastMss, " to ", kMostMss, " octets"));
    out.mss = Dataplane::Mss::kOctets;
    out.mss_octets = static_cast<uint16_t>(octets.value_or(kMostMss));
  }
  out.forward_without_ike = in.Text("without_ike", "drop") == "forward";
  out.lab = in.Bool("lab", false);
}

}  // namespace

std::optional<Dataplane> LoadDataplane(FileSource& files, const std::string& dir, unsigned cores, Complaints& complaints) {
  Tree tree;
  Report report(tree, complaints);
  if (!ParseConfig(files, dir + "/culvert.conf", {.dir = dir, .closed_section = "control"}, tree, report)) return std::nullopt;
  const Section* written = tree.root.FindSection("dataplane");
  if (!written) {
    report.Error({}, "", "has no section dataplane { }");
    return std::nullopt;
  }
  const Section section = Inherit(tree, *written, report);
  CheckKeys(section, "dataplane", "dataplane", report);
  SectionReader in(section, "dataplane", report);
  Dataplane out;
  ReadSettings(in, cores, out);
  if (const Section* ports = section.FindSection("ports")) ReadPorts(in.Child(*ports), out);
  if (out.ports.empty()) in.Error("ports", "missing; expected at least one port");
  if (const Section* devices = section.FindSection("crypto_devices")) ReadCryptoDevices(in.Child(*devices), out);
  if (const Section* tunnels = section.FindSection("tunnels")) {
    for (const Section& s : tunnels->sections()) ReadTunnel(in.Child(*tunnels).Child(s), out);
    if (out.tunnels.size() > kMaxTunnels) in.Error("tunnels", Cat(out.tunnels.size(), "; expected at most ", kMaxTunnels));
  }
  if (const Section* routes = section.FindSection("routes")) {
    for (const Section& s : routes->sections()) ReadRoute(in.Child(*routes).Child(s), out);
  }
  if (const Section* sas = section.FindSection("sas")) ReadManualSas(in.Child(*sas), out);
  if (report.failed()) return std::nullopt;
  return out;
}

std::optional<Dataplane> LoadDataplane(const std::string& dir, Complaints& complaints) {
  DiskFiles files;
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  return LoadDataplane(files, dir, cores > 0 ? static_cast<unsigned>(cores) : 1, complaints);
}

}  // namespace culvert::config
