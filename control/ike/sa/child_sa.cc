#include "control/ike/sa/child_sa.h"

#include <algorithm>

namespace culvert::ike {
namespace {

constexpr uint64_t kMargin = 10;  // a lifetime that is not ours to choose leaves a tenth of itself for rekeying

// 0 is without end.
config::Lifetime AtMost(config::Lifetime configured, uint64_t life) {
  if (life == 0 || (configured.life != 0 && configured.life <= life)) return configured;
  configured.life = life;
  if (configured.rekey != 0) configured.rekey = std::min(configured.rekey, life - life / kMargin);
  configured.rand = std::min(configured.rand, life / kMargin);
  return configured;
}

}  // namespace

config::Lifetime ChildSa::time_limits() const { return AtMost(config->seconds_, life_seconds); }
config::Lifetime ChildSa::byte_limits() const { return AtMost(config->bytes, life_bytes); }

const config::Child* FindChild(const config::Connection& connection, std::string_view name) {
  auto it = std::ranges::find(connection.children, name, &config::Child::name);
  return it == connection.children.end() ? nullptr : &*it;
}

void FollowUp::Add(const SecretBytes& secret) {
  SecretBytes all(secrets.size() + secret.size());
  auto at = std::ranges::copy(secrets.view(), all.span().begin()).out;
  std::ranges::copy(secret.view(), at);
  secrets = std::move(all);
  PopFirst(left);
}

const char* Name(ChildState s) {
  switch (s) {
    case ChildState::kInstalling: return "INSTALLING";
    case ChildState::kInstalled: return "INSTALLED";
    case ChildState::kRekeying: return "REKEYING";
    case ChildState::kRekeyed: return "REKEYED";
    case ChildState::kDeleting: return "DELETING";
    case ChildState::kRetired: return "DELETED";
  }
  return "UNKNOWN";
}

}  // namespace culvert::ike
