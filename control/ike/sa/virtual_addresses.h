#pragma once

#include <vector>

#include "control/pools/lease_table.h"

namespace culvert::ike {

// Inner addresses that one side of an IKE SA has from the other (RFC 7296 2.19). They belong to the peers, not to one IKE SA: a
// successor by rekeying takes them over, one by reauthentication asks for the same.
struct VirtualAddresses {
  std::vector<pools::Lease> lent;     // by us to the peer
  std::vector<IpAddress> borrowed;    // by us from the peer
};

}  // namespace culvert::ike
