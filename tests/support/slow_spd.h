#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/ipsec/traffic_selector.h"

// A second opinion on which policy takes a packet (RFC 4301 4.4.1): every rule is looked at, address by address, and the first
// by the order that dataplane/policy/spd.h promises wins. Shares no code with dataplane/.
namespace culvert::testing {

struct SlowRule {
  uint64_t id = 0;              // rises with the order of adding
  uint64_t rank = 0;
  uint32_t if_id_in = 0, if_id_out = 0;
  SelectorList local{}, remote{};
};

struct SlowPacket {
  IpAddress source{}, destination{};
  uint8_t protocol = 0;
  // Ports; of ICMP type << 8 | code, in both. nullopt: they cannot be seen.
  std::optional<uint16_t> source_port{}, destination_port{};
};

// nullptr: none takes it. Inbound, `if_id` is that of the tunnel it came out of, outbound of the one it goes into; 0: none.
const SlowRule* FindSlowly(const std::vector<SlowRule>& rules, const SlowPacket& packet, bool inbound, uint32_t if_id);

}  // namespace culvert::testing
