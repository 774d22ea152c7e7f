#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "common/bytes/bytes.h"
#include "control/ike/crypto/openssl_ptr.h"
#include "control/ike/wire/registry.h"

// AUTH by signature: what RFC 7296 3.8 (method 1), RFC 4754 (9, 10, 11) and RFC 7427 with RFC 8420 (14) put into the payload,
// and what RFC 2409 5.1 and RFC 4754 put into IKEv1's SIG.
// Pure functions over immutable keys; safe from any thread. Signing and verifying are slow (tens of microseconds to
// milliseconds): run from a job on a helper thread (control/ike/job.h).
namespace culvert::ike {

enum class KeyKind : uint8_t { kRsa, kEcdsa256, kEcdsa384, kEcdsa521, kEd25519, kEd448 };
const char* Name(KeyKind kind);  // "RSA", "ECDSA-256", "Ed25519"; static storage

// How a signature is made: one row of what this build knows.
struct SignatureScheme {
  KeyKind key{};
  HashAlgorithm hash{};  // kIdentity with the Edwards curves, which hash for themselves
  bool pss = false;      // RSA alone; otherwise PKCS#1 v1.5
  friend bool operator==(const SignatureScheme&, const SignatureScheme&) = default;
};
std::string Name(const SignatureScheme& scheme);  // "RSA-PSS with SHA2-256"

// The hashes this build verifies, as SIGNATURE_HASH_ALGORITHMS lists them (RFC 7427 4). No SHA-1 (RFC 8247 4): that is for a
// caller who knows of a connection that takes it.
std::span<const HashAlgorithm> SupportedHashes();

// A public key, or a key pair, that may be used for AUTH. Copies share the key; it is wiped with the last of them.
class SignatureKey {
 public:
  // nullopt with the reason in `why` for what may not be used: RSA other than 2048 to 8192 bits or with an odd exponent
  // (hostile.md D11, B35), curves other than the three of RFC 4754, curves given by their parameters, other algorithms.
  static std::optional<SignatureKey> From(PkeyPtr key, std::string& why);

  KeyKind kind() const { return kind_; }
  unsigned bits() const { return bits_; }            // the modulus or the field
  bool is_pair() const { return pair_; }
  bool SamePublicKey(const SignatureKey& other) const;
  bool pss_only() const { return pss_only_; }        // an id-RSASSA-PSS key (RFC 4055 1.2): never PKCS#1 v1.5
  EVP_PKEY* get() const { return key_.get(); }

 private:
  SignatureKey() = default;
  std::shared_ptr<EVP_PKEY> key_;
  KeyKind kind_{};
  unsigned bits_ = 0;
  bool pair_ = false, pss_only_ = false;
};

// What the peer's list of hashes lets us sign with. No list: it knows the old methods only.
struct SigningChoice {
  AuthMethod method{};
  SignatureScheme scheme;
};
// The best way for `key` among `allowed` (none given: any but by SHA-1), PSS before PKCS#1 v1.5, the hash that fits the key's
// strength first. nullopt where the peer takes none of them.
std::optional<SigningChoice> ChooseSigning(const SignatureKey& key, std::span<const uint16_t> peer_hashes,
                                           std::span<const SignatureScheme> allowed);

// The AUTH payload's data: the signature over `octets`, with method 14 behind its AlgorithmIdentifier. nullopt where OpenSSL
// refuses. `key` is a pair of the scheme's kind (CHECKed).
[[nodiscard]] std::optional<Bytes> SignAuth(const SigningChoice& choice, const SignatureKey& key, ByteView octets);

// The scheme of a good signature of `octets`; otherwise what is wrong, before anything is computed where the method or the
// AlgorithmIdentifier cannot be by that key or is none this build takes. By SHA-1 nothing is good (RFC 8247 4).
[[nodiscard]] std::expected<SignatureScheme, std::string> VerifyAuth(AuthMethod method, ByteView data, const SignatureKey& key,
                                                                     ByteView octets);

// The scheme of a signature that is good but for its being by SHA-1: of method 1, or of method 14 with PKCS#1 v1.5 or ECDSA.
// Never what VerifyAuth takes. For the few profiles that do, and for saying why others do not.
[[nodiscard]] std::optional<SignatureScheme> VerifySha1Auth(AuthMethod method, ByteView data, const SignatureKey& key,
                                                            ByteView octets);

// IKEv1's SIG over `hash`, which is HASH_I or HASH_R: a digest as it stands (RFC 2409 5.1). RSA by PKCS#1 v1.5 without a
// DigestInfo around it; ECDSA as r | s (RFC 4754 3). nullopt for keys it has no signatures of, and where OpenSSL refuses.
// `key` is a pair (CHECKed).
bool SignsHashes(const SignatureKey& key);
[[nodiscard]] std::optional<Bytes> SignHash(const SignatureKey& key, ByteView hash);
[[nodiscard]] bool VerifyHash(const SignatureKey& key, ByteView hash, ByteView signature);

inline bool IsSignature(AuthMethod m) {
  return m == AuthMethod::kRsa || m == AuthMethod::kEcdsa256 || m == AuthMethod::kEcdsa384 || m == AuthMethod::kEcdsa521 ||
         m == AuthMethod::kDigitalSignature;
}

}  // namespace culvert::ike
