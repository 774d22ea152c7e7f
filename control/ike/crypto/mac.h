#pragma once

#include <optional>

#include "common/bytes/bytes.h"
#include "common/ipsec/algorithm.h"
#include "control/ike/crypto/openssl_ptr.h"
#include "control/ike/crypto/xcbc.h"

namespace culvert::ike {

enum class MacKind : uint8_t { kHmacSha1, kHmacSha256, kHmacSha384, kHmacSha512, kAesCmac, kAesXcbc };

// What a transform is computed with; nullopt for a number this build does not know.
std::optional<MacKind> MacOf(PrfId prf);
std::optional<MacKind> MacOf(IntegId integ);

// One keyed MAC, for any number of messages one after the other. The algorithm is fetched once per process; making one of
// these costs two allocations and the key's own setup. Single-threaded. The key is wiped with the object.
class Mac {
 public:
  // HMAC takes a key of any length; AES-CMAC's and AES-XCBC's must be 16 octets (CHECKed).
  Mac(MacKind kind, ByteView key);

  void Update(ByteView data);
  // The first out.size() octets of the tag (at most its full length); the next Update starts a new message.
  void Final(ByteSpan out);

 private:
  MacCtxPtr ctx_;
  std::unique_ptr<AesXcbc> xcbc_;  // instead of ctx_
};

}  // namespace culvert::ike
