#include "dataplane/main/reports.h"

#include <absl/strings/str_format.h>
#include <unistd.h>

#include <cmath>
#include <string>

#include "common/ipsec/algorithm.h"
#include "common/ipsec/nonces.h"

namespace culvert::dp {
namespace {

using Json = nlohmann::ordered_json;

std::string MacText(const rte_ether_addr& m) {
  const uint8_t* b = m.addr_bytes;
  return absl::StrFormat("%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
}

double SecondsSince(Time then) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - then).count();
}

Json DropsOf(const std::array<uint64_t, kDropReasons>& dropped) {
  Json drops = Json::object();
  for (size_t i = 0; i < kDropReasons; ++i) {
    if (dropped[i] != 0) drops[Name(static_cast<Drop>(i))] = dropped[i];
  }
  return drops;
}

Json ThreadCounters(const std::string& name, const Counters& c) {
  std::array<uint64_t, kDropReasons> dropped{};
  c.AddDropsTo(dropped);
  return {{"thread", name},
          {"received", c.received.get()},
          {"injected", c.injected.get()},
          {"forwarded", c.forwarded.get()},
          {"punted", c.punted.get()},
          {"consumed", c.consumed.get()},
          {"parked", c.parked.get()},
          {"unparked", c.unparked.get()},
          {"slow_path", c.slow_path.get()},
          {"polls", c.polls.get()},
          {"empty_polls", c.empty_polls.get()},
          {"sleeps", c.sleeps.get()},
          {"drops", DropsOf(dropped)}};
}

Json TapRows(Gateway& g) {
  Json taps = Json::array();
  for (uint16_t i = 0; i < g.ports().size(); ++i) {
    if (!g.host().HasTap(i)) continue;
    const HostPath::TapCounters& c = g.host().counters(i);
    uint64_t dropped = c.dropped;
    for (unsigned w = 0; w < g.workers(); ++w) dropped += g.context(w).host_dropped[i].get();
    taps.push_back({{"tap", g.ports()[i]->name()}, {"to_host", c.to_host}, {"from_host", c.from_host}, {"dropped", dropped}});
  }
  return taps;
}

Json CountersReport(Gateway& g, const SaDatabase* database) {
  Json threads = Json::array({ThreadCounters("main", g.main_counters())});
  for (unsigned w = 0; w < g.workers(); ++w)
    threads.push_back(ThreadCounters(absl::StrFormat("worker %d", w), g.context(w).counters));
  Balance b = g.ReadBalance();
  const MailUse mail = database != nullptr ? database->UseOfMail() : MailUse();
  return {{"received", b.received}, {"injected", b.injected}, {"forwarded", b.forwarded}, {"punted", b.punted},
          {"consumed", b.consumed}, {"held", b.held},         {"dropped", b.dropped},     {"balanced", b.Holds()},
          {"drops", DropsOf(g.ReadDrops())}, {"taps", TapRows(g)}, {"threads", threads},
          {"mail", {{"orders_delayed", mail.orders_delayed}, {"hints_dropped", mail.hints_dropped}}}};
}

Json PortsReport(Gateway& g) {
  Json ports = Json::array();
  for (const auto& p : g.network().ports()) {
    const Port& port = *g.ports()[ports.size()];
    Json addresses = Json::array();
    for (const auto& [a, origin] : g.network().addresses()) {
      if (a.port == p.name) addresses.push_back(a.address.ToString());
    }
    addresses.push_back(LinkLocalOf(p.mac).ToString() + "/64");
    Port::Stats stats = port.stats();
    ports.push_back({{"name", p.name},
                     {"mac", MacText(p.mac)},
                     {"mtu", p.mtu},
                     {"link", p.up ? "up" : "down"},
                     {"vlan", port.vlan},
                     {"rx_queues", port.rx_queues()},
                     {"tx_queues", port.tx_queues()},
                     {"addresses", addresses},
                     {"rx_packets", stats.rx_packets},
                     {"tx_packets", stats.tx_packets},
                     {"rx_missed", stats.rx_missed},
                     {"rx_errors", stats.rx_errors},
                     {"rx_restarts", g.watchdog().restarts(port.index())},
                     {"resets", g.watchdog().resets(port.index())},
                     {"tx_errors", stats.tx_errors}});
  }
  return {{"ports", ports}};
}

Json RoutesReport(Gateway& g) {
  Json routes = Json::array();
  g.network().VisitRoutes([&](const Network::RouteView& v) {
    routes.push_back({{"to", v.route.to.ToString()},
                      {"via", v.route.via ? v.route.via->ToString() : ""},
                      {"port", v.route.port},
                      {"kind", v.connected ? "connected" : "static"},
                      {"active", v.active}});
  });
  return {{"routes", routes}};
}

Json TunnelsReport(Gateway& g, const SaDatabase* database) {
  const auto uses = database != nullptr ? database->UseOfTunnels() : std::map<uint32_t, TunnelUse>();
  Json tunnels = Json::array();
  for (const auto& t : g.network().tunnels()) {
    Json addresses = Json::array();
    for (const IpPrefix& a : t.addresses) addresses.push_back(a.ToString());
    auto at = uses.find(t.if_id);
    const TunnelUse use = at != uses.end() ? at->second : TunnelUse{};
    tunnels.push_back({{"name", t.name},
                       {"if_id", t.if_id},
                       {"addresses", addresses},
                       {"sas_in", use.sas_in},
                       {"sas_out", use.sas_out},
                       {"packets_in", use.packets_in},
                       {"bytes_in", use.bytes_in},
                       {"packets_out", use.packets_out},
                       {"bytes_out", use.bytes_out}});
  }
  return {{"tunnels", tunnels}};
}

Json NeighboursReport(Gateway& g) {
  Json list = Json::array();
  g.neighbours().Visit([&](const Neighbours::View& v) {
    list.push_back({{"address", v.address.ToString()},
                    {"port", g.network().ports()[v.port].name},
                    {"mac", v.mac ? MacText(*v.mac) : ""},
                    {"state", Name(v.state)},
                    {"held", v.held},
                    {"gateway", v.pinned}});
  });
  return {{"neighbours", list}};
}

Json StatusReport(Gateway& g, const ProcessFacts& f) {
  return {{"pid", getpid()},
          {"uptime_s", static_cast<uint64_t>(SecondsSince(f.started))},
          {"workers", g.workers()},
          {"idle", f.idle},
          {"hugepages", f.hugepages},
          {"eal", f.eal},
          {"crypto", f.crypto},
          {"lab", f.lab ? "yes: static keys in counter mode are admitted, and protect nothing that matters" : "no"},
          {"forwarding", g.forwarding_open() ? "open" : "closed"},
          {"unreclaimed", g.grace().waiting()}};
}

// Where its keys are from, and what that means.
std::string KeysOf(const channel::SaInventory& sa) {
  if (sa.ike_id != 0) return "ike";
  const bool counts = CountsNonces(static_cast<EncrId>(sa.encr), static_cast<IntegId>(sa.integ));
  return counts ? "static, UNSAFE: nonces come again" : "static";
}

Json SaJson(const channel::SaInventory& sa, const SelectorList& local, const SelectorList& remote, const SaEngine& engine) {
  Endpoint ours, theirs;
  bool fine = channel::FromWire(sa.local, ours) && channel::FromWire(sa.remote, theirs);
  EspSuite suite{static_cast<EncrId>(sa.encr), sa.encr_key_bits, static_cast<IntegId>(sa.integ), sa.esn != 0};
  return {{"direction", sa.direction == channel::Direction::kInbound ? "in" : "out"},
          {"spi", absl::StrFormat("%08x", sa.spi)},
          {"connection", sa.connection},
          {"child", sa.child},
          {"peer_id", sa.peer_id},
          {"local", fine ? ours.ToString() : ""},
          {"remote", fine ? theirs.ToString() : ""},
          {"encap", sa.udp_encap != 0},
          {"protocol", sa.protocol == 51 ? "ah" : "esp"},
          {"mode", sa.mode == channel::Mode::kTunnel ? "tunnel" : "transport"},
          {"suite", sa.protocol == 51 ? Name(suite.integ) + (suite.esn ? "/ESN" : "") : Name(suite)},
          {"if_id", sa.if_id},
          {"local_ts", ToString(local)},
          {"remote_ts", ToString(remote)},
          {"worker", sa.worker},
          {"engine", offload::Name(engine.engine)},
          {"step_down", offload::Name(engine.step_down)},
          {"sequence", sa.sequence},
          {"iv_generation", sa.iv_generation},
          {"keys", KeysOf(sa)},
          {"packets", sa.packets},
          {"bytes", sa.bytes},
          {"dummies", sa.dummies},
          {"last_use_s", sa.last_use == 0 ? -1.0 : SecondsSince(FromNanos(sa.last_use))}};
}

Json EnginesReport(Gateway& g, const SaDatabase* database, const offload::Engines* engines) {
  const EngineUse use = database != nullptr ? database->UseOfEngines() : EngineUse();
  Json sas = Json::object(), step_downs = Json::object(), ports = Json::array(), devices = Json::array();
  for (size_t i = 0; i < use.sas.size(); ++i) sas[offload::Name(static_cast<offload::Engine>(i))] = use.sas[i];
  for (size_t i = 1; i < use.step_downs.size(); ++i) {
    if (use.step_downs[i] != 0) step_downs[offload::Name(static_cast<offload::StepDown>(i))] = use.step_downs[i];
  }
  uint64_t missed = 0;
  for (unsigned w = 0; w < g.workers(); ++w) missed += g.context(w).counters.inline_missed.get();
  if (engines != nullptr && engines->inline_ports() != nullptr) {
    for (const auto& p : engines->inline_ports()->facts())
      ports.push_back({{"port", p.port},
                       {"sessions", p.sessions},
                       {"most_sessions", p.most_sessions},
                       {"longest_create_ms", static_cast<double>(p.longest_create) / 1e6}});
  }
  for (size_t i = 0; engines != nullptr && engines->lookaside() != nullptr && i < engines->lookaside()->size(); ++i) {
    auto d = engines->lookaside()->facts(i);
    devices.push_back({{"device", d.name},
                       {"driver", d.driver},
                       {"sessions", d.sessions},
                       {"most_sessions", d.most_sessions},
                       {"enqueued", d.enqueued},
                       {"dequeued", d.dequeued},
                       {"errors", d.errors}});
  }
  return {{"sas", sas},     {"step_downs", step_downs}, {"refused", use.refused}, {"inline_missed", missed},
          {"ports", ports}, {"devices", devices}};
}

Json WorkersReport(Gateway& g, const SaDatabase* database, const WorkerLoads* loads) {
  const auto uses = database != nullptr ? database->SasByWorker() : std::vector<SasOfWorker>(g.workers());
  Json workers = Json::array();
  for (unsigned w = 0; w < g.workers(); ++w) {
    std::string receives;
    for (uint16_t i = 0; i < g.context(w).port_count; ++i) {
      const WorkerPort& port = g.context(w).ports[i];
      if (port.rx_queue == kNoQueue) continue;
      absl::StrAppendFormat(&receives, "%s%s:%d", receives.empty() ? "" : " ", port.port->name(), port.rx_queue);
    }
    const Counters& c = g.context(w).counters;
    workers.push_back({{"worker", w},
                       {"busy_percent", loads == nullptr ? 0 : std::lround(100 * loads->busy()[w])},
                       {"receives", receives},
                       {"received", c.received.get()},
                       {"taken_over", c.unparked.get()},
                       {"sas", uses[w].sas},
                       {"sas_given", uses[w].given},
                       {"sas_got", uses[w].got}});
  }
  return {{"workers", workers}};
}

Json SasReport(const SaDatabase* database) {
  Json sas = Json::array();
  if (database != nullptr) {
    database->Inventory([&](const channel::SaInventory& sa, const SelectorList& local, const SelectorList& remote,
                            const SaEngine& engine) {
      sas.push_back(SaJson(sa, local, remote, engine));
    });
  }
  return {{"sas", sas}};
}

}  // namespace

std::map<std::string, ControlSocket::Answer> Reports(Gateway& gateway, SaDatabase* database, const ProcessFacts& facts) {
  return {{"counters", [&gateway, database] { return CountersReport(gateway, database); }},
          {"ports", [&gateway] { return PortsReport(gateway); }},
          {"routes", [&gateway] { return RoutesReport(gateway); }},
          {"neighbours", [&gateway] { return NeighboursReport(gateway); }},
          {"sas", [database] { return SasReport(database); }},
          {"engines", [&gateway, database, engines = facts.engines] { return EnginesReport(gateway, database, engines); }},
          {"workers", [&gateway, database, loads = facts.loads] { return WorkersReport(gateway, database, loads); }},
          {"tunnels", [&gateway, database] { return TunnelsReport(gateway, database); }},
          {"status", [&gateway, facts] { return StatusReport(gateway, facts); }}};
}

}  // namespace culvert::dp
