#pragma once

#include "control/auth/credentials.h"

namespace culvert::auth {

// What a peer has shown of itself in IKE_AUTH: owned, so that a helper thread can judge it.
struct PeerProof {
  ike::AuthMethod method{};
  Bytes auth;                       // the AUTH payload's data
  Bytes octets;                     // what it must be a signature of
  std::vector<Bytes> certificates;  // CERT payloads of encoding 4, the peer's own first (RFC 7296 3.6)
  ike::Identity id;
};

inline constexpr size_t kMaxPeerOctets = 65536;  // of all certificates together (hostile.md D11)

// How the peer proved itself, for the log; or why it did not. Slow: public-key work. Nothing is fetched from anywhere: what
// certificates name (CRLs, responders, issuers) is looked for in `credentials` alone (B36).
std::expected<std::string, std::string> VerifyPeer(const Credentials& credentials, const PeerProof& proof,
                                                   const config::AuthRound& round);

}  // namespace culvert::auth
