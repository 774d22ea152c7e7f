#pragma once

#include "common/bytes/secret.h"
#include "common/ipsec/algorithm.h"

namespace culvert::ike {

// prf(key, parts...) of RFC 7296 2.13; the parts are hashed as if concatenated. The prf must be one Find() knows.
[[nodiscard]] SecretBytes Prf(PrfId prf, ByteView key, std::initializer_list<ByteView> parts);

// prf+ (RFC 7296 2.13): `length` octets, at most 255 blocks of output (CHECKed: every caller's length is ours).
[[nodiscard]] SecretBytes PrfPlus(PrfId prf, ByteView key, ByteView seed, size_t length);

// Plain hashes, for NAT detection (SHA-1) and cookies (HMAC-SHA-256).
[[nodiscard]] Bytes Sha1(std::initializer_list<ByteView> parts);
[[nodiscard]] Bytes HmacSha256(ByteView key, std::initializer_list<ByteView> parts);

}  // namespace culvert::ike
