#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/policy/flow.h"

namespace culvert::dp {

struct WidePrefix {
  WideAddress address;  // host bits zero
  uint8_t length;
};

// `a` with everything behind the first `length` bits of its family cleared.
WideAddress Masked(const WideAddress& a, uint8_t family, uint8_t length);

// The fewest prefixes that cover first..last exactly; at most 62 of IPv4 and 254 of IPv6.
std::vector<WidePrefix> PrefixesOf(uint8_t family, WideAddress first, const WideAddress& last);

}  // namespace culvert::dp
