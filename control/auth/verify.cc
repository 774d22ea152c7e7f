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
using EkuPtr = std::unique_ptr<EXTENDED_KEY_USAGE, ike::OpensslFree<EXTENDED_KEY_USAGE_free>>;

constexpr int kMaxDepth = 32;   // D11
constexpr int kAuthLevel = 2;   // OpenSSL's: 112 bits; no RSA below 2048, no SHA-1

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

// OpenSSL asks for each fault it finds. Only an unknown state of revocation may be overlooked, and only as configured; the
// list that has expired is still asked whether it names the certificate.
int OnFault(int ok, X509_STORE_CTX* ctx) {
  if (ok || !IsUnknownRevocation(X509_STORE_CTX_get_error(ctx))) return ok;
  auto revocation = *static_cast<const config::Revocation*>(X509_STORE_CTX_get_app_data(ctx));
  X509* at = X509_STORE_CTX_get_current_cert(ctx);
  // A root is trusted because it is here: it vouches for nothing by a list of its own.
  if (at && X509_self_signed(at, 0) == 1) return 1;
  if (revocation == config::Revocation::kRelaxed) return 1;
  return revocation == config::Revocation::kIfUri && at && !NamesRevocation(at) ? 1 : 0;
}

std::string SubjectOf(X509* x509) {
  std::string why;
  if (!x509 || !X509_up_ref(x509)) return "";
  auto c = Certificate::From(X509Ptr(x509), why);
  return c ? " (" + c->subject().ToString() + ")" : "";
}

// The certificates from the peer's own up to a trust anchor, or why there are none.
std::expected<std::vector<X509*>, std::string> BuildChain(X509_STORE_CTX* ctx, const Credentials& credentials,
                                                          std::span<const Certificate> sent,
                                                          const config::Revocation& revocation) {
  StackPtr untrusted(sk_X509_new_null());
  for (const Certificate& c : sent.subspan(1)) sk_X509_push(untrusted.get(), c.get());
  for (const Certificate& c : credentials.helpers()) sk_X509_push(untrusted.get(), c.get());
  if (X509_STORE_CTX_init(ctx, credentials.store(), sent[0].get(), untrusted.get()) != 1) {
    return std::unexpected(std::string("out of memory"));
  }
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(ctx);
  X509_VERIFY_PARAM_set_time(param, credentials.now());
  X509_VERIFY_PARAM_set_depth(param, kMaxDepth);
  X509_VERIFY_PARAM_set_auth_level(param, kAuthLevel);
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  X509_STORE_CTX_set_app_data(ctx, const_cast<config::Revocation*>(&revocation));
  X509_STORE_CTX_set_verify_cb(ctx, OnFault);
  if (X509_verify_cert(ctx) != 1) {
    int error = X509_STORE_CTX_get_error(ctx);
    return std::unexpected(Cat(X509_verify_cert_error_string(error), SubjectOf(X509_STORE_CTX_get_current_cert(ctx))));
  }
  std::vector<X509*> chain;
  STACK_OF(X509)* built = X509_STORE_CTX_get0_chain(ctx);
  for (int i = 0; i < sk_X509_num(built); ++i) chain.push_back(sk_X509_value(built, i));
  return chain;
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

std::string JudgeChain(const Credentials& credentials, std::span<const Certificate> sent, const config::AuthRound& round) {
  StoreCtxPtr ctx(X509_STORE_CTX_new());
  auto chain = BuildChain(ctx.get(), credentials, sent, round.revocation);
  if (!chain) return chain.error();
  if (!round.cacerts.empty() && !ContainsNamed(*chain, credentials, round)) return "none of cacerts is in its chain";
  if (!round.rules.schemes.empty() && round.rules.chain) return JudgeChainSchemes(*chain, SchemesOf(round.rules.schemes));
  return "";
}

// The peer's certificates, its own first: as it sent them or, where it sent none, from what is here.
std::expected<std::vector<Certificate>, std::string> CertificatesOf(const Credentials& credentials, const PeerProof& proof,
                                                                    const config::AuthRound& round) {
  std::vector<Certificate> out;
  size_t octets = 0;
  for (const Bytes& der : proof.certificates) {
    octets += der.size();
    if (octets > kMaxPeerOctets || out.size() >= kMaxCertPayloads) {
      return std::unexpected(std::string("it sends too many certificates"));
    }
    std::string why;
    auto c = Certificate::FromDer(der, why);
    if (!c) return std::unexpected(Cat("CERT holds no certificate: ", why));
    out.push_back(*std::move(c));
  }
  if (!out.empty()) return out;
  for (const config::CredentialFile& file : round.certs) {
    const Certificate* named = credentials.Named(file.path);
    if (named && named->Proves(proof.id)) return std::vector<Certificate>{*named};
  }
  const Certificate* known = round.certs.empty() ? credentials.FindFor(proof.id) : nullptr;
  if (!known) return std::unexpected(std::string("it sends no certificate, and none of its is in x509/"));
  return std::vector<Certificate>{*known};
}

bool IsPinned(const Credentials& credentials, const Certificate& peer, const config::AuthRound& round) {
  return std::ranges::any_of(round.certs, [&](const config::CredentialFile& file) {
    const Certificate* named = credentials.Named(file.path);
    return named && *named == peer;
  });
}

}  // namespace

std::expected<std::string, std::string> VerifyPeer(const Credentials& credentials, const PeerProof& proof,
                                                   const config::AuthRound& round) {
  ErrorQueue queue;
  auto sent = CertificatesOf(credentials, proof, round);
  if (!sent) return std::unexpected(sent.error());
  const Certificate& peer = sent->front();
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
  // A certificate that is named itself needs nobody to vouch for it.
  if (!pinned || !round.cacerts.empty()) {
    if (std::string why = JudgeChain(credentials, *sent, round); !why.empty()) return refuse(why);
  }
  auto scheme = ike::VerifyAuth(proof.method, proof.auth, *peer.key(), proof.octets);
  if (!scheme) return refuse(Cat("AUTH: ", scheme.error()));
  const auto allowed = SchemesOf(round.rules.schemes);
  if (!allowed.empty() && !std::ranges::contains(allowed, *scheme)) {
    return refuse(Cat("auth = ", round.auth, " does not admit ", ike::Name(*scheme)));
  }
  return Cat(ike::Name(*scheme), " of ", peer.ToString());
}

}  // namespace culvert::auth
