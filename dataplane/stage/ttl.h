#pragma once

#include <rte_ip.h>

#include <cstddef>
#include <cstring>

#include "dataplane/worker/context.h"

namespace culvert::dp {

// RFC 1812 5.3.1, RFC 8200 3: one hop less, before policy. False: dropped, and its sender told where it had no hop left;
// link-local packets are dropped too, which no router forwards (RFC 4291 2.5.6).
[[nodiscard]] bool LowerTtl(WorkerContext& ctx, Packet& p);

// The same for the IPv4 header of a packet that lives on: false, with nothing done, at a TTL that ends here. RFC 1141: the
// checksum rises by what the TTL's word fell, with end-around carry.
[[nodiscard]] inline bool LowerUsualTtl(uint8_t* header) {
  uint8_t& ttl = header[offsetof(rte_ipv4_hdr, time_to_live)];
  if (ttl <= 1) return false;
  --ttl;
  uint16_t checksum;
  std::memcpy(&checksum, header + offsetof(rte_ipv4_hdr, hdr_checksum), sizeof checksum);
  const uint32_t sum = checksum + uint32_t{RTE_BE16(0x0100)};
  checksum = static_cast<uint16_t>(sum + (sum >= 0xffff));
  std::memcpy(header + offsetof(rte_ipv4_hdr, hdr_checksum), &checksum, sizeof checksum);
  return true;
}

}  // namespace culvert::dp
