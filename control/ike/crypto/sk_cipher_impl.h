#pragma once

#include "control/ike/crypto/openssl_ptr.h"
#include "control/ike/crypto/sk_cipher.h"

// What the sk_cipher*.cc files share.
namespace culvert::ike {

// OpenSSL's cipher, fetched once per process; nullptr where it does not have it or IKE may not use it.
const EVP_CIPHER* SkEvpCipher(EncrId encr, uint16_t key_bits);

// Everything a cipher object needs, checked by SkCipher::Create.
struct SkSetup {
  const EncrInfo* encr = nullptr;
  const EVP_CIPHER* cipher = nullptr;
  IntegId integ = IntegId::kNone;
  ByteView key, salt, integ_key;    // borrowed during construction only
  uint16_t iv_generation = 0;
  Random* random = nullptr;
};
std::unique_ptr<SkCipher> MakeSkAead(const SkSetup& setup);
std::unique_ptr<SkCipher> MakeSkCamelliaCcm(const SkSetup& setup);
std::unique_ptr<SkCipher> MakeSkCipherThenMac(const SkSetup& setup);

// The explicit IVs of counter modes: 8 octets, never the same twice.
class IvCounter {
 public:
  explicit IvCounter(uint16_t generation) : generation_(generation) {}
  void Next(ByteSpan iv8);

 private:
  uint16_t generation_;
  uint64_t next_ = 0;
};

// Takes the pad length octet and the padding it counts off the end of a decrypted payload; false where there is not as much.
[[nodiscard]] bool StripPadding(Bytes& plain);

}  // namespace culvert::ike
