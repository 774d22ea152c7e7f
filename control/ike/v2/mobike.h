#pragma once

#include "control/ike/v2/payload_list.h"
#include "control/ike/v2/receive.h"

// MOBIKE (RFC 4555). Whoever initiated the first IKE SA decides on the addresses of both ends: it goes on from another address
// of its own when the one in use is gone, or to another of the peer's when that no longer answers, and says so by
// UPDATE_SA_ADDRESSES. The other side only follows, and tells what other addresses it has.
//
// An address of the peer's is not believed by what a datagram's header says: IKE goes there, and ESP follows once COOKIE2 has
// come back from it. ESP leaves by a new address of ours at once. NAT detection is repeated at each move, so UDP encapsulation
// comes and goes with the path.
namespace culvert::ike {

// ---- IKE_AUTH ----

// Whether we announce it for that connection.
bool WantsMobike(const config::Connection& c);
// Our addresses beside the one in use, as far as the connection's local_addrs admit them.
std::vector<IpAddress> AdditionalAddresses(const Context& cx, const IkeSa& sa);
void AnnounceMobike(const std::vector<IpAddress>& additional, PayloadList& list);
// The peer's message of IKE_AUTH: MOBIKE is in use where the connection has it and the peer has announced it. `told`: what
// the peer has heard, or is about to hear, of our addresses.
void AgreeOnMobike(Context& cx, IkeSa& sa, const Inbound& in, std::vector<IpAddress> told);
// RFC 4555 3.9: false where the sender forbids NATs and the addresses in the header are not those it sent to and from.
bool NatsAsAllowed(const Inbound& in);
// RFC 4555 3.9: where there is no NAT traversal, nobody is to change a message's addresses.
void ForbidNats(const Path& path, PayloadList& list);
// We initiated, and went on from port 4500 because the peer knows what NATs are (RFC 4555 3.3).
inline bool HasNatTraversal(const Path& path) { return path.marker; }

// ---- INFORMATIONAL ----

void StartUpdateAddresses(Context& cx, IkeSa& sa, Task task);
void StartProveAddress(Context& cx, IkeSa& sa, Task task);
void StartTellAddresses(Context& cx, IkeSa& sa, Task task);
// NAT detection in a liveness probe (RFC 4555 3.8): the answer tells whether a NAT has come to see us as somebody else.
void AddMappingProbe(const IkeSa& sa, PayloadList& list);
// The peer's request: what MOBIKE answers to it, and, when that is on its way (RFC 4555 3.5), what follows from it.
void AnswerMobikeRequest(Context& cx, IkeSa& sa, const Inbound& in, PayloadList& answer);
void FollowMobikeRequest(Context& cx, IkeSa& sa, const Inbound& in);
// The answer to a request of ours about addresses, which is then done with; or to a liveness probe.
void OnMobikeResponse(Context& cx, IkeSa& sa, const Inbound& in);
void JudgeMapping(Context& cx, IkeSa& sa, const Inbound& in);

// ---- paths ----

// What an exchange of `sa`, which may have been replaced meanwhile, is about; nullptr: nothing any more.
IkeSa* Newest(Context& cx, IkeSa& sa);
// Where its messages go from now on, and those of what it has replaced; indexes it there.
void SetPath(Context& cx, IkeSa& sa, const Path& path);
// What MOBIKE asks by `kind`, before anything else and now if the window allows, in place of what was queued of it.
void AskAbout(Context& cx, IkeSa& sa, Task::Kind kind);
// An address that was ours and is no longer; of link-local ones, and as long as none are known, nobody can tell.
bool IsGone(const Context& cx, const IpAddress& a);
void OnLocalAddresses(Context& cx, std::vector<IpAddress> addresses);
// Finds another way where the address of ours in use is gone, and tells the peer, within `spread`, what has changed of the
// others.
void ReviewPath(Context& cx, IkeSa& sa, Duration spread = {});
// The data plane says from where the peer is reached; unspecified: from nowhere.
void OnPathFound(Context& cx, IkeSa& sa, const Endpoint& local);
void OnPathRetry(Context& cx, IkeSa& sa);
// We decide: the SA goes on between these.
void MoveTo(Context& cx, IkeSa& sa, const Endpoint& local, const Endpoint& remote);
// Other ways for a request that has been sent `sent` times again without an answer.
std::vector<Path> OtherWays(const Context& cx, IkeSa& sa, unsigned sent);
// A request was answered: by one of those other ways, perhaps.
void OnAnsweredBy(Context& cx, IkeSa& sa, const DatagramIn& d);
// Authenticated ESP came from another endpoint: of a peer behind a NAT, the Child SAs follow it, and nothing else does.
void FollowEsp(Context& cx, IkeSa& sa, const Endpoint& local, const Endpoint& remote);
// `path` has been proven, or needs no proof: ESP goes there too.
void BelievePath(Context& cx, IkeSa& sa);

// ---- rekeying of the IKE SA ----

void InheritMobike(const IkeSa& from, IkeSa& to);
// `to` takes over: what was under way about addresses is asked again there.
void CarryMobike(Context& cx, IkeSa& from, IkeSa& to);

}  // namespace culvert::ike
