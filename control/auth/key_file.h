#pragma once

#include <expected>
#include <string>
#include <vector>

#include "common/bytes/secret.h"
#include "control/auth/certificate.h"

// Files with certificates, revocation lists and keys, PEM or DER, as octets already read. Errors say what was expected and
// never what the file holds.
namespace culvert::auth {

// All certificates of a PEM file, in order, or the one of a DER file.
std::expected<std::vector<Certificate>, std::string> ReadCertificates(ByteView file);
std::expected<CrlPtr, std::string> ReadCrl(ByteView file);

// A private key: PKCS#8, or the traditional form of its algorithm, plain or encrypted. `passphrase` is nullptr where there
// is none for the file.
std::expected<ike::SignatureKey, std::string> ReadPrivateKey(ByteView file, const SecretBytes* passphrase);

// A PKCS#12 container (RFC 7292): a key, its certificate first, then the others.
struct Container {
  ike::SignatureKey key;
  std::vector<Certificate> certificates;
};
std::expected<Container, std::string> ReadContainer(ByteView file, const SecretBytes* passphrase);

}  // namespace culvert::auth
