#include "control/ike/v2/configuration.h"

#include <algorithm>
#include <iterator>

#include "control/ike/cat.h"
#include "control/ike/negotiate/ts_narrow.h"
#include "control/ike/v2/child_selectors.h"
#include "control/pools/attributes.h"

namespace culvert::ike {
namespace {

constexpr uint8_t kCfgRequest = 1, kCfgReply = 2;

const CpPayload* Find(const Inbound& in, uint8_t cfg_type) {
  auto* cp = in.Get<CpPayload>();
  return cp && cp->cfg_type == cfg_type ? cp : nullptr;
}

std::vector<IpAddress> AddressesIn(const CpPayload& cp) {
  std::vector<IpAddress> out;
  for (const CpAttribute& a : cp.attributes) {
    auto address = pools::AddressIn(a.type, a.value);
    if (address && out.size() < kMaxLent) out.push_back(*address);
  }
  return out;
}

std::string Join(const std::vector<IpAddress>& addresses) {
  std::string out;
  for (const IpAddress& a : addresses) out += Cat(out.empty() ? "" : ", ", a.ToString());
  return out;
}

std::vector<IpAddress> Lent(const IkeSa& sa) {
  std::vector<IpAddress> out;
  if (!sa.addresses) return out;
  for (const pools::Lease& lease : sa.addresses->lent) out.push_back(lease.address());
  return out;
}

// A peer that authenticates again has its address in the SA before this one, and MOBIKE may have moved it meanwhile.
pools::Lease ShareWithPredecessor(Context& cx, const IkeSa& sa, const IpAddress& wanted) {
  if (wanted.is_unspecified()) return {};
  for (IkeSa* o : cx.sas.OthersLike(sa)) {
    if (!o->addresses || !o->secured() || o->path.remote.address != sa.path.remote.address) continue;
    for (const pools::Lease& lease : o->addresses->lent) {
      if (lease.address() == wanted && std::ranges::contains(sa.connection->pools, lease.pool())) return lease.Share();
    }
  }
  return {};
}

// What we are to ask for: on authenticating again what we have.
std::vector<IpAddress> Wanted(Context& cx, const IkeSa& sa) {
  const IkeSa* old = sa.replaces != 0 ? cx.sas.Find(sa.replaces) : nullptr;
  while (old && old->successor != 0) old = cx.sas.Find(old->successor);
  const bool again = old && old->addresses && !old->addresses->borrowed.empty() && !sa.connection->vips.empty();
  return again ? old->addresses->borrowed : sa.connection->vips;
}

Ends EndsOf(const IkeSa& sa) {
  Ends ends = Ends::Of(sa.path);
  if (auto lent = Lent(sa); !lent.empty()) ends.remote = std::move(lent);
  if (sa.addresses && !sa.addresses->borrowed.empty()) {
    ends.local = sa.addresses->borrowed;
  } else if (sa.initiating && !sa.connection->vips.empty()) {
    ends.local.clear();
    // The peer is free to lend another than is asked for.
    for (const IpAddress& vip : sa.connection->vips) {
      const IpAddress any = IpAddress::Any(vip.family);
      if (!std::ranges::contains(ends.local, any)) ends.local.push_back(any);
    }
  }
  return ends;
}

void Add(PayloadList& list, uint8_t cfg_type, std::vector<pools::Attribute> attributes) {
  CpPayload cp{.cfg_type = cfg_type, .attributes = {}};
  for (pools::Attribute& a : attributes) cp.attributes.push_back({a.type, list.Keep(std::move(a.value))});
  list.Add(std::move(cp));
}

}  // namespace

std::optional<Refusal> LendAddresses(Context& cx, IkeSa& sa, const Inbound& in) {
  const std::vector<std::string>& names = sa.connection->pools;
  if (names.empty()) return std::nullopt;
  const CpPayload* cp = Find(in, kCfgRequest);
  const std::vector<IpAddress> wanted = cp ? AddressesIn(*cp) : std::vector<IpAddress>{};
  // A pool of attributes alone lends nothing that could be missed.
  if (wanted.empty() && !cx.leases.HasAddresses(names)) return std::nullopt;
  if (wanted.empty()) return Refusal{NotifyType::kFailedCpRequired, "asks for no address, and the connection has pools", {}};
  auto mine = std::make_unique<VirtualAddresses>();
  const std::string key = FoldedKey(sa.remote_id), shown = sa.remote_id.ToString();
  std::string why;
  for (const IpAddress& address : wanted) {
    pools::Lease lease = ShareWithPredecessor(cx, sa, address);
    if (!lease) {
      auto fresh = cx.leases.Acquire(names, {.key = key, .shown = shown, .wanted = address, .peer = sa.path.remote.address});
      if (!fresh) why = pools::Name(fresh.error());
      else lease = *std::move(fresh);
    }
    if (lease) mine->lent.push_back(std::move(lease));
  }
  // RFC 7296 3.15.4: only where none can be had at all.
  if (mine->lent.empty()) return Refusal{NotifyType::kInternalAddressFailure, Cat("asks for an address: ", why), {}};
  sa.addresses = std::move(mine);
  cx.Log(Severity::kInfo, sa, Cat("lends ", Join(Lent(sa)), " to ", shown));
  return std::nullopt;
}

void AddCpReply(const Context& cx, const IkeSa& sa, const Inbound& in, PayloadList& list) {
  if (sa.connection->pools.empty() || !Find(in, kCfgRequest)) return;
  std::vector<pools::Attribute> attributes;
  for (const IpAddress& a : Lent(sa)) attributes.push_back(pools::AddressAttribute(a));
  auto more = pools::AttributesOf(cx.config.pools, sa.connection->pools, cx.config.settings);
  std::ranges::move(more, std::back_inserter(attributes));
  Add(list, kCfgReply, std::move(attributes));
}

void AddCpRequest(Context& cx, const IkeSa& sa, PayloadList& list) {
  if (sa.connection->vips.empty()) return;
  std::vector<pools::Attribute> attributes;
  for (const IpAddress& a : Wanted(cx, sa)) attributes.push_back(pools::AddressAttribute(a));
  Add(list, kCfgRequest, std::move(attributes));
}

void TakeCpReply(Context& cx, IkeSa& sa, const Inbound& in) {
  const CpPayload* cp = Find(in, kCfgReply);
  if (!cp || sa.connection->vips.empty()) return;
  std::vector<IpAddress> lent = AddressesIn(*cp);
  // Of a family that was not asked for, or none at all.
  std::erase_if(lent, [&sa](const IpAddress& a) {
    return a.is_unspecified() || a.is_multicast() || !std::ranges::contains(sa.connection->vips, a.family, &IpAddress::family);
  });
  if (lent.empty()) return;
  cx.Log(Severity::kInfo, sa, Cat("the peer lends us ", Join(lent)));
  sa.addresses = std::make_unique<VirtualAddresses>();
  sa.addresses->borrowed = std::move(lent);
}

std::optional<Refusal> NarrowToBorrowed(const IkeSa& sa, ChildNegotiation& n) {
  const bool tunnel = n.config->mode != config::ChildMode::kTransport;
  if (sa.connection->vips.empty() || !tunnel) return std::nullopt;
  if (!sa.addresses) {
    return Refusal{NotifyType::kInternalAddressFailure, "lends no address, and vips wants one", {}};
  }
  const Selectors ours = SelectorsFor(sa, *n.config);
  auto ts = Narrow(ours.local, ours.remote, n.local_ts, n.remote_ts);
  if (!ts) {
    const std::string theirs = ToString(Selectors{n.local_ts, n.remote_ts});
    return Refusal{NotifyType::kTsUnacceptable, Cat("answered ", theirs, ", and lends ", Join(sa.addresses->borrowed)), {}};
  }
  n.local_ts = std::move(ts->local);
  n.remote_ts = std::move(ts->remote);
  return std::nullopt;
}

bool LacksAddress(const IkeSa& sa) { return !sa.initiating && !sa.connection->vips.empty() && !sa.addresses; }

Selectors SelectorsFor(const IkeSa& sa, const config::Child& c) {
  Selectors out = ConfiguredFor(c, sa.path, EndsOf(sa));
  for (TrafficSelector& ts : out.local) {
    const IpAddress any = IpAddress::Any(ts.addresses.first.family);
    if (ts.addresses == IpRange{any, any}) ts.addresses = IpRange::All(any.family);
  }
  return out;
}

}  // namespace culvert::ike
