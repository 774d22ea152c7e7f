#include <algorithm>

#include "control/ike/connection_match.h"
#include "control/ike/crypto/psk_auth.h"
#include "control/ike/v2/auth.h"
#include "control/ike/v2/intermediate.h"
#include "control/ike/v2/rivals.h"

namespace culvert::ike {
namespace {

constexpr uint8_t kX509Signature = 4;  // RFC 7296 3.6: "X.509 Certificate - Signature", the one encoding used here

CertReqPayload Request(std::span<const auth::KeyHash> authorities, PayloadList& list) {
  Bytes hashes;
  for (const auth::KeyHash& h : authorities) Append(hashes, h);
  return {kX509Signature, list.Keep(std::move(hashes))};
}

bool Is(const std::vector<config::AuthRound>& rounds, config::AuthKind kind) {
  return !rounds.empty() && rounds.front().kind == kind;
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
  const IkeKeys& keys = sa.keying->keys;
  const SecretBytes& sk_p = what.by_initiator ? keys.sk_pi : keys.sk_pr;
  return PskAuth(sa.suite.prf, secret, what.message, what.peer_nonce, sk_p.view(), what.id_body, IntAuthOf(sa));
}

Bytes SignedOctets(const IkeSa& sa, const Signed& what) {
  const IkeKeys& keys = sa.keying->keys;
  const SecretBytes& sk_p = what.by_initiator ? keys.sk_pi : keys.sk_pr;
  return AuthOctets(sa.suite.prf, what.message, what.peer_nonce, sk_p.view(), what.id_body, IntAuthOf(sa));
}

CertRequest CertRequestIn(const Inbound& in) {
  CertRequest out;
  for (const Payload& p : in.payloads) {
    auto* request = std::get_if<CertReqPayload>(&p);
    auth::KeyHash hash;
    if (!request || request->encoding != kX509Signature || request->data.size() % hash.size() != 0) continue;
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
}

void AddCertRequestForAny(const Context& cx, const IkeSa& sa, PayloadList& list) {
  std::vector<auth::KeyHash> authorities;
  for (const auto& c : ConnectionsFor(cx.connections, sa.path.local.address, sa.path.remote.address)) {
    if (!c->send_certreq || !WantsSignature(*c)) continue;
    for (const auth::KeyHash& h : cx.credentials->RequestedBy(c->remote.front())) {
      bool more = authorities.size() < auth::Credentials::kMaxRequested;
      if (more && !std::ranges::contains(authorities, h)) authorities.push_back(h);
    }
  }
  if (!authorities.empty()) list.Add(Request(authorities, list));
}

void AddCertificates(const OwnProof& proof, const config::Connection& c, const CertRequest& wanted, PayloadList& list) {
  if (!Sends(c.send_cert, wanted)) return;
  // RFC 7296 3.6: the one whose key signs comes first.
  list.Add(CertPayload{kX509Signature, list.Keep(proof.choice.own->certificate.der())});
  for (const auth::Certificate& issuer : proof.choice.own->chain) {
    list.Add(CertPayload{kX509Signature, list.Keep(issuer.der())});
  }
}

auth::PeerProof ProofIn(const Inbound& in, Identity id, Bytes octets) {
  const auto& a = *in.Get<AuthPayload>();
  auth::PeerProof proof{.method = a.method, .auth = ToBytes(a.data), .octets = std::move(octets), .id = std::move(id)};
  for (const Payload& p : in.payloads) {
    // B36: a hash and URL (encodings 12 and 13) is not fetched, and HTTP_CERT_LOOKUP_SUPPORTED is not announced; the peer
    // may have sent the certificate besides, or we may know it. Others (PKCS#7, CRLs) are nothing we asked for.
    auto* cert = std::get_if<CertPayload>(&p);
    if (cert && cert->encoding == kX509Signature) proof.certificates.push_back(ToBytes(cert->data));
  }
  return proof;
}

bool OnAuthJob(Context& cx, IkeSa& sa, JobId id, auth::AuthJob& job) {
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
    h.proof->data = job.TakeSignature();
    SendAuth(cx, sa);
    return true;
  }
  InitAnswer* rival = RivalOfJob(sa, id);
  if (rival) OnRivalSigned(cx, sa, *rival, job);
  return rival != nullptr;
}

}  // namespace culvert::ike
