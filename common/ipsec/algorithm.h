#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace culvert {

// IANA "Internet Key Exchange Version 2 (IKEv2) Parameters", transform types 1 to 5. Values are the wire's; what hostile.md
// marks "not compiled" has no name here and is an unknown number to every chooser.
enum class EncrId : uint16_t {
  kNone = 0, k3Des = 3, kNull = 11, kAesCbc = 12, kAesCtr = 13, kAesCcm8 = 14, kAesCcm12 = 15, kAesCcm16 = 16,
  kAesGcm8 = 18, kAesGcm12 = 19, kAesGcm16 = 20, kNullGmac = 21, kCamelliaCbc = 23, kCamelliaCtr = 24,
  kCamelliaCcm8 = 25, kCamelliaCcm12 = 26, kCamelliaCcm16 = 27, kChaCha20Poly1305 = 28,
};
enum class PrfId : uint16_t {
  kNone = 0,
  kHmacSha1 = 2,
  kAesXcbc = 4,
  kHmacSha256 = 5,
  kHmacSha384 = 6,
  kHmacSha512 = 7,
  kAesCmac = 8
};
enum class IntegId : uint16_t {
  kNone = 0, kHmacSha1_96 = 2, kAesXcbc96 = 5, kAesCmac96 = 8, kAesGmac128 = 9, kAesGmac192 = 10, kAesGmac256 = 11,
  kHmacSha256_128 = 12, kHmacSha384_192 = 13, kHmacSha512_256 = 14,
};
enum class KeGroup : uint16_t {
  kNone = 0, kModp1024 = 2, kModp1536 = 5, kModp2048 = 14, kModp3072 = 15, kModp4096 = 16, kModp6144 = 17, kModp8192 = 18,
  kEcp256 = 19, kEcp384 = 20, kEcp521 = 21, kBrainpool224 = 27, kBrainpool256 = 28, kBrainpool384 = 29, kBrainpool512 = 30,
  kX25519 = 31, kX448 = 32, kMlKem512 = 35, kMlKem768 = 36, kMlKem1024 = 37,
};
enum class EsnId : uint16_t { kNo = 0, kYes = 1 };
enum class IpsecProtocol : uint8_t { kIke = 1, kAh = 2, kEsp = 3 };  // RFC 7296 3.3.1 protocol identifiers

// A row per cipher. Sizes in octets.
struct EncrInfo {
  EncrId id;
  const char* name;             // as swanctl prints it: "AES_GCM_16"
  bool aead;
  uint16_t key_bits[3];         // lengths the cipher has, 0-terminated; fixed-length ciphers carry no key-length attribute
  bool fixed_key;               // the key length attribute must be absent on the wire
  uint8_t salt;                 // taken from the end of KEYMAT
  uint8_t iv;                   // explicit IV on the wire
  uint8_t icv;                  // tag of an AEAD, 0 otherwise
  uint8_t block;                // padding granule of the cipher itself (ESP pads to at least 4)
};
struct IntegInfo {
  IntegId id;
  const char* name;             // "HMAC_SHA2_256_128"
  uint8_t key;                  // octets; of AES-GMAC with its salt
  uint8_t icv;                  // octets on the wire
};
// RFC 4543 4, 5.4: of AH alone; eight octets of IV stand before its ICV, and its key ends in four of salt.
inline constexpr bool IsGmac(IntegId id) { return id >= IntegId::kAesGmac128 && id <= IntegId::kAesGmac256; }
struct PrfInfo {
  PrfId id;
  const char* name;             // "PRF_HMAC_SHA2_256"
  uint8_t output;               // octets
  uint8_t key;                  // preferred key length, octets
};
struct GroupInfo {
  KeGroup id;
  const char* name;             // "CURVE_25519", as swanctl prints it
  const char* token;            // "x25519", as a proposal spells it
  uint16_t initiator_public;    // octets of the initiator's KE data
  uint16_t responder_public;    // octets of the responder's (a KEM's ciphertext differs)
};

const EncrInfo* Find(EncrId id);      // nullptr for a number this build does not know
const IntegInfo* Find(IntegId id);
const PrfInfo* Find(PrfId id);
const GroupInfo* Find(KeGroup id);

// "AES_GCM_16", or "ENCR_1234" for an unknown number.
std::string Name(EncrId id);
std::string Name(IntegId id);
std::string Name(PrfId id);
std::string Name(KeGroup id);

// What one Child SA's data path runs: negotiated by control, installed in a worker.
struct EspSuite {
  EncrId encr = EncrId::kNone;  // so of AH
  uint16_t encr_key_bits = 0;   // cipher key without salt
  IntegId integ = IntegId::kNone;
  bool esn = false;

  // Octets of KEYMAT one direction takes: cipher key, then salt, then integrity key (RFC 7296 2.17, RFC 4106 8.1).
  size_t encr_keymat() const;
  size_t integ_keymat() const;
  friend bool operator==(const EspSuite&, const EspSuite&) = default;
};
// "AES_GCM_16-256", "AES_CBC-128/HMAC_SHA2_256_128", of AH "HMAC_SHA2_256_128"; with "/ESN" where on.
std::string Name(const EspSuite& s);

}  // namespace culvert
