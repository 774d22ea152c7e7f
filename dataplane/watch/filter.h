#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/ipsec/spi.h"
#include "common/net/ip_address.h"
#include "dataplane/watch/path_record.h"

namespace culvert::dp {

// Which packets are wanted: all that is set must hold, of the packet's whole way, whatever it became. Immutable once workers
// have it. Nothing set: every packet.
struct WatchFilter {
  struct End {
    std::optional<IpPrefix> address;
    uint16_t port = 0;  // 0: any
  };

  std::optional<uint16_t> port;                // it came in or went out there
  std::optional<Spi> spi;                      // it bore it, inside or outside
  std::optional<std::vector<uint32_t>> sas;    // sa_index of either direction, sorted: opened or sealed by one of them
  bool dropped = false;                        // for whatever reason, or
  std::optional<Drop> drop;                    // for this one
  std::optional<uint8_t> protocol;             // upper layer
  End a, b;                                    // one sent it to the other; of the packet inside or outside

  // `parts`: of one packet's way. Any thread.
  bool Matches(std::span<const PathRecord* const> parts) const;
};

}  // namespace culvert::dp
