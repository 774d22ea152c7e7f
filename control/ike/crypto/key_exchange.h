#pragma once

#include <memory>
#include <optional>

#include "common/bytes/secret.h"
#include "common/ipsec/algorithm.h"

namespace culvert::ike {

// One side's half of a key exchange. Slow (tens of microseconds to milliseconds): run from a job on a helper thread
// (control/ike/job.h), never from the core. Keys are ephemeral: generated once, derived from once, then destroyed.
class KeyExchange {
 public:
  // nullptr where this build has no such group. `seed` non-empty only in tests with fixed vectors.
  static std::unique_ptr<KeyExchange> Create(KeGroup group);
  virtual ~KeyExchange() = default;

  virtual KeGroup group() const = 0;
  // The KE payload's data: MODP padded to the modulus (RFC 7296 3.4), ECP x | y (RFC 5903), X25519 (RFC 8031).
  virtual ByteView public_value() const = 0;
  // The shared secret, or nullopt where the peer's value fails the checks of RFC 6989 (range, on-curve, all-zero output).
  // MODP keeps leading zeros; ECP is x alone. A KEM's responder side encapsulates here and its public_value() changes.
  virtual std::optional<SecretBytes> Derive(ByteView peer_public) = 0;
};

}  // namespace culvert::ike
