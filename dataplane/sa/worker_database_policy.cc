#include <utility>

#include "dataplane/sa/transport.h"
#include "dataplane/sa/worker_database.h"

// The policies of WorkerDatabase: sets of them come and go with connections, orphans stay.
namespace culvert::dp {
namespace {

using channel::PolicyAction;
using channel::Status;

constexpr uint64_t kOrphanRank = 0;  // before every policy: what an orphan protects stays protected
constexpr uint32_t kManualPriority = 400'000;  // that of children without one of their own
constexpr uint64_t RankOf(uint32_t priority) { return (uint64_t{1} << 32) + priority; }

}  // namespace

Status WorkerDatabase::AddPolicy(const channel::AddPolicy& p, SelectorList local, SelectorList remote) {
  if (p.action < PolicyAction::kProtect || p.action > PolicyAction::kDiscard || p.acquire > 1) return Status::kMalformed;
  if (!ValidSelectors(local) || !ValidSelectors(remote)) return Status::kMalformed;
  auto policy =
      std::make_shared<const Policy>(next_policy_++, p.policy_id, RankOf(p.priority), p.action, p.acquire != 0,
                                     Policy::Tunnels{.in = p.if_id_in, .out = p.if_id_out}, SelectorSet(local, remote));
  if (!Spd::Fits(*policy)) return Status::kNoMemory;
  PolicyEntry& entry = policies_[p.policy_id];
  by_id_[policy->id] = policy;
  Replace(policy, entry);
  return Status::kOk;
}

// Puts `policy` in the place of the entry's one, if there is one, and moves its SAs over, in one step for the workers.
void WorkerDatabase::Replace(const std::shared_ptr<const Policy>& policy, PolicyEntry& entry) {
  auto before = std::exchange(entry.policy, policy);
  std::vector<std::pair<Record, uint32_t>> moved;  // with its preference
  for (uint32_t index : entry.sas) {
    Record& r = Of(channel::Direction::kOutbound)[index];
    // One that is still being adopted enters under the policy its record names by then.
    if (r->entered) moved.emplace_back(r, r->preference);
    r->policy = policy;
  }
  tables_.spd.Enqueue({
      .apply =
          [policy, before, moved](Spd& spd) {
            if (before != nullptr) spd.Remove(*before);
            spd.Add(*policy);
            for (const auto& [r, preference] : moved) spd.AddSa(*policy, r->out, preference, *r->selectors);
          },
      .policies = true,
      .settled =
          [this, before] {
            if (before != nullptr) by_id_.erase(before->id);
          },
  });
}

Status WorkerDatabase::RemovePolicy(uint32_t policy_id) {
  auto at = policies_.find(policy_id);
  if (at == policies_.end()) return Status::kNotFound;
  auto policy = at->second.policy;
  policies_.erase(at);
  tables_.spd.Enqueue({
      .apply = [policy](Spd& spd) { spd.Remove(*policy); },
      .policies = true,
      .settled = [this, policy] { by_id_.erase(policy->id); },
  });
  return Status::kOk;
}

std::shared_ptr<const Policy> WorkerDatabase::ManualPolicy(const SaRecord& r, uint32_t priority) {
  const bool transport = r.mode == channel::Mode::kTransport;
  const SelectorList local = transport ? AtEndpoint(r.local_ts, r.local.address) : r.local_ts,
                     remote = transport ? AtEndpoint(r.remote_ts, r.remote.address) : r.remote_ts;
  if (priority == 0) priority = kManualPriority;
  for (const ManualRule& rule : manual_rules_) {
    if (rule.if_id == r.if_id && rule.priority == priority && rule.local == local && rule.remote == remote) return rule.policy;
  }
  auto policy = std::make_shared<const Policy>(next_policy_++, 0, RankOf(priority), PolicyAction::kProtect, false,
                                               Policy::Tunnels{.in = r.if_id, .out = r.if_id}, SelectorSet(local, remote));
  if (!Spd::Fits(*policy)) return nullptr;
  manual_rules_.push_back({local, remote, r.if_id, priority, policy});
  tables_.spd.Enqueue({.apply = [policy](Spd& spd) { spd.Add(*policy); }, .policies = true});
  return policy;
}

void WorkerDatabase::BeginSync() {
  for (auto& [id, entry] : policies_) old_policies_.push_back(std::move(entry));
  policies_.clear();
  std::vector<Record> ended;
  for (Records& records : records_) {
    for (auto& [index, r] : records) {
      if (r->manual) continue;
      r->orphan = true;
      if (r->expired && r->state == SaRecord::State::kLive) ended.push_back(r);
    }
  }
  for (const Record& r : ended) Leave(r, {});
}

void WorkerDatabase::OpenForwarding() {
  MakeOrphanPolicies();
  // Behind every policy enqueued so far: a worker that sees it open sees the whole set.
  tables_.spd.Enqueue(
      {.apply = [](Spd&) {}, .published = [this] { tables_.forwarding_open.store(true, std::memory_order_release); }});
}

// Each live outbound SA of an earlier connection gets a policy of its own, over its own selectors and before all others;
// then the policies of that connection go.
void WorkerDatabase::MakeOrphanPolicies() {
  auto old = std::exchange(old_policies_, {});
  for (const PolicyEntry& entry : old) {
    for (uint32_t index : entry.sas) {
      Record r = Of(channel::Direction::kOutbound)[index];
      if (r->state == SaRecord::State::kRemoving) continue;
      auto policy = std::make_shared<const Policy>(next_policy_++, r->policy_id, kOrphanRank, PolicyAction::kProtect, false,
                                                   entry.policy->if_id, *r->selectors);
      r->policy = policy;
      by_id_[policy->id] = policy;
      tables_.spd.Enqueue({
          .apply =
              [policy, r, entered = r->entered, preference = r->preference](Spd& spd) {
                spd.Add(*policy);
                if (entered) spd.AddSa(*policy, r->out, preference, *r->selectors);
              },
          .policies = true,
      });
    }
    tables_.spd.Enqueue({
        .apply = [policy = entry.policy](Spd& spd) { spd.Remove(*policy); },
        .policies = true,
        .settled = [this, policy = entry.policy] { by_id_.erase(policy->id); },
    });
  }
}

}  // namespace culvert::dp
