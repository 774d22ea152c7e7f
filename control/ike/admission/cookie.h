#pragma once

#include "common/base/time.h"
#include "common/bytes/secret.h"
#include "common/net/ip_address.h"
#include "control/ike/crypto/random.h"

namespace culvert::ike {

// Stateless cookies (RFC 7296 2.6): secret-id 1 | seconds 4 | HMAC-SHA-256 over them, Ni, the source address and SPIi, cut to
// 16 octets. Valid for kCookieLife; the secret changes every kCookieSecretLife and the one before it still counts. Not bound
// to the KE payload, so that a cookie survives INVALID_KE_PAYLOAD.
class CookieJar {
 public:
  explicit CookieJar(Random& random) : random_(random) {}

  struct Bound {
    ByteView nonce_i;
    IpAddress source;
    uint64_t spi_i = 0;
  };
  Bytes Make(const Bound& to, Time now);
  [[nodiscard]] bool Verify(ByteView cookie, const Bound& to, Time now);

 private:
  void Rotate(Time now);
  Bytes Tag(ByteView secret, ByteView head, const Bound& to) const;

  Random& random_;
  SecretBytes current_, previous_;
  uint8_t current_id_ = 0;
  Time made_at_{};
};

inline constexpr std::chrono::seconds kCookieLife{10}, kCookieSecretLife{120};

}  // namespace culvert::ike
