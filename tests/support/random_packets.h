#pragma once

#include <random>

#include "common/bytes/bytes.h"
#include "common/net/ip_address.h"

// Packets with every kind of header that a host may put before its payload, for what has to read them all.
namespace culvert::test {

// Whole, between two addresses of one family, of `payload` octets behind all IP headers: UDP, TCP, GRE or anything. IPv4 with
// options, known and unknown; IPv6 with hop-by-hop, destination and routing headers, the last at its end. No source route.
Bytes RandomPacket(std::mt19937_64& rng, const IpAddress& from, const IpAddress& to, size_t payload);

// What routers on the way may do to a packet: TTL, DSCP and ECN, flow label, data of options that may change. `front`: octets
// of IP header, options and extension headers.
void Travel(std::mt19937_64& rng, Bytes& packet, size_t front);

}  // namespace culvert::test
