#include "control/auth/certificate.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "absl/log/check.h"
#include "common/bytes/hex.h"
#include "config/text.h"

namespace culvert::auth {
namespace {

using GeneralNamesPtr = std::unique_ptr<GENERAL_NAMES, ike::OpensslFree<GENERAL_NAMES_free>>;

ByteView Octets(const ASN1_STRING* s) {
  return {ASN1_STRING_get0_data(s), static_cast<size_t>(ASN1_STRING_length(s))};
}

std::optional<ike::Identity> IdentityOf(const GENERAL_NAME* name) {
  switch (name->type) {
    case GEN_DNS: return ike::Identity{ike::IdType::kFqdn, ToBytes(Octets(name->d.dNSName))};
    case GEN_EMAIL: return ike::Identity{ike::IdType::kRfc822, ToBytes(Octets(name->d.rfc822Name))};
    case GEN_IPADD: {
      Bytes address = ToBytes(Octets(name->d.iPAddress));
      if (address.size() == 4) return ike::Identity{ike::IdType::kIpv4, std::move(address)};
      if (address.size() == 16) return ike::Identity{ike::IdType::kIpv6, std::move(address)};
      return std::nullopt;
    }
    default: return std::nullopt;
  }
}

std::vector<ike::Identity> AltNames(X509* x509) {
  std::vector<ike::Identity> out;
  GeneralNamesPtr names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    if (auto id = IdentityOf(sk_GENERAL_NAME_value(names.get(), i))) out.push_back(*std::move(id));
  }
  return out;
}

std::optional<time_t> TimeOf(const ASN1_TIME* t) {
  struct tm parts {};
  if (ASN1_TIME_to_tm(t, &parts) != 1) return std::nullopt;
  return timegm(&parts);
}

Bytes NameDer(const X509_NAME* name) {
  unsigned char* der = nullptr;
  int length = i2d_X509_NAME(name, &der);
  Bytes out(der, der + std::max(length, 0));
  OPENSSL_free(der);
  return out;
}

KeyHash HashOfKey(X509* x509) {
  unsigned char* der = nullptr;
  int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der);
  KeyHash hash{};
  CHECK(length > 0 && EVP_Digest(der, static_cast<size_t>(length), hash.data(), nullptr, EVP_sha1(), nullptr) == 1);
  OPENSSL_free(der);
  return hash;
}

// A NUL in the middle of a name has ended it for others before; no name here has one.
bool HasNul(const ike::Identity& id) {
  bool text = id.type == ike::IdType::kFqdn || id.type == ike::IdType::kRfc822;
  return text && std::ranges::contains(id.data, uint8_t{0});
}

}  // namespace

std::optional<Certificate> Certificate::FromDer(ByteView der, std::string& why) {
  if (der.size() > kMaxCertificate) {
    why = "longer than 65,536 octets";
    return std::nullopt;
  }
  const unsigned char* at = der.data();
  X509Ptr x509(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (!x509 || at != der.data() + der.size()) {
    why = "not one X.509 certificate in DER";
    return std::nullopt;
  }
  return From(std::move(x509), why);
}

std::optional<Certificate> Certificate::From(X509Ptr x509, std::string& why) {
  auto c = std::make_shared<Contents>();
  unsigned char* der = nullptr;
  int length = i2d_X509(x509.get(), &der);
  c->der.assign(der, der + std::max(length, 0));
  OPENSSL_free(der);
  auto from = TimeOf(X509_get0_notBefore(x509.get())), to = TimeOf(X509_get0_notAfter(x509.get()));
  // Extensions that do not parse, or stand there twice, leave what they were to restrict unsaid.
  bool sound = !(X509_get_extension_flags(x509.get()) & EXFLAG_INVALID) && X509_check_ca(x509.get()) >= 0;
  if (length <= 0 || !from || !to || !sound || (X509_get_extension_flags(x509.get()) & EXFLAG_INVALID)) {
    why = "its extensions or dates cannot be read";
    ERR_clear_error();
    return std::nullopt;
  }
  c->not_before = *from;
  c->not_after = *to;
  c->key_hash = HashOfKey(x509.get());
  c->alt_names = AltNames(x509.get());
  c->authority = X509_check_ca(x509.get()) > 0;
  ike::PkeyPtr key(X509_get_pubkey(x509.get()));
  if (key) c->key = ike::SignatureKey::From(std::move(key), c->why_no_key);
  else c->why_no_key = "its public key cannot be read";
  // D11: by names alone for keys of a kind or size that a stranger could make us sweat with.
  c->self_signed = X509_self_signed(x509.get(), c->key ? 1 : 0) == 1;
  ERR_clear_error();
  c->x509 = std::move(x509);
  Certificate out;
  out.self_ = std::move(c);
  return out;
}

ike::Identity Certificate::subject() const { return {ike::IdType::kDerDn, NameDer(X509_get_subject_name(get()))}; }

bool Certificate::Proves(const ike::Identity& id) const {
  if (id.type == ike::IdType::kDerDn) {
    const unsigned char* at = id.data.data();
    std::unique_ptr<X509_NAME, ike::OpensslFree<X509_NAME_free>> name(
        d2i_X509_NAME(nullptr, &at, static_cast<long>(id.data.size())));
    ERR_clear_error();
    bool whole = name && at == id.data.data() + id.data.size() && X509_NAME_entry_count(name.get()) > 0;
    return whole && X509_NAME_cmp(name.get(), X509_get_subject_name(get())) == 0;
  }
  if (id.type == ike::IdType::kKeyId) {
    const ASN1_OCTET_STRING* key_id = X509_get0_subject_key_id(get());
    return key_id && !id.data.empty() && Equal(Octets(key_id), id.data);
  }
  bool text = id.type == ike::IdType::kFqdn || id.type == ike::IdType::kRfc822;
  return std::ranges::any_of(self_->alt_names, [&](const ike::Identity& name) {
    if (name.type != id.type || HasNul(name)) return false;
    return text ? config::EqualIgnoringCase(AsString(name.data), AsString(id.data)) : name.data == id.data;
  });
}

std::string Certificate::ToString() const {
  std::string names;
  for (const ike::Identity& name : self_->alt_names) names += (names.empty() ? "" : ", ") + name.ToString();
  return subject().ToString() + (names.empty() ? "" : " (" + names.substr(0, 256) + ")");
}

}  // namespace culvert::auth
