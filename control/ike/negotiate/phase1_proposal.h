#pragma once

#include <expected>
#include <span>
#include <string>

#include "config/model.h"
#include "control/ike/crypto/kdf_v2.h"
#include "control/ike/wire/v1/sa_payload.h"

// Between configured proposals and the SA payload of IKEv1's phase 1 (RFC 2409 5, appendix A). Pure functions.
//
// One transform is one suite as a whole, the authentication method and the lifetime with it. As with IKEv2 a responder's own
// order decides, in the order cipher, hash, group, method; the initiator's only breaks ties. A transform with an attribute that
// is unknown, stands twice, or has a value that is no number is passed over, as is one of a group or prf of its own making; the
// key length must be there for a cipher of several lengths and absent for one of one. Lifetimes are not haggled over: the
// shorter of the two holds (each side ends its SA by itself).
namespace culvert::ike::v1 {

struct Phase1Wish {
  const std::vector<config::IkeProposal>& proposals;   // Connection::proposals_v1
  std::span<const AuthMethod> methods;                 // any of them, the best first
  uint64_t life_seconds = 0;                           // to offer; 0: none
  KeGroup only = KeGroup::kNone;                       // no other group: aggressive mode, where the first message has its KE
};

// What was agreed on.
struct Phase1Suite {
  IkeSuite suite;                                      // without INTEG: nothing but HASH authenticates
  AuthMethod method{};
  uint64_t life_seconds = 0;                           // as the peer has it; 0: it does not say
  friend bool operator==(const Phase1Suite&, const Phase1Suite&) = default;
};

// The most transforms offered, for the sake of a datagram that need not be fragmented. Each algorithm is among them as long as
// they last.
inline constexpr size_t kMaxTransformsOffered = 24;

// The SA payload's body: one proposal, transforms numbered from 1. Empty where nothing is left to offer.
Bytes OfferPhase1(const Phase1Wish& wish);
// The group that the first transform of that offer has; kNone: there is none.
KeGroup FirstGroup(const std::vector<config::IkeProposal>& proposals);

struct ChosenPhase1 {
  Phase1Suite suite;
  Bytes answer;                                        // the SA payload's body; the transform as it came (RFC 2409 5)
};
// nullopt: NO-PROPOSAL-CHOSEN.
std::optional<ChosenPhase1> ChoosePhase1(const Phase1Wish& wish, const SaPayload& offered);
// The same of a suite that stands already: whether these proposals would have led to it.
bool AdmitsPhase1(const std::vector<config::IkeProposal>& proposals, const Phase1Suite& suite);

// What the responder sent back is one transform, and one that was offered; it may have shortened its lifetime.
// nullopt: the peer breaks the protocol. `offer` is of OfferPhase1 (CHECKed).
std::optional<Phase1Suite> AcceptPhase1(ByteView offer, const SaPayload& answer);

// The connection's floor (config/profile.h), on what came out and not only on what was configured. Why not; empty: it is above.
std::string BelowPhase1Floor(config::Profile floor, const Phase1Suite& suite);

// For a log line: "AES_CBC-256/PRF_HMAC_SHA2_256/MODP_2048 by pre-shared key, ...", long lists cut with "...".
std::string DescribePhase1(const SaPayload& sa);
std::string DescribePhase1(const Phase1Wish& wish);

}  // namespace culvert::ike::v1
