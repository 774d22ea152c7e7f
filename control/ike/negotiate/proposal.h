#pragma once

#include <optional>

#include "config/proposal.h"
#include "control/ike/crypto/kdf_v2.h"
#include "control/ike/wire/v2/payloads.h"

// Between configured proposals (config/proposal.h) and the wire's SA payload (RFC 7296 3.3). Pure functions.
//
// A responder's own order decides, of proposals first and then of the transforms of each type, in the order ENCR, PRF, INTEG,
// ESN, KE, ADDKE1 to 7; the initiator's order only breaks ties. RFC 7296 2.7 leaves the choice to the responder; it is what
// charon does by default (prefer_configured_proposals), and what an operator who writes "strongest first" expects.
//
// An explicit proposal means exactly what it says; nothing is chosen that this build cannot compute. In a proposal
//   - every transform type the peer names must be one its protocol has and we can satisfy: a type we do not know makes the
//     proposal unacceptable, an unknown transform of a known type is passed over (3.3.6), as is one with an unknown attribute;
//   - ENCR, PRF and KE of IKE, ENCR and ESN of ESP, INTEG and ESN of AH must be there (3.3.3);
//   - no INTEG and KE at all mean the same as NONE. A cipher that needs integrity is never taken without, an AEAD never with:
//     INTEG NONE beside an AEAD is tolerated, another INTEG refused unless NONE stands with it (3.3, RFC 5282 8);
//   - the key length attribute must be there for a cipher of several lengths and absent for one of one (3.3.5);
//   - no method stands twice among the key exchanges chosen, the additional ones included (RFC 9370 2.2.1): a combination that
//     would is passed over for the next in order of preference.
namespace culvert::ike {

struct ChosenIke {
  IkeSuite suite;
  Proposal answer;            // to be sent back: one transform of each type, the initiator's proposal number, our SPI
  Bytes peer_spi;             // 8 octets in a rekey, empty in IKE_SA_INIT
};
struct ChosenEsp {
  EspSuite suite;             // of AH: no ENCR
  KeGroup group = KeGroup::kNone;
  AdditionalGroups additional{};
  IpsecProtocol protocol = IpsecProtocol::kEsp;
  uint32_t peer_spi = 0;      // host byte order, at least 256
  Proposal answer;
};

// What we propose, in our order; proposals numbered from 1, AEAD and other ciphers apart (3.3). Empty where nothing
// configured can be used: then there is nothing to send. `spi` is empty in IKE_SA_INIT, 8 octets in a rekey.
SaPayload OfferIke(const std::vector<config::IkeProposal>& configured, ByteView spi);
// `with_ke` is false in IKE_AUTH, where children carry no KE transforms (RFC 7296 1.2); otherwise the KE payload goes with
// the first KE transform of the first proposal, if that is a group. Proposals of the other protocol are left out.
SaPayload OfferEsp(const std::vector<config::EspProposal>& configured, IpsecProtocol protocol, uint32_t spi, bool with_ke);

// nullopt: NO_PROPOSAL_CHOSEN. `our_spi` is empty in IKE_SA_INIT and 8 octets in a rekey; proposals whose SPI is not as long,
// or zero, are passed over (B43). The chosen suite.group is the one to exchange keys in: where the initiator's KE payload
// is of another, the answer is INVALID_KE_PAYLOAD.
std::optional<ChosenIke> ChooseIke(const std::vector<config::IkeProposal>& configured, const SaPayload& offered,
                                   ByteView our_spi);
// nullopt: NO_PROPOSAL_CHOSEN. Without `with_ke` (IKE_AUTH) KE transforms are ignored on both sides; with it, a configured
// proposal with groups demands one of them, unless it lists `none` or has accept_without_ke, and one without groups refuses
// peers that demand one. ESP and AH proposals, by configured ones of the same protocol.
std::optional<ChosenEsp> ChooseEsp(const std::vector<config::EspProposal>& configured, const SaPayload& offered, bool with_ke,
                                   uint32_t our_spi);

// What the responder sent back must be one proposal, by its number one of ours, with one transform per type we offered and
// nothing we did not offer; its SPI as long as ours and not reserved. nullopt otherwise: the peer breaks the protocol.
std::optional<ChosenIke> AcceptIke(const SaPayload& offered_by_us, const SaPayload& answer);
std::optional<ChosenEsp> AcceptEsp(const SaPayload& offered_by_us, const SaPayload& answer);

// For a log line: "AES_GCM_16-256/PRF_HMAC_SHA2_256/CURVE_25519, ...", and AH's "AH HMAC_SHA2_256_128/EXT_SEQ"; long lists are
// cut with "...".
std::string Describe(const SaPayload& sa);
std::string Name(const Transform& t);   // "AES_GCM_16-256", "KE1_ML_KEM_768"

}  // namespace culvert::ike
