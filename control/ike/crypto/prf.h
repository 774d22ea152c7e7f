#pragma once

#include "common/bytes/secret.h"
#include "common/ipsec/algorithm.h"

// The pseudorandom functions of RFC 7296 2.13, over OpenSSL. Thread-safe: no state between calls.
namespace culvert::ike {

// Whether this build computes it: HMAC with SHA-1 and SHA-2, AES-CMAC, AES-XCBC. Negotiation offers and chooses no other, so
// everything below CHECKs it.
[[nodiscard]] bool Supports(PrfId prf);

// prf(key, parts...) of RFC 7296 2.13; the parts are hashed as if concatenated. Any key length: AES-CMAC and AES-XCBC bring
// others than 16 octets to 16 as RFC 4615 3 and RFC 4434 2 say.
[[nodiscard]] SecretBytes Prf(PrfId prf, ByteView key, std::initializer_list<ByteView> parts);

// prf+ (RFC 7296 2.13): `length` octets, at most 255 blocks of output (CHECKed: every caller's length is ours).
[[nodiscard]] SecretBytes PrfPlus(PrfId prf, ByteView key, ByteView seed, size_t length);

// Plain hashes, for NAT detection (SHA-1) and cookies (HMAC-SHA-256).
[[nodiscard]] Bytes Sha1(std::initializer_list<ByteView> parts);
// The hash that `prf` is the HMAC of (CHECKed), as IKEv1 uses it.
[[nodiscard]] Bytes HashOf(PrfId prf, std::initializer_list<ByteView> parts);
[[nodiscard]] Bytes HmacSha256(ByteView key, std::initializer_list<ByteView> parts);

}  // namespace culvert::ike
