#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/support/reference_esp.h"

namespace culvert::bench {

enum class Pattern : uint8_t { kSingle, kUniform, kZipf };

// The tunnels of a run. Tunnel t protects 10.1.0.0/16 × one address of 100.64.0.0/10, towards a peer of its own in
// 198.18.0.0/15.
struct Tunnel {
  test::ReferenceSa in, out;  // as the peer seals, and opens
  uint32_t sa_index = 0;
  uint64_t next_in = 1;  // sequence number the peer uses next
  unsigned worker = 0;   // that owns both SAs
};

IpAddress HostBehind(uint32_t tunnel);  // remote
IpAddress OurHost();                    // local, on the LAN
IpAddress OurOuter();
IpAddress PeerOf(uint32_t tunnel);

std::vector<Tunnel> MakeTunnels(uint32_t n, const EspSuite& suite, std::mt19937_64& rng);

// Which tunnel each packet of a round belongs to.
std::vector<uint32_t> Choose(Pattern pattern, uint32_t tunnels, size_t packets, std::mt19937_64& rng);

// An inner packet of this many octets.
Bytes MakeInner(const IpAddress& from, const IpAddress& to, size_t size, uint32_t stamp);

}  // namespace culvert::bench
