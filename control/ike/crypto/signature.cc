#include "control/ike/crypto/signature.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <string_view>

#include "absl/log/check.h"
#include "control/ike/crypto/signature_impl.h"

namespace culvert::ike {
namespace {

constexpr unsigned kMinRsaBits = 2048, kMaxRsaBits = 8192;  // D11
constexpr HashAlgorithm kSupported[] = {HashAlgorithm::kSha256, HashAlgorithm::kSha384, HashAlgorithm::kSha512,
                                        HashAlgorithm::kIdentity};

bool IsEcdsa(KeyKind k) { return k == KeyKind::kEcdsa256 || k == KeyKind::kEcdsa384 || k == KeyKind::kEcdsa521; }

// Both the sign and the verify side of EVP leave what went wrong in a queue of the thread's: whoever comes next must not
// find it.
struct ErrorQueue {
  ~ErrorQueue() { ERR_clear_error(); }
};

std::optional<KeyKind> CurveOf(EVP_PKEY* key, std::string& why) {
  char name[64] = "", encoding[32] = "";
  size_t length = 0;
  int explicit_parameters = 0;
  (void)EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit_parameters);
  (void)EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, encoding, sizeof encoding, &length);
  // RFC 5480 2.1.1: named curves only; parameters of one's own choice forge any key's signature (CVE-2020-0601).
  if (explicit_parameters || std::string_view(encoding) == OSSL_PKEY_EC_ENCODING_EXPLICIT) {
    why = "a curve given by its parameters";
    return std::nullopt;
  }
  (void)EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof name, &length);
  std::string_view curve = name;
  if (curve == "prime256v1" || curve == "P-256") return KeyKind::kEcdsa256;
  if (curve == "secp384r1" || curve == "P-384") return KeyKind::kEcdsa384;
  if (curve == "secp521r1" || curve == "P-521") return KeyKind::kEcdsa521;
  why = "curve " + std::string(curve) + " is not one for signatures";
  return std::nullopt;
}

bool RsaFits(EVP_PKEY* key, std::string& why) {
  auto bits = static_cast<unsigned>(EVP_PKEY_get_bits(key));
  if (bits < kMinRsaBits || bits > kMaxRsaBits) {
    why = "RSA of " + std::to_string(bits) + " bits; expected 2048 to 8192";
    return false;
  }
  BIGNUM *e = nullptr, *n = nullptr;
  bool read = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
              EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1;
  constexpr int kMaxExponentBits = 64;  // a longer one only costs the verifier
  bool fits = read && BN_is_odd(e) && !BN_is_one(e) && BN_num_bits(e) <= kMaxExponentBits && BN_is_odd(n);
  BN_free(e);
  BN_free(n);
  if (!fits) why = "RSA with an exponent or a modulus that is none";
  return fits;
}

std::optional<KeyKind> KindOf(EVP_PKEY* key, std::string& why) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS: return RsaFits(key, why) ? std::optional(KeyKind::kRsa) : std::nullopt;
    case EVP_PKEY_EC: return CurveOf(key, why);
    case EVP_PKEY_ED25519: return KeyKind::kEd25519;
    case EVP_PKEY_ED448: return KeyKind::kEd448;
    default: break;
  }
  const char* name = EVP_PKEY_get0_type_name(key);
  why = std::string(name ? name : "the key's algorithm") + " is not one for signatures here";
  return std::nullopt;
}

bool HasPrivateHalf(EVP_PKEY* key) {
  ErrorQueue queue;
  BIGNUM* d = nullptr;
  bool has = false;
  size_t length = 0;
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448: return EVP_PKEY_get_raw_private_key(key, nullptr, &length) == 1;
    case EVP_PKEY_EC: has = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &d) == 1; break;
    default: has = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_D, &d) == 1; break;
  }
  BN_clear_free(d);
  return has;
}

// RFC 4754 7, and RFC 8420 for the Edwards curves, which have one hash and no choice.
HashAlgorithm HashFor(KeyKind kind) {
  switch (kind) {
    case KeyKind::kRsa:
    case KeyKind::kEcdsa256: return HashAlgorithm::kSha256;
    case KeyKind::kEcdsa384: return HashAlgorithm::kSha384;
    case KeyKind::kEcdsa521: return HashAlgorithm::kSha512;
    case KeyKind::kEd25519:
    case KeyKind::kEd448: break;
  }
  return HashAlgorithm::kIdentity;
}

AuthMethod OldMethodOf(KeyKind kind) {
  switch (kind) {
    case KeyKind::kEcdsa256: return AuthMethod::kEcdsa256;
    case KeyKind::kEcdsa384: return AuthMethod::kEcdsa384;
    case KeyKind::kEcdsa521: return AuthMethod::kEcdsa521;
    default: return AuthMethod::kRsa;
  }
}

// Best first, SHA-1 last.
std::vector<SignatureScheme> SchemesOf(const SignatureKey& key) {
  HashAlgorithm first = HashFor(key.kind());
  if (first == HashAlgorithm::kIdentity) return {{key.kind(), first}};
  std::vector<HashAlgorithm> hashes{first};
  for (HashAlgorithm h : kSupported) {
    if (h != first && h != HashAlgorithm::kIdentity) hashes.push_back(h);
  }
  std::vector<SignatureScheme> schemes;
  if (key.kind() == KeyKind::kRsa) {
    for (HashAlgorithm h : hashes) schemes.push_back({key.kind(), h, true});
  }
  hashes.push_back(HashAlgorithm::kSha1);
  if (!key.pss_only()) {
    for (HashAlgorithm h : hashes) schemes.push_back({key.kind(), h, false});
  }
  return schemes;
}

// A keyed context for one signature; `salt` is PSS's, in octets.
bool SetPss(EVP_PKEY_CTX* ctx, HashAlgorithm hash, int salt) {
  return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, DigestOf(hash)) == 1 && EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt) == 1;
}

std::optional<Bytes> Sign(const SignatureScheme& scheme, const SignatureKey& key, ByteView octets) {
  MdCtxPtr ctx(EVP_MD_CTX_new());
  EVP_PKEY_CTX* pkey_ctx = nullptr;
  if (!ctx || EVP_DigestSignInit(ctx.get(), &pkey_ctx, DigestOf(scheme.hash), nullptr, key.get()) != 1) return std::nullopt;
  if (scheme.pss && !SetPss(pkey_ctx, scheme.hash, RSA_PSS_SALTLEN_DIGEST)) return std::nullopt;
  size_t length = 0;
  if (EVP_DigestSign(ctx.get(), nullptr, &length, octets.data(), octets.size()) != 1) return std::nullopt;
  Bytes out(length);
  if (EVP_DigestSign(ctx.get(), out.data(), &length, octets.data(), octets.size()) != 1) return std::nullopt;
  out.resize(length);
  return out;
}

struct Told {
  SignatureScheme scheme;
  int salt = 0;
  ByteView signature;
};

bool IsGood(const Told& told, const SignatureKey& key, ByteView octets) {
  MdCtxPtr ctx(EVP_MD_CTX_new());
  EVP_PKEY_CTX* pkey_ctx = nullptr;
  if (!ctx || EVP_DigestVerifyInit(ctx.get(), &pkey_ctx, DigestOf(told.scheme.hash), nullptr, key.get()) != 1) return false;
  if (told.scheme.pss && !SetPss(pkey_ctx, told.scheme.hash, told.salt)) return false;
  // Three-valued: everything but 1 is no (R1).
  return EVP_DigestVerify(ctx.get(), told.signature.data(), told.signature.size(), octets.data(), octets.size()) == 1;
}

// RFC 7427 3: a length octet, the AlgorithmIdentifier, the signature.
std::expected<Told, std::string> ReadDigitalSignature(ByteView data, const SignatureKey& key) {
  if (data.empty() || data[0] == 0 || data.size() < 1u + data[0]) return std::unexpected("its AlgorithmIdentifier is cut off");
  auto named = ParseAlgorithm(data.subspan(1, data[0]));
  if (!named) return std::unexpected("its AlgorithmIdentifier is not one that is accepted");
  bool fits = key.kind() == KeyKind::kRsa       ? named->rsa
              : key.kind() == KeyKind::kEd25519 ? named->ed25519
              : key.kind() == KeyKind::kEd448   ? named->ed448
                                                : named->ecdsa;
  if (!fits || (key.pss_only() && !named->pss)) {
    return std::unexpected(std::string("its AlgorithmIdentifier is not for the certificate's key, ") + Name(key.kind()));
  }
  return Told{{key.kind(), named->hash, named->pss}, named->salt, data.subspan(1u + data[0])};
}

std::expected<Told, std::string> Read(AuthMethod method, ByteView data, const SignatureKey& key) {
  if (method == AuthMethod::kDigitalSignature) return ReadDigitalSignature(data, key);
  if (!IsSignature(method)) return std::unexpected(Name(method) + " is no signature");
  bool rsa = method == AuthMethod::kRsa && key.kind() == KeyKind::kRsa && !key.pss_only();
  bool ecdsa = IsEcdsa(key.kind()) && method == OldMethodOf(key.kind());
  if (!rsa && !ecdsa) return std::unexpected(Name(method) + " is not for the certificate's key, " + Name(key.kind()));
  return Told{{key.kind(), HashFor(key.kind())}, 0, data};
}

}  // namespace

const char* Name(KeyKind kind) {
  switch (kind) {
    case KeyKind::kRsa: return "RSA";
    case KeyKind::kEcdsa256: return "ECDSA-256";
    case KeyKind::kEcdsa384: return "ECDSA-384";
    case KeyKind::kEcdsa521: return "ECDSA-521";
    case KeyKind::kEd25519: return "Ed25519";
    case KeyKind::kEd448: return "Ed448";
  }
  return "unknown";
}

std::string Name(const SignatureScheme& s) {
  std::string key = std::string(Name(s.key)) + (s.pss ? "-PSS" : "");
  if (s.hash == HashAlgorithm::kSha1) return key + " with SHA-1";
  return s.hash == HashAlgorithm::kIdentity ? key : key + " with SHA2-" + std::to_string(8 * HashOctets(s.hash));
}

std::span<const HashAlgorithm> SupportedHashes() { return kSupported; }

std::optional<SignatureKey> SignatureKey::From(PkeyPtr key, std::string& why) {
  ErrorQueue queue;
  auto kind = KindOf(key.get(), why);
  if (!kind) return std::nullopt;
  SignatureKey out;
  out.kind_ = *kind;
  out.bits_ = static_cast<unsigned>(EVP_PKEY_get_bits(key.get()));
  out.pair_ = HasPrivateHalf(key.get());
  out.pss_only_ = EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_RSA_PSS;
  out.key_ = std::shared_ptr<EVP_PKEY>(key.release(), EVP_PKEY_free);
  return out;
}

bool SignatureKey::SamePublicKey(const SignatureKey& other) const {
  ErrorQueue queue;
  return EVP_PKEY_eq(key_.get(), other.key_.get()) == 1;
}

std::optional<SigningChoice> ChooseSigning(const SignatureKey& key, std::span<const uint16_t> peer_hashes,
                                           std::span<const SignatureScheme> allowed) {
  for (const SignatureScheme& scheme : SchemesOf(key)) {
    const bool named = std::ranges::find(allowed, scheme) != allowed.end();
    if (!named && (!allowed.empty() || scheme.hash == HashAlgorithm::kSha1)) continue;
    if (!peer_hashes.empty()) {
      // RFC 7427 4: no hash but those the peer listed.
      bool taken = std::ranges::find(peer_hashes, static_cast<uint16_t>(scheme.hash)) != peer_hashes.end();
      if (taken) return SigningChoice{AuthMethod::kDigitalSignature, scheme};
      continue;
    }
    // RFC 4754 7 fixes the hash of each curve, RFC 7296 3.8 the padding; RFC 8420 3: Edwards curves have no method of old.
    bool edwards = scheme.hash == HashAlgorithm::kIdentity;
    bool fixed = IsEcdsa(scheme.key) && scheme.hash != HashFor(scheme.key);
    if (!scheme.pss && !edwards && !fixed) return SigningChoice{OldMethodOf(scheme.key), scheme};
  }
  return std::nullopt;
}

std::optional<Bytes> SignAuth(const SigningChoice& choice, const SignatureKey& key, ByteView octets) {
  ErrorQueue queue;
  CHECK(key.is_pair() && key.kind() == choice.scheme.key);
  auto signature = Sign(choice.scheme, key, octets);
  if (!signature) return std::nullopt;
  if (choice.method == AuthMethod::kRsa) return signature;
  if (choice.method != AuthMethod::kDigitalSignature) return RawFromDer(*signature, key.kind());
  Bytes algorithm = AlgorithmOf(choice.scheme);
  Bytes out{static_cast<uint8_t>(algorithm.size())};
  Append(out, algorithm);
  Append(out, *signature);
  return out;
}

std::expected<SignatureScheme, std::string> VerifyAuth(AuthMethod method, ByteView data, const SignatureKey& key,
                                                       ByteView octets) {
  ErrorQueue queue;
  auto told = Read(method, data, key);
  if (!told) return std::unexpected(told.error());
  if (told->scheme.hash == HashAlgorithm::kSha1) return std::unexpected(std::string("its signature is by SHA-1"));
  const auto wrong = std::unexpected(std::string("its signature is wrong"));
  if (method == AuthMethod::kRsa) {
    // RFC 7296 3.8 does not say which hash; the signature does, inside. SHA-1 is not accepted (RFC 8247 4).
    for (HashAlgorithm hash : {HashAlgorithm::kSha256, HashAlgorithm::kSha384, HashAlgorithm::kSha512}) {
      told->scheme.hash = hash;
      if (IsGood(*told, key, octets)) return told->scheme;
    }
    return wrong;
  }
  std::optional<Bytes> der;
  if (method != AuthMethod::kDigitalSignature) {
    der = DerFromRaw(told->signature, key.kind());
    if (!der) return std::unexpected("its signature has not the length of " + Name(method) + "'s");
    told->signature = *der;
  }
  if (!IsGood(*told, key, octets)) return wrong;
  return told->scheme;
}

bool SignsHashes(const SignatureKey& key) { return IsEcdsa(key.kind()) || (key.kind() == KeyKind::kRsa && !key.pss_only()); }

namespace {

// Without a digest of its own: what is signed is one.
PkeyCtxPtr HashCtx(const SignatureKey& key, int (*init)(EVP_PKEY_CTX*)) {
  PkeyCtxPtr ctx(SignsHashes(key) ? EVP_PKEY_CTX_new(key.get(), nullptr) : nullptr);
  if (!ctx || init(ctx.get()) != 1) return nullptr;
  if (key.kind() == KeyKind::kRsa && EVP_PKEY_CTX_set_rsa_padding(ctx.get(), RSA_PKCS1_PADDING) != 1) return nullptr;
  return ctx;
}

}  // namespace

std::optional<Bytes> SignHash(const SignatureKey& key, ByteView hash) {
  ErrorQueue queue;
  CHECK(key.is_pair());
  PkeyCtxPtr ctx = HashCtx(key, EVP_PKEY_sign_init);
  size_t length = 0;
  if (!ctx || EVP_PKEY_sign(ctx.get(), nullptr, &length, hash.data(), hash.size()) != 1) return std::nullopt;
  Bytes out(length);
  if (EVP_PKEY_sign(ctx.get(), out.data(), &length, hash.data(), hash.size()) != 1) return std::nullopt;
  out.resize(length);
  return IsEcdsa(key.kind()) ? RawFromDer(out, key.kind()) : out;
}

bool VerifyHash(const SignatureKey& key, ByteView hash, ByteView signature) {
  ErrorQueue queue;
  std::optional<Bytes> der;
  if (IsEcdsa(key.kind())) {
    der = DerFromRaw(signature, key.kind());
    if (!der) return false;
    signature = *der;
  }
  PkeyCtxPtr ctx = HashCtx(key, EVP_PKEY_verify_init);
  // Three-valued: everything but 1 is no (R1).
  return ctx && EVP_PKEY_verify(ctx.get(), signature.data(), signature.size(), hash.data(), hash.size()) == 1;
}

std::optional<SignatureScheme> VerifySha1Auth(AuthMethod method, ByteView data, const SignatureKey& key, ByteView octets) {
  ErrorQueue queue;
  auto told = Read(method, data, key);
  if (!told) return std::nullopt;
  if (method == AuthMethod::kRsa) told->scheme.hash = HashAlgorithm::kSha1;
  const bool good = told->scheme.hash == HashAlgorithm::kSha1 && IsGood(*told, key, octets);
  return good ? std::optional(told->scheme) : std::nullopt;
}

}  // namespace culvert::ike
