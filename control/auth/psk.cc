#include "control/auth/psk.h"

#include <algorithm>

namespace culvert::auth {
namespace {

int Score(const config::Secret& s, const ike::Identity& local, const ike::Identity& remote) {
  if (s.owners.empty()) return 1;
  auto owned_by = [&s](const ike::Identity& id) {
    return std::ranges::any_of(s.owners, [&id](const std::string& owner) { return ike::Matches(owner, id); });
  };
  return (owned_by(remote) ? 4 : 0) + (owned_by(local) ? 2 : 0);
}

}  // namespace

const SecretBytes* FindPsk(std::span<const config::Secret> secrets, const ike::Identity& local, const ike::Identity& remote) {
  const SecretBytes* best = nullptr;
  int best_score = 0;
  for (const auto& s : secrets) {
    if (s.kind != config::Secret::Kind::kIke) continue;
    int score = Score(s, local, remote);
    if (score > best_score) {
      best = &s.data;
      best_score = score;
    }
  }
  return best;
}

}  // namespace culvert::auth
