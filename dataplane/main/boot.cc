#include "dataplane/main/boot.h"

#include <absl/log/log.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "common/base/unique_fd.h"
#include "drivers/mem/pools.h"
#include "drivers/offload/soft_inline_port.h"
#include "drivers/port/ethdev_port.h"
#include "drivers/port/kernel_interface.h"
#include "drivers/port/tap.h"
#include "drivers/port/vlan_port.h"

namespace culvert::dp {
namespace {

constexpr uint32_t kHostPackets = 2048; // in one worker's rings to and from the host
constexpr uint32_t kOwnMemoryMib = 64;  // rings, tables of DPDK, device queues

// Short, because DPDK makes socket paths of it; the same for the same directory, so that what a killed process left is reused.
std::string FilePrefix(const std::string& run_dir) {
  uint32_t h = 2166136261;  // FNV-1a
  for (char c : run_dir) h = (h ^ static_cast<uint8_t>(c)) * 16777619;
  return absl::StrFormat("culvert-%08x", h);
}

offload::CryptoDeviceOptions::Ipsec IpsecOf(config::CryptoDevice::Lookaside l) {
  using enum offload::CryptoDeviceOptions::Ipsec;
  switch (l) {
    case config::CryptoDevice::Lookaside::kNo: return kNo;
    case config::CryptoDevice::Lookaside::kSoftware: return kSoftware;
    case config::CryptoDevice::Lookaside::kAuto: break;
  }
  return kAuto;
}

std::vector<offload::CryptoDeviceOptions> CryptoDevicesOf(const config::Dataplane& config) {
  std::vector<offload::CryptoDeviceOptions> devices;
  for (const auto& d : config.crypto_devices)
    devices.push_back({d.name, d.device, d.sessions, IpsecOf(d.lookaside_ipsec)});
  return devices;
}

EalOptions OptionsFor(const config::Dataplane& config, const std::string& run_dir, uint32_t pool_mib) {
  EalOptions o{.worker_cores = config.worker_cores, .devices = {}, .file_prefix = FilePrefix(run_dir)};
  switch (config.hugepages) {
    case config::Hugepages::kAuto: o.pages = EalOptions::Pages::kAuto; break;
    case config::Hugepages::kNo: o.pages = EalOptions::Pages::kNo; break;
    case config::Hugepages::kMiB: o.pages = EalOptions::Pages::kYes; break;
  }
  uint32_t devices_mib = 0;
  for (const auto& d : CryptoDevicesOf(config)) {
    devices_mib += offload::MemoryMib(d, static_cast<unsigned>(config.worker_cores.size()));
    o.devices.push_back(d.device);
  }
  o.memory_mib = std::max(pool_mib + devices_mib + kOwnMemoryMib, config.hugepages_mib);
  for (const auto& p : config.ports) {
    if (p.vlan == 0) o.devices.push_back(CompleteDevice(p.device, p.mtu));
  }
  return o;
}

// Of a VLAN: the place of the port it is of. The configuration has been checked for it.
std::optional<size_t> ParentOf(const config::Dataplane& config, const config::Port& port) {
  if (port.vlan == 0) return std::nullopt;
  return std::ranges::find(config.ports, port.parent, &config::Port::name) - config.ports.begin();
}

bool HasTap(const config::Dataplane& config) { return std::ranges::any_of(config.ports, &config::Port::tap); }

PoolPlan PoolFor(const config::Dataplane& config) {
  auto workers = static_cast<unsigned>(config.worker_cores.size());
  PortMemory all;
  for (const auto& p : config.ports) {
    if (p.vlan != 0) continue;
    PortMemory m = MemoryOf(p.device, p.mtu, workers);
    all.descriptors += m.descriptors;
    all.buffer = std::max(all.buffer, m.buffer);
  }
  if (HasTap(config)) all.descriptors += workers * kHostPackets;
  // What is lent is held as if by one more device of that many descriptors.
  all.descriptors += static_cast<uint32_t>(config.crypto_devices.size()) * workers * offload::LookasideQueue::kDescriptors;
  return PlanPool(all.descriptors, workers, all.buffer);
}

absl::StatusOr<std::vector<std::unique_ptr<Port>>> OpenPorts(const config::Dataplane& config, rte_mempool* pool) {
  std::vector<std::unique_ptr<Port>> ports(config.ports.size());
  for (uint16_t i = 0; i < ports.size(); ++i) {
    const config::Port& p = config.ports[i];
    if (p.vlan != 0) continue;
    EthdevOptions o{.name = p.name,
                    .device = p.device,
                    .index = i,
                    .mtu = p.mtu,
                    .workers = static_cast<unsigned>(config.worker_cores.size())};
    auto port = EthdevPort::Open(o, pool);
    if (!port.ok()) return port.status();
    ports[i] = std::move(*port);
    if (p.inline_ipsec != config::Port::Inline::kSoftware) continue;
    auto soft = offload::SoftInlinePort::Wrap(std::move(ports[i]), {});
    if (!soft.ok()) return soft.status();
    ports[i] = std::move(*soft);
  }
  for (uint16_t i = 0; i < ports.size(); ++i) {
    const config::Port& p = config.ports[i];
    if (p.vlan == 0) continue;
    ports[i] = std::make_unique<VlanPort>(p.name, i, *ports[*ParentOf(config, p)], p.vlan);
    ports[i]->mtu = p.mtu;
  }
  return ports;
}

// What the kernel could take part in, and what it must give: before anything is started.
absl::Status CheckKernel(const config::Dataplane& config) {
  for (const auto& p : config.ports) {
    auto check = [&](const absl::Status& s) {
      return s.ok() ? s : absl::Status(s.code(), absl::StrCat("port ", p.name, ": ", s.message()));
    };
    if (p.tap) {
      if (auto s = check(Tap::Check(p.name)); !s.ok()) return s;
    }
    if (p.vlan != 0) continue;
    auto interface = KernelInterfaceUnder(p.device);
    if (!interface) continue;
    if (auto s = check(CheckKernelBlind(*interface)); !s.ok()) return s;
    if (!HasTap(config)) continue;
    if (auto s = check(KeepHostAway(*interface)); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::unique_ptr<HostLink>>> MakeTaps(const config::Dataplane& config,
                                                                const std::vector<std::unique_ptr<Port>>& ports) {
  std::vector<std::unique_ptr<HostLink>> taps(ports.size());
  for (uint16_t i = 0; i < ports.size(); ++i) {
    if (!config.ports[i].tap) continue;
    const std::string& name = ports[i]->name();
    auto tap = Tap::Create({.name = name, .mac = ports[i]->mac, .mtu = ports[i]->mtu, .index = i});
    if (!tap.ok()) return absl::Status(tap.status().code(), absl::StrCat("port ", name, ": ", tap.status().message()));
    taps[i] = std::move(*tap);
  }
  return taps;
}

absl::Status Refused(const std::string& what, channel::Status s) {
  return absl::InvalidArgumentError(absl::StrCat(what, " is not taken (", static_cast<uint32_t>(s), ")"));
}

absl::Status AddConfigured(const config::Dataplane& config, Network& network) {
  for (const auto& p : config.ports) {
    for (const IpPrefix& a : p.addrs) {
      auto s = network.AddAddress({p.name, a}, Network::Origin::kConfig);
      if (s != channel::Status::kOk) return Refused(absl::StrCat("port ", p.name, ": address ", a.ToString()), s);
    }
  }
  for (const auto& t : config.tunnels) {
    auto s = network.AddTunnel({t.name, t.if_id, t.addrs});
    if (s != channel::Status::kOk) return Refused(absl::StrCat("tunnel ", t.name), s);
  }
  for (const auto& r : config.routes) {
    auto s = network.AddRoute({r.to, r.via, r.port}, Network::Origin::kConfig);
    if (s != channel::Status::kOk) return Refused(absl::StrCat("route ", r.name), s);
  }
  return absl::OkStatus();
}

}  // namespace

Topology ExpectedTopology(const config::Dataplane& config) {
  auto workers = static_cast<unsigned>(config.worker_cores.size());
  std::vector<Topology::PortQueues> queues;
  for (const auto& p : config.ports) {
    auto n = static_cast<uint16_t>(IsVdev(p.device) ? 1 : workers);
    queues.push_back({p.name, n, n, p.tap, ParentOf(config, p)});
  }
  return Topology::Plan(workers, queues);
}

absl::StatusOr<Booted> Boot(const config::Dataplane& config, const std::string& run_dir) {
  if (auto s = CheckKernel(config); !s.ok()) return s;
  PoolPlan plan = PoolFor(config);
  auto eal = BootEal(OptionsFor(config, run_dir, plan.mib));
  if (!eal.ok()) return eal.status();
  auto pool = MakePool("packets", plan);
  if (!pool.ok()) return pool.status();
  auto ports = OpenPorts(config, *pool);
  if (!ports.ok()) return ports.status();
  std::vector<Topology::PortQueues> queues;
  bool some_virtual = false;
  auto taps = MakeTaps(config, *ports);
  if (!taps.ok()) return taps.status();
  for (const auto& p : *ports) {
    const config::Port& c = config.ports[p->index()];
    queues.push_back({p->name(), p->rx_queues(), p->tx_queues(), c.tap, ParentOf(config, c)});
    some_virtual |= p->is_virtual();
  }
  auto devices = offload::LookasideDevices::Open(CryptoDevicesOf(config), static_cast<unsigned>(config.worker_cores.size()));
  if (!devices.ok()) return devices.status();
  Booted b{.eal = *eal, .gateway = nullptr, .engines = nullptr};
  b.adaptive = config.idle ? *config.idle == config::Idle::kAdaptive : some_virtual;
  std::vector<Port*> inlined(ports->size());
  for (size_t i = 0; i < inlined.size(); ++i) inlined[i] = (*ports)[i].get();
  std::vector<bool> offered;
  for (const auto& p : config.ports) offered.push_back(p.inline_ipsec != config::Port::Inline::kNo);
  auto inline_ports = offload::InlinePorts::Open(inlined, offered);
  if (!inline_ports.ok()) return inline_ports.status();
  b.engines = std::make_unique<offload::Engines>(std::move(*inline_ports), std::move(*devices));
  Topology topology = Topology::Plan(static_cast<unsigned>(config.worker_cores.size()), queues);
  b.gateway = std::make_unique<Gateway>(Gateway::Parts{.ports = std::move(*ports),
                                                       .hosts = std::move(*taps),
                                                       .topology = std::move(topology),
                                                       .pool = *pool,
                                                       .worker = {.adaptive = b.adaptive}});
  if (auto s = AddConfigured(config, b.gateway->network()); !s.ok()) return s;
  if (auto s = b.gateway->host().first_error(); !s.ok()) return s;
  return b;
}

absl::Status ClaimRunDir(const std::string& run_dir) {
  std::error_code error;
  std::filesystem::create_directories(run_dir, error);
  if (error) return absl::UnavailableError(absl::StrCat(run_dir, ": ", error.message()));
  std::string path = run_dir + "/dataplane.pid";
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, path);
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return absl::AlreadyExistsError(absl::StrCat(run_dir, ": a gateway lives here already (", path, " is locked)"));
  }
  std::string pid = absl::StrCat(getpid(), "\n");
  if (ftruncate(fd.get(), 0) != 0 || write(fd.get(), pid.data(), pid.size()) != static_cast<ssize_t>(pid.size())) {
    return absl::ErrnoToStatus(errno, path);
  }
  (void)fd.Release();  // the lock is held for as long as the process lives
  return absl::OkStatus();
}

}  // namespace culvert::dp
