#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "common/ipsec/algorithm.h"

namespace culvert::config {

struct Cipher {
  EncrId id = EncrId::kNone;
  uint16_t key_bits = 0;
  friend bool operator==(const Cipher&, const Cipher&) = default;
};

// One dash-joined proposal of swanctl.conf, in its written order within each kind. Empty `integs` with an AEAD; an IKE
// proposal without a PRF token takes the PRFs of its integrity algorithms, as charon does.
struct IkeProposal {
  std::vector<Cipher> encrs;
  std::vector<IntegId> integs;
  std::vector<PrfId> prfs;
  std::vector<KeGroup> groups;
  std::vector<KeGroup> additional[7];     // keN_ tokens (RFC 9370)
};
struct EspProposal {
  std::vector<Cipher> encrs;              // empty for AH
  std::vector<IntegId> integs;
  std::vector<KeGroup> groups;            // PFS on rekey; kNone among them makes it optional; empty: no key exchange
  std::vector<KeGroup> additional[7];     // as above
  std::vector<EsnId> esn;                 // never empty; order of preference
  // `default` children offer a key exchange and accept none (design.md): set with groups non-empty.
  bool accept_without_ke = false;
};

// A floor under algorithms, and what `default` stands for above it: config/profile.h.
enum class Profile : uint8_t { kDefault, kCnsa1, kCnsa2, kBsi, k3gpp, kWindows, kLegacy };

// "aes256gcm16-prfsha384-ecp384". Errors say which token and what was expected; one that the profile does not permit is one.
std::expected<IkeProposal, std::string> ParseIkeProposal(std::string_view text, Profile profile = Profile::kDefault);
std::expected<EspProposal, std::string> ParseEspProposal(std::string_view text, bool ah, Profile profile = Profile::kDefault);
// What `default` expands to: the profile's list, AEAD and non-AEAD apart, ESN offered before none.
std::vector<IkeProposal> DefaultIkeProposals(Profile profile = Profile::kDefault);
std::vector<EspProposal> DefaultEspProposals(Profile profile = Profile::kDefault);
// Of AH; empty where the profile has no integrity but an AEAD's.
std::vector<EspProposal> DefaultAhProposals(Profile profile = Profile::kDefault);

}  // namespace culvert::config
