#pragma once

#include "control/ike/v2/payload_list.h"
#include "control/ike/v2/receive.h"

// Post-quantum pre-shared keys (RFC 8784): both sides say USE_PPK in IKE_SA_INIT, the initiator names its key in IKE_AUTH, and
// the key goes into SK_d, SK_pi and SK_pr of the first keys; after additional key exchanges, of the last of those. What
// descends from them by rekeying has it through SK_d.
namespace culvert::ike {

// ---- initiator ----
// Sets h.ppk as the connection wants it. Empty, or why the call cannot be made.
std::string TakePpk(Context& cx, IkeSa& sa);
// Whether the answer to IKE_SA_INIT may be followed: a key that is required needs USE_PPK from both sides.
bool AgreesOnPpk(const IkeSa& sa, const Inbound& in);
// Into the keys there are now, with the responder being followed, where both sides said USE_PPK. Again: nothing.
void MixPpk(IkeSa& sa);
// PPK_IDENTITY, and NO_PPK_AUTH with `plain_auth` where the key is optional.
void AddPpkIdentity(const IkeSa& sa, Bytes plain_auth, PayloadList& list);
// What the answer to IKE_AUTH says of the key: without PPK_IDENTITY the keys become those without it, where it is optional.
// Empty, or why the SA cannot be.
std::string SettlePpk(IkeSa& sa, const Inbound& in);

// ---- responder ----
// What an IKE_AUTH request says of such a key.
struct PpkClaim {
  bool agreed = false;                // both sides said USE_PPK
  Bytes id;                           // PPK_ID; empty: none that could be one, or several
  const SecretBytes* key = nullptr;   // of that PPK_ID, as long as the tables stand
  std::optional<Bytes> plain_auth;    // NO_PPK_AUTH
  bool mixed = false;                 // goes by its key; otherwise without any, by NO_PPK_AUTH where there was USE_PPK
};
PpkClaim PpkClaimIn(const Context& cx, const IkeSa& sa, const Inbound& in);
// Why a peer of that claim cannot mean the connection; empty where it may.
std::string JudgePpk(const config::Connection& c, const PpkClaim& claim);
// Makes the SA's keys those of the claim. Of an unknown key they become nobody's: that costs the same (R7, B54).
void MixPpk(Context& cx, IkeSa& sa, const PpkClaim& claim);

// ---- both ----
// For the line that says the SA is up, and for the operator where an optional key was not used: also counted.
std::string DescribePpk(Context& cx, const IkeSa& sa, const Inbound& in);
// Behind the reason why AUTH is wrong: whoever has another post-quantum key has another AUTH.
std::string PpkHint(const IkeSa& sa);

}  // namespace culvert::ike
