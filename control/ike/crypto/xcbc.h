#pragma once

#include <array>

#include "common/bytes/bytes.h"
#include "control/ike/crypto/openssl_ptr.h"

namespace culvert::ike {

// AES-XCBC-MAC (RFC 3566), which OpenSSL does not have, put together from its AES-128-CBC and AES-128-ECB. Any number of
// messages one after the other under one key. Single-threaded; what depends on the key is wiped with the object.
class AesXcbc {
 public:
  static constexpr size_t kKey = 16, kTag = 16;  // octets

  explicit AesXcbc(ByteView key);  // of kKey octets (CHECKed)
  ~AesXcbc();
  AesXcbc(const AesXcbc&) = delete;
  AesXcbc& operator=(const AesXcbc&) = delete;

  void Update(ByteView data);
  // All kTag octets; the next Update starts a new message.
  void Final(ByteSpan tag);

 private:
  static constexpr size_t kBlock = 16;
  void Absorb();

  CipherCtxPtr chain_;                     // CBC under K1; its state is the chaining value
  std::array<uint8_t, kBlock> whole_{};    // K2, for a last block that is full
  std::array<uint8_t, kBlock> padded_{};   // K3, for one that is not
  std::array<uint8_t, kBlock> held_{};     // the last block is told only by Final, so one is always held back
  size_t held_size_ = 0;                   // octets
};

}  // namespace culvert::ike
