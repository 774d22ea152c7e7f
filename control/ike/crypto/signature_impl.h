#pragma once

#include "control/ike/crypto/signature.h"

// What signature.cc and signature_encoding.cc share.
namespace culvert::ike {

// An AlgorithmIdentifier as read.
struct NamedAlgorithm {
  bool rsa = false, pss = false, ecdsa = false, ed25519 = false, ed448 = false;
  HashAlgorithm hash{};
  int salt = 0;  // octets, of PSS
};
// nullopt for what is not exactly one AlgorithmIdentifier, names nothing this build verifies, or has parameters that are not
// its own: PSS with MGF1 over another hash, another trailer, or no parameters at all (RFC 7427 A.4: SHA-1 by default, which is
// read with PKCS#1 v1.5 and ECDSA alone).
std::optional<NamedAlgorithm> ParseAlgorithm(ByteView der);
// The DER of the scheme's AlgorithmIdentifier (RFC 7427 A, RFC 8420 A).
Bytes AlgorithmOf(const SignatureScheme& scheme);

size_t HashOctets(HashAlgorithm hash);        // of SHA-2: 32, 48, 64; otherwise 0
const EVP_MD* DigestOf(HashAlgorithm hash);   // nullptr for kIdentity

// RFC 4754 3: r | s, each as long as the curve's order, and ECDSA-Sig-Value in DER. nullopt where it is not of that form.
std::optional<Bytes> RawFromDer(ByteView der, KeyKind curve);
std::optional<Bytes> DerFromRaw(ByteView raw, KeyKind curve);

}  // namespace culvert::ike
