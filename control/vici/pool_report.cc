#include "control/vici/pool_report.h"

namespace culvert::control {
namespace {

// Octets of leases in one reply, well within what libvici takes; of more there are the numbers alone.
constexpr size_t kMaxLeases = 384 * 1024;
constexpr size_t kLeaseOverhead = 64;

void AddLeases(vici::Section& pool, const std::vector<pools::LeaseView>& leases, size_t& room) {
  auto& out = pool.AddSection("leases");
  size_t index = 0;
  for (const pools::LeaseView& lease : leases) {
    const std::string address = lease.address.ToString();
    const size_t size = kLeaseOverhead + address.size() + lease.identity.size();
    if (size > room) return;
    room -= size;
    auto& s = out.AddSection(std::to_string(index++));
    s.Add("address", address).Add("identity", lease.identity).Add("status", lease.online ? "online" : "offline");
  }
}

}  // namespace

vici::Section DescribePools(const pools::LeaseTable& table, std::string_view wanted, bool with_leases) {
  vici::Section answer;
  size_t room = kMaxLeases;
  for (const pools::PoolView& pool : table.Pools()) {
    if (!wanted.empty() && wanted != pool.name) continue;
    auto& s = answer.AddSection(pool.name);
    s.Add("base", pool.base.ToString()).Add("size", pool.size).Add("online", pool.online).Add("offline", pool.offline);
    // Ours, beside charon's.
    const pools::PoolCounters& c = pool.counters;
    s.Add("fresh", c.fresh).Add("returned", c.returned).Add("shared", c.shared).Add("reused", c.reused);
    s.Add("refused", c.refused);
    if (with_leases) AddLeases(s, table.Leases(pool.name, room / kLeaseOverhead), room);
  }
  return answer;
}

}  // namespace culvert::control
