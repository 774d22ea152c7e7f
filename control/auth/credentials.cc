#include "control/auth/credentials.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "absl/log/check.h"
#include "common/bytes/hex.h"
#include "config/text.h"

namespace culvert::auth {
namespace {

constexpr size_t kMaxOwnChain = 7;  // issuers sent behind our certificate: with it as many as a peer may send us (D11)

config::KeyType TypeOf(ike::KeyKind kind) {
  switch (kind) {
    case ike::KeyKind::kRsa: return config::KeyType::kRsa;
    case ike::KeyKind::kEcdsa256:
    case ike::KeyKind::kEcdsa384:
    case ike::KeyKind::kEcdsa521: return config::KeyType::kEcdsa;
    case ike::KeyKind::kEd25519: return config::KeyType::kEd25519;
    case ike::KeyKind::kEd448: break;
  }
  return config::KeyType::kEd448;
}

bool Requested(const OwnCertificate& own, std::span<const KeyHash> requested) {
  return std::ranges::any_of(own.authorities, [&](const KeyHash& h) { return std::ranges::contains(requested, h); });
}

// RFC 5280 6.1: by name, and by key identifier where both have one.
bool IsIssuedBy(const Certificate& certificate, const Certificate& issuer) {
  return issuer.is_authority() && X509_check_issued(issuer.get(), certificate.get()) == X509_V_OK;
}

}  // namespace

bool Admits(std::span<const config::KeyRule> rules, const ike::SignatureKey& key) {
  return rules.empty() || std::ranges::any_of(rules, [&](const config::KeyRule& r) {
           return r.type == TypeOf(key.kind()) && key.bits() >= r.min_bits;
         });
}

std::vector<ike::SignatureScheme> SchemesOf(std::span<const config::SchemeRule> rules) {
  using enum ike::KeyKind;
  std::vector<ike::SignatureScheme> out;
  for (const config::SchemeRule& r : rules) {
    auto hash = r.hash_bits == 256   ? ike::HashAlgorithm::kSha256
                : r.hash_bits == 384 ? ike::HashAlgorithm::kSha384
                : r.hash_bits == 512 ? ike::HashAlgorithm::kSha512
                : r.hash_bits == 160 ? ike::HashAlgorithm::kSha1
                                     : ike::HashAlgorithm::kIdentity;
    for (ike::KeyKind kind : {kRsa, kEcdsa256, kEcdsa384, kEcdsa521, kEd25519, kEd448}) {
      if (TypeOf(kind) == r.type) out.push_back({kind, hash, r.pss});
    }
  }
  return out;
}

Credentials::Credentials(Clock clock) : clock_(clock), store_(X509_STORE_new()) { CHECK(store_); }

void Credentials::AddAuthority(Certificate certificate, const std::string& path) {
  if (!path.empty()) by_path_.insert_or_assign(path, certificate);
  auto& list = certificate.is_self_signed() ? anchors_ : helpers_;
  if (std::ranges::contains(list, certificate)) return;
  if (certificate.is_self_signed()) CHECK_EQ(X509_STORE_add_cert(store_.get(), certificate.get()), 1);
  list.push_back(std::move(certificate));
}

void Credentials::AddCertificate(Certificate certificate, const std::string& path) {
  if (!path.empty()) by_path_.insert_or_assign(path, certificate);
  if (std::ranges::contains(certificates_, certificate)) return;
  if (certificate.is_authority() && !certificate.is_self_signed()) helpers_.push_back(certificate);
  certificates_.push_back(std::move(certificate));
}

void Credentials::AddKey(ike::SignatureKey key) { keys_.push_back(std::move(key)); }

void Credentials::AddCrl(CrlPtr crl) {
  // One that is there already is refused, and no loss.
  (void)X509_STORE_add_crl(store_.get(), crl.get());
  ERR_clear_error();
}

const Certificate* Credentials::IssuerOf(const Certificate& certificate) const {
  for (const auto* list : {&anchors_, &helpers_}) {
    auto it = std::ranges::find_if(*list, [&](const Certificate& c) { return IsIssuedBy(certificate, c); });
    if (it != list->end()) return &*it;
  }
  return nullptr;
}

void Credentials::FindChain(OwnCertificate& own) const {
  const Certificate* at = &own.certificate;
  while (!at->is_self_signed() && own.chain.size() < kMaxOwnChain) {
    const Certificate* issuer = IssuerOf(*at);
    if (!issuer || std::ranges::contains(own.chain, *issuer)) break;
    own.authorities.push_back(issuer->key_hash());
    own.authority_names.push_back(issuer->subject().data);
    if (!own.issuer) own.issuer = *issuer;
    if (issuer->is_self_signed()) break;
    own.chain.push_back(*issuer);
    at = issuer;
  }
}

void Credentials::Finish() {
  for (const Certificate& c : certificates_) {
    auto key = std::ranges::find_if(keys_, [&](const ike::SignatureKey& k) { return c.key() && k.SamePublicKey(*c.key()); });
    if (key == keys_.end()) continue;
    own_.push_back({.certificate = c, .key = *key, .chain = {}, .authorities = {}, .authority_names = {}, .issuer = {}});
    FindChain(own_.back());
  }
}

const Certificate* Credentials::Named(const std::string& path) const {
  auto it = by_path_.find(path);
  return it == by_path_.end() ? nullptr : &it->second;
}

const OwnCertificate* Credentials::OwnOf(const Certificate& certificate) const {
  auto it = std::ranges::find_if(own_, [&](const OwnCertificate& o) { return o.certificate == certificate; });
  return it == own_.end() ? nullptr : &*it;
}

const Certificate* Credentials::FindFor(const ike::Identity& id) const {
  auto it = std::ranges::find_if(certificates_, [&](const Certificate& c) { return c.Proves(id) && !OwnOf(c); });
  return it == certificates_.end() ? nullptr : &*it;
}

// Those named; otherwise those that prove the configured identity, or where there is none all.
std::vector<const OwnCertificate*> Credentials::CandidatesFor(const config::AuthRound& round) const {
  std::vector<const OwnCertificate*> out;
  for (const config::CredentialFile& file : round.certs) {
    const Certificate* named = Named(file.path);
    const OwnCertificate* own = named ? OwnOf(*named) : nullptr;
    if (own) out.push_back(own);
  }
  if (!round.certs.empty()) return out;
  auto id = ike::Identity::Parse(round.id);
  for (const OwnCertificate& own : own_) {
    if (!id || own.certificate.Proves(*id)) out.push_back(&own);
  }
  return out;
}

std::expected<OwnChoice, std::string> Credentials::ChooseOwn(const OwnWanted& wanted) const {
  auto candidates = CandidatesFor(wanted.round);
  if (candidates.empty()) {
    return std::unexpected(wanted.round.id.empty() ? "no certificate with a private key"
                                                   : "no certificate with a private key for " + Escape(wanted.round.id));
  }
  const auto allowed = SchemesOf(wanted.round.rules.schemes);
  std::optional<OwnChoice> best;
  std::string why;
  for (const OwnCertificate* own : candidates) {
    auto how = ike::ChooseSigning(own->key, wanted.peer_hashes, allowed);
    if (!how && allowed.empty() && wanted.round.rules.sha1 == config::Sha1Use::kAnywhere) {
      const ike::SignatureScheme by_sha1[] = {{own->key.kind(), ike::HashAlgorithm::kSha1}};
      how = ike::ChooseSigning(own->key, wanted.peer_hashes, by_sha1);
    }
    if (!how || !Admits(wanted.round.rules.keys, own->key)) {
      why = config::Cat("the peer and auth = ", wanted.round.auth, " leave no way to sign with ", ike::Name(own->key.kind()));
      continue;
    }
    // RFC 7296 3.7: CERTREQ is a wish; what else there is is better than nothing.
    bool wished = Requested(*own, wanted.requested);
    if (best && !wished) continue;
    auto id = ike::Identity::Parse(wanted.round.id);
    best = OwnChoice{own, *how, id && own->certificate.Proves(*id) ? *id : own->certificate.subject(),
                     allowed.empty()};
    if (wished) break;
  }
  if (!best) return std::unexpected(why);
  return *std::move(best);
}

std::vector<ike::KeyKind> Credentials::HashSigners(const config::AuthRound& round) const {
  std::vector<ike::KeyKind> kinds;
  for (const OwnCertificate* own : CandidatesFor(round)) {
    const bool fits = ike::SignsHashes(own->key) && Admits(round.rules.keys, own->key);
    if (fits && !std::ranges::contains(kinds, own->key.kind())) kinds.push_back(own->key.kind());
  }
  return kinds;
}

std::expected<OwnChoice, std::string> Credentials::ChooseHashSigner(const OwnHashSigner& wanted) const {
  std::optional<OwnChoice> best;
  for (const OwnCertificate* own : CandidatesFor(wanted.round)) {
    const bool fits = ike::SignsHashes(own->key) && own->key.kind() == wanted.kind && Admits(wanted.round.rules.keys, own->key);
    const bool wished = std::ranges::any_of(own->authority_names, [&](const Bytes& name) {
      return std::ranges::contains(wanted.requested, name);
    });
    if (!fits || (best && !wished)) continue;
    auto id = ike::Identity::Parse(wanted.round.id);
    best = OwnChoice{own, {}, id && own->certificate.Proves(*id) ? *id : own->certificate.subject(), true};
    if (wished) break;
  }
  if (best) return *std::move(best);
  return std::unexpected(config::Cat("no certificate with a private key of ", ike::Name(wanted.kind),
                                     wanted.round.id.empty() ? "" : " for " + Escape(wanted.round.id)));
}

// Whose certificates a peer is asked for.
std::vector<const Certificate*> Credentials::AskedFor(const config::AuthRound& remote) const {
  std::vector<const Certificate*> out;
  for (const config::CredentialFile& file : remote.cacerts) {
    if (const Certificate* named = Named(file.path)) out.push_back(named);
  }
  if (remote.cacerts.empty()) {
    for (const Certificate& c : anchors_) out.push_back(&c);
  }
  if (out.size() > kMaxRequested) out.resize(kMaxRequested);
  return out;
}

std::vector<KeyHash> Credentials::RequestedBy(const config::AuthRound& remote) const {
  std::vector<KeyHash> out;
  for (const Certificate* c : AskedFor(remote)) out.push_back(c->key_hash());
  return out;
}

std::vector<Bytes> Credentials::NamesRequestedBy(const config::AuthRound& remote) const {
  std::vector<Bytes> out;
  for (const Certificate* c : AskedFor(remote)) out.push_back(c->subject().data);
  return out;
}

}  // namespace culvert::auth
