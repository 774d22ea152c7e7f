#pragma once

#include "control/auth/credentials.h"

namespace culvert::auth {

// What a peer has shown of itself in IKE_AUTH, or in phase 1 of IKEv1: owned, so that a helper thread can judge it.
struct PeerProof {
  ike::AuthMethod method{};
  Bytes auth;                       // the AUTH payload's data
  Bytes octets;                     // what it must be a signature of
  std::optional<ike::KeyKind> signs_hash;   // IKEv1: `octets` is HASH_I or HASH_R, `auth` is SIG by a key of that kind
  std::vector<Bytes> certificates;  // CERT payloads of encoding 4, the peer's own first (RFC 7296 3.6)
  std::vector<Bytes> ocsp;          // of encoding 14: OCSP responses (RFC 4806), of at most kMaxOcspResponse octets each
  bool by_url = false;              // it also named a certificate by hash and URL, which nobody fetches
  ike::Identity id;
  bool asked = false;               // about revocation: what is not known now stays unknown
};

// The certificates as sent, decoded; or what is wrong with them. Once for all rounds the proof is judged by.
std::expected<std::vector<Certificate>, std::string> DecodeSent(const PeerProof& proof);

// How a peer proved itself.
struct Verified {
  ike::SignatureScheme scheme;
  std::string how;                  // for the log: "ECDSA-256 with SHA2-256 of CN=gw"
  std::vector<Issued> open;         // whose revocation is to be asked for first: nothing is settled before
};

// What the peer's AUTH is worth in that round, or why it is worth nothing. `sent`: of DecodeSent(proof). Slow: public-key work.
// Nothing is fetched from anywhere: what certificates name (CRLs, responders, issuers) is looked for in `credentials` alone
// (B36), and only what a peer that has proven itself is asked for in `open`.
std::expected<Verified, std::string> VerifyPeer(const Credentials& credentials, const PeerProof& proof,
                                                std::span<const Certificate> sent, const config::AuthRound& round);

}  // namespace culvert::auth
