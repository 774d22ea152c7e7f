#include <algorithm>
#include <charconv>

#include "control/ike/v1/mode_config.h"
#include "control/ike/v1/user_state.h"

namespace culvert::ike::v1 {
namespace {

// No version: it tells an attacker more than a client.
constexpr std::string_view kApplication = "Culvert";

// Clients take these as basic attributes alone.
bool IsNumber(ConfigAttribute a) {
  return a == ConfigAttribute::kUnitySavePassword || a == ConfigAttribute::kUnityPfs || a == ConfigAttribute::kUnityNatPort;
}

// As written: in decimal, or as two octets in hexadecimal.
std::optional<uint16_t> NumberIn(ByteView octets) {
  const std::string_view text = AsString(octets);
  uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  if (octets.size() != 2) return std::nullopt;
  return static_cast<uint16_t>(octets[0] << 8 | octets[1]);
}

void AddOne(const pools::Attribute& a, AttributeList& list) {
  const auto type = static_cast<ConfigAttribute>(a.type);
  if (!IsNumber(type)) return Add(a, list);
  if (auto number = NumberIn(a.value)) list.AddNumber(type, *number);
}

// A pool's attributes are for those who have its address, or for all where it has none.
bool IsFor(const config::Pool& pool, const IkeSa& sa) {
  if (!pool.addrs) return true;
  return sa.user && std::ranges::any_of(sa.user->leased, [&](const IpAddress& a) { return pool.addrs->Contains(a); });
}

std::vector<std::string> PoolsFor(const config::Control& control, const IkeSa& sa) {
  std::vector<std::string> names;
  for (const std::string& name : sa.connection->pools) {
    auto pool = std::ranges::find(control.pools, name, &config::Pool::name);
    if (pool != control.pools.end() && IsFor(*pool, sa)) names.push_back(name);
  }
  return names;
}

// What the children protect on our side, as far as a Unity client can be told: without it all its traffic comes here.
std::vector<IpPrefix> ProtectedNetworks(const config::Connection& c) {
  std::vector<IpPrefix> list;
  for (const config::Child& child : c.children) {
    for (const config::Ts& ts : child.local_ts) {
      const auto prefix = ts.selector.addresses.AsPrefix();
      if (ts.dynamic || !prefix || prefix->address.family != Family::kV4) continue;
      if (prefix->length == 0) return {};
      list.push_back(*prefix);
    }
  }
  return list;
}

bool WantsPfs(const config::Connection& c) {
  if (c.children.empty() || c.children.front().esp_proposals_v1.empty()) return false;
  const auto& groups = c.children.front().esp_proposals_v1.front().groups;
  return !groups.empty() && groups.front() != KeGroup::kNone;
}

}  // namespace

void AddConfigured(const Context& cx, const IkeSa& sa, absl::FunctionRef<bool(ConfigAttribute)> wants, AttributeList& list) {
  const config::Control& control = cx.config();
  if (!sa.connection->pools.empty()) {
    for (const pools::Attribute& a : pools::AttributesOf(control.pools, PoolsFor(control, sa), control.settings)) {
      if (wants(static_cast<ConfigAttribute>(a.type))) AddOne(a, list);
    }
  }
  auto lacks = [&](ConfigAttribute type) { return wants(type) && !list.Has(type); };
  if (lacks(ConfigAttribute::kApplicationVersion)) list.Add(ConfigAttribute::kApplicationVersion, AsBytes(kApplication));
  if (!sa.peer.unity) return;
  const std::vector<IpPrefix> networks = ProtectedNetworks(*sa.connection);
  if (lacks(ConfigAttribute::kUnitySplitInclude) && !networks.empty()) {
    list.Add(ConfigAttribute::kUnitySplitInclude, EncodeUnityNetworks(networks));
  }
  if (lacks(ConfigAttribute::kUnityPfs)) list.AddNumber(ConfigAttribute::kUnityPfs, WantsPfs(*sa.connection) ? 1 : 0);
}

}  // namespace culvert::ike::v1
