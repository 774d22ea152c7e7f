#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "common/base/boxed.h"
#include "control/auth/credentials.h"
#include "control/ike/admission/half_open.h"
#include "control/ike/admission/token_bucket.h"
#include "control/ike/crypto/sk_cipher.h"
#include "control/ike/sa/exchange_window.h"
#include "control/ike/sa/mobike_state.h"
#include "control/ike/sa/reassembly.h"
#include "control/ike/sa/sa_base.h"
#include "control/ike/sa/task.h"
#include "control/ike/sa/virtual_addresses.h"
#include "control/ike/wire/message.h"

namespace culvert::ike {

enum class IkeState : uint8_t {
  kRouting,        // initiator: asks which local address reaches the peer
  kInitKeying,     // initiator: an ephemeral key is being made
  kInitSent,
  kInitDeriving,   // initiator: IKE_SA_INIT was answered, the shared secret is being derived
  kRoundKeying,    // initiator: the key of the next additional key exchange is being made
  kRoundSent,      // initiator: IKE_INTERMEDIATE is out
  kRoundDeriving,  // initiator: it was answered, the shared secret is being derived
  kAuthSigning,    // initiator: our AUTH is being signed
  kAuthSent,
  kAuthVerifying,  // initiator: IKE_AUTH was answered, the responder's certificate and signature are being verified
  kAnswerKeying,   // responder: an ephemeral key is being made for the answer
  kHalfOpen,       // responder: IKE_SA_INIT answered, nothing derived (D03: not before the first IKE_AUTH)
  kAnswerDeriving, // responder: the shared secret is being derived
  kKeyed,          // responder: has keys, has authenticated nobody
  kRoundAnswering, // responder: the answer to IKE_INTERMEDIATE is being computed
  kAuthJudging,    // responder: the initiator's signature is being verified, ours made
  kEstablished,
  kRekeyed,        // has a successor, or lost a collision: lives until its Delete
  kDeleting,       // our Delete of it is out
  kClosed,         // answers repeats of the last request, nothing else
  kDead,           // freed when the event at hand is done with
};
inline constexpr size_t kIkeStates = 21;
const char* Name(IkeState s);  // as VICI prints it; static storage

// Sealing and opening of SK payloads, and the keys that outlive IKE_AUTH.
struct IkeKeying {
  IkeKeys keys;
  std::unique_ptr<SkCipher> seal, open;
};

// A message of the peer's of which not all fragments are here.
struct Incoming {
  Reassembly message;
  Time since{};
  size_t largest = 0;                         // octets of the largest fragment, as a datagram of IKE
};

// The additional key exchanges that come before IKE_AUTH (RFC 9242, RFC 9370 2.2.2).
struct Intermediate {
  AdditionalGroups left{};                    // to be exchanged yet
  uint32_t rounds = 0;                        // done
  Bytes auth_i, auth_r;                       // IntAuth of either direction, of the last round
  std::unique_ptr<KeyExchange> key;           // initiator: of the round under way
  std::unique_ptr<SkCipher> last_open;        // responder: opens repeats of the last round, sealed with the keys before it
};

// What a CERTREQ or several say (RFC 7296 3.7).
struct CertRequest {
  bool asked = false;
  std::vector<auth::KeyHash> authorities;
  bool ocsp = false;                          // for OCSP responses too (RFC 4806)
};
inline constexpr size_t kMaxCertRequests = 256;  // authorities kept of all that a peer names (B37)

// How we authenticate by signature in one handshake, and the signature once it is made.
struct OwnProof {
  std::shared_ptr<const auth::Credentials> credentials;  // keeps `choice` alive
  auth::OwnChoice choice;
  Bytes data;                                 // of the AUTH payload; empty: not signed yet
  Bytes plain_data{};                         // of NO_PPK_AUTH (RFC 8784); empty: none is wanted
  Bytes ocsp{};                               // the response about our certificate that the peer asked for; empty: none
};

// The post-quantum pre-shared key an initiator calls with (RFC 8784).
struct OwnPpk {
  Bytes id;                                   // PPK_ID
  SecretBytes key;
  bool required = false;
};
// What becomes of it with one of those who answer.
struct PpkUse {
  bool agreed = false;                        // both sides have said USE_PPK
  bool mixed = false;                         // the SA's keys are made with it
  std::optional<IkeKeys> plain{};             // SK_d, SK_pi, SK_pr without it: while it is optional
};

// A message of IKE_AUTH whose judgement takes a helper thread.
struct HeldMessage {
  DatagramIn datagram;
  IkeHeader header;
  PayloadType first = PayloadType::kNone;
  Bytes plain;                                // what SK held
  MessageForm form = MessageForm::kNone;
};

// An answer to our IKE_SA_INIT. Nothing authenticates it, so there may be several; only IKE_AUTH tells which is true.
struct InitAnswer {
  uint64_t spi_r = 0;
  IkeSuite suite;
  Path path;
  Bytes nonce_r, response, peer_public;
  std::vector<uint16_t> hashes;
  bool fragments = false, takes_childless = false;
  CertRequest wanted;
  std::optional<IkeKeying> keying;
  std::optional<OwnProof> proof;
  PpkUse ppk_use{};
  Incoming incoming{};                        // of its own IKE_AUTH answer
  Datagrams request;                          // IKE_AUTH to it, as it went; empty before
  JobId job = 0;                              // deriving its shared secret, then signing for it
};
inline constexpr size_t kMaxRivals = 3;

struct InitiatorHandshake {
  SaPayload offer;
  KeGroup group = KeGroup::kNone;
  std::unique_ptr<KeyExchange> key;
  Bytes nonce_i, nonce_r, cookie;
  Bytes request, response;                    // IKE_SA_INIT as it went: AUTH covers both
  Path path;                                  // as before an answer was believed
  std::vector<InitAnswer> rivals;             // of the answer being followed (v2/rivals.h)
  unsigned rounds = 0;                        // COOKIE and INVALID_KE_PAYLOAD answers met
  JobId job = 0;
  std::optional<OwnPpk> ppk;                  // nullopt: calls without any
  PpkUse ppk_use;
  CertRequest wanted;                         // by the answer being followed
  std::optional<OwnProof> proof;
  std::optional<HeldMessage> held;            // the answer to IKE_AUTH, with kAuthVerifying
  std::optional<ChildNegotiation> child;      // in IKE_AUTH
  std::optional<Task> child_task;             // which asked for it
  bool prepared = false;                      // both are settled
  bool peer_takes_childless = false;          // RFC 6023
  std::vector<IpAddress> told;                // our additional addresses, as IKE_AUTH says them (MOBIKE)
};

// A connection the initiator may be meaning, and how we would prove ourselves in it.
struct AuthCandidate {
  ConnectionRef connection;
  Identity local_id;
  std::optional<OwnProof> proof;              // nullopt: by a pre-shared key
};

struct ResponderHandshake {
  HalfOpenKey key;
  Bytes nonce_i, nonce_r;
  Bytes request, response;
  KeGroup group = KeGroup::kNone;
  Bytes peer_public;
  SaPayload answer;
  bool fake_nat = false;                      // the connection forces UDP encapsulation
  bool takes_sha1 = false;                    // it takes signatures by SHA-1 (RFC 7427)
  bool takes_childless = false;               // it takes an IKE_AUTH without a child (RFC 6023)
  bool ppk = false;                           // both sides have said USE_PPK (RFC 8784)
  std::unique_ptr<KeyExchange> exchange;
  std::optional<SecretBytes> shared_secret;   // of a KEM, whose answer cannot be made without it
  JobId job = 0;
  std::vector<DatagramIn> waiting;            // IKE_AUTH that came before the keys were derived
  TokenBucket tries{100, 100};                // D03
  std::optional<HeldMessage> held;            // IKE_AUTH, with kAuthJudging
  std::vector<AuthCandidate> candidates;      // as the job at work on it has them
  std::string passed_over;                    // connections that are none, and why, for the log
};
// What a stranger may make us keep before it has shown anything: IKE_SA_INIT with a few large key exchanges, and IKE_AUTH
// with a chain of certificates, whole or in fragments, while its keys are being derived.
inline constexpr size_t kMaxInitOctets = 8192, kMaxWaitingOctets = 16384, kMaxWaitingDatagrams = 32;

// Exchanges an authenticated peer may make (D12, D14). An IKE SA's successor inherits what is left.
struct PeerAllowance {
  TokenBucket exchanges{200, 100}, children{100, 10}, ike_rekeys{32, 1.0 / 30};
};
inline constexpr size_t kMaxChildrenPerIke = 256;

struct IkeSa : SaBase {
  IkeState state{};
  IkeSuite suite;
  std::optional<IkeKeying> keying;
  ExchangeWindow window;
  std::unique_ptr<InitiatorHandshake> initiating;
  std::unique_ptr<ResponderHandshake> answering;
  std::unique_ptr<Intermediate> intermediate; // until IKE_AUTH is done
  unsigned attempt = 1;                       // of keyingtries
  bool caller = false;                        // was the initiator of IKE_AUTH, here or for the SA it succeeds
  IkeId replaces = 0;                         // the IKE SA this one is to take the place of, once it has its children
  std::vector<uint16_t> peer_hashes;          // SIGNATURE_HASH_ALGORITHMS (RFC 7427)
  bool fragments = false;                     // both sides have announced RFC 7383
  bool ppk = false;                           // its keys descend from a post-quantum pre-shared key (RFC 8784)
  std::array<Incoming, 2> incoming;           // the peer's request and its answer to ours
  std::unique_ptr<Mobike> mobike;             // null: not in use
  std::unique_ptr<VirtualAddresses> addresses;   // null: neither side lends any
  size_t reply_room = 0;                      // the largest fragment of the request being answered; 0: it came whole

  Tasks tasks;
  Boxed<RequestInProgress> request;
  Boxed<ReplyInProgress> reply;
  std::unique_ptr<PendingFollowUp> pending;
  Path reply_path;                            // where the request being answered came from (RFC 7296 2.11)
  PeerAllowance allowance;
  IkeId successor = 0;
  IkeId unsettled_rekey_of = 0;               // made by the peer while our own rekeying of that SA is unanswered

  // Where its children's ESP goes.
  const Path& esp_path() const { return mobike && mobike->esp ? *mobike->esp : path; }
  bool handshaking() const { return initiating || answering; }
  // The peer is authenticated and the SA carries exchanges.
  bool secured() const {
    return state == IkeState::kEstablished || state == IkeState::kRekeyed || state == IkeState::kDeleting;
  }
};

}  // namespace culvert::ike
