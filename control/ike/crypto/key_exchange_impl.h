#pragma once

#include "control/ike/crypto/key_exchange.h"
#include "control/ike/crypto/openssl_ptr.h"

// What the key_exchange_*.cc files share. Included by them, the self test and tests with fixed vectors only.
namespace culvert::ike {

// A key pair from outside. Only known-answer tests have one: every other key is made by KeyExchange::Create and never leaves
// it. Big-endian, or as RFC 7748 for the Montgomery curves (whose public value is computed: `public_value` is not read).
struct FixedKey {
  ByteView private_key, public_value;
};
// nullptr where it is no key of the group.
std::unique_ptr<KeyExchange> KeyExchangeFrom(KeGroup group, const FixedKey& key);

// One family each; nullptr where the group is not of the family. `fixed` is nullptr but in known-answer tests.
std::unique_ptr<KeyExchange> MakeMontgomery(KeGroup group, const FixedKey* fixed);
std::unique_ptr<KeyExchange> MakeEcp(KeGroup group, const FixedKey* fixed);
std::unique_ptr<KeyExchange> MakeModp(KeGroup group, const FixedKey* fixed);
std::unique_ptr<KeyExchange> MakeMlKem(KeGroup group, KeRole role);

// Diffie-Hellman of any kind between two keys of one group; `size` octets come out, or nullopt where OpenSSL refuses the
// peer's. Leading zeros stay (RFC 7296 2.14, RFC 5903 7).
std::optional<SecretBytes> DeriveSecret(EVP_PKEY* own, EVP_PKEY* peer, size_t size);

// A fresh key pair of the type and parameters of `parameters`. Never null: CHECKed, for only memory and randomness can fail.
PkeyPtr GenerateFrom(EVP_PKEY* parameters);

}  // namespace culvert::ike
