#pragma once

#include <cstdint>
#include <string>

#include "common/bytes/bytes.h"

// The blocks of a capture file (draft-ietf-opsawg-pcapng), little-endian: a section header, a description of each interface,
// then packets. Each function returns one whole block; a file is nothing but blocks.
namespace culvert::pcapng {

enum class LinkType : uint16_t { kEthernet = 1, kRaw = 101 };  // kRaw: from the IP header on

// `application`: who wrote the file.
Bytes SectionHeader(const std::string& application);

// Interfaces are numbered from 0 as they are written. Time stamps are in nanoseconds. snap: octets of a packet at most; 0: any.
Bytes Interface(const std::string& name, LinkType link, uint32_t snap);

struct Packet {
  uint32_t interface = 0;
  uint64_t time_ns = 0;     // since 1970
  bool inbound = false;     // else outbound
  uint32_t length = 0;      // octets there were
  ByteView octets;          // those that are told
  std::string comment;      // UTF-8; empty: none
};
Bytes EnhancedPacket(const Packet& p);

}  // namespace culvert::pcapng
