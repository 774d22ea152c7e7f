#pragma once

#include <expected>

#include "absl/log/check.h"
#include "control/auth/auth_job.h"
#include "control/ike/v1/payload_list.h"
#include "control/ike/v1/phase1_method.h"
#include "control/ike/v1/phase1_state.h"
#include "control/ike/v1/receive.h"
#include "control/ike/v1/vendor_ids.h"

// What main mode and aggressive mode have in common: identities, keys, HASH and SIG, and how they end.
namespace culvert::ike::v1 {

inline constexpr size_t kNonceSize = 32;                           // octets of ours
inline constexpr size_t kMinPeerNonce = 8, kMaxPeerNonce = 256;    // RFC 2409 5

// ---- messages that wait for a job ----
HeldMessage Hold(const Inbound& in);
template <typename F>
void Resume(const HeldMessage& held, F f) {
  auto chain = DecodeChain(held.header.next_payload, held.octets, held.header.encrypted ? Tail::kPadding : Tail::kNone);
  CHECK(chain);   // it has been decoded before
  f(Inbound{held.datagram, held.header, *chain, held.octets, held.next_iv, held.digest});
}

// ---- identities ----
// RFC 2407 4.6.2: in phase 1 protocol and port are 0, or UDP and IKE's; ranges of addresses are nobody's identity.
std::expected<Identity, std::string> IdentityIn(const IdPayload& id);
Bytes IdBody(const Identity& id);
// Who we are in that connection without a certificate: local.id, or where that is open our own address.
Identity OurIdentity(const config::Connection& c, const IpAddress& local);
// Who the peer is before it has said so: remote.id, or where that is open its address.
Identity PeerIdentity(const config::Connection& c, const IpAddress& remote);
std::string_view PeerPattern(const config::Connection& c);
// The key of those two, or of their addresses (RFC 2409 5.4: in main mode the peer has no other name yet); nullptr: none.
const SecretBytes* FindPsk(const Context& cx, const Path& path, const Identity& local, const Identity& peer);

// ---- what is offered and taken ----
// The connection's wish in phase 1, in our role. `methods` is borrowed.
Phase1Wish WishOf(const config::Connection& c, std::span<const AuthMethod> methods);
Announced AnnouncedBy(const Context& cx, const config::Connection& c);
// Initiator: the responder's choice, by its answer's SA and vendor ids. False where it may not be followed: nothing vouches for
// it, and the true one may still come.
bool TakeSuite(Context& cx, IkeSa& sa, const Inbound& in);
// KE and NONCE of the peer's fit `group`; counts where not.
bool KeysFit(Context& cx, const Inbound& in, KeGroup group);

// ---- keys ----
// SKEYID and what is made of it; `psk` for the methods that have one. Phase 1's chain begins. The shared secret is wiped.
void SetKeys(Context& cx, IkeSa& sa, ByteView psk);
// HASH_I or HASH_R (RFC 2409 5; RFC 4754: with ECDSA by the hash that goes with the curve).
Bytes HashOfSide(const IkeSa& sa, bool initiator, ByteView id_body);
const MethodInfo& MethodOf(const IkeSa& sa);

// ---- our part and the peer's ----
// The certificate for the negotiated method; nullopt where we do not sign.
std::expected<std::optional<OwnSigner>, std::string> ChooseSigner(const Context& cx, const IkeSa& sa,
                                                                  const config::Connection& c, const CertRequest& wanted);
// What the connection's own word costs a job; `own` signs the hash of our side, of `id_body`.
auth::AuthJob::Candidate Signing(const IkeSa& sa, const OwnSigner& own, ByteView id_body);
// The peer's, to be judged by a job; `id_body` is of its ID payload, `id` what it says.
auth::PeerProof ProofOfPeer(const IkeSa& sa, const Inbound& in, Identity id, ByteView id_body);
// HASH, or SIG where `signature` has one.
void AddProof(const IkeSa& sa, bool initiator, Bytes signature, PayloadList& list);
// The peer's HASH; counts where it is wrong.
bool HashIsRight(Context& cx, const IkeSa& sa, const Inbound& in, bool initiator, ByteView id_body);
void AddInitialContact(Context& cx, IkeSa& sa, PayloadList& list);

// ---- ends ----
// The peer is who it should be: phase 1's state goes, and OnAuthenticated (user.h) goes on. Nothing of `sa.phase1` may be used
// after it.
void Conclude(Context& cx, IkeSa& sa, const Inbound& last, std::string_view how);
// The peer is not: it is told under phase 1's own keys, `last` being its last message.
void TellRefused(Context& cx, IkeSa& sa, const Inbound& last);

// Jobs for strangers are rationed; 0: not now, the peer comes again.
bool MayWork(Context& cx, const IpAddress& address);
void RunJob(Context& cx, IkeSa& sa, Phase1Step step, std::unique_ptr<Job> job);

}  // namespace culvert::ike::v1
