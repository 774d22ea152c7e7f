#pragma once

#include <optional>

#include "config/proposal.h"
#include "control/ike/crypto/kdf_v2.h"
#include "control/ike/wire/v2/payloads.h"

namespace culvert::ike {

// Between configured proposals (config/proposal.h) and the wire's SA payload (RFC 7296 3.3). Selection follows the
// initiator's order of proposals, and inside one our order of transforms; an explicit proposal means exactly what it says.

struct ChosenIke {
  IkeSuite suite;
  Proposal answer;            // to be sent back: one transform of each type, the initiator's proposal number
  Bytes peer_spi;             // of a rekey, empty in IKE_SA_INIT
};
struct ChosenEsp {
  EspSuite suite;
  KeGroup group = KeGroup::kNone;
  IpsecProtocol protocol = IpsecProtocol::kEsp;
  uint32_t peer_spi = 0;
  Proposal answer;
};

SaPayload OfferIke(const std::vector<config::IkeProposal>& configured, ByteView spi);
// `pfs_group`: the group whose KE payload goes along, kNone in IKE_AUTH, where children carry no KE transforms.
SaPayload OfferEsp(const std::vector<config::EspProposal>& configured, IpsecProtocol protocol, uint32_t spi, bool with_ke);

std::optional<ChosenIke> ChooseIke(const std::vector<config::IkeProposal>& configured, const SaPayload& offered);
std::optional<ChosenEsp> ChooseEsp(const std::vector<config::EspProposal>& configured, const SaPayload& offered, bool with_ke,
                                   uint32_t our_spi);
// What the responder sent back must be one proposal, a subset of what we offered with one transform per type.
std::optional<ChosenIke> AcceptIke(const SaPayload& offered_by_us, const SaPayload& answer);
std::optional<ChosenEsp> AcceptEsp(const SaPayload& offered_by_us, const SaPayload& answer);

std::string Describe(const SaPayload& sa);  // "AES_GCM_16-256/PRF_HMAC_SHA2_256/CURVE_25519, ..." for the log

}  // namespace culvert::ike
