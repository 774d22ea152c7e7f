#pragma once

#include <deque>
#include <optional>
#include <string>

#include "control/ike/negotiate/phase2_proposal.h"

// One transform of quick mode's SA payload (RFC 2407 4.4.3 to 4.5): a suite, how it is carried, and for how long.
namespace culvert::ike::v1 {

struct Phase2Suite {
  IpsecProtocol protocol = IpsecProtocol::kEsp;
  EspSuite suite;                           // of AH: no cipher
  KeGroup group = KeGroup::kNone;
  friend bool operator==(const Phase2Suite&, const Phase2Suite&) = default;
};
// Whether IKEv1's registries have a number for all of it, and the cipher its integrity: none with an AEAD, some with every
// other (RFC 8221 4).
bool HasNumbers(const Phase2Suite& s);
bool HasNumber(KeGroup g);

struct Phase2Terms {
  Phase2Suite suite;
  Encapsulation mode = Encapsulation::kTunnel;
  SaLife life;
};
// nullopt: it is not understood, or contradicts itself.
std::optional<Phase2Terms> ReadTransform(ProtocolId protocol, const Transform& t);

// Transforms borrow the octets of their attributes, which this keeps.
class TransformWriter {
 public:
  // `terms.suite` HasNumbers(). The number is 1.
  Transform Write(const Phase2Terms& terms);

 private:
  friend Bytes EncodeLife(const SaLife& life);
  void Add(Attributes& to, IpsecAttribute type, uint64_t value);
  void AddLife(Attributes& to, const SaLife& life);

  std::deque<Bytes> kept_;
};

// "AES_CBC-128/HMAC_SHA2_256_128/MODP_2048", with the mode where that is not a plain tunnel's.
std::string Describe(const Phase2Terms& terms);

}  // namespace culvert::ike::v1
