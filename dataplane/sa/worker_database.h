#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "dataplane/sa/balance.h"
#include "dataplane/sa/database.h"
#include "dataplane/sa/install.h"
#include "dataplane/sa/sa_move.h"
#include "dataplane/sa/sa_tables.h"
#include "dataplane/sa/tsc_clock.h"
#include "dataplane/sa/worker_mail.h"
#include "dataplane/worker/grace.h"
#include "drivers/crypto/key_arena.h"
#include "drivers/crypto/mb_engine.h"

namespace culvert::dp {

// The SaDatabase of a running dataplane: SAs live in workers, reached by their mail.
//
//   install   validate, expand, build → kAdopt to the owner → kDone → (outbound) published in the SPD → Ack
//   remove    (outbound) gone from both copies of the SPD, generation 0 → kRelease → kDone → Ack; memory a grace period later
//
// Everything on the main thread.
class WorkerDatabase final : public SaDatabase {
 public:
  struct Options {
    uint64_t tsc_hz = 1;
    std::set<uint32_t> tunnels;  // if_ids there are: an SA of another one is refused
    offload::Engines* engines = nullptr;  // beside the processor; borrowed; null: none
    std::function<std::optional<uint16_t>(const IpAddress&)> port_of = {};  // whose own address it is
  };
  WorkerDatabase(SaTables& tables, Grace& grace, std::vector<WorkerMail*> mail, crypto::MbEngine& engine, Options options);
  ~WorkerDatabase() override;  // the workers have ended

  void Install(const channel::InstallSa& sa, SelectorList local, SelectorList remote, Done done) override;
  void Update(const channel::UpdateSa& u, Done done) override;
  void Remove(const channel::RemoveSa& r, Done done) override;
  channel::Status AddPolicy(const channel::AddPolicy& p, SelectorList local, SelectorList remote) override;
  channel::Status RemovePolicy(uint32_t policy_id) override;
  channel::Status QueryUse(const channel::QueryUse& q, channel::Ack& answer) override;
  void Inventory(const Visit& visit) const override;
  EngineUse UseOfEngines() const override { return use_of_engines_; }
  std::vector<SasOfWorker> SasByWorker() const override { return sas_of_; }
  MailUse UseOfMail() const override;
  std::optional<SaLabel> LabelOf(channel::Direction d, uint32_t sa_index) const override;
  std::vector<uint32_t> SasNamed(const std::string& name) const override;
  std::map<uint32_t, TunnelUse> UseOfTunnels() const override;
  void BeginSync() override;
  void OpenForwarding() override;
  void SetStatePage(channel::StatePage* page, std::function<void()> released) override;
  void Poll(const std::function<void(const channel::Event&)>& sink) override;

  // An SA of culvert.conf. `sa` has SPI, keys and all that says what is done with a packet; sa_index, policy_id, child_id and
  // ike_id are 0. It is in no connection's hands: commands do not find it, and it stays whatever they come and go with. So does
  // the policy over its selectors, which SAs of the same selectors and priority share. kExists: another has its SPI in this
  // direction. What ends it is its limits alone, and then its packets are dropped.
  struct ManualSa {
    channel::InstallSa sa{};
    SelectorList local, remote;
    std::optional<unsigned> worker;
    // ESP that goes, or comes, under AH: the `child` of that AH, in transport mode between the same ends, installed before. The
    // worker is its.
    std::string over;
    bool carrier = false;  // AH that others name so: what it is for they say, and it has no policy
    uint32_t priority = 0;  // of its policy; 0: that of children without one of their own
  };
  // Who runs it; of one that is refused because it insists on better: why nobody better does.
  SaEngine InstallManual(const ManualSa& manual, Done done);

  // Gives the SAs at this place, both directions, to another worker. Packets are neither lost nor put out of order for it.
  // False: there is none that may move.
  bool Move(uint32_t sa_index, uint32_t to);
  // Once a second: how busy each worker was, from 0 to 1. Moves SAs from busy workers to idle ones, as ChooseMoves has it, by
  // what they carried meanwhile; what they carry is only looked at where it matters, and ever more seldom, down to once a
  // minute, where no move would help.
  void Balance(const std::vector<double>& busy);

  // How long a path that became narrower counts; for tests. RFC 1191 6.3 and RFC 8201 4 advise ten minutes.
  void set_path_age(std::chrono::nanoseconds age) { path_age_ = age; }

  // Something waits for a worker: its answer, or its next grace point.
  bool busy() const { return !answers_.empty() || !retired_.empty() || !tables_.spd.idle(); }
  size_t sas() const { return records_[0].size() + records_[1].size(); }  // both directions, those on their way out too
  size_t keys_in_use() const { return memory_.keys.blocks_in_use(); }

 private:
  using Record = std::shared_ptr<SaRecord>;
  using Answer = std::function<void()>;
  using Records = std::unordered_map<uint32_t, Record>;  // by sa_index
  struct Memory {
    crypto::KeyArena keys, inbound, outbound;  // apart: OutboundSa's memory is type-stable
    void Free(SaRecord& r);
  };
  struct PolicyEntry {
    std::shared_ptr<const Policy> policy;
    std::unordered_set<uint32_t> sas;  // outbound, by sa_index
  };
  struct Retired {
    uint64_t token;  // of Grace
    Answer then;
  };
  struct Deadline {
    int64_t at;  // ns
    uint32_t sa_index, installation;
    channel::Direction direction;
    bool hard;
    friend bool operator>(const Deadline& a, const Deadline& b) { return a.at > b.at; }
  };

  Records& Of(channel::Direction d) { return records_[d == channel::Direction::kOutbound]; }
  const Records& Of(channel::Direction d) const { return records_[d == channel::Direction::kOutbound]; }
  SaRecord* Find(channel::Direction d, uint32_t sa_index, Spi spi);  // not a manual one: commands have no say in those
  SaRecord* FindInstallation(channel::Direction d, uint32_t sa_index, uint32_t installation);
  uint32_t NextNumber() { return ++number_ == 0 ? ++number_ : number_; }

  channel::Status Prepare(const channel::InstallSa& sa, SelectorList local, SelectorList remote, const Record& r);
  void Build(const Record& r, const channel::InstallSa& sa, Done done);
  bool Allocate(SaRecord& r, const channel::InstallSa& sa);
  void Free(SaRecord& r);
  void ChooseWorker(SaRecord& r);
  void Adopted(const Record& r, const Done& done);
  void Enter(const Record& r, std::function<void()> published);
  void Schedule(const SaRecord& r);
  void Leave(const Record& r, Answer released);
  void Release(const Record& r, Answer released);
  void Forget(const Record& r);
  void AfterGrace(Answer then) { retired_.push_back({grace_.Begin(), std::move(then)}); }
  void Order(const SaRecord& r, WorkerOrder::Kind kind, Answer answer, const std::function<void(WorkerOrder&)>& fill = {});
  void FlushOrders();
  void MakeOrphanPolicies();
  void Replace(const std::shared_ptr<const Policy>& policy, PolicyEntry& entry);
  void Renumber(const Policy& p);
  void FillPage(channel::StatePage* page);
  void HandleReport(const WorkerReport& report, const std::function<void(const channel::Event&)>& sink);
  void RunDeadlines(const std::function<void(const channel::Event&)>& sink);
  void Expire(SaRecord& r, bool hard, const WorkerReport* exact, const std::function<void(const channel::Event&)>& sink);
  // worker_database_engine.cc
  channel::Status ChooseEngine(SaRecord& r, const channel::InstallSa& sa);
  void LeaveDevice(const Record& r, offload::StepDown why);
  void GiveBackLeft(const Record& r);
  void GiveBack(offload::Session& s);
  void PortWasReset(uint16_t port);
  void PollEngines(const std::function<void(const channel::Event&)>& sink);
  // worker_database_manual.cc
  channel::Status PrepareManual(const ManualSa& manual, channel::InstallSa& sa, const Record& r);
  uint32_t PlaceOfManual(const ManualSa& manual) const;
  Record FindCarrier(const ManualSa& manual) const;
  // worker_database_policy.cc. Null: too much to be looked up.
  std::shared_ptr<const Policy> ManualPolicy(const SaRecord& r, uint32_t priority);
  // worker_database_move.cc
  bool MayGoTo(const SaRecord& r, uint32_t to) const;
  void MoveOne(const Record& r, uint32_t to);
  void Moved(const Record& r);
  void GoOnMoving();
  std::vector<SaLoad> LookAtLoads();
  // worker_database_path.cc
  void FindTooBig(const TooBigNotice& notice);
  void PathLearned(const WorkerReport& report);
  void InheritPath(SaRecord& r);
  void AgePath(SaRecord& r, int64_t until);
  void AgePaths();
  void AddUse(const SaRecord& r, TunnelUse& to) const;
  void FillUse(const SaRecord& r, uint64_t& packets, uint64_t& bytes, int64_t& last_use) const;
  channel::Ack AckOf(const SaRecord& r) const;

  SaTables& tables_;
  Grace& grace_;
  std::vector<WorkerMail*> mail_;
  crypto::MbEngine& engine_;
  offload::Engines* engines_;
  EngineUse use_of_engines_;
  std::function<std::optional<uint16_t>(const IpAddress&)> port_of_;
  TscClock clock_;
  Memory memory_;
  std::map<uint32_t, TunnelUse> tunnels_;  // by if_id: what SAs that are gone have carried

  Records records_[2];                                                  // inbound, outbound
  std::unordered_map<uint32_t, PolicyEntry> policies_;                 // of the current connection, by policy_id
  std::vector<PolicyEntry> old_policies_;                               // of earlier ones, until OpenForwarding
  std::unordered_map<uint64_t, std::shared_ptr<const Policy>> by_id_;  // what an acquire may name
  // Those over manual SAs' selectors, in force for as long as the process.
  struct ManualRule {
    SelectorList local, remote;
    uint32_t if_id, priority;
    std::shared_ptr<const Policy> policy;
  };
  std::vector<ManualRule> manual_rules_;
  std::unordered_map<uint64_t, Answer> answers_;                       // by ticket
  std::vector<std::deque<WorkerOrder>> backlog_;                        // by worker: orders that found the ring full
  std::deque<Retired> retired_;                                         // tokens rise
  std::vector<SasOfWorker> sas_of_;                               // by worker
  struct Moving {
    std::unique_ptr<SaMove> move;
    std::vector<WorkerOrder> waiting;  // for the worker that gets it
  };
  std::unordered_map<const SaRecord*, Moving> moves_;
  std::deque<SaChoice> wanted_;  // moves that wait for others to be over
  std::unordered_map<uint32_t, uint64_t> carried_;  // by sa_index, when Balance() last looked; empty: it did not
  unsigned looks_in_ = 0, looks_after_ = 1;         // calls of Balance(): to the next look, and from one in vain to the next
  std::priority_queue<Deadline, std::vector<Deadline>, std::greater<>> deadlines_;
  std::unordered_multimap<Spi, uint32_t> by_outbound_spi_;  // to sa_index
  struct PathMtu {
    uint16_t mtu;
    int64_t until;  // ns
  };
  using Path = std::pair<IpAddress, IpAddress>;  // local, remote
  std::map<Path, PathMtu> paths_;                // narrower than their link
  std::deque<std::pair<int64_t, Path>> old_paths_;  // by the time, in ns, when what was learned then counts no more
  std::priority_queue<Deadline, std::vector<Deadline>, std::greater<>> path_ages_;
  std::chrono::nanoseconds path_age_ = std::chrono::minutes(10);
  uint64_t next_policy_ = 1, next_ticket_ = 1;
  uint32_t number_ = 0;  // installations and generations
};

}  // namespace culvert::dp
