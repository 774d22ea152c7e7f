#pragma once

#include "control/auth/auth_job.h"
#include "control/ike/v1/payload_list.h"
#include "control/ike/v1/phase1_state.h"
#include "control/ike/v1/receive.h"

// CERT and CERTREQ (RFC 2408 3.9, 3.10), where authorities are asked for by their names.
namespace culvert::ike::v1 {

// What a peer asks for, in whichever of its messages.
void TakeCertRequests(const Chain& chain, CertRequest& into);
// For a peer that is to sign; nothing where the connection says so, or knows no authority. Where the names do not fit `room`
// octets, a request that names none, which means any (RFC 2408 3.10).
void AddCertRequests(const Context& cx, const config::Connection& c, size_t room, PayloadList& list);
// Ours and those between it and the root, where the connection sends them; `most` of them.
void AddCertificates(const OwnSigner& own, const config::Connection& c, const CertRequest& wanted, size_t most,
                     PayloadList& list);
// What the peer shows of itself; `hash` is what its SIG must cover.
auth::PeerProof ProofIn(const Inbound& in, Identity id, Bytes hash);

}  // namespace culvert::ike::v1
