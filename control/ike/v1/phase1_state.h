#pragma once

#include "control/auth/credentials.h"
#include "control/ike/negotiate/phase1_proposal.h"
#include "control/ike/v1/ike_sa.h"

namespace culvert::ike::v1 {

// Where main mode or aggressive mode is. Where a job is waited for, no message is (IkeSa::first.job is set).
enum class Phase1Step : uint8_t {
  // main mode, initiator
  kAwaitsSa,              // message 1 is out
  kMakingKey,             // job: our public value, of message 3
  kAwaitsKey,             // message 3 is out
  kDeriving,              // job: the shared secret, of message 4
  kSigning,               // job: our SIG, of message 5
  kAwaitsAuth,            // message 5 is out
  kVerifying,             // job: the responder's SIG, of message 6
  // main mode, responder
  kAwaitsPeerKey,         // message 2 is out
  kAnsweringKey,          // job: both, of message 3
  kAwaitsPeerAuth,        // message 4 is out
  kJudging,               // job: the initiator's SIG of message 5, and ours of message 6
  // aggressive mode, initiator
  kMakingFirstKey,        // job: our public value, of message 1
  kAwaitsAnswer,          // message 1 is out
  kDerivingAnswer,        // job: the shared secret, of message 2
  kJudgingAnswer,         // job: the responder's SIG of message 2, and ours of message 3
  // aggressive mode, responder
  kAnsweringFirstKey,     // job: both, of message 1
  kSigningAnswer,         // job: our SIG, of message 2
  kAwaitsProof,           // message 2 is out
  kVerifyingProof,        // job: the initiator's SIG, of message 3
};

// What a peer's CERTREQs say.
struct CertRequest {
  bool asked = false;
  std::vector<Bytes> authorities;             // names in DER; empty: any
};
inline constexpr size_t kMaxCertRequests = 20;   // kept of all that a peer names (B37)

inline constexpr size_t kMaxEarly = 4, kMaxEarlyOctets = 8192;   // of those, together

// Our certificate, and what keeps it alive.
struct OwnSigner {
  std::shared_ptr<const auth::Credentials> credentials;
  auth::OwnChoice choice;
};

// A message whose handling takes a helper thread.
struct HeldMessage {
  DatagramIn datagram;
  Header header;
  Bytes octets;                               // of the chain, in clear
  Bytes next_iv, digest;
};

// A connection that a peer who has named itself may be meaning.
struct Candidate {
  ConnectionRef connection;
  Identity local_id;
  std::optional<OwnSigner> own;               // nullopt: we do not sign
};

// What main mode and aggressive mode keep until they are done.
struct Phase1 {
  Phase1Step step{};
  HalfOpenKey key;                            // responder: its place in the half-open table
  Bytes sa_i;                                 // SAi_b: the initiator's SA payload, its body as it went
  Bytes answer;                               // responder: the body of the SA payload that answers it
  Bytes id_i, id_r;                           // IDii_b, IDir_b
  Bytes public_i, public_r, nonce_i, nonce_r;
  KeGroup group = KeGroup::kNone;
  uint64_t life_seconds = 0;                  // the peer's; 0: it does not say
  std::string vendors;                        // as the peer names itself and what it can do, for the log
  std::unique_ptr<KeyExchange> exchange;
  SecretBytes shared_secret;
  CertRequest wanted;                         // what the peer asks us to show
  std::optional<OwnSigner> own;               // initiator, and responder in aggressive mode: nullopt: we do not sign
  std::vector<Candidate> candidates;          // responder in main mode: that a job is to decide between
  std::optional<HeldMessage> held;
  std::vector<DatagramIn> early;              // of phase 2, from a peer that is done while its proof is looked at
  Bytes refused;                              // digest of the last message that was not believed
  std::string doubt;                          // initiator in aggressive mode: why its last answer was not
};

}  // namespace culvert::ike::v1
