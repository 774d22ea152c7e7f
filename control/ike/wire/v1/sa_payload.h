#pragma once

#include "control/ike/wire/v1/attribute.h"
#include "control/ike/wire/v1/registry.h"

namespace culvert::ike::v1 {

struct Transform {
  uint8_t number = 1;
  uint8_t id = 0;         // KEY_IKE in phase 1, an EspTransform or AhTransform in phase 2
  Attributes attributes;
  friend bool operator==(const Transform&, const Transform&) = default;
};
// Proposals of one number are to be used together (RFC 2408 4.2): ESP over AH, say.
struct Proposal {
  uint8_t number = 1;
  ProtocolId protocol = ProtocolId::kIsakmp;
  ByteView spi;           // of any length in phase 1, where it means nothing; 4 octets of ESP and AH
  std::vector<Transform> transforms;
};
struct SaPayload {
  uint32_t doi = kIpsecDoi;
  uint32_t situation = kSitIdentityOnly;
  std::vector<Proposal> proposals;   // none where the DOI or situation is another: what follows then is anybody's guess
};

// Refuses what contradicts itself; what merely is no use (unknown protocols, transforms, attributes) is kept for the chooser.
Decoded<SaPayload> DecodeSa(Reader& body);
void Encode(const SaPayload& sa, Writer& w);

}  // namespace culvert::ike::v1
