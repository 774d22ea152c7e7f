#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>

#include "config/model.h"
#include "control/ike/wire/v1/sa_payload.h"

// Between configured proposals and the SA payload of quick mode (RFC 2407 4.5, RFC 2409 5.5). Pure functions.
//
// A transform of IKEv1 is one whole suite, so an offer is a list of all that a proposal admits, in order of preference: ciphers
// first, then integrity, then ESN. A responder's own order decides, as in IKEv2 (proposal.h); the initiator's breaks ties. A
// transform is passed over where its number, an attribute or an attribute's value is not known; so are a proposal of another
// protocol and proposals to be used together (IPComp under ESP). The key length is there for a cipher of several lengths and
// absent for one of one (RFC 3602 5.2); the authentication algorithm is there unless the cipher is an AEAD (RFC 4106 8.1).
//
// RFC 2409 5.5: one group goes with a message's KE payload and stands in every transform, or in none. An initiator offers the
// first group of its first proposal, and of the other proposals what goes with it. As with IKEv2 a responder's proposal that
// names groups demands one of them, `none` among them excepted, and one without refuses a key exchange.
namespace culvert::ike::v1 {

// RFC 2407 4.5: 0 is "not said", which for seconds means kDefaultLife.
struct SaLife {
  uint64_t seconds = 0, kilobytes = 0;
  friend bool operator==(const SaLife&, const SaLife&) = default;
};
inline constexpr uint64_t kDefaultLife = 28800;   // seconds, RFC 2407 4.5
// What holds where one side wants `ours` and the other has said `theirs`: the shorter of each; 0 is without end.
SaLife Shorter(const SaLife& ours, const SaLife& theirs);

// How encapsulation in UDP is numbered, where there is a NAT.
enum class UdpNumbers : uint8_t {
  kNone,      // no NAT: ESP and AH as they are
  kRfc3947,
  kDraft,     // draft-ietf-ipsec-nat-t-ike-02 and -03
};

// What a child may be, on the path at hand.
struct Phase2Policy {
  std::span<const config::EspProposal> esp, ah;   // empty where the protocol cannot be used
  bool transport = false;
  UdpNumbers udp = UdpNumbers::kNone;
  SaLife life;
  config::Profile floor{};
};

struct Phase2Offer {
  Bytes body;                               // of the SA payload
  IpsecProtocol protocol{};                 // of its first proposal
  KeGroup group = KeGroup::kNone;           // of the KE payload that goes with it; kNone: without
};
// nullopt: nothing configured can be used.
std::optional<Phase2Offer> OfferPhase2(const Phase2Policy& policy, uint32_t our_spi);

struct ChosenPhase2 {
  IpsecProtocol protocol{};
  EspSuite suite;
  KeGroup group = KeGroup::kNone;
  uint32_t peer_spi = 0;                    // host byte order, at least 256
  SaLife life;                              // as the transform has it
  Bytes answer;                             // ChoosePhase2: the body to send back, the transform as it was offered
};
// Error: why not, for the end of a log line. With a NAT the numbers of either RFC 3947 or the drafts will do, and go back as
// they came.
using Phase2Result = std::expected<ChosenPhase2, std::string>;
Phase2Result ChoosePhase2(const Phase2Policy& policy, const SaPayload& offered, uint32_t our_spi);

// What the responder sent back must be one proposal of one transform, one of those OfferPhase2 offers with that group; its
// number and its lifetimes may be others: responders have been known to renumber transforms and to shorten lifetimes.
Phase2Result AcceptPhase2(const Phase2Policy& policy, KeGroup group, const SaPayload& answer);

// For a log line: "AES_CBC-128/HMAC_SHA2_256_128/MODP_2048, ..."; long lists are cut with "...".
std::string DescribePhase2(const SaPayload& sa);

// The data of a RESPONDER-LIFETIME notify (RFC 2407 4.6.3.1), which is attributes as a transform has them. nullopt: they
// contradict themselves.
Bytes EncodeLife(const SaLife& life);
std::optional<SaLife> DecodeLife(ByteView data);

}  // namespace culvert::ike::v1
