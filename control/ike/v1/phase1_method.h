#pragma once

#include <optional>
#include <span>
#include <vector>

#include "config/model.h"
#include "control/auth/credentials.h"
#include "control/ike/wire/v1/registry.h"

// What the authentication methods of phase 1 mean (RFC 2409 5, RFC 4754, the drafts of hybrid and XAUTH). Pure.
namespace culvert::ike::v1 {

enum class XauthUser : uint8_t { kNobody, kInitiator, kResponder };

struct MethodInfo {
  AuthMethod method{};
  bool psk = false;                          // SKEYID is made of a pre-shared key; otherwise as signatures have it
  bool initiator_signs = false, responder_signs = false;   // SIG in the place of HASH
  KeyKind key{};                             // of whoever signs
  XauthUser user = XauthUser::kNobody;       // whom XAUTH authenticates, afterwards
  PrfId hash = PrfId::kNone;                 // of HASH_I and HASH_R where it is not the negotiated one (RFC 4754)

  bool signs(bool initiator) const { return initiator ? initiator_signs : responder_signs; }
};
// nullptr: not built (RSA encryption, DSS) or unknown.
const MethodInfo* Find(AuthMethod method);

// The methods that do what the connection's rounds ask for, the best first. Which of them by signature is for the keys there
// are to say; empty: there is none for it.
std::vector<AuthMethod> MethodsFor(const config::Connection& c, bool we_initiate, const auth::Credentials& credentials);

// The rounds of phase 1 itself. Of a side that only XAUTH authenticates its XAUTH round, for the identity it names.
const config::AuthRound& Phase1Round(const std::vector<config::AuthRound>& side);
bool ByPsk(const config::Connection& c);

}  // namespace culvert::ike::v1
