#include <algorithm>

#include "absl/log/log.h"
#include "common/channel/validate.h"
#include "control/sadb/sadb.h"

// From the end of the dataplane's dump to sync-done: what it has is held against what it should have.
namespace culvert::sadb {

using channel::Ack;
using channel::CommandType;
using channel::Direction;

namespace {

constexpr Duration kRekeySpread = std::chrono::seconds(60);
constexpr uint64_t kLastSequence32 = 0xffffffff;                   // RFC 4303 3.3.3: never passed without ESN
constexpr uint64_t kNearEnd = uint64_t{1} << 30;                   // packets left below which a rekey does not wait its turn

bool NearEnd(const SaRecord& r) {
  return r.key.direction == Direction::kOutbound && !r.install.suite.esn && r.sequence + kNearEnd > kLastSequence32;
}

}  // namespace

void Sadb::Resync() {
  const bool lived_on = coming_instance_ == instance_;
  if (!lived_on && instance_) {
    LOG(WARNING) << "the dataplane was restarted: replaying " << registry_.all().size() << " SA directions";
  }
  std::set<ike::ChildId> replayed;
  MatchRecords(replayed);
  MatchOrphans();
  link_.pages().Settle();
  const bool first = instance_ == 0;
  instance_ = coming_instance_;
  inventory_.clear();
  phase_ = Phase::kReplay;

  for (const auto& [id, policy] : policies_.all()) SubmitPolicy(id);
  for (auto& [key, r] : registry_.all()) {
    if (r.state == SaState::kWaiting) SubmitInstall(r);
    else if (r.state == SaState::kRemoving) SubmitRemove(r);
    else if (r.state == SaState::kLive && std::exchange(r.update_wanted, false)) SubmitUpdate(r);
  }
  for (const auto& a : addresses_) SubmitAddress(a, true);
  for (const auto& r : routes_) SubmitRoute(r, true);
  for (const auto& [index, o] : orphans_.all()) {
    if (o.replaced) for (auto d : {Direction::kOutbound, Direction::kInbound}) RemoveOrphanHalf(index, d);
  }
  transactions_.Submit(channel::NewCommand(CommandType::kSyncDone), [this](const Ack& ack) {
    if (ack.status != channel::Status::kOk) LOG(ERROR) << "the dataplane does not open forwarding";
    phase_ = Phase::kSynced;
  });
  spis_.Ready();
  TellAddresses();
  link_.HoldDatagrams(false);
  ScheduleRekeys(replayed);
  for (const auto& [child, use] : std::map(uses_)) SubmitUse(child, uses_.at(child));
  for (const auto& [query, destination] : sources_) SubmitSource(query, destination);
  if (first) CallPeersOfOrphans();
}

// Every record against the inventory; matched entries are taken out of it. The dataplane answered everything of the
// connection before, or lost everything, before it began its dump: the inventory is exact.
void Sadb::MatchRecords(std::set<ike::ChildId>& replayed) {
  const bool lived_on = coming_instance_ == instance_;
  std::vector<SaKey> gone;
  for (auto& [key, r] : registry_.all()) {
    auto it = inventory_.find(key);
    const bool there = it != inventory_.end() && it->second.sa.spi == r.install.sa.spi &&
                       it->second.sa.child_id == r.install.child;
    if (there) inventory_.erase(it);
    switch (r.state) {
      case SaState::kWaiting:
      case SaState::kExpired: break;
      case SaState::kRemoving:
        if (!there) gone.push_back(key);
        break;
      case SaState::kSent:
      case SaState::kLive:
        if (there) {
          ++counters_.matched;
          Installed(r);
        } else if (r.remove_wanted) {
          gone.push_back(key);
        } else if (lived_on && r.state == SaState::kLive) {
          Expire(r);   // its hard lifetime came while nobody listened
        } else if (PrepareReplay(r)) {
          if (!lived_on && r.answered) replayed.insert(r.install.child);
        } else if (r.answered) {
          ++counters_.not_replayed;
          Expire(r);
        } else {
          gone.push_back(key);
          Emit(ike::ChildInstalled{r.install.child, r.install.inbound, ike::InstallStatus::kNoResources});
        }
    }
  }
  for (const SaKey& key : gone) Erase(key);
}

// Sets the record up for a later install of the same key. False where that cannot be: the next IV generation, or the numbers
// left, are used up.
bool Sadb::PrepareReplay(SaRecord& r) {
  if (r.iv_generation == kMaxIvGeneration) return false;
  const StatePages::Edges published = link_.pages().Published(r.key.sa_index);
  StatePages::Edges floor;
  if (r.key.direction == Direction::kOutbound) {
    const uint64_t last = r.install.suite.esn ? kIvPacketLimit : kLastSequence32;
    const uint64_t from = std::max(published.outbound, r.sequence);
    if (last - kOutboundJump <= from) return false;
    r.sequence = floor.outbound = from + kOutboundJump;
  } else {
    r.sequence = floor.inbound = std::max(published.inbound, r.sequence);
  }
  link_.pages().Floor(r.key.sa_index, floor);
  ++r.iv_generation;
  ++counters_.replayed;
  r.state = SaState::kWaiting;
  r.update_wanted = false;   // the install carries the present addresses
  r.busy_since = {};
  return true;
}

// What nobody here knows is an orphan; orphans that are no longer there have ended.
void Sadb::MatchOrphans() {
  Orphans now;
  for (const auto& [key, i] : inventory_) {
    if (registry_.HasSlot(key.sa_index)) {
      ++counters_.strange_events;   // a slot we own with an SA we did not install there
      continue;
    }
    now.Add(i.sa, i.selectors.local, i.selectors.remote);
    spis_.Adopt(key.sa_index, key.direction == Direction::kInbound ? i.sa.spi : 0);
  }
  for (const auto& [index, o] : orphans_.all()) {
    if (Orphan* still = now.Find(index)) still->replaced = o.replaced;
    else spis_.Retire(index, now_);
  }
  for (const auto& [index, o] : now.all()) {
    if (orphans_.Find(index)) continue;
    ++counters_.orphans_found;
    LOG(INFO) << "orphan " << o.connection << "/" << o.child << " with " << o.peer_id << " at "
              << o.remote.address.ToString() << ": " << ToString(o.local_ts) << " === " << ToString(o.remote_ts);
  }
  orphans_ = std::move(now);
}

void Sadb::ScheduleRekeys(const std::set<ike::ChildId>& replayed) {
  int64_t i = 0;
  for (ike::ChildId child : replayed) {
    const SaRecord* out = registry_.Find(child, false);
    const Duration wait = out && NearEnd(*out) ? Duration(0) : kRekeySpread * i++ / static_cast<int64_t>(replayed.size());
    After(wait, [this, child] {
      if (registry_.Find(child, true)) Emit(ike::ChildSoftExpired{child});
    });
  }
}

void Sadb::CallPeersOfOrphans() {
  std::set<std::pair<std::string, std::string>> called;
  for (const auto& [index, o] : orphans_.all()) {
    const std::pair name{o.connection, o.child};
    auto known = callable_.find(name);
    if (known == callable_.end() || !known->second || !called.insert(name).second) continue;
    Emit(ike::Initiate{.request = 0, .ike = o.connection, .child = o.child});
  }
}

}  // namespace culvert::sadb
