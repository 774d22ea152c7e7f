#pragma once

#include <memory>
#include <optional>

#include "common/bytes/secret.h"
#include "control/ike/crypto/kdf_v2.h"
#include "control/ike/crypto/random.h"

namespace culvert::ike {

// One direction of an IKE SA's SK payload (RFC 7296 3.14, RFC 5282, RFC 5529, RFC 5930, RFC 7634). Single-threaded; owns its
// copies of the keys and wipes them. AEAD and CTR IVs are MakeIv(node 0, generation, counter) (spi.h): the counter is this
// object's own and never repeats; CBC IVs are random. Padding is minimal; any padding of the peer's is accepted (RFC 7296
// 3.14).
class SkCipher {
 public:
  // Whether IKE messages can be protected with it. NULL and GMAC never can (RFC 7296 5: IKE always encrypts).
  static bool Supports(EncrId encr, uint16_t key_bits);
  static bool Supports(IntegId integ);

  // nullptr where the suite is not supported: negotiation chooses no such suite. Keys are as long as DeriveIkeKeys makes them
  // (CHECKed), and so is `iv_generation` (at most kMaxIvGeneration). `random` is borrowed and outlives the object.
  static std::unique_ptr<SkCipher> Create(const IkeSuite& suite, ByteView sk_e, ByteView sk_a, uint16_t iv_generation,
                                          Random& random);
  virtual ~SkCipher() = default;

  // `message` is everything from the IKE header up to and including the SK (or SKF) payload's own header and fragment
  // fields; its length fields must already count what follows. Returns IV | ciphertext | ICV for `plain` and the padding.
  [[nodiscard]] virtual Bytes Seal(ByteView message, ByteView plain) = 0;
  // Octets Seal will return for a plaintext of n octets: lengths are filled in before sealing, because they are authenticated.
  virtual size_t SealedSize(size_t plain_size) const = 0;
  // Authenticates first, then decrypts; one error for every cause (hostile.md R6). `body` is IV | ciphertext | ICV. The result
  // is without padding, and may be empty.
  [[nodiscard]] virtual std::optional<Bytes> Open(ByteView message_before_body, ByteView body) = 0;
};

}  // namespace culvert::ike
