#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/v1/mode_config.h"
#include "control/ike/v1/same_peer.h"
#include "control/ike/v1/user.h"
#include "control/ike/v1/user_state.h"

namespace culvert::ike::v1 {
namespace {

constexpr std::string_view kRadius = "radius";   // in `pools`: what the RADIUS server says

// Whose the lease is: of a group's members, who share one identity, each has its own.
std::string KeyOf(const IkeSa& sa) {
  if (sa.user->name.empty()) return FoldedKey(sa.remote_id);
  const auto id = Identity::Parse(sa.user->name);
  return id ? FoldedKey(*id) : Cat("user ", sa.user->name);
}

bool IsFramed(const IkeSa& sa, Family family) {
  return sa.user->framed && sa.user->framed->family == family && std::ranges::contains(sa.connection->pools, kRadius);
}

// What the peer has in an older SA, which it is authenticating again: it need not know by which number to ask for it.
IpAddress HeldBefore(Context& cx, const IkeSa& sa, Family family) {
  for (const IkeSa* old : OthersOfPeer(cx, sa)) {
    const IpAddress* held = LeasedToPeer(*old, family);
    if (held && SamePlace(*old, sa)) return *held;
  }
  return IpAddress::Any(family);
}

}  // namespace

bool LeasesOut(const Context& cx, const IkeSa& sa, Family family) {
  if (IsFramed(sa, family)) return true;
  return std::ranges::any_of(cx.config().pools, [&](const config::Pool& p) {
    return p.addrs && p.addrs->first.family == family && std::ranges::contains(sa.connection->pools, p.name);
  });
}

std::optional<IpAddress> LeaseToPeer(Context& cx, IkeSa& sa, const IpAddress& wanted) {
  UserPhase& user = *sa.user;
  const Family family = wanted.family;
  if (const IpAddress* held = LeasedToPeer(sa, family)) return *held;
  const std::string who = PeerName(sa);
  if (IsFramed(sa, family)) {
    user.leased.push_back(*user.framed);
    cx.Log(Severity::kInfo, sa, Cat(who, " has ", user.framed->ToString(), ", as RADIUS says"));
    return user.framed;
  }
  const std::string key = KeyOf(sa);
  const IpAddress ask = wanted.is_unspecified() ? HeldBefore(cx, sa, family) : wanted;
  auto lease = cx.shared.leases.Acquire(sa.connection->pools,
                                        {.key = key, .shown = who, .wanted = ask, .peer = sa.path.remote.address});
  if (!lease) {
    cx.Log(Severity::kWarning, sa, Cat("no address for ", who, ": ", Name(lease.error())));
    return std::nullopt;
  }
  cx.Log(Severity::kInfo, sa, Cat(who, " has ", lease->address().ToString(), " of pool ", lease->pool()));
  user.leased.push_back(lease->address());
  user.holds.push_back(*std::move(lease));
  return user.leased.back();
}

void ReleaseUser(Context&, IkeSa& sa) {
  if (!sa.user) return;
  sa.user->leased.clear();
  sa.user->holds.clear();
  sa.user->vips.clear();
}

void HandOnUser(Context& cx, IkeSa& from, IkeSa& to) {
  if (!from.user || !SameUser(from, to)) return ReleaseUser(cx, from);
  if (!to.user) to.user = std::make_unique<UserPhase>();
  UserPhase &old = *from.user, &now = *to.user;
  for (const IpAddress& a : old.leased) {
    if (LeasedToPeer(to, a.family)) continue;
    now.leased.push_back(a);
    auto hold = std::ranges::find(old.holds, a, &pools::Lease::address);
    if (hold != old.holds.end()) now.holds.push_back(std::move(*hold));
  }
  for (const IpAddress& a : old.vips) {
    if (!LeasedFromPeer(to, a.family)) now.vips.push_back(a);
  }
  if (now.split_include.empty()) now.split_include = old.split_include;
  ReleaseUser(cx, from);
}

}  // namespace culvert::ike::v1
