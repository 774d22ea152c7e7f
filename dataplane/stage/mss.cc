#include "dataplane/stage/mss.h"

#include <algorithm>

#include "dataplane/stage/octets.h"
#include "dataplane/stage/outer_header.h"

namespace culvert::dp {
namespace {

constexpr uint8_t kTcp = 6, kSyn = 2;
constexpr uint32_t kTcpHeader = 20, kFlags = 13, kChecksum = 16;
constexpr uint32_t kLeast = 88;  // octets: below it a peer would send little but headers

// The value of the option in a TCP header of `size` octets; null where it has none, or options that cannot be read.
uint8_t* FindMss(uint8_t* tcp, uint32_t size) {
  constexpr uint8_t kEnd = 0, kNoOperation = 1, kMss = 2;
  for (uint32_t at = kTcpHeader; at < size && tcp[at] != kEnd;) {
    if (tcp[at] == kNoOperation) {
      ++at;
      continue;
    }
    if (size - at < 2 || tcp[at + 1] < 2 || tcp[at + 1] > size - at) return nullptr;
    if (tcp[at] == kMss) return tcp[at + 1] == 4 ? tcp + at + 2 : nullptr;
    at += tcp[at + 1];
  }
  return nullptr;
}

}  // namespace

void ClampMss(Packet& p, uint32_t mss) {
  if (p.protocol != kTcp || (p.fragment && !p.first_fragment) || p.length < p.l4 + kTcpHeader) return;
  auto* tcp = rte_pktmbuf_mtod_offset(p.m, uint8_t*, p.l4);
  if ((tcp[kFlags] & kSyn) == 0) return;
  uint32_t size = (tcp[12] >> 4) * 4u;
  if (size < kTcpHeader || size > p.length - uint32_t{p.l4}) return;
  uint8_t* value = FindMss(tcp, size);
  mss = std::max(mss, kLeast);
  if (value == nullptr || LoadBe16(value) <= mss) return;
  // RFC 1624 eqn. 3. An option may begin at an odd octet: then its octets are the halves of two words, and a sum of swapped
  // words is the swapped sum (RFC 1071 2).
  bool odd = ((value - tcp) & 1) != 0;
  auto swap = [odd](uint16_t v) { return odd ? static_cast<uint16_t>(v << 8 | v >> 8) : v; };
  uint32_t sum = (~LoadBe16(tcp + kChecksum) & 0xffffu) + (~swap(LoadBe16(value)) & 0xffffu) + swap(static_cast<uint16_t>(mss));
  StoreBe16(value, mss);
  StoreBe16(tcp + kChecksum, ~FoldSum(sum));
}

}  // namespace culvert::dp
