#include "control/auth/verify.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "common/base/limits.h"
#include "config/text.h"

namespace culvert::auth {
namespace {

using config::Cat;
using StoreCtxPtr = std::unique_ptr<X509_STORE_CTX, ike::OpensslFree<X509_STORE_CTX_free>>;
using StackPtr = std::unique_ptr<STACK_OF(X509), decltype([](STACK_OF(X509)* s) { sk_X509_free(s); })>;
using CrlStackPtr = std::unique_ptr<STACK_OF(X509_CRL), decltype([](STACK_OF(X509_CRL)* s) { sk_X509_CRL_free(s); })>;
using EkuPtr = std::unique_ptr<EXTENDED_KEY_USAGE, ike::OpensslFree<EXTENDED_KEY_USAGE_free>>;

constexpr int kMaxDepth = 32;   // D11
constexpr int kAuthLevel = 2;   // OpenSSL's: 112 bits; no RSA below 2048, no SHA-1 unless it is overlooked below

struct ErrorQueue {
  ~ErrorQueue() { ERR_clear_error(); }
};

// Whether a certificate says where its revocation could be asked for.
bool NamesRevocation(X509* x509) {
  if (X509_get_ext_by_NID(x509, NID_crl_distribution_points, -1) >= 0) return true;
  STACK_OF(OPENSSL_STRING)* responders = X509_get1_ocsp(x509);
  bool any = responders && sk_OPENSSL_STRING_num(responders) > 0;
  X509_email_free(responders);
  return any;
}

bool IsUnknownRevocation(int error) {
  switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_DIFFERENT_CRL_SCOPE:
    case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN: return true;
    default: return false;
  }
}

// A certificate of a chain whose state of revocation no list tells.
struct Unknown {
  size_t depth = 0;
  std::string why;
};

// What is overlooked in a chain while OpenSSL builds it.
struct Overlooked {
  bool sha1 = false;              // certificates signed by SHA-1, where the connection takes them
  std::vector<Unknown> unknown;
};

bool IsSignedBySha1(X509* x509) {
  int digest = NID_undef;
  return x509 && X509_get_signature_info(x509, &digest, nullptr, nullptr, nullptr) == 1 && digest == NID_sha1;
}

// OpenSSL asks for each fault it finds. An unknown state of revocation is overlooked here, and settled later; the list that has
// expired is still asked whether it names the certificate.
int OnFault(int ok, X509_STORE_CTX* ctx) {
  const int error = X509_STORE_CTX_get_error(ctx);
  X509* at = X509_STORE_CTX_get_current_cert(ctx);
  auto& [sha1, unknown] = *static_cast<Overlooked*>(X509_STORE_CTX_get_app_data(ctx));
  if (!ok && error == X509_V_ERR_CA_MD_TOO_WEAK && sha1 && IsSignedBySha1(at)) return 1;
  if (ok || !IsUnknownRevocation(error)) return ok;
  // A root is trusted because it is here: it vouches for nothing by a list of its own.
  if (at && X509_self_signed(at, 0) == 1) return 1;
  const auto depth = static_cast<size_t>(X509_STORE_CTX_get_error_depth(ctx));
  if (unknown.empty() || unknown.back().depth != depth) unknown.push_back({depth, X509_verify_cert_error_string(error)});
  return 1;
}

std::optional<Certificate> CertificateOf(X509* x509) {
  std::string why;
  return x509 && X509_up_ref(x509) ? Certificate::From(X509Ptr(x509), why) : std::nullopt;
}

std::string SubjectOf(X509* x509) {
  auto c = CertificateOf(x509);
  return c ? " (" + c->subject().ToString() + ")" : "";
}

// A chain as OpenSSL built it; borrowed from the context.
struct Chain {
  std::vector<X509*> certificates;   // from the peer's own up to a trust anchor
  std::vector<Unknown> unknown;
};

std::string Fault(X509_STORE_CTX* ctx) {
  const int error = X509_STORE_CTX_get_error(ctx);
  X509* at = X509_STORE_CTX_get_current_cert(ctx);
  const bool sha1 = error == X509_V_ERR_CA_MD_TOO_WEAK && IsSignedBySha1(at);
  return Cat(X509_verify_cert_error_string(error), SubjectOf(at), sha1 ? ": SHA-1 is for profile legacy alone" : "");
}

// The chain, or why there is none.
std::expected<Chain, std::string> BuildChain(X509_STORE_CTX* ctx, const Credentials& credentials,
                                             std::span<const Certificate> sent, config::Sha1Use sha1) {
  StackPtr untrusted(sk_X509_new_null());
  for (const Certificate& c : sent.subspan(1)) sk_X509_push(untrusted.get(), c.get());
  for (const Certificate& c : credentials.helpers()) sk_X509_push(untrusted.get(), c.get());
  if (X509_STORE_CTX_init(ctx, credentials.store(), sent[0].get(), untrusted.get()) != 1) {
    return std::unexpected(std::string("out of memory"));
  }
  Overlooked overlooked{.sha1 = sha1 == config::Sha1Use::kAnywhere, .unknown = {}};
  std::vector<std::shared_ptr<X509_CRL>> fetched;
  if (credentials.revocation()) fetched = credentials.revocation()->Lists();
  CrlStackPtr lists(sk_X509_CRL_new_null());
  for (const auto& crl : fetched) sk_X509_CRL_push(lists.get(), crl.get());
  X509_STORE_CTX_set0_crls(ctx, lists.get());
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(ctx);
  X509_VERIFY_PARAM_set_time(param, credentials.now());
  X509_VERIFY_PARAM_set_depth(param, kMaxDepth);
  X509_VERIFY_PARAM_set_auth_level(param, kAuthLevel);
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  X509_STORE_CTX_set_app_data(ctx, &overlooked);
  X509_STORE_CTX_set_verify_cb(ctx, OnFault);
  const bool good = X509_verify_cert(ctx) == 1;
  X509_STORE_CTX_set0_crls(ctx, nullptr);
  if (!good) return std::unexpected(Fault(ctx));
  Chain chain{.certificates = {}, .unknown = std::move(overlooked.unknown)};
  STACK_OF(X509)* built = X509_STORE_CTX_get0_chain(ctx);
  for (int i = 0; i < sk_X509_num(built); ++i) chain.certificates.push_back(sk_X509_value(built, i));
  return chain;
}

// What a chain is judged by, and what comes of it beside the verdict.
struct Judging {
  const Credentials& credentials;
  const config::AuthRound& round;
  std::span<const Bytes> shown;        // OCSP responses of the peer's own
  std::vector<Issued>* open;           // gets those that somebody is to be asked about first; nullptr: nobody is
  bool shown_counts = false;           // one of `shown` tells that a certificate is not revoked
};

// What the responses that the peer shows tell of that certificate: revoked or not; or why they tell nothing.
std::expected<bool, std::string> ByShown(const Judging& judging, const Issued& which) {
  const time_t now = judging.credentials.now();
  std::string why;
  bool good = false;
  for (const Bytes& der : judging.shown) {
    auto answer = ReadOcsp(der, which, now);
    if (answer && answer->until > now && answer->revoked) return true;
    good |= answer && answer->until > now;
    why = answer ? "it is out of date" : answer.error();
  }
  if (good) return false;
  return std::unexpected(judging.shown.empty() ? "" : Cat("; of the OCSP response it sends: ", why));
}

// Of a certificate of which nobody tells: why the chain is refused for it, or nothing.
std::string ByPolicy(const Unknown& unknown, X509* at, config::Revocation policy) {
  const bool silent = policy == config::Revocation::kIfUri && !NamesRevocation(at);
  return policy == config::Revocation::kRelaxed || silent ? "" : unknown.why + SubjectOf(at);
}

// Of a certificate that no list knows: why the chain is refused for it, or nothing. `shown`: by the peer's own responses.
std::string JudgeUnknown(const Unknown& unknown, const Issued& which, const std::expected<bool, std::string>& shown,
                         const Judging& judging) {
  Revocation* revocation = judging.credentials.revocation();
  auto revoked = revocation ? revocation->Revoked(which) : std::nullopt;
  if (revoked && *revoked) return Cat("certificate revoked", SubjectOf(which.subject.get()));
  if (revoked || shown) return {};
  if (revocation && judging.open && revocation->MayAsk(which)) {
    judging.open->push_back(which);
    return {};
  }
  std::string why = ByPolicy(unknown, which.subject.get(), judging.round.revocation);
  return why.empty() ? why : why + shown.error();
}

// Why the chain is refused for what is known, or not known, of its revocation; or nothing.
std::string JudgeRevocation(const Chain& chain, Judging& judging) {
  for (size_t depth = 0; depth + 1 < chain.certificates.size(); ++depth) {
    auto unknown = std::ranges::find(chain.unknown, depth, &Unknown::depth);
    const bool listed = unknown == chain.unknown.end();
    if (listed && judging.shown.empty()) continue;
    std::string why;
    auto subject = CertificateOf(chain.certificates[depth]), issuer = CertificateOf(chain.certificates[depth + 1]);
    if (subject && issuer) {
      const Issued which{*std::move(subject), *std::move(issuer)};
      auto shown = ByShown(judging, which);
      judging.shown_counts |= shown.has_value();
      // A peer that shows that it is revoked is believed, whatever else is known.
      if (shown && *shown) why = Cat("certificate revoked", SubjectOf(which.subject.get()));
      else if (!listed) why = JudgeUnknown(*unknown, which, shown, judging);
    } else if (!listed) {
      why = ByPolicy(*unknown, chain.certificates[depth], judging.round.revocation);
    }
    if (!why.empty()) return why;
  }
  return {};
}

// RFC 4945 5.1.3.12: a certificate that says what it is for says that it is for IKE, or for anything. People also use what
// their TLS servers and clients have; mail and code signing are something else.
bool MayAuthenticateIke(X509* x509) {
  EkuPtr usages(static_cast<EXTENDED_KEY_USAGE*>(X509_get_ext_d2i(x509, NID_ext_key_usage, nullptr, nullptr)));
  if (!usages) return X509_get_ext_by_NID(x509, NID_ext_key_usage, -1) < 0;
  constexpr const char* kAccepted[] = {"2.5.29.37.0",       "1.3.6.1.5.5.7.3.17", "1.3.6.1.5.5.8.2.2",
                                       "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"};
  for (int i = 0; i < sk_ASN1_OBJECT_num(usages.get()); ++i) {
    char oid[80] = "";
    OBJ_obj2txt(oid, sizeof oid, sk_ASN1_OBJECT_value(usages.get(), i), 1);
    if (std::ranges::find(kAccepted, std::string_view(oid)) != std::end(kAccepted)) return true;
  }
  return false;
}

// RFC 4945 5.1.3.2.
bool MaySign(X509* x509) {
  uint32_t usage = X509_get_key_usage(x509);  // all ones where it says nothing
  return usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION);
}

std::string JudgeUse(const Certificate& peer, time_t now) {
  if (!peer.key()) return peer.why_no_key();
  if (now < peer.not_before()) return "it is not valid yet";
  if (now > peer.not_after()) return "it has expired";
  if (!MaySign(peer.get())) return "its keyUsage has neither digitalSignature nor nonRepudiation";
  if (!MayAuthenticateIke(peer.get())) return "its extendedKeyUsage is for something else than IKE";
  return "";
}

std::string JudgeChainSchemes(std::span<X509* const> chain, std::span<const ike::SignatureScheme> allowed) {
  // The root's own signature says nothing.
  for (X509* x509 : chain.first(chain.size() - 1)) {
    int digest = NID_undef, key = NID_undef;
    X509_get_signature_info(x509, &digest, &key, nullptr, nullptr);
    bool fits = std::ranges::any_of(allowed, [&](const ike::SignatureScheme& s) {
      bool same_key = s.key == ike::KeyKind::kRsa       ? key == (s.pss ? EVP_PKEY_RSA_PSS : EVP_PKEY_RSA)
                      : s.key == ike::KeyKind::kEd25519 ? key == EVP_PKEY_ED25519
                      : s.key == ike::KeyKind::kEd448   ? key == EVP_PKEY_ED448
                                                        : key == EVP_PKEY_EC;
      int wanted = s.hash == ike::HashAlgorithm::kSha256   ? NID_sha256
                   : s.hash == ike::HashAlgorithm::kSha384 ? NID_sha384
                   : s.hash == ike::HashAlgorithm::kSha512 ? NID_sha512
                   : s.hash == ike::HashAlgorithm::kSha1   ? NID_sha1
                                                           : NID_undef;
      return same_key && (wanted == NID_undef || wanted == digest);
    });
    if (!fits) return Cat("auth does not admit how a certificate is signed", SubjectOf(x509));
  }
  return "";
}

bool ContainsNamed(std::span<X509* const> chain, const Credentials& credentials, const config::AuthRound& round) {
  return std::ranges::any_of(round.cacerts, [&](const config::CredentialFile& file) {
    const Certificate* named = credentials.Named(file.path);
    return named && std::ranges::any_of(chain.subspan(1), [&](X509* x) { return X509_cmp(x, named->get()) == 0; });
  });
}

std::string JudgeChain(std::span<const Certificate> sent, Judging& judging) {
  const config::AuthRound& round = judging.round;
  StoreCtxPtr ctx(X509_STORE_CTX_new());
  auto chain = BuildChain(ctx.get(), judging.credentials, sent, round.rules.sha1);
  if (!chain) return chain.error();
  const auto& all = chain->certificates;
  if (!round.cacerts.empty() && !ContainsNamed(all, judging.credentials, round)) return "none of cacerts is in its chain";
  if (!round.rules.schemes.empty() && round.rules.chain) {
    std::string why = JudgeChainSchemes(all, SchemesOf(round.rules.schemes));
    if (!why.empty()) return why;
  }
  return JudgeRevocation(*chain, judging);
}

// The certificate here of a peer that sends none; nullptr where there is none.
const Certificate* KnownOf(const Credentials& credentials, const ike::Identity& id, const config::AuthRound& round) {
  for (const config::CredentialFile& file : round.certs) {
    const Certificate* named = credentials.Named(file.path);
    if (named && named->Proves(id)) return named;
  }
  return round.certs.empty() ? credentials.FindFor(id) : nullptr;
}

bool IsPinned(const Credentials& credentials, const Certificate& peer, const config::AuthRound& round) {
  return std::ranges::any_of(round.certs, [&](const config::CredentialFile& file) {
    const Certificate* named = credentials.Named(file.path);
    return named && *named == peer;
  });
}

// IKEv1's SIG. The hash is the negotiated one, whatever `auth` says of hashes: the connection's floor has been looked at.
std::expected<ike::SignatureScheme, std::string> VerifyHash(const PeerProof& proof, const ike::SignatureKey& key) {
  if (key.kind() != *proof.signs_hash) {
    return std::unexpected(Cat("a signature by ", ike::Name(*proof.signs_hash), " was agreed on, and the key is ",
                               ike::Name(key.kind())));
  }
  if (!ike::VerifyHash(key, proof.octets, proof.auth)) return std::unexpected(std::string("its signature is wrong"));
  return ike::SignatureScheme{.key = key.kind(), .hash = ike::HashAlgorithm::kIdentity};
}

// RFC 8247 4: SHA-1 only where the connection's profile takes it.
std::expected<ike::SignatureScheme, std::string> VerifyAuth(const PeerProof& proof, const ike::SignatureKey& key,
                                                            config::Sha1Use sha1) {
  auto scheme = ike::VerifyAuth(proof.method, proof.auth, key, proof.octets);
  if (scheme) return scheme;
  auto by_sha1 = ike::VerifySha1Auth(proof.method, proof.auth, key, proof.octets);
  if (!by_sha1) return scheme;
  const bool takes = sha1 == config::Sha1Use::kAnywhere ||
                     (sha1 == config::Sha1Use::kMethod1 && proof.method == ike::AuthMethod::kRsa);
  if (takes) return *by_sha1;
  return std::unexpected(std::string("its signature is by SHA-1, which only profile legacy takes, and windows by method 1"));
}

}  // namespace

std::expected<std::vector<Certificate>, std::string> DecodeSent(const PeerProof& proof) {
  std::vector<Certificate> out;
  size_t octets = 0;
  for (const Bytes& der : proof.certificates) {
    octets += der.size();
    if (octets > kMaxCertificate || out.size() >= kMaxCertPayloads) {
      return std::unexpected(std::string("it sends too many certificates"));
    }
    std::string why;
    auto c = Certificate::FromDer(der, why);
    if (!c) return std::unexpected(Cat("CERT holds no certificate: ", why));
    out.push_back(*std::move(c));
  }
  return out;
}

std::expected<Verified, std::string> VerifyPeer(const Credentials& credentials, const PeerProof& proof,
                                                std::span<const Certificate> sent, const config::AuthRound& round) {
  ErrorQueue queue;
  const Certificate* known = sent.empty() ? KnownOf(credentials, proof.id, round) : nullptr;
  if (known) sent = {known, 1};
  if (sent.empty()) {
    return std::unexpected(Cat("it sends no certificate", proof.by_url ? " but a hash and URL, which is not fetched" : "",
                               ", and none of its is in x509/"));
  }
  const Certificate& peer = sent.front();
  auto refuse = [&](std::string_view why) { return std::unexpected(Cat("certificate ", peer.ToString(), ": ", why)); };
  // R12, B34: somebody else with our certificate is a mirror or a thief.
  if (credentials.OwnOf(peer)) return refuse("it is our own");
  if (!peer.Proves(proof.id)) return refuse(Cat("it does not prove ", proof.id.ToString()));
  if (std::string why = JudgeUse(peer, credentials.now()); !why.empty()) return refuse(why);
  if (!Admits(round.rules.keys, *peer.key())) {
    return refuse(Cat("auth = ", round.auth, " does not admit ", ike::Name(peer.key()->kind()), " of ", peer.key()->bits(),
                      " bits"));
  }
  bool pinned = IsPinned(credentials, peer, round);
  if (!round.certs.empty() && !pinned) return refuse("it is none of certs");
  std::vector<Issued> open;
  Judging judging{credentials, round, {}, proof.asked ? nullptr : &open};
  // RFC 4806 3.1: what nobody asked for is not looked at.
  if (round.asks_ocsp) judging.shown = proof.ocsp;
  // A certificate that is named itself needs nobody to vouch for it.
  if (!pinned || !round.cacerts.empty()) {
    if (std::string why = JudgeChain(sent, judging); !why.empty()) return refuse(why);
  }
  auto scheme = proof.signs_hash ? VerifyHash(proof, *peer.key()) : VerifyAuth(proof, *peer.key(), round.rules.sha1);
  if (!scheme) return refuse(Cat(proof.signs_hash ? "SIG: " : "AUTH: ", scheme.error()));
  const auto allowed = SchemesOf(round.rules.schemes);
  const bool admitted = proof.signs_hash ? std::ranges::contains(allowed, scheme->key, &ike::SignatureScheme::key)
                                         : std::ranges::contains(allowed, *scheme);
  if (!allowed.empty() && !admitted) {
    return refuse(Cat("auth = ", round.auth, " does not admit ", ike::Name(*scheme)));
  }
  const char* vouched = judging.shown_counts ? ", not revoked by the OCSP response it sends" : "";
  return Verified{*scheme, Cat(ike::Name(*scheme), " of ", peer.ToString(), vouched), std::move(open)};
}

}  // namespace culvert::auth
