#include "control/sadb/policies.h"

#include "config/selectors.h"

namespace culvert::sadb {
namespace {

// Without a fixed rank, as charon has it: exceptions go before what they are exceptions from, `drop` is for what nothing else
// wants. Its numbers too, so that a fixed one falls where it does there.
constexpr uint32_t kPassPriority = 200000, kProtectPriority = 400000, kDropPriority = 600000;

uint32_t RankOf(config::ChildMode mode) {
  switch (mode) {
    case config::ChildMode::kPass: return kPassPriority;
    case config::ChildMode::kDrop: return kDropPriority;
    case config::ChildMode::kTunnel:
    case config::ChildMode::kTransport: break;
  }
  return kProtectPriority;
}

Policy PolicyOf(const std::string& connection, const config::Child& child) {
  Policy p;
  p.connection = connection;
  p.child = child.name;
  p.mode = child.mode;
  p.priority = child.priority ? child.priority : RankOf(child.mode);
  p.acquire = !config::IsShunt(child.mode) &&
              (child.start_action == config::StartAction::kTrap || child.start_action == config::StartAction::kTrapStart);
  p.if_id_in = child.if_id_in;
  p.if_id_out = child.if_id_out;
  return p;
}

}  // namespace

Policies::Changes Policies::Load(const std::vector<config::Connection>& connections) {
  Changes changes;
  std::map<Name, uint32_t> before = std::exchange(loaded_, {});
  templates_.clear();
  for (const auto& connection : connections) {
    for (const auto& child : connection.children) {
      if (!child.policies) continue;
      const Name name{connection.name, child.name};
      Policy p = PolicyOf(connection.name, child);
      p.acquire |= trapped_.contains(name);
      auto all = config::ProtectedBy(connection, child);
      if (!all) {
        templates_[name] = std::move(p);
        continue;
      }
      p.local = std::move(all->local);
      p.remote = std::move(all->remote);
      auto old = before.find(name);
      p.id = old != before.end() ? old->second : NewId();
      if (old == before.end() || !policies_.at(p.id).SameEffect(p)) changes.add.push_back(p.id);
      if (old != before.end()) before.erase(old);
      loaded_[name] = p.id;
      policies_[p.id] = std::move(p);
    }
  }
  for (const auto& [name, id] : before) {
    policies_.erase(id);
    trapped_.erase(name);
    changes.remove.push_back(id);
  }
  return changes;
}

Policies::Changes Policies::Trap(const std::string& connection, const std::string& child) {
  Changes changes;
  const Name name{connection, child};
  auto it = loaded_.find(name);
  if (it == loaded_.end()) return changes;
  trapped_.insert(name);
  Policy& p = policies_.at(it->second);
  if (!std::exchange(p.acquire, true)) changes.add.push_back(p.id);
  return changes;
}

uint32_t Policies::Acquire(const ike::InstallChild& install, Changes& changes) {
  if (install.policy_id) return install.policy_id;
  const Name name{install.connection, install.name};
  if (auto it = loaded_.find(name); it != loaded_.end()) return it->second;
  auto row = templates_.find(name);
  if (row == templates_.end()) return 0;
  const Narrowed key{name, install.local_ts, install.remote_ts};
  if (auto it = narrowed_.find(key); it != narrowed_.end()) {
    ++references_[it->second];
    return it->second;
  }
  Policy p = row->second;
  p.id = NewId();
  p.local = install.local_ts;
  p.remote = install.remote_ts;
  narrowed_[key] = p.id;
  references_[p.id] = 1;
  changes.add.push_back(p.id);
  return policies_.emplace(p.id, p).first->first;
}

void Policies::Release(uint32_t id, Changes& changes) {
  auto it = references_.find(id);
  if (it == references_.end() || --it->second > 0) return;
  references_.erase(it);
  const auto p = policies_.extract(id);
  narrowed_.erase({{p.mapped().connection, p.mapped().child}, p.mapped().local, p.mapped().remote});
  changes.remove.push_back(id);
}

const Policy* Policies::Find(uint32_t id) const {
  auto it = policies_.find(id);
  return it == policies_.end() ? nullptr : &it->second;
}

}  // namespace culvert::sadb
