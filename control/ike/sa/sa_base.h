#pragma once

#include <memory>
#include <vector>

#include "control/ike/identity.h"
#include "control/ike/sa/child_sa.h"
#include "control/ike/sa/path.h"

namespace culvert::ike {

// What the data plane last said of the ESP of an SA's children, and who wants to know.
struct TrafficUse {
  Time last_in{}, last_out{};
  bool for_liveness = false, for_keepalive = false;
  unsigned awaiting = 0;                      // answers not in yet
};

// What an IKE SA is in either version of IKE: two parties, the way between them, what they protect.
struct SaBase {
  IkeId id = 0;
  bool initiator = false;                     // original initiator: of phase 1, of IKE_SA_INIT, or of the rekeying that made it
  uint64_t spi_i = 0, spi_r = 0;              // cookies, in IKEv1
  Path path;
  ConnectionRef connection;                   // null: a responder's that has not found out which one it is
  Identity local_id, remote_id;
  std::vector<std::unique_ptr<ChildSa>> children;
  Time established{}, rekey_at{}, reauth_at{}, expires_at{};
  Time last_in{}, last_out{};                 // authenticated IKE from the peer; anything of IKE or a keepalive to it
  TrafficUse use;

  uint64_t local_spi() const { return initiator ? spi_i : spi_r; }
  uint64_t peer_spi() const { return initiator ? spi_r : spi_i; }
  std::string ConnectionName() const { return connection ? connection->name : "(unnamed)"; }

  ChildSa* Find(ChildId child);
  ChildSa* FindByPeerSpi(IpsecProtocol protocol, uint32_t spi);
  size_t LiveChildren() const;
  // A child of that name that is not on its way out, is not `except`, and takes the packet where there is one.
  bool Has(const ChildName& name) const;
};

class Context;
// The peer is there from now on. Its registry and its children are to be told.
void TakePeerTo(Context& cx, SaBase& sa, const Endpoint& local, const Endpoint& remote);

}  // namespace culvert::ike
