#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <optional>

namespace culvert {

// The low half of the ESP sequence number, host order, of a frame as it came: untagged IPv4 or IPv6 with nothing but UDP
// between IP header and ESP. Nothing where there is none.
std::optional<uint32_t> EspNumberOf(const rte_mbuf* m);

}  // namespace culvert
