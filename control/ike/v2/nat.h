#pragma once

#include "control/ike/context.h"
#include "control/ike/v2/payload_list.h"

// NAT traversal (RFC 7296 2.23, RFC 3948).
namespace culvert::ike {

// SHA-1 over SPIs, address and port, as NAT_DETECTION_*_IP carries it.
Bytes NatHash(uint64_t spi_i, uint64_t spi_r, const Endpoint& e);
// NAT_DETECTION_SOURCE_IP and _DESTINATION_IP of a message that goes by `path`. With `fake_source` the source cannot match:
// the peer then takes us for being behind a NAT and encapsulates in UDP (`encap = yes`). `spi_r` is 0 in the first request.
struct NatDetection {
  uint64_t spi_i = 0, spi_r = 0;
  const Path& path;
  bool fake_source = false;
};
void AddNatDetection(const NatDetection& d, PayloadList& list);
// What the peer's hashes say of the path they came by. `header` is of that message.
void DetectNat(const DatagramIn& datagram, const IkeHeader& header, std::span<const Payload> payloads, Path& path);

// An authenticated message came this way: a peer behind a NAT may have been given another address or port.
void FollowPeer(Context& cx, IkeSa& sa, const Endpoint& local, const Endpoint& remote);
void OnPeerMovedByEsp(Context& cx, const PeerMovedByEsp& moved);

// Keepalives: while we are behind a NAT and nothing else goes out.
void StartKeepalives(Context& cx, IkeSa& sa);
void OnKeepaliveTimer(Context& cx, IkeSa& sa);
void SendKeepaliveIfIdle(Context& cx, IkeSa& sa);

}  // namespace culvert::ike
