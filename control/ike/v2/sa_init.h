#pragma once

#include "control/ike/v2/payload_list.h"
#include "control/ike/v2/receive.h"

// IKE_SA_INIT (RFC 7296 1.2), both sides.
namespace culvert::ike {

// ---- initiator ----
struct Call {
  ConnectionRef connection;
  Tasks tasks;      // what the SA is wanted for: the first kNewChild goes into IKE_AUTH
  unsigned attempt = 1;        // of keyingtries
  Time not_before{};
  IkeId replaces = 0;          // the IKE SA it is to take the place of (v2/reauth.h)
};
void StartIke(Context& cx, Call call);
// The same by an IKE SA of that connection there is or is coming, if there is one.
void Want(Context& cx, Call call);
void OnSourceFound(Context& cx, IkeSa& sa, const Endpoint& local);
void OnRouteRetry(Context& cx, IkeSa& sa);
// The address to be called is known.
void Dial(Context& cx, IkeSa& sa, const IpAddress& remote);
void OnSaInitResponse(Context& cx, IkeSa& sa, const Inbound& in);
// The handshake came to nothing: whoever waits for it is told.
void FailCall(Context& cx, IkeSa& sa, std::string_view why);
// An attempt that met silence: calls again where keyingtries allows.
void CallAgainOrFail(Context& cx, IkeSa& sa, std::string_view why);
void OnInitiatorJob(Context& cx, IkeSa& sa, KeyExchangeJob& job);
// What an answer says, if it may be followed.
std::optional<InitAnswer> JudgeInitAnswer(Context& cx, const IkeSa& sa, const Inbound& in);
// The handshake goes on with `answer`; what it went on with before is left in its place.
void Follow(IkeSa& sa, InitAnswer& answer);
// The shared secret with the answer being followed is there.
void TakeSecret(Context& cx, IkeSa& sa, const SecretBytes& shared_secret);

// ---- responder ----
void OnSaInitRequest(Context& cx, const DatagramIn& datagram, const IkeHeader& header);
// A protected message for an SA without keys yet: the first IKE_AUTH makes us derive them.
void HoldUntilKeyed(Context& cx, IkeSa& sa, const DatagramIn& datagram, const IkeHeader& header);
void OnResponderJob(Context& cx, IkeSa& sa, KeyExchangeJob& job);
void OnHandshakeTimer(Context& cx, IkeSa& sa);

// ---- both ----
// SIGNATURE_HASH_ALGORITHMS; empty where there is none, or one of odd length.
std::vector<uint16_t> SignatureHashes(const Inbound& in);
// Our own (RFC 7427 4): sent whatever the connection, for which one it will be is known only in IKE_AUTH. SHA-1 with them where
// the connection takes it that IKE_SA_INIT is for, as far as one knows then.
void AddSignatureHashes(bool sha1, PayloadList& list);
bool TakesSha1(const config::Connection& c);   // of a peer, by method 14
// A fresh SPI of ours, unique here.
uint64_t DrawIkeSpi(Context& cx, uint8_t bucket);
uint64_t DrawIkeSpi(Context& cx);   // of a bucket drawn uniformly
inline constexpr size_t kNonceSize = 32;  // octets; at least half the key size of the largest prf (RFC 7296 2.10)

// Keys and ciphers from SKEYSEED; logs them where key logging is on.
void SetKeys(Context& cx, IkeSa& sa, const SecretBytes& skeyseed, ByteView nonce_i, ByteView nonce_r);

}  // namespace culvert::ike
