#include "control/ike/v1/phase1_method.h"

#include <algorithm>

#include "absl/log/check.h"

namespace culvert::ike::v1 {
namespace {

using enum KeyKind;
constexpr MethodInfo kMethods[] = {
    {.method = AuthMethod::kPreSharedKey, .psk = true},
    {.method = AuthMethod::kRsaSignature, .initiator_signs = true, .responder_signs = true, .key = kRsa},
    {.method = AuthMethod::kEcdsa256, .initiator_signs = true, .responder_signs = true, .key = kEcdsa256,
     .hash = PrfId::kHmacSha256},
    {.method = AuthMethod::kEcdsa384, .initiator_signs = true, .responder_signs = true, .key = kEcdsa384,
     .hash = PrfId::kHmacSha384},
    {.method = AuthMethod::kEcdsa521, .initiator_signs = true, .responder_signs = true, .key = kEcdsa521,
     .hash = PrfId::kHmacSha512},
    {.method = AuthMethod::kHybridInitRsa, .responder_signs = true, .key = kRsa, .user = XauthUser::kInitiator},
    {.method = AuthMethod::kHybridRespRsa, .initiator_signs = true, .key = kRsa, .user = XauthUser::kResponder},
    {.method = AuthMethod::kXauthInitPreShared, .psk = true, .user = XauthUser::kInitiator},
    {.method = AuthMethod::kXauthRespPreShared, .psk = true, .user = XauthUser::kResponder},
    {.method = AuthMethod::kXauthInitRsa, .initiator_signs = true, .responder_signs = true, .key = kRsa,
     .user = XauthUser::kInitiator},
    {.method = AuthMethod::kXauthRespRsa, .initiator_signs = true, .responder_signs = true, .key = kRsa,
     .user = XauthUser::kResponder},
};

bool HasXauth(const std::vector<config::AuthRound>& side) {
  return !side.empty() && side.back().kind == config::AuthKind::kXauth;
}
// XAUTH and nothing before it.
bool IsHybridUser(const std::vector<config::AuthRound>& side) { return HasXauth(side) && side.size() == 1; }

}  // namespace

const MethodInfo* Find(AuthMethod method) {
  auto it = std::ranges::find(kMethods, method, &MethodInfo::method);
  return it == std::end(kMethods) ? nullptr : it;
}

const config::AuthRound& Phase1Round(const std::vector<config::AuthRound>& side) {
  CHECK(!side.empty());
  return side.front();
}

bool ByPsk(const config::Connection& c) {
  return Phase1Round(c.local).kind == config::AuthKind::kPsk && Phase1Round(c.remote).kind == config::AuthKind::kPsk;
}

std::vector<AuthMethod> MethodsFor(const config::Connection& c, bool we_initiate, const auth::Credentials& credentials) {
  const bool we_are_user = HasXauth(c.local), peer_is_user = HasXauth(c.remote);
  XauthUser user = XauthUser::kNobody;
  if (we_are_user || peer_is_user) user = we_are_user == we_initiate ? XauthUser::kInitiator : XauthUser::kResponder;
  const bool hybrid = IsHybridUser(c.local) || IsHybridUser(c.remote);
  const bool we_sign = Phase1Round(c.local).kind == config::AuthKind::kPubkey;
  const std::vector<KeyKind> keys = we_sign ? credentials.HashSigners(Phase1Round(c.local)) : std::vector<KeyKind>{};
  const config::AuthKind peer = Phase1Round(c.remote).kind;
  std::vector<AuthMethod> out;
  for (const MethodInfo& m : kMethods) {
    if (m.user != user || m.psk != ByPsk(c)) continue;
    const bool is_hybrid = !m.psk && m.initiator_signs != m.responder_signs;
    if (is_hybrid != hybrid || m.signs(we_initiate) != we_sign) continue;
    if (m.signs(!we_initiate) != (peer == config::AuthKind::kPubkey)) continue;
    if (!we_sign || std::ranges::contains(keys, m.key)) out.push_back(m.method);
  }
  // Our own keys are in the order in which they are liked.
  std::ranges::stable_sort(out, {}, [&](AuthMethod m) { return std::ranges::find(keys, Find(m)->key) - keys.begin(); });
  return out;
}

}  // namespace culvert::ike::v1
