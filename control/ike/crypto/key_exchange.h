#pragma once

#include <memory>
#include <optional>

#include "common/bytes/secret.h"
#include "common/ipsec/algorithm.h"

namespace culvert::ike {

// Who sends its public value first: of the exchange at hand, not of the IKE SA. It matters to KEMs alone.
enum class KeRole : uint8_t { kRequester, kReplier };

// One side's half of a key exchange. Slow (tens of microseconds to milliseconds): run from a job on a helper thread
// (control/ike/job.h), never from the core. Single-threaded, but may move between threads. Keys are ephemeral: generated
// for one exchange, wiped with the object; nothing is cached or used in a second exchange (hostile.md R1).
class KeyExchange {
 public:
  // Generates the key. nullptr where this build has no such group.
  static std::unique_ptr<KeyExchange> Create(KeGroup group, KeRole role);
  // Whether Create has it. Negotiation offers and chooses no other.
  static bool Supports(KeGroup group);
  virtual ~KeyExchange() = default;

  virtual KeGroup group() const = 0;
  // The KE payload's data: MODP padded to the modulus (RFC 7296 3.4), ECP x | y (RFC 5903 7), X25519 and X448 (RFC 8031 3),
  // ML-KEM the encapsulation key of a requester, the ciphertext of a replier: empty before its Derive().
  virtual ByteView public_value() const = 0;
  // The shared secret, or nullopt where the peer's value fails the checks of RFC 6989 (range, on-curve), RFC 8031 5 (all-zero
  // output) or FIPS 203 7.2 and 7.3 (modulus, length). MODP keeps leading zeros; ECP is x alone. A well-formed but wrong
  // ML-KEM ciphertext gives a secret the peer does not have: implicit rejection.
  [[nodiscard]] virtual std::optional<SecretBytes> Derive(ByteView peer_public) = 0;
};

}  // namespace culvert::ike
