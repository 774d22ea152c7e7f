#include <openssl/asn1.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "absl/log/check.h"
#include "absl/log/log.h"
#include "control/ike/crypto/signature_impl.h"

namespace culvert::ike {
namespace {

using AlgorithmPtr = std::unique_ptr<X509_ALGOR, OpensslFree<X509_ALGOR_free>>;
using PssPtr = std::unique_ptr<RSA_PSS_PARAMS, OpensslFree<RSA_PSS_PARAMS_free>>;
using EcdsaPtr = std::unique_ptr<ECDSA_SIG, OpensslFree<ECDSA_SIG_free>>;
using IntegerPtr = std::unique_ptr<ASN1_INTEGER, OpensslFree<ASN1_INTEGER_free>>;

struct Row {
  int nid;
  NamedAlgorithm algorithm;
};
constexpr Row kRows[] = {
    {NID_sha256WithRSAEncryption, {.rsa = true, .hash = HashAlgorithm::kSha256}},
    {NID_sha384WithRSAEncryption, {.rsa = true, .hash = HashAlgorithm::kSha384}},
    {NID_sha512WithRSAEncryption, {.rsa = true, .hash = HashAlgorithm::kSha512}},
    {NID_ecdsa_with_SHA256, {.ecdsa = true, .hash = HashAlgorithm::kSha256}},
    {NID_ecdsa_with_SHA384, {.ecdsa = true, .hash = HashAlgorithm::kSha384}},
    {NID_ecdsa_with_SHA512, {.ecdsa = true, .hash = HashAlgorithm::kSha512}},
    {NID_sha1WithRSAEncryption, {.rsa = true, .hash = HashAlgorithm::kSha1}},
    {NID_ecdsa_with_SHA1, {.ecdsa = true, .hash = HashAlgorithm::kSha1}},
    {NID_ED25519, {.ed25519 = true, .hash = HashAlgorithm::kIdentity}},
    {NID_ED448, {.ed448 = true, .hash = HashAlgorithm::kIdentity}},
};

struct Hash {
  HashAlgorithm hash;
  int nid;
  size_t octets;
};
constexpr Hash kHashes[] = {
    {HashAlgorithm::kSha256, NID_sha256, 32},
    {HashAlgorithm::kSha384, NID_sha384, 48},
    {HashAlgorithm::kSha512, NID_sha512, 64},
};

const Hash* Find(HashAlgorithm hash) {
  for (const Hash& h : kHashes) {
    if (h.hash == hash) return &h;
  }
  return nullptr;
}

std::optional<HashAlgorithm> HashOf(const X509_ALGOR* algorithm) {
  const ASN1_OBJECT* object = nullptr;
  int type = V_ASN1_UNDEF;
  X509_ALGOR_get0(&object, &type, nullptr, algorithm);
  // RFC 5754 2: NULL or nothing.
  if (!object || (type != V_ASN1_NULL && type != V_ASN1_UNDEF)) return std::nullopt;
  for (const Hash& h : kHashes) {
    if (OBJ_obj2nid(object) == h.nid) return h.hash;
  }
  return std::nullopt;
}

// RFC 4055 3.1, RFC 7427 A.4.
std::optional<NamedAlgorithm> ParsePss(const X509_ALGOR* algorithm) {
  int type = V_ASN1_UNDEF;
  const void* value = nullptr;
  X509_ALGOR_get0(nullptr, &type, &value, algorithm);
  if (type != V_ASN1_SEQUENCE) return std::nullopt;
  PssPtr pss(static_cast<RSA_PSS_PARAMS*>(
      ASN1_item_unpack(static_cast<const ASN1_STRING*>(value), ASN1_ITEM_rptr(RSA_PSS_PARAMS))));
  if (!pss || !pss->hashAlgorithm || !pss->maskGenAlgorithm) return std::nullopt;
  auto hash = HashOf(pss->hashAlgorithm);
  const ASN1_OBJECT* mask = nullptr;
  X509_ALGOR_get0(&mask, &type, &value, pss->maskGenAlgorithm);
  if (!hash || !mask || OBJ_obj2nid(mask) != NID_mgf1 || type != V_ASN1_SEQUENCE) return std::nullopt;
  AlgorithmPtr mask_hash(static_cast<X509_ALGOR*>(
      ASN1_item_unpack(static_cast<const ASN1_STRING*>(value), ASN1_ITEM_rptr(X509_ALGOR))));
  if (!mask_hash || HashOf(mask_hash.get()) != hash) return std::nullopt;
  // RFC 4055 3.1: 20 and 1 where they are absent.
  int64_t salt = 20, trailer = 1;
  if (pss->saltLength && ASN1_INTEGER_get_int64(&salt, pss->saltLength) != 1) return std::nullopt;
  if (pss->trailerField && ASN1_INTEGER_get_int64(&trailer, pss->trailerField) != 1) return std::nullopt;
  constexpr int64_t kMaxSalt = 64;  // octets; nobody uses more than the longest hash
  if (trailer != 1 || salt < 0 || salt > kMaxSalt) return std::nullopt;
  return NamedAlgorithm{.rsa = true, .pss = true, .hash = *hash, .salt = static_cast<int>(salt)};
}

Bytes Encode(const X509_ALGOR* algorithm) {
  unsigned char* der = nullptr;
  int length = i2d_X509_ALGOR(algorithm, &der);
  CHECK_GT(length, 0);
  Bytes out(der, der + length);
  OPENSSL_free(der);
  return out;
}

AlgorithmPtr MakeAlgorithm(int nid, int type, void* value) {
  AlgorithmPtr a(X509_ALGOR_new());
  CHECK(a);
  CHECK_EQ(X509_ALGOR_set0(a.get(), OBJ_nid2obj(nid), type, value), 1);
  return a;
}

Bytes PssAlgorithm(HashAlgorithm hash) {
  const Hash* row = Find(hash);
  CHECK(row);
  PssPtr pss(RSA_PSS_PARAMS_new());
  CHECK(pss);
  pss->hashAlgorithm = MakeAlgorithm(row->nid, V_ASN1_NULL, nullptr).release();
  ASN1_STRING* mask_hash = nullptr;
  AlgorithmPtr inner = MakeAlgorithm(row->nid, V_ASN1_NULL, nullptr);
  CHECK(ASN1_item_pack(inner.get(), ASN1_ITEM_rptr(X509_ALGOR), &mask_hash));
  pss->maskGenAlgorithm = MakeAlgorithm(NID_mgf1, V_ASN1_SEQUENCE, mask_hash).release();
  IntegerPtr salt(ASN1_INTEGER_new());
  CHECK_EQ(ASN1_INTEGER_set_uint64(salt.get(), row->octets), 1);
  pss->saltLength = salt.release();
  ASN1_STRING* packed = nullptr;
  CHECK(ASN1_item_pack(pss.get(), ASN1_ITEM_rptr(RSA_PSS_PARAMS), &packed));
  return Encode(MakeAlgorithm(NID_rsassaPss, V_ASN1_SEQUENCE, packed).get());
}

bool IsOf(const NamedAlgorithm& a, const SignatureScheme& s) {
  switch (s.key) {
    case KeyKind::kRsa: return a.rsa && a.hash == s.hash;
    case KeyKind::kEcdsa256:
    case KeyKind::kEcdsa384:
    case KeyKind::kEcdsa521: return a.ecdsa && a.hash == s.hash;
    case KeyKind::kEd25519: return a.ed25519;
    case KeyKind::kEd448: return a.ed448;
  }
  return false;
}

size_t OrderOctets(KeyKind curve) { return curve == KeyKind::kEcdsa256 ? 32 : curve == KeyKind::kEcdsa384 ? 48 : 66; }

}  // namespace

size_t HashOctets(HashAlgorithm hash) {
  const Hash* row = Find(hash);
  return row ? row->octets : 0;
}

const EVP_MD* DigestOf(HashAlgorithm hash) {
  if (hash == HashAlgorithm::kSha1) return EVP_sha1();  // no row: PSS is not read or written with it
  const Hash* row = Find(hash);
  return row ? EVP_get_digestbynid(row->nid) : nullptr;
}

std::optional<NamedAlgorithm> ParseAlgorithm(ByteView der) {
  const unsigned char* at = der.data();
  AlgorithmPtr algorithm(d2i_X509_ALGOR(nullptr, &at, static_cast<long>(der.size())));
  if (!algorithm || at != der.data() + der.size()) return std::nullopt;
  // BER that is not DER has more than one spelling: no signer needs it.
  if (Encode(algorithm.get()) != ToBytes(der)) return std::nullopt;
  const ASN1_OBJECT* object = nullptr;
  int type = V_ASN1_UNDEF;
  X509_ALGOR_get0(&object, &type, nullptr, algorithm.get());
  int nid = OBJ_obj2nid(object);
  if (nid == NID_rsassaPss) return ParsePss(algorithm.get());
  for (const Row& row : kRows) {
    if (row.nid != nid) continue;
    // RFC 4055 5: NULL with PKCS#1 v1.5, and its absence is to be accepted; RFC 5758 3.2, RFC 8410 3: none with the others.
    bool fits = type == V_ASN1_UNDEF || (row.algorithm.rsa && type == V_ASN1_NULL);
    return fits ? std::optional(row.algorithm) : std::nullopt;
  }
  return std::nullopt;
}

Bytes AlgorithmOf(const SignatureScheme& scheme) {
  if (scheme.pss) return PssAlgorithm(scheme.hash);
  for (const Row& row : kRows) {
    if (!IsOf(row.algorithm, scheme)) continue;
    return Encode(MakeAlgorithm(row.nid, row.algorithm.rsa ? V_ASN1_NULL : V_ASN1_UNDEF, nullptr).get());
  }
  LOG(FATAL) << "no AlgorithmIdentifier for " << Name(scheme);
}

std::optional<Bytes> RawFromDer(ByteView der, KeyKind curve) {
  const unsigned char* at = der.data();
  EcdsaPtr sig(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!sig || at != der.data() + der.size()) return std::nullopt;
  int n = static_cast<int>(OrderOctets(curve));
  Bytes out(2 * OrderOctets(curve));
  bool fits = BN_bn2binpad(ECDSA_SIG_get0_r(sig.get()), out.data(), n) == n &&
              BN_bn2binpad(ECDSA_SIG_get0_s(sig.get()), out.data() + n, n) == n;
  return fits ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<Bytes> DerFromRaw(ByteView raw, KeyKind curve) {
  size_t n = OrderOctets(curve);
  if (raw.size() != 2 * n) return std::nullopt;
  EcdsaPtr sig(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(raw.data(), static_cast<int>(n), nullptr);
  BIGNUM* s = BN_bin2bn(raw.data() + n, static_cast<int>(n), nullptr);
  CHECK(sig && r && s);
  CHECK_EQ(ECDSA_SIG_set0(sig.get(), r, s), 1);
  unsigned char* der = nullptr;
  int length = i2d_ECDSA_SIG(sig.get(), &der);
  if (length <= 0) return std::nullopt;
  Bytes out(der, der + length);
  OPENSSL_free(der);
  return out;
}

}  // namespace culvert::ike
