#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/worker/packet.h"

namespace culvert::dp {

inline constexpr uint32_t kLeastV4Path = 576, kLeastV6Path = 1280;  // octets: no error of strangers makes a path narrower

// What a router says of a packet of ours that did not fit, and what it quotes of that packet. Anybody can send such a thing: it
// counts only for an SA that has sent this very packet a short while ago.
struct TooBigNotice {
  uint8_t family;                  // 4 or 6
  uint8_t protocol;                // 50 or 51
  uint16_t mtu;                    // octets of IP packet, never below the least path
  uint32_t spi, sequence;          // of the packet quoted, host order
  uint8_t source[16], destination[16];  // of it
};

// Reads an ICMP message that has been parsed, to an own address. Nothing where it is no such error (RFC 1191, RFC 8201), quotes
// no IPsec or too little of it, is damaged, or is about an IPv6 path that says it is narrower than IPv6 allows (RFC 8201 4).
[[nodiscard]] std::optional<TooBigNotice> ReadTooBig(const Packet& p);

}  // namespace culvert::dp
