#pragma once

#include <openssl/x509.h>

#include <array>
#include <compare>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "control/ike/crypto/signature.h"
#include "control/ike/identity.h"

namespace culvert::auth {

using X509Ptr = std::unique_ptr<X509, ike::OpensslFree<X509_free>>;
using CrlPtr = std::unique_ptr<X509_CRL, ike::OpensslFree<X509_CRL_free>>;

// SHA-1 over a SubjectPublicKeyInfo: how CERTREQ names an authority (RFC 7296 3.7).
using KeyHash = std::array<uint8_t, 20>;

inline constexpr size_t kMaxCertificate = 65536;  // octets of one, and of all that a peer sends (hostile.md D11)

// One X.509 certificate (RFC 5280). Immutable; copies share it; safe from any thread.
class Certificate {
 public:
  // nullopt with the reason in `why`. The key may be one that AUTH cannot be made with: that is found out by key().
  static std::optional<Certificate> FromDer(ByteView der, std::string& why);
  static std::optional<Certificate> From(X509Ptr x509, std::string& why);

  const Bytes& der() const { return self_->der; }
  // nullptr with the reason in why_no_key() where no signature of that key is accepted.
  const ike::SignatureKey* key() const { return self_->key ? &*self_->key : nullptr; }
  const std::string& why_no_key() const { return self_->why_no_key; }
  const KeyHash& key_hash() const { return self_->key_hash; }
  ike::Identity subject() const;                        // as ID_DER_ASN1_DN
  bool is_authority() const { return self_->authority; }  // basicConstraints, keyUsage (RFC 5280 4.2.1.9)
  bool is_self_signed() const { return self_->self_signed; }
  time_t not_before() const { return self_->not_before; }
  time_t not_after() const { return self_->not_after; }
  X509* get() const { return self_->x509.get(); }

  // Whether the identity is the subject or one of subjectAltName, exactly, but for case where the type has none
  // (RFC 4945 3.1); a KEY_ID is the subjectKeyIdentifier. A wildcard in a certificate is no wildcard here.
  bool Proves(const ike::Identity& id) const;
  // The names a person would know it by, escaped: "C=CH, O=Example, CN=gw (gw.example.org, 192.0.2.1)".
  std::string ToString() const;

  friend bool operator==(const Certificate& a, const Certificate& b) { return a.der() == b.der(); }

 private:
  struct Contents {
    X509Ptr x509;
    Bytes der;
    std::optional<ike::SignatureKey> key;
    std::string why_no_key;
    KeyHash key_hash{};
    std::vector<ike::Identity> alt_names;
    bool authority = false, self_signed = false;
    time_t not_before = 0, not_after = 0;
  };
  std::shared_ptr<const Contents> self_;
};

}  // namespace culvert::auth
