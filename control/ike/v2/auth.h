#pragma once

#include "control/auth/auth_job.h"
#include "control/ike/v2/payload_list.h"
#include "control/ike/v2/receive.h"

// IKE_AUTH (RFC 7296 1.2, 2.15) with pre-shared keys and signatures, each side as its own, and the first Child SA in it.
namespace culvert::ike {

// ---- initiator ----
// The keys with the responder being followed are there: authenticates to it, as soon as there is a signature where one is
// wanted.
void BeginAuth(Context& cx, IkeSa& sa);
// Sets sa.initiating->proof and begins its signature; or why there is nothing to sign with.
std::expected<JobId, std::string> StartSigning(Context& cx, IkeSa& sa);
void SendAuth(Context& cx, IkeSa& sa);
// The same to another of those who answered IKE_SA_INIT, whose keys the SA has now.
void SendAuthAgain(Context& cx, IkeSa& sa);
void OnAuthResponse(Context& cx, IkeSa& sa, const Inbound& in);
void OnResponderJudged(Context& cx, IkeSa& sa, const auth::AuthJob& job);

// ---- responder ----
void OnAuthRequest(Context& cx, IkeSa& sa, const Inbound& in);
void OnInitiatorJudged(Context& cx, IkeSa& sa, auth::AuthJob& job);

// ---- both ----
// False where it is none of ours, or nobody waits for it.
bool OnAuthJob(Context& cx, IkeSa& sa, JobDone& done);

// The ID payload's body, as AUTH covers it: type, three zero octets, data.
Bytes IdBody(const Identity& id);
// Who we are in that connection with a pre-shared key: local.id, or where that is open our own address.
Identity OurIdentity(const config::Connection& c, const IpAddress& local);
bool SignsFor(const config::Connection& c);        // we authenticate by a signature
bool WantsSignature(const config::Connection& c);  // the peer does

// What AUTH of either side covers. RFC 7296 2.15: the first message its sender sent, the other's nonce and its own ID.
struct Signed {
  bool by_initiator = false;
  ByteView message, peer_nonce, id_body;
  const IkeKeys* keys = nullptr;             // whose SK_p it is by; nullptr: the SA's
};
Bytes PskAuthOf(const IkeSa& sa, ByteView secret, const Signed& what);
Bytes SignedOctets(const IkeSa& sa, const Signed& what);
void TakeSignatures(auth::AuthJob& job, OwnProof& proof);

// Certificates asked for (RFC 7296 3.7).
CertRequest CertRequestIn(const Inbound& in);
void AddCertRequest(const Context& cx, const config::Connection& c, PayloadList& list);
// The same of an IKE_SA_INIT response: of every connection it may yet be.
void AddCertRequestForAny(const Context& cx, const IkeSa& sa, PayloadList& list);
// Ours and those between it and the root, where that connection sends them.
void AddCertificates(const OwnProof& proof, const config::Connection& c, const CertRequest& wanted, PayloadList& list);
// What the peer shows of itself; `octets` is what its AUTH must cover.
auth::PeerProof ProofIn(const Inbound& in, Identity id, Bytes octets);

}  // namespace culvert::ike
