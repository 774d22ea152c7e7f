#include "control/auth/key_file.h"

#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include <algorithm>
#include <cstring>

namespace culvert::auth {
namespace {

using BioPtr = std::unique_ptr<BIO, ike::OpensslFree<BIO_free_all>>;
using DecoderPtr = std::unique_ptr<OSSL_DECODER_CTX, ike::OpensslFree<OSSL_DECODER_CTX_free>>;
using Pkcs12Ptr = std::unique_ptr<PKCS12, ike::OpensslFree<PKCS12_free>>;

struct ErrorQueue {
  ~ErrorQueue() { ERR_clear_error(); }
};

bool IsPem(ByteView file) { return AsString(file).contains("-----BEGIN"); }

BioPtr Open(ByteView file) { return BioPtr(BIO_new_mem_buf(file.data(), static_cast<int>(file.size()))); }

// Nobody sits at a terminal: what is encrypted and was not expected to be fails.
int NoPassphrase(char*, int, int, void*) { return -1; }

struct Passphrase {
  const SecretBytes* secret = nullptr;
  bool asked = false;
};

int GivePassphrase(char* to, size_t size, size_t* length, const OSSL_PARAM*, void* arg) {
  auto& passphrase = *static_cast<Passphrase*>(arg);
  passphrase.asked = true;
  if (!passphrase.secret || passphrase.secret->size() > size) return 0;
  std::ranges::copy(passphrase.secret->view(), to);
  *length = passphrase.secret->size();
  return 1;
}

std::string Locked(bool given) {
  return given ? "is encrypted, and not with the passphrase in secrets { }"
               : "is encrypted; expected a section in secrets { } with its file and passphrase";
}

}  // namespace

std::expected<std::vector<Certificate>, std::string> ReadCertificates(ByteView file) {
  ErrorQueue queue;
  std::vector<Certificate> out;
  std::string why;
  if (file.empty()) return std::unexpected(std::string("is empty"));
  if (!IsPem(file)) {
    auto one = Certificate::FromDer(file, why);
    if (!one) return std::unexpected("is no certificate: " + why);
    out.push_back(*std::move(one));
    return out;
  }
  BioPtr bio = Open(file);
  while (X509Ptr x509{PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr)}) {
    auto one = Certificate::From(std::move(x509), why);
    if (!one) return std::unexpected("holds a certificate that is none: " + why);
    out.push_back(*std::move(one));
  }
  if (out.empty()) return std::unexpected(std::string("holds no certificate"));
  return out;
}

std::expected<CrlPtr, std::string> ReadCrl(ByteView file) {
  ErrorQueue queue;
  CrlPtr crl;
  if (IsPem(file)) {
    BioPtr bio = Open(file);
    crl.reset(PEM_read_bio_X509_CRL(bio.get(), nullptr, NoPassphrase, nullptr));
  } else {
    const unsigned char* at = file.data();
    crl.reset(d2i_X509_CRL(nullptr, &at, static_cast<long>(file.size())));
  }
  if (!crl) return std::unexpected(std::string("is no certificate revocation list"));
  return crl;
}

std::expected<ike::SignatureKey, std::string> ReadPrivateKey(ByteView file, const SecretBytes* passphrase) {
  ErrorQueue queue;
  if (file.empty()) return std::unexpected(std::string("is empty"));
  EVP_PKEY* read = nullptr;
  Passphrase state{passphrase};
  DecoderPtr decoder(OSSL_DECODER_CTX_new_for_pkey(&read, nullptr, nullptr, nullptr, EVP_PKEY_KEYPAIR, nullptr, nullptr));
  if (!decoder || OSSL_DECODER_CTX_set_passphrase_cb(decoder.get(), GivePassphrase, &state) != 1) {
    return std::unexpected(std::string("cannot be decoded"));
  }
  BioPtr bio = Open(file);
  bool ok = OSSL_DECODER_from_bio(decoder.get(), bio.get()) == 1;
  ike::PkeyPtr key(read);
  if (!ok || !key) return std::unexpected(state.asked ? Locked(passphrase) : "is no private key in PEM or DER");
  std::string why;
  auto pair = ike::SignatureKey::From(std::move(key), why);
  if (!pair) return std::unexpected("cannot be used: " + why);
  if (!pair->is_pair()) return std::unexpected(std::string("holds a public key only"));
  return *std::move(pair);
}

std::expected<Container, std::string> ReadContainer(ByteView file, const SecretBytes* passphrase) {
  ErrorQueue queue;
  const unsigned char* at = file.data();
  Pkcs12Ptr p12(d2i_PKCS12(nullptr, &at, static_cast<long>(file.size())));
  if (!p12) return std::unexpected(std::string("is no PKCS#12 container"));
  // OpenSSL wants a terminated string.
  SecretBytes text((passphrase ? passphrase->size() : 0) + 1);
  if (passphrase) std::ranges::copy(passphrase->view(), text.span().begin());
  EVP_PKEY* key = nullptr;
  X509* leaf = nullptr;
  STACK_OF(X509)* others = nullptr;
  bool opened = PKCS12_parse(p12.get(), reinterpret_cast<const char*>(text.view().data()), &key, &leaf, &others) == 1;
  ike::PkeyPtr own_key(key);
  X509Ptr own_leaf(leaf);
  std::vector<X509Ptr> rest;
  while (others && sk_X509_num(others) > 0) rest.push_back(X509Ptr(sk_X509_shift(others)));
  sk_X509_free(others);
  if (!opened) return std::unexpected(Locked(passphrase));
  if (!own_key || !own_leaf) return std::unexpected(std::string("holds no private key with its certificate"));
  std::string why;
  auto pair = ike::SignatureKey::From(std::move(own_key), why);
  if (!pair) return std::unexpected("holds a key that cannot be used: " + why);
  Container out{*std::move(pair), {}};
  rest.insert(rest.begin(), std::move(own_leaf));
  for (X509Ptr& x509 : rest) {
    auto one = Certificate::From(std::move(x509), why);
    if (!one) return std::unexpected("holds a certificate that is none: " + why);
    out.certificates.push_back(*std::move(one));
  }
  return out;
}

}  // namespace culvert::auth
