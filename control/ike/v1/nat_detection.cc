#include "control/ike/v1/nat_detection.h"

#include "common/bytes/writer.h"

namespace culvert::ike::v1 {
namespace {

PayloadType NatPayload(const IkeSa& sa) {
  return sa.peer.nat_t == Abilities::NatT::kRfc3947 ? PayloadType::kNatD : PayloadType::kNatDDraft;
}

// Aggressive mode's are hashed and sent with the change of ports: some hash the ports of before.
bool IsOf(const IkeSa& sa, ByteView hash, Endpoint e) {
  if (Equal(hash, NatHash(sa, e))) return true;
  if (e.port != kNatPort) return false;
  e.port = kIkePort;
  return Equal(hash, NatHash(sa, e));
}

}  // namespace

Bytes NatHash(const IkeSa& sa, const Endpoint& e) {
  Writer w;
  w.U64(sa.spi_i);
  w.U64(sa.spi_r);
  w.Put(e.address.bytes());
  w.U16(e.port);
  return HashOf(sa.suite.prf, {w.view()});
}

void AddNatDetection(IkeSa& sa, PayloadList& list) {
  if (sa.peer.nat_t == Abilities::NatT::kNone) return;
  const bool fake = sa.connection && sa.connection->encap;
  Endpoint source = sa.path.local;
  if (fake) {
    source = Endpoint{IpAddress::Any(source.address.family), 0, 0};
    sa.path.nat_local = true;
  }
  // RFC 3947 3.2: the other's first, then our own.
  list.AddOpaque(NatPayload(sa), NatHash(sa, sa.path.remote));
  list.AddOpaque(NatPayload(sa), NatHash(sa, source));
}

void DetectNat(IkeSa& sa, const Inbound& in) {
  if (sa.peer.nat_t == Abilities::NatT::kNone) return;
  size_t seen = 0;
  bool ours_match = false, theirs_match = false;
  for (const Item& item : in.chain.items) {
    if (TypeOf(item.payload) != NatPayload(sa)) continue;
    if (seen++ == 0) ours_match = IsOf(sa, item.body(), in.datagram.local);
    else theirs_match |= IsOf(sa, item.body(), in.datagram.remote);
  }
  // RFC 3947 3.2: one of either at least.
  if (seen < 2) return;
  sa.path.nat_local |= !ours_match;
  sa.path.nat_remote |= !theirs_match;
}

void GoOnWhereItCame(Context& cx, IkeSa& sa, const DatagramIn& d) {
  ForgetFragments(cx, sa);   // they count for where they came from
  sa.path.local = d.local;
  sa.path.remote = d.remote;
  sa.path.marker = d.marker;
  if (sa.connection) cx.sas.IndexNames(sa);
}

}  // namespace culvert::ike::v1
