#include <algorithm>

#include "common/base/limits.h"
#include "control/auth/revocation/lookup_job.h"
#include "control/ike/connection_table.h"
#include "control/ike/crypto/psk_auth.h"
#include "control/ike/v2/auth.h"
#include "control/ike/v2/intermediate.h"
#include "control/ike/v2/rivals.h"

namespace culvert::ike {
namespace {

// Connections whose authorities go into one CERTREQ: thousands of them mostly name the same few.
constexpr size_t kMaxAskedOf = 64;
// RFC 7296 3.6: "X.509 Certificate - Signature" is the one encoding of certificates used here. RFC 4806 2: OCSP Content.
constexpr uint8_t kX509Signature = 4, kHashAndUrl = 12, kHashAndUrlOfBundle = 13, kOcspContent = 14;

CertReqPayload Request(std::span<const auth::KeyHash> authorities, PayloadList& list) {
  Bytes hashes;
  for (const auth::KeyHash& h : authorities) Append(hashes, h);
  return {kX509Signature, list.Keep(std::move(hashes))};
}

bool Is(const std::vector<config::AuthRound>& rounds, config::AuthKind kind) {
  return !rounds.empty() && rounds.front().kind == kind;
}

ByteView SkP(const IkeSa& sa, const Signed& what) {
  const IkeKeys& keys = what.keys ? *what.keys : sa.keying->keys;
  return (what.by_initiator ? keys.sk_pi : keys.sk_pr).view();
}

bool Sends(config::SendCert when, const CertRequest& wanted) {
  return when == config::SendCert::kAlways || (when == config::SendCert::kIfAsked && wanted.asked);
}

}  // namespace

Bytes IdBody(const Identity& id) { return EncodeBody({.id_type = id.type, .data = id.data, .body = {}}); }

Identity OurIdentity(const config::Connection& c, const IpAddress& local) {
  std::optional<Identity> id = c.local.empty() ? std::nullopt : Identity::Parse(c.local.front().id);
  if (id) return *id;
  return {local.family == Family::kV4 ? IdType::kIpv4 : IdType::kIpv6, ToBytes(local.bytes())};
}

bool SignsFor(const config::Connection& c) { return Is(c.local, config::AuthKind::kPubkey); }
bool WantsSignature(const config::Connection& c) { return Is(c.remote, config::AuthKind::kPubkey); }

Bytes PskAuthOf(const IkeSa& sa, ByteView secret, const Signed& what) {
  return PskAuth(sa.suite.prf, secret, what.message, what.peer_nonce, SkP(sa, what), what.id_body, IntAuthOf(sa));
}

Bytes SignedOctets(const IkeSa& sa, const Signed& what) {
  return AuthOctets(sa.suite.prf, what.message, what.peer_nonce, SkP(sa, what), what.id_body, IntAuthOf(sa));
}

CertRequest CertRequestIn(const Inbound& in) {
  CertRequest out;
  for (const Payload& p : in.payloads) {
    auto* request = std::get_if<CertReqPayload>(&p);
    auth::KeyHash hash;
    if (!request || request->data.size() % hash.size() != 0) continue;
    // RFC 4806 3.1: the keys of responders the peer trusts. We have what our own certificate's responder says, or nothing.
    if (request->encoding == kOcspContent) out.ocsp = true;
    if (request->encoding != kX509Signature) continue;
    out.asked = true;
    ByteView rest = request->data;
    while (!rest.empty() && out.authorities.size() < kMaxCertRequests) {
      std::ranges::copy(rest.first(hash.size()), hash.begin());
      out.authorities.push_back(hash);
      rest = rest.subspan(hash.size());
    }
  }
  return out;
}

void AddCertRequest(const Context& cx, const config::Connection& c, PayloadList& list) {
  if (!c.send_certreq || !WantsSignature(c)) return;
  auto authorities = cx.credentials->RequestedBy(c.remote.front());
  if (!authorities.empty()) list.Add(Request(authorities, list));
  if (c.remote.front().asks_ocsp) list.Add(CertReqPayload{kOcspContent, {}});
}

void AddCertRequestForAny(const Context& cx, const IkeSa& sa, PayloadList& list) {
  std::vector<auth::KeyHash> authorities;
  bool ocsp = false;
  size_t looked = 0;
  cx.connections.Visit({sa.path.local.address, sa.path.remote.address}, [&](const ConnectionRef& c) {
    if (!c->send_certreq || !WantsSignature(*c)) return ++looked == kMaxAskedOf;
    ocsp |= c->remote.front().asks_ocsp;
    for (const auth::KeyHash& h : cx.credentials->RequestedBy(c->remote.front())) {
      bool more = authorities.size() < auth::Credentials::kMaxRequested;
      if (more && !std::ranges::contains(authorities, h)) authorities.push_back(h);
    }
    return ++looked == kMaxAskedOf;
  });
  if (!authorities.empty()) list.Add(Request(authorities, list));
  if (ocsp) list.Add(CertReqPayload{kOcspContent, {}});
}

void AddCertificates(const OwnProof& proof, const config::Connection& c, const CertRequest& wanted, PayloadList& list) {
  if (!Sends(c.send_cert, wanted)) return;
  // RFC 7296 3.6: the one whose key signs comes first.
  list.Add(CertPayload{kX509Signature, list.Keep(proof.choice.own->certificate.der())});
  for (const auth::Certificate& issuer : proof.choice.own->chain) {
    list.Add(CertPayload{kX509Signature, list.Keep(issuer.der())});
  }
  // RFC 4806 3.2; where there is room, for a peer may take as many payloads as we do (D11).
  const bool fits = 1 + proof.choice.own->chain.size() < kMaxCertPayloads;
  if (!proof.ocsp.empty() && fits) list.Add(CertPayload{kOcspContent, list.Keep(Bytes(proof.ocsp))});
}

auth::PeerProof ProofIn(const Inbound& in, Identity id, Bytes octets) {
  const auto& a = *in.Get<AuthPayload>();
  auth::PeerProof proof{.method = a.method, .auth = ToBytes(a.data), .octets = std::move(octets), .id = std::move(id)};
  for (const Payload& p : in.payloads) {
    // B36: a hash and URL is not fetched, and HTTP_CERT_LOOKUP_SUPPORTED is not announced; the peer
    // may have sent the certificate besides, or we may know it. Others (PKCS#7, CRLs) are nothing we asked for.
    auto* cert = std::get_if<CertPayload>(&p);
    if (!cert) continue;
    if (cert->encoding == kX509Signature) proof.certificates.push_back(ToBytes(cert->data));
    const bool response = cert->encoding == kOcspContent && cert->data.size() <= auth::kMaxOcspResponse;
    if (response) proof.ocsp.push_back(ToBytes(cert->data));
    proof.by_url |= cert->encoding == kHashAndUrl || cert->encoding == kHashAndUrlOfBundle;
  }
  return proof;
}

void TakeSignatures(auth::AuthJob& job, OwnProof& proof) {
  proof.data = job.TakeSignature();
  proof.plain_data = job.TakePlainSignature();
  proof.ocsp = job.TakeOcsp();
}

namespace {

// The job that waits where `id` was waited for: what a judgement or a signature wants to know is asked, and then it is tried
// again.
JobId* JudgementOf(IkeSa& sa, JobId id) {
  if (sa.answering && sa.answering->job == id && sa.state == IkeState::kAuthJudging) return &sa.answering->job;
  if (!sa.initiating) return nullptr;
  const bool waits = sa.state == IkeState::kAuthVerifying || sa.state == IkeState::kAuthSigning;
  if (sa.initiating->job == id && waits) return &sa.initiating->job;
  InitAnswer* rival = RivalOfJob(sa, id);
  return rival ? &rival->job : nullptr;
}

bool GoOnJudging(Context& cx, IkeSa& sa, JobId id, std::unique_ptr<Job> next) {
  JobId* waiting = JudgementOf(sa, id);
  if (!waiting) return false;
  *waiting = cx.Run(sa, std::move(next));
  if (sa.answering) cx.half_open.JobStarted(*waiting, sa.answering->key.address);
  return true;
}

bool OnLookup(Context& cx, IkeSa& sa, JobId id, auth::LookupJob& job) {
  for (const auto& [well, line] : job.learnt()) cx.Log(well ? Severity::kInfo : Severity::kWarning, sa, line);
  return GoOnJudging(cx, sa, id, job.TakeWaiting());
}

bool OnAuthDone(Context& cx, IkeSa& sa, JobId id, auth::AuthJob& job) {
  if (sa.answering && sa.answering->job == id && sa.state == IkeState::kAuthJudging) {
    OnInitiatorJudged(cx, sa, job);
    return true;
  }
  if (!sa.initiating) return false;
  InitiatorHandshake& h = *sa.initiating;
  if (h.job == id && sa.state == IkeState::kAuthVerifying) {
    OnResponderJudged(cx, sa, job);
    return true;
  }
  if (h.job == id && sa.state == IkeState::kAuthSigning && h.proof) {
    TakeSignatures(job, *h.proof);
    SendAuth(cx, sa);
    return true;
  }
  InitAnswer* rival = RivalOfJob(sa, id);
  if (rival) OnRivalSigned(cx, sa, *rival, job);
  return rival != nullptr;
}

}  // namespace

bool OnAuthJob(Context& cx, IkeSa& sa, JobDone& done) {
  if (auto* lookup = dynamic_cast<auth::LookupJob*>(done.job.get())) return OnLookup(cx, sa, done.id, *lookup);
  auto* job = dynamic_cast<auth::AuthJob*>(done.job.get());
  if (!job) return false;
  if (job->open().empty()) return OnAuthDone(cx, sa, done.id, *job);
  (void)done.job.release();
  return GoOnJudging(cx, sa, done.id, std::make_unique<auth::LookupJob>(std::unique_ptr<auth::AuthJob>(job)));
}

}  // namespace culvert::ike
