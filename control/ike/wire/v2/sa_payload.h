#pragma once

#include <vector>

#include "common/bytes/reader.h"
#include "common/bytes/writer.h"
#include "common/ipsec/algorithm.h"
#include "control/ike/wire/registry.h"

namespace culvert::ike {

struct Transform {
  TransformType type{};
  uint16_t id = 0;
  uint16_t key_bits = 0;              // 0: no key-length attribute
  // Carried an attribute other than one plain key length: never chosen (RFC 7296 3.3.6). Such attributes are not kept.
  bool unknown_attribute = false;
  friend bool operator==(const Transform&, const Transform&) = default;
};
struct Proposal {
  uint8_t number = 1;
  IpsecProtocol protocol = IpsecProtocol::kIke;
  Bytes spi;                          // 0, 4 or 8 octets
  std::vector<Transform> transforms;
  friend bool operator==(const Proposal&, const Proposal&) = default;
};
struct SaPayload {
  std::vector<Proposal> proposals;    // at least one when decoded
};

// Refuses what contradicts itself; what merely is no use (unknown protocols, numbers, attributes) is kept for the chooser.
Decoded<SaPayload> DecodeSa(Reader& body);
void Encode(const SaPayload& sa, Writer& w);

}  // namespace culvert::ike
