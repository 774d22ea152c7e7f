#include "dataplane/sa/worker_database.h"

#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <utility>

#include "absl/log/check.h"
#include "common/bytes/secret.h"

namespace culvert::dp {

using channel::Ack;
using channel::Direction;
using channel::Status;

WorkerDatabase::WorkerDatabase(SaTables& tables, Grace& grace, std::vector<WorkerMail*> mail, crypto::MbEngine& engine,
                               Options options)
    : tables_(tables),
      grace_(grace),
      mail_(std::move(mail)),
      engine_(engine),
      engines_(options.engines),
      port_of_(std::move(options.port_of)),
      clock_(options.tsc_hz),
      backlog_(mail_.size()),
      sas_of_(mail_.size()) {
  CHECK(!mail_.empty());
  for (uint32_t if_id : options.tunnels) tunnels_[if_id] = {};
}

WorkerDatabase::~WorkerDatabase() {
  tables_.page.store(nullptr, std::memory_order_relaxed);
  for (Records& records : records_) {
    for (auto& [index, r] : records) Free(*r);
  }
}

SaRecord* WorkerDatabase::Find(Direction d, uint32_t sa_index, Spi spi) {
  auto at = Of(d).find(sa_index);
  return at == Of(d).end() || at->second->spi != spi || at->second->manual ? nullptr : at->second.get();
}

SaRecord* WorkerDatabase::FindInstallation(Direction d, uint32_t sa_index, uint32_t installation) {
  auto at = Of(d).find(sa_index);
  return at == Of(d).end() || at->second->installation != installation ? nullptr : at->second.get();
}

// ---- Install ----

// Both directions of a Child SA on one worker; else the worker with the fewest.
void WorkerDatabase::ChooseWorker(SaRecord& r) {
  const Records& other = records_[r.direction == Direction::kInbound];
  if (r.wanted_worker) {
    r.worker = *r.wanted_worker;
  } else if (auto twin = other.find(r.sa_index); twin != other.end()) {
    auto moving = moves_.find(twin->second.get());
    r.worker = moving != moves_.end() ? moving->second.move->to : twin->second->worker;
  } else {
    auto fewest = std::ranges::min_element(sas_of_, {}, &SasOfWorker::sas);
    r.worker = static_cast<uint32_t>(fewest - sas_of_.begin());
  }
  ++sas_of_[r.worker].sas;
}

bool WorkerDatabase::Allocate(SaRecord& r, const channel::InstallSa& sa) {
  const auto& info = crypto::Info(r.suite);
  r.key = memory_.keys.Allocate(info.expanded);
  if (r.direction == Direction::kInbound) {
    r.in = static_cast<InboundSa*>(memory_.inbound.Allocate(InboundSa::SizeFor(r.replay_window)));
  } else {
    r.out = static_cast<OutboundSa*>(memory_.outbound.Allocate(sizeof(OutboundSa)));
  }
  if (r.key == nullptr || (r.in == nullptr && r.out == nullptr)) return false;
  auto use = r.direction == Direction::kInbound ? crypto::Use::kOpen : crypto::Use::kSeal;
  const KeyParts keys = KeysOf(sa, r.suite);
  CHECK(crypto::ExpandKeys(engine_.manager(), r.suite, use, keys.cipher, keys.integ, r.key));
  return true;
}

void WorkerDatabase::Free(SaRecord& r) {
  GiveBack(r.session);
  GiveBack(r.left);
  memory_.Free(r);
}

void WorkerDatabase::Memory::Free(SaRecord& r) {
  if (r.key != nullptr) keys.Free(r.key, crypto::Info(r.suite).expanded);
  if (r.in != nullptr) inbound.Free(r.in, InboundSa::SizeFor(r.replay_window));
  if (r.out != nullptr) outbound.Free(r.out, sizeof(OutboundSa));
  // Whoever still reads these has passed no grace point; an outbound SA's memory may be looked at for its generation for ever.
  if (r.key != nullptr) ASAN_POISON_MEMORY_REGION(r.key, crypto::Info(r.suite).expanded);
  if (r.in != nullptr) ASAN_POISON_MEMORY_REGION(r.in, InboundSa::SizeFor(r.replay_window));
  r.key = nullptr;
  r.in = nullptr;
  r.out = nullptr;
}

Status WorkerDatabase::Prepare(const channel::InstallSa& sa, SelectorList local, SelectorList remote, const Record& r) {
  if (Status s = ReadInstall(sa, std::move(local), std::move(remote), *r); s != Status::kOk) return s;
  if (r->if_id != 0 && !tunnels_.contains(r->if_id)) return Status::kUnsupported;
  if (auto at = Of(r->direction).find(r->sa_index); at != Of(r->direction).end()) {
    return at->second->state == SaRecord::State::kRemoving ? Status::kBusy : Status::kExists;
  }
  // A look-up by SPI would have two answers. Control draws another SPI when it tries again.
  if (!r->manual && r->direction == Direction::kInbound && tables_.manual.Find(r->spi) != SpiMap::kNone) return Status::kExists;
  if (records_[0].size() + records_[1].size() >= 2 * kMaxChildSas) return Status::kNoMemory;
  if (r->direction == Direction::kOutbound && r->policy_id != 0) {
    auto policy = policies_.find(r->policy_id);
    if (policy == policies_.end()) return Status::kNotFound;
    r->policy = policy->second.policy;
  }
  r->installation = NextNumber();
  ChooseWorker(*r);
  Status fine = Allocate(*r, sa) ? ChooseEngine(*r, sa) : Status::kNoMemory;
  if (fine != Status::kOk) {
    Free(*r);
    --sas_of_[r->worker].sas;
    return fine;
  }
  return Status::kOk;
}

void WorkerDatabase::Install(const channel::InstallSa& sa, SelectorList local, SelectorList remote, Done done) {
  auto r = std::make_shared<SaRecord>();
  if (Status s = Prepare(sa, std::move(local), std::move(remote), r); s != Status::kOk) {
    Ack refused{};
    refused.status = s;
    return done(refused);
  }
  Build(r, sa, std::move(done));
}

void WorkerDatabase::Build(const Record& r, const channel::InstallSa& sa, Done done) {
  if (r->in != nullptr)
    BuildInbound(*r, sa, clock_, *r->in);
  else
    BuildOutbound(*r, sa, clock_, *r->out);
  if (r->out != nullptr) InheritPath(*r);
  Of(r->direction)[r->sa_index] = r;
  if (r->policy != nullptr && !r->manual) policies_.find(r->policy_id)->second.sas.insert(r->sa_index);
  if (r->out != nullptr) by_outbound_spi_.emplace(r->spi, r->sa_index);
  Order(*r, WorkerOrder::kAdopt, [this, r, done = std::move(done)] { Adopted(r, done); });
}

void WorkerDatabase::Adopted(const Record& r, const Done& done) {
  auto live = [this, r, done] {
    r->state = SaRecord::State::kLive;
    Schedule(*r);
    done(AckOf(*r));
  };
  if (r->policy == nullptr) return live();
  Enter(r, live);
}

// An outbound SA goes into the SPD under its policy; the other SAs of the policy are asked for anew by every flow.
void WorkerDatabase::Enter(const Record& r, std::function<void()> published) {
  auto policy = r->policy;
  r->entered = true;
  tables_.spd.Enqueue({
      .apply = [r, policy, preference = r->preference](Spd& spd) { spd.AddSa(*policy, r->out, preference, *r->selectors); },
      .published = std::move(published),
      .settled = [this, policy] { Renumber(*policy); },
  });
}

void WorkerDatabase::Schedule(const SaRecord& r) {
  if (r.lifetime.soft_at != 0) deadlines_.push({r.lifetime.soft_at, r.sa_index, r.installation, r.direction, false});
  if (r.lifetime.hard_at != 0) deadlines_.push({r.lifetime.hard_at, r.sa_index, r.installation, r.direction, true});
}

// Every flow that chose an SA of this policy chooses again. Only once no worker reads a copy of the SPD from before the
// change: it would remember the old choice under the new number.
void WorkerDatabase::Renumber(const Policy& p) {
  auto entry = policies_.find(p.wire_id);
  if (entry == policies_.end() || entry->second.policy.get() != &p) return;  // an orphan's has one SA
  for (uint32_t index : entry->second.sas) {
    Of(Direction::kOutbound)[index]->out->generation.store(NextNumber(), std::memory_order_relaxed);
  }
}

// ---- Remove ----

void WorkerDatabase::Remove(const channel::RemoveSa& r, Done done) {
  Ack answer{};
  bool valid = r.direction == Direction::kInbound || r.direction == Direction::kOutbound;
  SaRecord* found = valid ? Find(r.direction, r.sa_index, r.spi) : nullptr;
  if (!valid)
    answer.status = Status::kMalformed;
  else if (found == nullptr)
    answer.status = Status::kNotFound;
  else if (found->state != SaRecord::State::kLive)
    answer.status = Status::kBusy;
  if (answer.status != Status::kOk) return done(answer);
  Record record = Of(r.direction)[r.sa_index];
  Leave(record, [this, record, done = std::move(done)] { done(AckOf(*record)); });
}

void WorkerDatabase::Leave(const Record& r, Answer released) {
  r->state = SaRecord::State::kRemoving;
  r->entered = false;
  if (r->policy == nullptr) return Release(r, std::move(released));
  auto policy = r->policy;
  bool orphan = policy->rank == 0;
  if (auto entry = policies_.find(r->policy_id); entry != policies_.end() && entry->second.policy == policy) {
    entry->second.sas.erase(r->sa_index);
  }
  for (PolicyEntry& old : old_policies_) {
    if (old.policy == policy) old.sas.erase(r->sa_index);
  }
  tables_.spd.Enqueue({
      .apply =
          [r, policy, orphan](Spd& spd) {
            spd.RemoveSa(*policy, r->out);
            if (orphan) spd.Remove(*policy);  // what an orphan protects ends with it
          },
      .policies = orphan,
      .settled =
          [this, r, orphan, released = std::move(released)]() mutable {
            if (orphan) by_id_.erase(r->policy->id);
            r->out->generation.store(0, std::memory_order_relaxed);
            Release(r, std::move(released));
          },
  });
}

void WorkerDatabase::Release(const Record& r, Answer released) {
  Order(*r, WorkerOrder::kRelease, [this, r, released = std::move(released)] {
    if (released) released();
    Forget(r);
  });
}

// The owner holds it no more; others may for the rest of their pass.
void WorkerDatabase::Forget(const Record& r) {
  if (auto tunnel = tunnels_.find(r->if_id); tunnel != tunnels_.end()) AddUse(*r, tunnel->second);
  Of(r->direction).erase(r->sa_index);
  if (r->out != nullptr) {
    auto [at, end] = by_outbound_spi_.equal_range(r->spi);
    by_outbound_spi_.erase(std::find_if(at, end, [&](const auto& e) { return e.second == r->sa_index; }));
  }
  --sas_of_[r->worker].sas;
  --use_of_engines_.sas[static_cast<size_t>(r->session.engine)];
  AfterGrace([this, r] { Free(*r); });
}

// ---- Workers ----

void WorkerDatabase::Order(const SaRecord& r, WorkerOrder::Kind kind, Answer answer,
                           const std::function<void(WorkerOrder&)>& fill) {
  WorkerOrder o{};
  o.kind = kind;
  o.direction = r.direction;
  o.ticket = next_ticket_++;
  o.in = r.in;
  o.out = r.out;
  if (fill) fill(o);
  answers_[o.ticket] = std::move(answer);
  if (auto moving = moves_.find(&r); moving != moves_.end()) return moving->second.waiting.push_back(o);
  backlog_[r.worker].push_back(o);
  FlushOrders();
  if (!backlog_[r.worker].empty()) mail_[r.worker]->orders_delayed.Add(1);
}

void WorkerDatabase::FlushOrders() {
  for (size_t w = 0; w < mail_.size(); ++w) {
    while (!backlog_[w].empty() && mail_[w]->orders.Put(backlog_[w].front())) backlog_[w].pop_front();
  }
}

}  // namespace culvert::dp
