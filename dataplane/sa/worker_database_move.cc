#include <algorithm>
#include <utility>

#include "dataplane/sa/worker_database.h"

// SAs on their way from one worker to another, and which go where.
namespace culvert::dp {

using channel::Direction;

namespace {

constexpr unsigned kMostSeldom = 60;  // calls of Balance() from one look to the next
constexpr size_t kMostMoves = 32;  // SAs at once: each may keep hundreds of packets
constexpr uint64_t kPacketCost = 700;  // octets: what the headers of one packet cost is as much as enciphering that many

}  // namespace

bool WorkerDatabase::MayGoTo(const SaRecord& r, uint32_t to) const {
  return r.state == SaRecord::State::kLive && !r.pinned && r.worker != to && !moves_.contains(&r);
}

bool WorkerDatabase::Move(uint32_t sa_index, uint32_t to) {
  const bool any = std::ranges::any_of(records_, [&](const Records& records) {
    auto at = records.find(sa_index);
    return at != records.end() && MayGoTo(*at->second, to);
  });
  if (!any || to >= mail_.size()) return false;
  wanted_.push_back({sa_index, to});
  GoOnMoving();
  return true;
}

void WorkerDatabase::GoOnMoving() {
  while (!wanted_.empty() && moves_.size() + 1 < kMostMoves) {
    const SaChoice c = wanted_.front();
    wanted_.pop_front();
    for (const Records& records : records_) {
      if (auto at = records.find(c.sa_index); at != records.end() && MayGoTo(*at->second, c.to)) MoveOne(at->second, c.to);
    }
  }
}

void WorkerDatabase::MoveOne(const Record& r, uint32_t to) {
  auto move = std::make_unique<SaMove>(r->in, r->out, static_cast<uint8_t>(r->worker), static_cast<uint8_t>(to));
  SaMove* m = move.get();
  Order(*r, WorkerOrder::kYield, [this, r] { Moved(r); }, [m](WorkerOrder& o) {
    o.move = m;
    m->ticket = o.ticket;
  });
  moves_.emplace(r.get(), Moving{std::move(move), {}});
}

// What was meant for the SA meanwhile goes where it is now.
void WorkerDatabase::Moved(const Record& r) {
  Moving moving = std::move(moves_.extract(r.get()).mapped());
  const SaMove& m = *moving.move;
  r->worker = m.to;
  --sas_of_[m.from].sas;
  ++sas_of_[m.from].given;
  ++sas_of_[m.to].sas;
  ++sas_of_[m.to].got;
  std::ranges::move(moving.waiting, std::back_inserter(backlog_[m.to]));
  FlushOrders();
}

// By place: both directions go together.
std::vector<SaLoad> WorkerDatabase::LookAtLoads() {
  std::unordered_map<uint32_t, SaLoad> now;
  for (const Records& records : records_) {
    for (const auto& [index, r] : records) {
      if (r->state != SaRecord::State::kLive || r->pinned) continue;
      uint64_t packets, bytes;
      int64_t last_use;
      FillUse(*r, packets, bytes, last_use);
      SaLoad& l = now.try_emplace(index, SaLoad{index, r->worker, 0}).first->second;
      l.cost += packets * kPacketCost + bytes;
    }
  }
  std::vector<SaLoad> loads;
  for (auto& [index, l] : now) {
    if (auto then = carried_.find(index); then != carried_.end() && l.cost > then->second) {
      loads.push_back({index, l.worker, l.cost - then->second});
    }
    carried_[index] = l.cost;
  }
  return loads;
}

void WorkerDatabase::Balance(const std::vector<double>& busy) {
  if (!IsUneven(busy) || !moves_.empty() || !wanted_.empty()) {
    looks_in_ = 0;
    looks_after_ = 1;
    return carried_.clear();
  }
  if (looks_in_ != 0 && --looks_in_ != 0) return;
  const bool compares = !carried_.empty();
  const auto chosen = ChooseMoves(busy, LookAtLoads());
  if (chosen.empty()) {
    if (compares) looks_in_ = looks_after_ = std::min(2 * looks_after_, kMostSeldom);
    return;
  }
  carried_.clear();  // what was carried before tells nothing of how it is then
  wanted_.assign(chosen.begin(), chosen.end());
  GoOnMoving();
}

}  // namespace culvert::dp
