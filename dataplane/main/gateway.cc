#include "dataplane/main/gateway.h"

#include <absl/log/check.h>
#include <absl/log/log.h>
#include <absl/strings/str_cat.h>
#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_random.h>

#include <algorithm>

namespace culvert::dp {
namespace {

constexpr double kIcmpErrorsPerSecond = 1000, kIcmpErrorBurst = 50;  // of one worker
constexpr double kPathErrorsPerSecond = 100, kPathErrorBurst = 100;  // likewise: each costs main a look-up
// Fragments of one worker may hold a quarter of its share of the packet pool, and all of the gateway 4,096 datagrams.
constexpr uint32_t kMostDatagrams = 1024, kMostDatagramsInAll = 4096, kMostPieces = 8192;
constexpr Duration kLinkInterval = std::chrono::seconds(1);
constexpr uint32_t kKnownPerTurn = 64, kControlPerTurn = 64, kNewPerTurn = 16;  // packets of one worker: strangers come last
constexpr uint32_t kHostPerTurn = 64;  // likewise, and at most as many as kKnownPerTurn: each is a system call

std::unique_ptr<const Forwarding> NoRoutes() {
  return std::make_unique<Forwarding>(1, std::vector<Forwarding::Route>{}, std::vector<OwnAddress>{},
                                      std::vector<RouteTarget>{});
}

}  // namespace

Gateway::Gateway(Parts parts)
    : ports_(std::move(parts.ports)), loop_(bell_), fib_(NoRoutes()), grace_(parts.topology.workers) {
  std::string wrong = parts.topology.Check();
  CHECK(wrong.empty()) << wrong;
  CHECK(ports_.size() <= kMaxPorts && parts.topology.workers <= kMaxWorkers);
  BuildRings(parts.topology, parts.name);
  BuildWorkers(parts);
  std::vector<unsigned> owners;
  for (const auto& p : parts.topology.ports) owners.push_back(p.tx_owner);
  std::vector<PacketRing*> to_worker;
  for (const auto& r : worker_rings_) to_worker.push_back(r.from_main);
  sender_ = std::make_unique<Sender>(std::move(owners), std::move(to_worker), parts.pool, counters_);
  std::vector<rte_ether_addr> macs;
  std::vector<Network::PortInfo> infos;
  for (const auto& p : ports_) {
    macs.push_back(p->mac);
    infos.push_back({p->name(), p->mac, p->mtu, p->link_up()});
  }
  neighbours_ = std::make_unique<Neighbours>(table_, fib_, grace_, *sender_, std::move(macs));
  network_ = std::make_unique<Network>(std::move(infos), fib_, grace_, *neighbours_);
  ike_ = std::make_unique<IkePath>(fib_, table_, *neighbours_, *sender_);
  BuildHost(parts);
  BuildWatchdog(parts);
  loop_.AddPoller([this] { return Poll(std::chrono::steady_clock::now()); });
  loop_.Every(kRequestInterval, [this] { Tick(std::chrono::steady_clock::now()); });
}

Gateway::~Gateway() { Stop(); }

void Gateway::BuildRings(const Topology& t, const std::string& name) {
  worker_rings_.resize(t.workers);
  for (WorkerRings& r : worker_rings_) {
    r.to_worker.resize(t.workers);
    r.from_worker.resize(t.workers);
    r.main_bell = &bell_;
  }
  for (const auto& plan : t.rings) {
    rings_.push_back(std::make_unique<PacketRing>(absl::StrCat(name, "-", plan.name), plan.slots));
    PacketRing* ring = rings_.back().get();
    if (plan.producer == Topology::kMain) {
      WorkerRings& r = worker_rings_[plan.consumer];
      (plan.name.starts_with("from-host") ? r.from_host : r.from_main) = ring;
    } else if (plan.consumer != Topology::kMain) {
      worker_rings_[plan.producer].to_worker[plan.consumer] = ring;
      worker_rings_[plan.consumer].from_worker[plan.producer] = ring;
    } else {
      WorkerRings& r = worker_rings_[plan.producer];
      (plan.name.starts_with("ike-known") ? r.to_main_ike_known
       : plan.name.starts_with("ike-new") ? r.to_main_ike_new
       : plan.name.starts_with("to-host") ? r.to_host
                                          : r.to_main_control) = ring;
    }
  }
}

void Gateway::BuildWorkers(const Parts& parts) {
  for (unsigned w = 0; w < parts.topology.workers; ++w) {
    auto ctx = std::make_unique<WorkerContext>();
    ctx->id = ctx->taking_from = w;
    ctx->tsc_hz = rte_get_tsc_hz();
    ctx->neighbours = &table_;
    ctx->port_count = static_cast<uint16_t>(ports_.size());
    ctx->pool = parts.pool;
    ctx->rings = &worker_rings_[w];
    ctx->icmp_errors = {.tokens = kIcmpErrorBurst,
                        .burst = kIcmpErrorBurst,
                        .per_tick = kIcmpErrorsPerSecond / static_cast<double>(ctx->tsc_hz),
                        .last = rte_rdtsc()};
    ctx->path_errors = {.tokens = kPathErrorBurst,
                        .burst = kPathErrorBurst,
                        .per_tick = kPathErrorsPerSecond / static_cast<double>(ctx->tsc_hz),
                        .last = rte_rdtsc()};
    ctx->punts.fill({.tokens = kPuntBurst,
                     .burst = kPuntBurst,
                     .per_tick = kPuntsPerSecond / static_cast<double>(ctx->tsc_hz),
                     .last = rte_rdtsc()});
    ctx->fragment_id = static_cast<uint32_t>(rte_rand());  // RFC 7739 5.1: not the same after each start
    Reassembly::Limits limits{.datagrams = std::min(kMostDatagrams, kMostDatagramsInAll / parts.topology.workers),
                              .pieces = std::min(kMostPieces, parts.pool->size / 4 / parts.topology.workers)};
    reassemblies_.push_back(std::make_unique<Reassembly>(limits, ctx->tsc_hz));
    ctx->reassembly = reassemblies_.back().get();
    for (size_t i = 0; i < ports_.size(); ++i) {
      const auto& plan = parts.topology.ports[i];
      WorkerPort& port = ctx->ports[i];
      port = {.port = ports_[i].get(), .rx_queue = kNoQueue, .tx_queue = plan.tx_queue[w], .tx_owner = plan.tx_owner,
              .tap = i < parts.hosts.size() && parts.hosts[i] != nullptr, .opens = ports_[i]->SecurityContext() != nullptr,
              .vlan = ports_[i]->vlan,
              .parent = ports_[i]->parent_index};
      for (uint16_t q = 0; q < plan.rx_worker.size(); ++q) {
        if (plan.rx_worker[q] == w) port.rx_queue = q;
      }
    }
    workers_.push_back(std::make_unique<Worker>(*ctx, fib_, grace_, parts.worker));
    contexts_.push_back(std::move(ctx));
  }
}

void Gateway::BuildHost(Parts& parts) {
  std::vector<HostPath::Link> links(ports_.size());
  for (size_t i = 0; i < parts.hosts.size(); ++i) {
    if (parts.hosts[i] == nullptr) continue;
    CHECK(parts.topology.host) << "a TAP without rings";
    PacketRing* to_worker = worker_rings_[parts.topology.ports[i].tx_owner].from_host;
    links[i] = {std::move(parts.hosts[i]), ports_[i]->name(), ports_[i]->mac, to_worker};
  }
  host_ = std::make_unique<HostPath>(std::move(links), *sender_, loop_);
  network_->SetAddressObserver(
      [this](uint16_t port, const IpPrefix& address, bool present) { host_->SetAddress(port, address, present); });
  ike_->SetHostSink([this](const IpAddress& own, uint16_t port, ByteView packet) {
    const OwnAddress* a = fib_.get()->FindOwn(static_cast<uint8_t>(own.family), own.octets.data(), port);
    if (a == nullptr || a->port == kNoPort || !host_->HasTap(a->port)) return false;
    host_->Deliver(a->port, packet);
    return true;
  });
}

void Gateway::BuildWatchdog(const Parts& parts) {
  std::vector<std::vector<unsigned>> receivers;
  for (const auto& p : parts.topology.ports) receivers.push_back(p.rx_worker);
  auto passes = [this, receivers = std::move(receivers)](uint16_t port) {
    uint64_t n = ~uint64_t{0};
    for (unsigned w : receivers[port]) n = std::min(n, contexts_[w]->counters.polls.get());
    return n;
  };
  watchdog_ = std::make_unique<PortWatchdog>(ports_, grace_, std::move(passes),
                                             [pool = parts.pool] { return rte_mempool_avail_count(pool) > kBurstMax; });
}

void Gateway::Start() {
  running_ = true;
  for (unsigned i = 0; i < workers(); ++i) {
    auto run = [](void* w) {
      static_cast<Worker*>(w)->Run();
      return 0;
    };
    CHECK_EQ(rte_eal_remote_launch(run, workers_[i].get(), i + 1), 0) << "worker " << i << " has no lcore";
  }
}

void Gateway::Stop() {
  if (running_) {
    for (auto& w : workers_) w->Stop();
    for (unsigned i = 0; i < workers(); ++i) rte_eal_wait_lcore(i + 1);
    running_ = false;
    CHECK(grace_.Passed(grace_.Begin())) << "a worker ended within a pass";
    grace_.Reclaim();  // nobody reads any more
  }
  for (auto& p : ports_) p->Stop();
}

bool Gateway::Poll(Time now) {
  bool busy = false;
  for (auto& r : worker_rings_) busy |= PollRing(*r.to_main_ike_known, kKnownPerTurn, now);
  for (auto& r : worker_rings_) busy |= PollRing(*r.to_main_control, kControlPerTurn, now);
  for (auto& r : worker_rings_) busy |= PollRing(*r.to_main_ike_new, kNewPerTurn, now);
  for (auto& r : worker_rings_) busy |= r.to_host != nullptr && PollRing(*r.to_host, kHostPerTurn, now);
  return busy;
}

bool Gateway::PollRing(PacketRing& ring, uint32_t most, Time now) {
  HandedOver in[kKnownPerTurn];
  uint32_t n = ring.Take(in, most);
  counters_.unparked.Add(n);
  for (uint32_t i = 0; i < n; ++i) Dispatch(in[i], now);
  return n != 0;
}

void Gateway::Dispatch(const HandedOver& h, Time now) {
  switch (static_cast<MainKind>(h.kind)) {
    case MainKind::kIkeKnown:
    case MainKind::kIkeNew: return ike_->Receive(h.packet);
    case MainKind::kNeighbour: return neighbours_->Receive(h.packet, now);
    case MainKind::kResolve: return neighbours_->Resolve(h.packet, now);
    case MainKind::kFragment: return ike_->ReceiveFragment(h.packet, false, now);
    case MainKind::kHostFragment: return ike_->ReceiveFragment(h.packet, true, now);
    case MainKind::kHost: return host_->Receive(h.packet);
  }
}

void Gateway::Tick(Time now) {
  neighbours_->Tick(now);
  ike_->Tick(now);
  grace_.Reclaim();
  watchdog_->Tick(now);
  if (now < links_at_) return;
  links_at_ = now + kLinkInterval;
  for (const auto& p : ports_) {
    bool up = p->link_up();
    if (network_->ports()[p->index()].up != up) LOG(WARNING) << "port " << p->name() << ": link " << (up ? "up" : "down");
    network_->SetLink(p->index(), up);
  }
}

channel::Status Gateway::AddAddress(const std::string& port, const IpPrefix& address) {
  return network_->AddAddress({port, address}, Network::Origin::kChannel);
}

channel::Status Gateway::RemoveAddress(const std::string& port, const IpPrefix& address) {
  return network_->RemoveAddress({port, address}, Network::Origin::kChannel);
}

channel::Status Gateway::AddRoute(const Route& route) { return network_->AddRoute(route, Network::Origin::kChannel); }

channel::Status Gateway::RemoveRoute(const Route& route) { return network_->RemoveRoute(route, Network::Origin::kChannel); }

void Gateway::Inject(const channel::DatagramInfo& info, ByteView payload) {
  auto status = ike_->Inject(info, payload, std::chrono::steady_clock::now());
  ++refused_[static_cast<size_t>(status)];
}

std::array<uint64_t, kDropReasons> Gateway::ReadDrops() const {
  std::array<uint64_t, kDropReasons> all{};
  for (const auto& c : contexts_) c->counters.AddDropsTo(all);
  counters_.AddDropsTo(all);
  return all;
}

Balance Gateway::ReadBalance() const {
  Balance b;
  uint64_t parked = 0, unparked = 0;
  auto add = [&](const Counters& c) {
    b.received += c.received.get();
    b.injected += c.injected.get();
    b.forwarded += c.forwarded.get();
    b.punted += c.punted.get();
    b.consumed += c.consumed.get();
    parked += c.parked.get();
    unparked += c.unparked.get();
  };
  for (const auto& c : contexts_) add(c->counters);
  add(counters_);
  for (uint64_t n : ReadDrops()) b.dropped += n;
  b.held = parked - unparked;
  return b;
}

}  // namespace culvert::dp
