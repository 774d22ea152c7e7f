#include "control/ike/v1/certificates.h"

#include "common/base/limits.h"
#include "control/ike/v1/phase1_method.h"

namespace culvert::ike::v1 {
namespace {

// RFC 2408 3.9: "X.509 Certificate - Signature" is the one encoding used here. What comes in another (PKCS#7, CRLs) is nothing
// we asked for.
constexpr uint8_t kX509Signature = 4;
constexpr size_t kCertRequestHeader = 5;
constexpr size_t kMaxAskedFor = 8;   // each is a payload with a name in it, and a peer takes as many as it likes

bool Sends(config::SendCert when, const CertRequest& wanted) {
  return when == config::SendCert::kAlways || (when == config::SendCert::kIfAsked && wanted.asked);
}

}  // namespace

void TakeCertRequests(const Chain& chain, CertRequest& out) {
  for (const Item& item : chain.items) {
    auto* c = std::get_if<CertPayload>(&item.payload);
    if (!c || c->type != PayloadType::kCertReq || c->encoding != kX509Signature) continue;
    out.asked = true;
    // RFC 2408 3.10: none means any.
    if (!c->data.empty() && out.authorities.size() < kMaxCertRequests) out.authorities.push_back(ToBytes(c->data));
  }
}

void AddCertRequests(const Context& cx, const config::Connection& c, size_t room, PayloadList& list) {
  const config::AuthRound& peer = Phase1Round(c.remote);
  if (!c.send_certreq || peer.kind != config::AuthKind::kPubkey) return;
  std::vector<Bytes> names = cx.shared.credentials->NamesRequestedBy(peer);
  if (names.size() > kMaxAskedFor) names.resize(kMaxAskedFor);
  size_t size = 0;
  for (const Bytes& name : names) size += kCertRequestHeader + name.size();
  if (size > room) names.assign(1, {});
  for (Bytes& name : names) list.Add(CertPayload{PayloadType::kCertReq, kX509Signature, list.Keep(std::move(name))});
}

void AddCertificates(const OwnSigner& own, const config::Connection& c, const CertRequest& wanted, size_t most,
                     PayloadList& list) {
  if (most == 0 || !Sends(c.send_cert, wanted)) return;
  list.Add(CertPayload{PayloadType::kCert, kX509Signature, own.choice.own->certificate.der()});
  for (const auth::Certificate& issuer : own.choice.own->chain) {
    if (--most == 0) return;
    list.Add(CertPayload{PayloadType::kCert, kX509Signature, issuer.der()});
  }
}

auth::PeerProof ProofIn(const Inbound& in, Identity id, Bytes hash) {
  auth::PeerProof proof{.auth = ToBytes(in.Opaque(PayloadType::kSignature)), .octets = std::move(hash), .id = std::move(id)};
  for (const Item& item : in.chain.items) {
    auto* c = std::get_if<CertPayload>(&item.payload);
    if (!c || c->type != PayloadType::kCert || c->encoding != kX509Signature) continue;
    proof.certificates.push_back(ToBytes(c->data));
  }
  return proof;
}

}  // namespace culvert::ike::v1
