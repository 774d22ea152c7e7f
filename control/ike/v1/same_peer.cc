#include "control/ike/v1/same_peer.h"

#include "control/ike/v1/user.h"

namespace culvert::ike::v1 {
namespace {

// An address is an identity only of who is reached there.
bool NamesAnother(const IkeSa& sa) {
  const IpAddress& at = sa.path.remote.address;
  const bool address = sa.remote_id.type == ike::IdType::kIpv4 || sa.remote_id.type == ike::IdType::kIpv6;
  return address && !Equal(sa.remote_id.data, at.bytes());
}

}  // namespace

bool SamePlace(const IkeSa& a, const IkeSa& b) {
  if (a.path.remote.address != b.path.remote.address) return false;
  return !a.path.nat_remote || !b.path.nat_remote || a.path.remote.port == b.path.remote.port;
}

bool SamePeer(const IkeSa& a, const IkeSa& b) {
  const bool same = a.connection && b.connection && a.connection->name == b.connection->name && a.local_id == b.local_id &&
                    a.remote_id == b.remote_id && SameUser(a, b);
  return same && (!NamesAnother(a) || SamePlace(a, b));
}

std::vector<IkeSa*> OthersOfPeer(Context& cx, const IkeSa& sa) {
  std::vector<IkeSa*> others = cx.sas.OthersLike(sa);
  std::erase_if(others, [&](const IkeSa* o) { return o->state == IkeState::kDead || !SamePeer(*o, sa); });
  return others;
}

}  // namespace culvert::ike::v1
