#pragma once

#include <string_view>

#include "config/schema/values.h"

namespace culvert::config {

// The value of `auth` where it asks for a signature: [ike:] and, between dashes, key types (`pubkey`, `rsa`, `rsa/pss`,
// `ecdsa`, `ed25519`, `ed448`, `eddsa`), each followed by the least number of bits of such a key and the hashes it may sign
// with; one without hashes takes them all: "rsa-3072-sha256-sha384-ecdsa-256". A hash without a padding is of PKCS#1 v1.5
// behind `rsa` and of either behind `pubkey`; `sha1` is never PSS's, and whether the profile takes
// it at all is the caller's to say. Pure.
Parsed<PubkeyRules> ParsePubkeyRules(std::string_view text);

}  // namespace culvert::config
