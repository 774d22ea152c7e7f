#pragma once

#include <map>
#include <memory>
#include <span>

#include "config/complaint.h"
#include "config/model.h"
#include "config/syntax/file_source.h"
#include "control/auth/certificate.h"
#include "control/auth/revocation/revocation.h"

namespace culvert::auth {

// A certificate of ours, its key, and what leads from it to an authority as far as we know.
struct OwnCertificate {
  Certificate certificate;
  ike::SignatureKey key;
  std::vector<Certificate> chain;      // the issuers in their order, without the root
  std::vector<KeyHash> authorities;    // of the chain and the root
  std::vector<Bytes> authority_names;  // the same, as IKEv1 asks for them: their names in DER
  std::optional<Certificate> issuer;   // nullopt: it signed itself, or the issuer is not here
};

// How we authenticate in one handshake.
struct OwnChoice {
  const OwnCertificate* own = nullptr;  // lives as long as the Credentials
  ike::SigningChoice how;
  ike::Identity id;                     // whom AUTH is for: the configured one where the certificate proves it
  bool any_scheme = false;              // the connection leaves open how to sign
};
struct OwnWanted {
  const config::AuthRound& round;
  std::span<const KeyHash> requested;      // the peer's CERTREQ; empty: it did not say
  std::span<const uint16_t> peer_hashes;   // its SIGNATURE_HASH_ALGORITHMS; empty: it did not say
};
// The same in IKEv1, where the negotiated method says which kind of key it is to be.
struct OwnHashSigner {
  const config::AuthRound& round;
  ike::KeyKind kind{};
  std::span<const Bytes> requested;        // names in DER out of the peer's CERTREQs; empty: it did not say
};

// Everything the gateway has to prove itself and to judge others by, as files had it at one time. Immutable: a reload makes
// another, and what is under way goes on with the one it began with. Safe from any thread.
class Credentials {
 public:
  // The wall clock, for validity dates alone.
  using Clock = time_t (*)();

  Credentials() : Credentials([] { return time(nullptr); }) {}
  explicit Credentials(Clock clock);

  // Reads x509, x509ca, x509aa, x509crl, private, rsa, ecdsa, pkcs8 and pkcs12 in control.credentials_dir, and what the
  // connections name. Complaints are errors where a key cannot be used or a connection cannot authenticate, warnings otherwise.
  static std::shared_ptr<const Credentials> Load(const config::Control& control, config::FileSource& files,
                                                 config::Complaints& complaints, Clock clock);
  // From disk, by the system's clock. Without `revocation` nobody is asked about certificates.
  static std::shared_ptr<const Credentials> Load(const config::Control& control, config::Complaints& complaints,
                                                 std::shared_ptr<Revocation> revocation = nullptr);

  // The parts, one by one; for loaders. A path given is one that connections name the certificate by.
  void AddAuthority(Certificate certificate, const std::string& path = "");
  void AddCertificate(Certificate certificate, const std::string& path = "");
  void AddKey(ike::SignatureKey key);
  void AddCrl(CrlPtr crl);
  void set_revocation(std::shared_ptr<Revocation> revocation) { revocation_ = std::move(revocation); }
  void Finish();   // pairs keys with certificates and finds the chains; once, after the last part

  // The best of our certificates for that round, or why there is none. Fast: no public-key work.
  std::expected<OwnChoice, std::string> ChooseOwn(const OwnWanted& wanted) const;
  // IKEv1's: of OwnChoice::how nothing is said. The kinds are those of our certificates for that round, the best first.
  std::expected<OwnChoice, std::string> ChooseHashSigner(const OwnHashSigner& wanted) const;
  std::vector<ike::KeyKind> HashSigners(const config::AuthRound& round) const;
  // The names of authorities that a peer is asked for a certificate of, in DER; at most kMaxRequested.
  std::vector<Bytes> NamesRequestedBy(const config::AuthRound& remote) const;
  // What a CERTREQ for that round says; at most kMaxRequested.
  std::vector<KeyHash> RequestedBy(const config::AuthRound& remote) const;

  const Certificate* Named(const std::string& path) const;
  const OwnCertificate* OwnOf(const Certificate& certificate) const;
  // One of those in x509/ that proves the identity: for peers that send none.
  const Certificate* FindFor(const ike::Identity& id) const;
  const std::vector<Certificate>& helpers() const { return helpers_; }
  X509_STORE* store() const { return store_.get(); }   // trust anchors and CRLs
  Revocation* revocation() const { return revocation_.get(); }   // nullptr: only the files count
  time_t now() const { return clock_(); }
  bool empty() const { return own_.empty() && anchors_.empty() && certificates_.empty(); }

  static constexpr size_t kMaxRequested = 50;          // 1,000 octets of CERTREQ

 private:
  std::vector<const OwnCertificate*> CandidatesFor(const config::AuthRound& round) const;
  std::vector<const Certificate*> AskedFor(const config::AuthRound& remote) const;
  void FindChain(OwnCertificate& own) const;
  const Certificate* IssuerOf(const Certificate& certificate) const;

  Clock clock_;
  std::unique_ptr<X509_STORE, ike::OpensslFree<X509_STORE_free>> store_;
  std::map<std::string, Certificate> by_path_;
  std::vector<Certificate> anchors_;        // self-signed authorities
  std::vector<Certificate> helpers_;        // other authorities, to complete chains with
  std::vector<Certificate> certificates_;   // of x509/
  std::vector<ike::SignatureKey> keys_;
  std::vector<OwnCertificate> own_;
  std::shared_ptr<Revocation> revocation_;
};

// config's rules in terms of signatures.
bool Admits(std::span<const config::KeyRule> rules, const ike::SignatureKey& key);
std::vector<ike::SignatureScheme> SchemesOf(std::span<const config::SchemeRule> rules);

}  // namespace culvert::auth
