#include "dataplane/policy/prefixes.h"

#include <algorithm>

namespace culvert::dp {
namespace {

// The low n bits set, n up to 128.
WideAddress LowOnes(unsigned n) {
  auto ones = [](unsigned bits) { return bits == 0 ? 0 : ~uint64_t{0} >> (64 - bits); };
  return n <= 64 ? WideAddress{0, ones(n)} : WideAddress{ones(n - 64), ~uint64_t{0}};
}

unsigned TrailingZeros(const WideAddress& a) {
  if (a.low != 0) return static_cast<unsigned>(__builtin_ctzll(a.low));
  return a.high != 0 ? 64 + static_cast<unsigned>(__builtin_ctzll(a.high)) : 128;
}

WideAddress Or(const WideAddress& a, const WideAddress& b) { return {a.high | b.high, a.low | b.low}; }

}  // namespace

WideAddress Masked(const WideAddress& a, uint8_t family, uint8_t length) {
  WideAddress host = LowOnes((family == 4 ? 32u : 128u) - length);
  return {a.high & ~host.high, a.low & ~host.low};
}

std::vector<WidePrefix> PrefixesOf(uint8_t family, WideAddress first, const WideAddress& last) {
  const unsigned bits = family == 4 ? 32 : 128;
  std::vector<WidePrefix> out;
  for (;;) {
    unsigned host = std::min(TrailingZeros(first), bits);
    while (Or(first, LowOnes(host)) > last) --host;
    out.push_back({first, static_cast<uint8_t>(bits - host)});
    WideAddress end = Or(first, LowOnes(host));
    if (end == last) return out;
    first = {end.high + (end.low == ~uint64_t{0}), end.low + 1};
  }
}

}  // namespace culvert::dp
