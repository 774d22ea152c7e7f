#pragma once

#include "control/ike/sa/child_sa.h"

namespace culvert::ike::v1 {

// A pair of IPsec SAs under negotiation, on either side of it. Nonces are the exchange's.
struct QuickMode {
  ConnectionRef connection;
  const config::Child* config = nullptr;      // inside `connection`
  bool requester = false;
  ChildId replaces = 0;                       // 0: not a rekeying
  IpsecProtocol protocol = IpsecProtocol::kEsp;
  SpiLease spi;                               // ours
  uint32_t peer_spi = 0;
  EspSuite suite;
  KeGroup group = KeGroup::kNone;             // kNone: no PFS
  std::unique_ptr<KeyExchange> key;
  SecretBytes shared_secret;
  SelectorList local_ts, remote_ts;
  std::optional<OriginalAddresses> original;  // of transport mode through a NAT (RFC 3947 5.2)
  std::optional<TriggeringPacket> packet;
  uint64_t life_seconds = 0, life_kilobytes = 0;   // as agreed; 0: as configured
  bool commit = false;                        // the commit bit is set: CONNECTED is due
  ChildId child = 0;                          // that it has made
};

}  // namespace culvert::ike::v1
