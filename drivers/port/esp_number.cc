#include "drivers/port/esp_number.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include <cstring>

namespace culvert {

std::optional<uint32_t> EspNumberOf(const rte_mbuf* m) {
  constexpr uint8_t kUdp = 17, kEsp = 50;
  constexpr uint32_t kNumberAt = 4;  // behind the SPI
  const auto* frame = rte_pktmbuf_mtod(m, const uint8_t*);
  const uint32_t available = rte_pktmbuf_data_len(m);
  uint32_t at = sizeof(rte_ether_hdr);
  if (available < at + sizeof(rte_ipv4_hdr)) return std::nullopt;
  const bool v4 = frame[at] >> 4 == 4;
  if (!v4 && (frame[at] >> 4 != 6 || available < at + sizeof(rte_ipv6_hdr))) return std::nullopt;
  const uint8_t protocol = frame[at + (v4 ? offsetof(rte_ipv4_hdr, next_proto_id) : offsetof(rte_ipv6_hdr, proto))];
  at += v4 ? (frame[at] & 15u) * 4 : uint32_t{sizeof(rte_ipv6_hdr)};
  if (protocol == kUdp)
    at += uint32_t{sizeof(rte_udp_hdr)};
  else if (protocol != kEsp)
    return std::nullopt;
  at += kNumberAt;
  uint32_t number;
  if (available < at + sizeof number) return std::nullopt;
  std::memcpy(&number, frame + at, sizeof number);
  return rte_be_to_cpu_32(number);
}

}  // namespace culvert
