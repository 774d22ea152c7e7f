#include "control/sadb/sadb.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "absl/log/check.h"
#include "absl/log/log.h"
#include "common/channel/validate.h"
#include "config/peer_address.h"

namespace culvert::sadb {

using channel::Ack;
using channel::Command;
using channel::CommandType;
using channel::Direction;
using channel::Status;

namespace {

constexpr Duration kBusyPause = std::chrono::milliseconds(50);   // before what the dataplane was too busy for is tried again
constexpr Duration kBusyLimit = std::chrono::seconds(10);        // of such tries to install

void Watch(int epoll, int fd) {
  epoll_event e = {.events = EPOLLIN, .data = {.fd = fd}};
  PCHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0);
}

Command PolicyHead(const Policy& p) {
  Command c = channel::NewCommand(CommandType::kAddPolicy);
  c.add_policy.policy_id = p.id;
  c.add_policy.priority = p.priority;
  c.add_policy.action = p.mode == config::ChildMode::kPass   ? channel::PolicyAction::kBypass
                        : p.mode == config::ChildMode::kDrop ? channel::PolicyAction::kDiscard
                                                             : channel::PolicyAction::kProtect;
  c.add_policy.acquire = p.acquire;
  c.add_policy.if_id_in = p.if_id_in;
  c.add_policy.if_id_out = p.if_id_out;
  channel::SetName(c.add_policy.child, WireText(p.child, sizeof c.add_policy.child));
  return c;
}

}  // namespace

Sadb::Sadb(const Options& options, ike::Random& random, std::function<void(ike::Event)> events)
    : options_(options), sink_(std::move(events)), epoll_(epoll_create1(EPOLL_CLOEXEC)),
      timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)), link_(options.run_dir, *this),
      spis_(random, 2 * options.delete_delay) {
  auto kick = channel::MakeWakeup();
  CHECK_OK(kick);
  kick_ = std::move(*kick);
  PCHECK(epoll_.valid() && timer_.valid());
  for (int fd : {timer_.get(), kick_.get(), link_.fd()}) Watch(epoll_.get(), fd);
  link_.HoldDatagrams(true);
  channel::SignalWakeup(kick_.get());   // the first Poll() connects
}

Sadb::~Sadb() = default;

void Sadb::Poll(Time now) {
  now_ = now;
  uint64_t expirations;
  (void)!read(timer_.get(), &expirations, sizeof expirations);
  channel::DrainWakeup(kick_.get());
  spis_.Advance(now);
  link_.Poll(now);
  while (!agenda_.empty() && agenda_.begin()->first <= now) {
    auto due = agenda_.extract(agenda_.begin());
    due.mapped()();
  }
  // Only what is there now: an answer to what the core does meanwhile comes in the next turn.
  for (size_t n = events_.size(); n > 0; --n) {
    ike::Event e = std::move(events_.front());
    events_.pop_front();
    sink_(std::move(e));
  }
  Pump();
  if (!events_.empty()) channel::SignalWakeup(kick_.get());
  ArmTimer();
}

void Sadb::Emit(ike::Event e) {
  if (events_.empty()) channel::SignalWakeup(kick_.get());
  events_.push_back(std::move(e));
}

void Sadb::Pump() {
  if (phase_ == Phase::kReplay || phase_ == Phase::kSynced) transactions_.Pump(link_);
  link_.Flush();
}

void Sadb::ArmTimer() {
  Time next = link_.deadline();
  if (!agenda_.empty()) next = std::min(next, agenda_.begin()->first);
  itimerspec t = {};
  if (next != Time::max()) {
    const int64_t ns = std::max<int64_t>(1, ToNanos(next));
    t.it_value = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
  }
  PCHECK(timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &t, nullptr) == 0);
}

void Sadb::Load(const std::vector<config::Connection>& connections) {
  callable_.clear();
  for (const auto& connection : connections) {
    const bool callable = config::NamesSomebody(connection.remote_addrs);
    for (const auto& child : connection.children) callable_[{connection.name, child.name}] = callable;
  }
  Tell(policies_.Load(connections));
  Pump();
}

void Sadb::Tell(const Policies::Changes& changes) {
  // Before the replay the whole set is sent anyway.
  if (phase_ != Phase::kReplay && phase_ != Phase::kSynced) return;
  for (uint32_t id : changes.add) SubmitPolicy(id);
  for (uint32_t id : changes.remove) {
    Command c = channel::NewCommand(CommandType::kRemovePolicy);
    c.remove_policy.policy_id = id;
    transactions_.Submit(c, nullptr);
  }
}

void Sadb::SubmitPolicy(uint32_t id) {
  auto make = [this, id](std::vector<Command>& out) {
    const Policy* p = policies_.Find(id);
    if (!p) return;
    const auto pieces = channel::SplitSelectors(p->local, p->remote);
    for (size_t i = 0; i < pieces.size(); ++i) {
      out.push_back(i == 0 ? PolicyHead(*p) : channel::NewCommand(CommandType::kMoreSelectors));
      (i == 0 ? out[i].add_policy.head : out[i].more.head) = pieces[i].head;
      std::ranges::copy(pieces[i].selectors, i == 0 ? out[i].add_policy.selectors : out[i].more.selectors);
    }
  };
  auto done = [this, id](const Ack& ack) {
    const Policy* p = policies_.Find(id);
    if (ack.status == Status::kOk || !p) return;
    LOG(ERROR) << "the dataplane does not take the policy of " << p->connection << "/" << p->child << " (status "
               << static_cast<uint32_t>(ack.status) << ")";
  };
  transactions_.Submit({.make = make, .sent = nullptr, .done = done});
}

void Sadb::Install(ike::InstallChild install) {
  const bool fits = install.sa.encr_key.size() <= sizeof(channel::InstallSa::encr_key) &&
                    install.sa.integ_key.size() <= sizeof(channel::InstallSa::integ_key);
  const ike::ChildId child = install.child;
  const bool inbound = install.inbound;
  const Spi spi = install.sa.spi;
  SaRecord* record = nullptr;
  if (fits && (!inbound || spis_.Install(spi))) record = registry_.Add(std::move(install));
  if (!record) {
    ++counters_.refused;
    LOG(ERROR) << "child " << child << ": " << (inbound ? "inbound" : "outbound")
               << " SA without a slot or with an impossible key";
    return Emit(ike::ChildInstalled{child, inbound, ike::InstallStatus::kRefused});
  }
  // The inbound half comes first and finds what the slot's last SA published.
  if (inbound) link_.pages().Begin(record->key.sa_index);
  ChooseHostPort(*record);
  Policies::Changes changes;
  record->policy_id = policies_.Acquire(record->install, changes);
  Tell(changes);
  if (phase_ == Phase::kReplay || phase_ == Phase::kSynced) SubmitInstall(*record);
  Pump();
}

// A policy that stands by itself is for the ports it says; those of a dynamic side follow the SA's.
void Sadb::ChooseHostPort(SaRecord& record) {
  ike::InstallChild& in = record.install;
  if (!in.inbound) record.host_port = registry_.Find(in.child, true)->host_port;
  else if (policies_.IsDynamic(in.connection, in.name)) record.host_port = host_ports_.Take(in);
  if (record.host_port) in.remote_ts = AtHostPort(std::move(in.remote_ts), *record.host_port);
}

void Sadb::SubmitInstall(const SaRecord& record) {
  const SaKey key = record.key;
  const uint64_t serial = record.serial;
  transactions_.Submit({.make = [this, key, serial](std::vector<Command>& out) {
                          const SaRecord* r = registry_.Find(key, serial);
                          if (r && r->state == SaState::kWaiting) MakeInstall(*r, out);
                        },
                        .sent = [this, key, serial] { registry_.Find(key, serial)->state = SaState::kSent; },
                        .done = [this, key, serial](const Ack& ack) { OnInstallAck(key, serial, ack.status); }});
}

void Sadb::OnInstallAck(SaKey key, uint64_t serial, Status status) {
  SaRecord* r = registry_.Find(key, serial);
  if (!r) return;
  if (status == Status::kOk) return Installed(*r);
  if (r->remove_wanted) return Erase(key);
  if (status != Status::kBusy) return Refuse(*r, status);
  if (r->busy_since == Time{}) r->busy_since = now_;
  if (now_ - r->busy_since > kBusyLimit) return Refuse(*r, status);
  ++counters_.busy_retries;
  r->state = SaState::kWaiting;
  After(kBusyPause, [this, key, serial] {
    const SaRecord* again = registry_.Find(key, serial);
    if (again && again->state == SaState::kWaiting && phase_ != Phase::kDown && phase_ != Phase::kDump) SubmitInstall(*again);
  });
}

void Sadb::Installed(SaRecord& r) {
  r.state = SaState::kLive;
  r.busy_since = {};
  if (!std::exchange(r.answered, true)) Emit(ike::ChildInstalled{r.install.child, r.install.inbound, ike::InstallStatus::kOk});
  if (r.remove_wanted) return SubmitRemove(r);
  if (std::exchange(r.update_wanted, false)) SubmitUpdate(r);
  const SaRecord* other = registry_.Find(r.install.child, !r.install.inbound);
  if (!other || other->state != SaState::kLive) return;
  for (uint32_t index : orphans_.ReplacedBy(r.install)) RemoveOrphan(*orphans_.Find(index));
}

// The dataplane does not take it. Before the core was told of success that is the answer; after a replay it is an end.
void Sadb::Refuse(SaRecord& r, Status status) {
  ++counters_.refused;
  LOG(ERROR) << "child " << r.install.connection << "/" << r.install.name << ": the dataplane refuses its "
             << (r.install.inbound ? "inbound" : "outbound") << " SA " << Name(r.install.suite) << " (status "
             << static_cast<uint32_t>(status) << ")";
  if (r.answered) return Expire(r);
  const bool scarce = status == Status::kNoMemory || status == Status::kBusy;
  Emit(ike::ChildInstalled{r.install.child, r.install.inbound,
                           scarce ? ike::InstallStatus::kNoResources : ike::InstallStatus::kRefused});
  Erase(r.key);
}

void Sadb::Expire(SaRecord& r) {
  r.state = SaState::kExpired;
  Emit(ike::ChildHardExpired{r.install.child});
}

void Sadb::Remove(const ike::RemoveChild& remove) {
  SaRecord* r = registry_.Find(remove.child, remove.inbound);
  if (!r) {
    // Its install was refused: the slot is all that is left of it.
    if (remove.inbound) spis_.Release(remove.spi);
    return;
  }
  switch (r->state) {
    case SaState::kWaiting: Erase(r->key); break;
    case SaState::kSent: r->remove_wanted = true; break;
    case SaState::kLive:
    case SaState::kExpired: SubmitRemove(*r); break;
    case SaState::kRemoving: break;
  }
  Pump();
}

void Sadb::SubmitRemove(SaRecord& r) {
  r.state = SaState::kRemoving;
  if (phase_ != Phase::kReplay && phase_ != Phase::kSynced) return;   // the next resync sees to it
  transactions_.Submit(MakeRemove(r.key, r.install.sa.spi), [this, key = r.key, serial = r.serial](const Ack& ack) {
    SaRecord* gone = registry_.Find(key, serial);
    if (!gone) return;
    if (ack.status != Status::kBusy) return Erase(key);
    ++counters_.busy_retries;
    After(kBusyPause, [this, key, serial] {
      if (SaRecord* again = registry_.Find(key, serial)) SubmitRemove(*again);
    });
  });
}

void Sadb::Erase(SaKey key) {
  Policies::Changes changes;
  policies_.Release(registry_.Find(key)->policy_id, changes);
  registry_.Erase(key);
  if (!registry_.HasSlot(key.sa_index)) {
    spis_.Retire(key.sa_index, now_);
    link_.pages().End(key.sa_index);
  }
  Tell(changes);
}

void Sadb::Update(const ike::UpdateChild& update) {
  for (bool inbound : {true, false}) {
    SaRecord* r = registry_.Find(update.child, inbound);
    if (!r) continue;
    r->install.local = update.local;
    r->install.remote = update.remote;
    r->install.udp_encap = update.udp_encap;
    if (r->state == SaState::kLive) SubmitUpdate(*r);
    else r->update_wanted = r->state == SaState::kSent;
  }
  Pump();
}

void Sadb::SubmitUpdate(SaRecord& r) {
  if (phase_ != Phase::kReplay && phase_ != Phase::kSynced) {
    r.update_wanted = true;
    return;
  }
  transactions_.Submit(MakeUpdate(r), [this](const Ack& ack) {
    if (ack.status != Status::kOk) ++counters_.strange_events;
  });
}

void Sadb::RemoveOrphan(Orphan& o) {
  ++counters_.orphans_replaced;
  o.replaced = true;
  LOG(INFO) << "orphan " << o.connection << "/" << o.child << " is replaced";
  const uint32_t sa_index = o.sa_index;
  RemoveOrphanHalf(sa_index, Direction::kOutbound);
  // What its peer still has under way is welcome a little longer.
  After(options_.delete_delay, [this, sa_index] { RemoveOrphanHalf(sa_index, Direction::kInbound); });
}

void Sadb::RemoveOrphanHalf(uint32_t sa_index, Direction direction) {
  const Orphan* o = orphans_.Find(sa_index);
  if (!o || (phase_ != Phase::kReplay && phase_ != Phase::kSynced)) return;
  const Spi spi = direction == Direction::kInbound ? o->spi_in : o->spi_out;
  if (spi == 0) return;
  transactions_.Submit(MakeRemove({sa_index, direction}, spi), [this, sa_index, direction](const Ack&) {
    bool gone = false;
    if (orphans_.Remove(sa_index, direction, &gone) && gone) spis_.Retire(sa_index, now_);
  });
}

void Sadb::Send(ike::SendDatagram d) {
  link_.Write({.local = d.local, .remote = d.remote, .marker = d.marker}, std::move(d.data));
  link_.Flush();
}

void Sadb::QueryUse(const ike::QueryChildUse& query) {
  auto [it, fresh] = uses_.try_emplace(query.child);
  if (!fresh) return;   // the answer under way serves
  if (phase_ == Phase::kReplay || phase_ == Phase::kSynced) SubmitUse(query.child, it->second);
  Pump();
}

void Sadb::SubmitUse(ike::ChildId child, Use& use) {
  use = {};
  use.answer.child = child;
  for (bool inbound : {true, false}) {
    const SaRecord* r = registry_.Find(child, inbound);
    if (!r || r->state != SaState::kLive) continue;
    ++use.open;
    transactions_.Submit(MakeQueryUse(*r), [this, child, inbound](const Ack& ack) {
      auto it = uses_.find(child);
      if (it == uses_.end()) return;
      ike::ChildUse& a = it->second.answer;
      if (ack.status == Status::kOk) {
        (inbound ? a.last_inbound : a.last_outbound) = FromNanos(ack.last_use);
        (inbound ? a.packets_in : a.packets_out) = ack.packets;
        (inbound ? a.bytes_in : a.bytes_out) = ack.bytes;
      }
      if (--it->second.open > 0) return;
      Emit(a);
      uses_.erase(it);
    });
  }
  if (use.open > 0) return;
  Emit(use.answer);
  uses_.erase(child);
}

void Sadb::SetTrap(const ike::SetTrap& trap) {
  Tell(policies_.Trap(trap.connection, trap.child));
  Pump();
}

void Sadb::QuerySource(const ike::QuerySource& query) {
  sources_[query.query] = query.destination;
  if (phase_ == Phase::kReplay || phase_ == Phase::kSynced) SubmitSource(query.query, query.destination);
  Pump();
}

void Sadb::SubmitSource(uint64_t query, const IpAddress& destination) {
  Command c = channel::NewCommand(CommandType::kQuerySource);
  c.query_source.destination = channel::ToWire(destination);
  transactions_.Submit(c, [this, query, destination](const Ack& ack) {
    if (sources_.erase(query) == 0) return;
    Endpoint local{IpAddress::Any(destination.family), 0, 0};
    if (ack.status == Status::kOk) (void)FromWire(ack.source, local);
    Emit(ike::SourceFound{query, local});
  });
}

void Sadb::Add(const Address& a, Done done) {
  if (addresses_.insert(a).second) return SubmitAddress(a, true, std::move(done));
  if (done) done(Status::kExists);
}
void Sadb::Remove(const Address& a, Done done) {
  if (addresses_.erase(a)) return SubmitAddress(a, false, std::move(done));
  if (done) done(Status::kNotFound);
}
void Sadb::Add(const Route& r) {
  if (routes_.insert(r).second) SubmitRoute(r, true);
}
void Sadb::Remove(const Route& r) {
  if (routes_.erase(r)) SubmitRoute(r, false);
}

void Sadb::Answer(uint64_t question, Status status) {
  if (auto node = asked_.extract(question); node && node.mapped()) node.mapped()(status);
}

void Sadb::SubmitAddress(const Address& a, bool add, Done done) {
  const uint64_t question = next_question_++;
  asked_[question] = std::move(done);
  if (phase_ != Phase::kReplay && phase_ != Phase::kSynced) return Answer(question, Status::kBusy);
  Command c = channel::NewCommand(add ? CommandType::kAddAddress : CommandType::kRemoveAddress);
  c.address.address = channel::ToWire(a.prefix.address);
  c.address.prefix_length = a.prefix.length;
  channel::SetName(c.address.port, a.port);
  transactions_.Submit(c, [this, a, add, question](const Ack& ack) {
    if (ack.status != Status::kOk && add) {
      LOG(ERROR) << "the dataplane does not take " << a.prefix.ToString() << " on " << a.port;
      addresses_.erase(a);
      TellAddresses();
    }
    Answer(question, ack.status);
  });
  Pump();
}

void Sadb::SubmitRoute(const Route& r, bool add) {
  if (phase_ != Phase::kReplay && phase_ != Phase::kSynced) return;
  Command c = channel::NewCommand(add ? CommandType::kAddRoute : CommandType::kRemoveRoute);
  c.route.prefix = channel::ToWire(r.to.address);
  c.route.prefix_length = r.to.length;
  if (r.via) c.route.via = channel::ToWire(*r.via);
  channel::SetName(c.route.port, r.port);
  transactions_.Submit(c, [r, add](const Ack& ack) {
    if (ack.status != Status::kOk && add) LOG(ERROR) << "the dataplane does not take the route to " << r.to.ToString();
  });
  Pump();
}

}  // namespace culvert::sadb
