#include "drivers/offload/session.h"

namespace culvert::offload {
namespace {

using crypto::Cipher;
using crypto::Mac;

constexpr uint16_t kNonce = 12, kBlock = 16;  // octets

rte_crypto_cipher_algorithm CipherAlgorithm(crypto::Suite s) {
  return crypto::IsCbc(s) ? RTE_CRYPTO_CIPHER_AES_CBC : crypto::IsCtr(s) ? RTE_CRYPTO_CIPHER_AES_CTR : RTE_CRYPTO_CIPHER_NULL;
}

rte_crypto_auth_algorithm AuthAlgorithm(crypto::Suite s) {
  switch (crypto::MacOf(s)) {
    case Mac::kHmacSha1: return RTE_CRYPTO_AUTH_SHA1_HMAC;
    case Mac::kHmacSha256: return RTE_CRYPTO_AUTH_SHA256_HMAC;
    case Mac::kHmacSha384: return RTE_CRYPTO_AUTH_SHA384_HMAC;
    case Mac::kHmacSha512: return RTE_CRYPTO_AUTH_SHA512_HMAC;
    case Mac::kAesXcbc: return RTE_CRYPTO_AUTH_AES_XCBC_MAC;
    case Mac::kAesCmac: return RTE_CRYPTO_AUTH_AES_CMAC;
    case Mac::kCount: break;
  }
  return RTE_CRYPTO_AUTH_NULL;
}

rte_crypto_sym_xform Aead(const SessionSpec& spec, uint16_t iv_offset) {
  const auto& info = crypto::Info(spec.suite);
  rte_crypto_sym_xform x{};
  x.type = RTE_CRYPTO_SYM_XFORM_AEAD;
  x.aead.op = spec.seal ? RTE_CRYPTO_AEAD_OP_ENCRYPT : RTE_CRYPTO_AEAD_OP_DECRYPT;
  x.aead.algo = spec.suite == crypto::Suite::kChaCha20Poly1305 ? RTE_CRYPTO_AEAD_CHACHA20_POLY1305 : RTE_CRYPTO_AEAD_AES_GCM;
  x.aead.key = {spec.cipher_key.data(), info.cipher_key};
  x.aead.iv = {iv_offset, kNonce};
  x.aead.digest_length = info.icv;
  x.aead.aad_length = spec.esn ? 12 : 8;  // RFC 4106 5
  return x;
}

rte_crypto_sym_xform CipherOnly(const SessionSpec& spec, uint16_t iv_offset) {
  rte_crypto_sym_xform x{};
  x.type = RTE_CRYPTO_SYM_XFORM_CIPHER;
  x.cipher.op = spec.seal ? RTE_CRYPTO_CIPHER_OP_ENCRYPT : RTE_CRYPTO_CIPHER_OP_DECRYPT;
  x.cipher.algo = CipherAlgorithm(spec.suite);
  x.cipher.key = {spec.cipher_key.data(), crypto::Info(spec.suite).cipher_key};
  x.cipher.iv = {iv_offset, kBlock};
  return x;
}

rte_crypto_sym_xform AuthOnly(const SessionSpec& spec) {
  const auto& info = crypto::Info(spec.suite);
  rte_crypto_sym_xform x{};
  x.type = RTE_CRYPTO_SYM_XFORM_AUTH;
  x.auth.op = spec.seal ? RTE_CRYPTO_AUTH_OP_GENERATE : RTE_CRYPTO_AUTH_OP_VERIFY;
  x.auth.algo = AuthAlgorithm(spec.suite);
  x.auth.key = {spec.integ_key.data(), info.integ_key};
  x.auth.digest_length = info.icv;
  return x;
}

bool Runs(uint8_t device, const rte_crypto_sym_xform& x) {
  rte_cryptodev_sym_capability_idx which{};
  which.type = x.type;
  switch (x.type) {
    case RTE_CRYPTO_SYM_XFORM_AEAD: which.algo.aead = x.aead.algo; break;
    case RTE_CRYPTO_SYM_XFORM_CIPHER: which.algo.cipher = x.cipher.algo; break;
    default: which.algo.auth = x.auth.algo; break;
  }
  const auto* can = rte_cryptodev_sym_capability_get(device, &which);
  return can != nullptr && LengthsFit(*can, x);
}

}  // namespace

bool LengthsFit(const rte_cryptodev_symmetric_capability& can, const rte_crypto_sym_xform& x) {
  switch (x.type) {
    case RTE_CRYPTO_SYM_XFORM_AEAD:
      return rte_cryptodev_sym_capability_check_aead(&can, x.aead.key.length, x.aead.digest_length, x.aead.aad_length,
                                                     x.aead.iv.length) == 0;
    case RTE_CRYPTO_SYM_XFORM_CIPHER:
      return rte_cryptodev_sym_capability_check_cipher(&can, x.cipher.key.length, x.cipher.iv.length) == 0;
    default: return rte_cryptodev_sym_capability_check_auth(&can, x.auth.key.length, x.auth.digest_length, 0) == 0;
  }
}

bool Fits(const rte_cryptodev_symmetric_capability& can, const rte_crypto_sym_xform& x) {
  bool same = x.type == RTE_CRYPTO_SYM_XFORM_AEAD     ? can.aead.algo == x.aead.algo
              : x.type == RTE_CRYPTO_SYM_XFORM_CIPHER ? can.cipher.algo == x.cipher.algo
                                                      : can.auth.algo == x.auth.algo;
  return same && LengthsFit(can, x);
}

bool MakeTransforms(const SessionSpec& spec, uint16_t iv_offset, Transforms& out) {
  if (crypto::IsCcm(spec.suite) || crypto::IsGmac(spec.suite)) return false;
  if (!crypto::IsCipherMac(spec.suite)) {
    out.first = Aead(spec, iv_offset);
    return true;
  }
  if (crypto::CipherOf(spec.suite) == Cipher::kNull) {
    out.first = AuthOnly(spec);
    return true;
  }
  // Enciphered, then authenticated; the other way round where it is opened (RFC 4303 3.3.2, 3.4.4).
  out.first = spec.seal ? CipherOnly(spec, iv_offset) : AuthOnly(spec);
  out.second = spec.seal ? AuthOnly(spec) : CipherOnly(spec, iv_offset);
  out.first.next = &out.second;
  return true;
}

bool Offers(void* context, rte_security_session_action_type action) {
  const auto* can = context != nullptr ? rte_security_capabilities_get(context) : nullptr;
  for (; can != nullptr && can->action != RTE_SECURITY_ACTION_TYPE_NONE; ++can) {
    const bool esp = can->protocol == RTE_SECURITY_PROTOCOL_IPSEC && can->ipsec.proto == RTE_SECURITY_IPSEC_SA_PROTO_ESP;
    if (can->action == action && esp) return true;
  }
  return false;
}

bool DeviceRuns(uint8_t device, const rte_crypto_sym_xform& first) {
  for (const rte_crypto_sym_xform* x = &first; x != nullptr; x = x->next) {
    if (!Runs(device, *x)) return false;
  }
  return true;
}

}  // namespace culvert::offload
