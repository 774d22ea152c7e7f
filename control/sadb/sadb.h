#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/channel/selectors.h"
#include "config/model.h"
#include "control/runtime/data_plane.h"
#include "control/sadb/link.h"
#include "control/sadb/orphans.h"
#include "control/sadb/policies.h"
#include "control/sadb/registry.h"
#include "control/sadb/spi_allocator.h"
#include "control/sadb/transactions.h"

namespace culvert::sadb {

struct SadbCounters {
  uint64_t replayed = 0;            // SA directions installed again in a restarted dataplane
  uint64_t not_replayed = 0;        // those that could not be: numbers or IV generations used up
  uint64_t matched = 0;             // found alive after a connection was lost and made again
  uint64_t orphans_found = 0, orphans_replaced = 0, orphans_ended = 0;
  uint64_t busy_retries = 0;        // the dataplane said kBusy
  uint64_t refused = 0;             // installs that failed
  uint64_t strange_events = 0;      // about SAs or transactions nobody here knows
};

// What the dataplane should have, and the way there: the core's actions become commands, the dataplane's events the core's
// events, and a dataplane that comes back gets everything again by the restart rules. Loop thread only; never blocks.
//
// Restart rules: a dataplane that died has its SAs installed again with the next IV generation, outbound from the published
// number + kOutboundJump, inbound with a full window at the published edge; then each such child is rekeyed, spread over 60 s
// (at once without ESN and near the end). What cannot be continued so expires. A dataplane that lived through the loss of a
// connection keeps its SAs; they are matched with the registry, and what nobody here knows is an orphan.
class Sadb final : public control::DataPlane, private Link::User {
 public:
  struct Options {
    std::string run_dir;
    Duration delete_delay = std::chrono::seconds(5);   // control { delete_rekeyed_delay }: how long an old inbound SA lingers
  };
  // `events` receives what the core is to be told; called from Poll() only, so it may call back. `random` is borrowed.
  Sadb(const Options& options, ike::Random& random, std::function<void(ike::Event)> events);
  ~Sadb() override;

  // The connections of the configuration, at start (before the first Poll) and at each reload.
  void Load(const std::vector<config::Connection>& connections);
  // An address or a route of the gateway's beside those of culvert.conf, kept until it is taken back, restarts included.
  struct Address {
    std::string port;
    IpPrefix prefix;                // host bits kept
    friend auto operator<=>(const Address&, const Address&) = default;
  };
  struct Route {
    IpPrefix to;
    std::optional<IpAddress> via;   // absent: on-link through `port`
    std::string port;
    friend auto operator<=>(const Route&, const Route&) = default;
  };
  // `done`, where there is one, is told once what came of it, perhaps before the call returns. kNotFound of a removal: it is
  // none of these, and one of culvert.conf's stays. kBusy: done as soon as there is a dataplane. What that refuses is not kept.
  using Done = std::function<void(channel::Status)>;
  void Add(const Address& a, Done done = {});
  void Remove(const Address& a, Done done = {});
  void Add(const Route& r);
  void Remove(const Route& r);

  // One descriptor for life, level-triggered readable while Poll() has something to do; timers are behind it too.
  int fd() const { return epoll_.get(); }
  void Poll(Time now);

  void Send(ike::SendDatagram datagram) override;
  void Install(ike::InstallChild install) override;
  void Remove(const ike::RemoveChild& remove) override;
  void Update(const ike::UpdateChild& update) override;
  void SetTrap(const ike::SetTrap& trap) override;
  void QueryUse(const ike::QueryChildUse& query) override;
  void QuerySource(const ike::QuerySource& query) override;

  ike::SpiAllocator& spis() { return spis_; }
  bool synced() const { return phase_ == Phase::kSynced; }   // the dataplane has everything and forwards
  const std::map<uint32_t, Orphan>& orphans() const { return orphans_.all(); }
  const Policies& policies() const { return policies_; }
  const Registry& registry() const { return registry_; }
  const SadbCounters& counters() const { return counters_; }
  const LinkCounters& link_counters() const { return link_.counters(); }
  size_t commands_queued() const { return transactions_.queued(); }

  // The gateway's links, addresses and routes as the dataplane told them.
  struct Network {
    std::map<std::string, channel::LinkEvent> links;
    std::set<Address> addresses;
    std::set<Route> routes;
  };
  const Network& network() const { return network_; }

 private:
  enum class Phase : uint8_t { kDown, kDump, kReplay, kSynced };
  struct Inventoried {
    channel::SaInventory sa;
    channel::SelectorAssembler selectors;
  };
  struct Use {
    unsigned open = 0;              // directions not yet answered
    ike::ChildUse answer;
  };

  // Link::User
  void OnConnected(uint64_t instance) override;
  void OnEvent(const channel::Event& e) override;
  void OnDatagram(channel::Datagram datagram) override;
  void OnLost() override;

  // sadb.cc: installs and removals
  void ChooseHostPort(SaRecord& record);
  void SubmitInstall(const SaRecord& record);
  void OnInstallAck(SaKey key, uint64_t serial, channel::Status status);
  void Installed(SaRecord& record);
  void Refuse(SaRecord& record, channel::Status status);
  void Expire(SaRecord& record);
  void SubmitUpdate(SaRecord& record);
  void SubmitRemove(SaRecord& record);
  void Erase(SaKey key);
  void SubmitUse(ike::ChildId child, Use& use);
  void SubmitSource(uint64_t query, const IpAddress& destination);
  void Tell(const Policies::Changes& changes);
  void SubmitPolicy(uint32_t id);
  void SubmitAddress(const Address& a, bool add, Done done = {});
  void Answer(uint64_t question, channel::Status status);
  void SubmitRoute(const Route& r, bool add);
  void RemoveOrphan(Orphan& o);
  void RemoveOrphanHalf(uint32_t sa_index, channel::Direction direction);

  // events.cc: what the dataplane tells
  void OnInventory(const channel::Event& e);
  void OnExpiry(const channel::Expiry& e, bool hard);
  void OnAcquire(const channel::Acquire& a);
  void OnPeerMoved(const channel::PeerMoved& m);
  void OnNetwork(const channel::Event& e);
  void TellAddresses();

  // resync.cc: from the end of the dump to sync-done
  void Resync();
  void MatchRecords(std::set<ike::ChildId>& replayed);
  void MatchOrphans();
  bool PrepareReplay(SaRecord& record);
  void ScheduleRekeys(const std::set<ike::ChildId>& replayed);
  void CallPeersOfOrphans();

  void Emit(ike::Event e);
  void After(Duration d, std::function<void()> what) { agenda_.emplace(now_ + d, std::move(what)); }
  void Pump();
  void ArmTimer();

  const Options options_;
  const std::function<void(ike::Event)> sink_;
  UniqueFd epoll_, timer_, kick_;
  Time now_{};
  Phase phase_ = Phase::kDown;
  uint64_t instance_ = 0;           // of the dataplane we last synchronised with, 0: none yet
  uint64_t coming_instance_ = 0;    // of the one whose dump is being read

  Link link_;
  Transactions transactions_;
  HostPorts host_ports_;             // outlives the registry, whose records hold its leases
  Registry registry_;
  Policies policies_;
  Orphans orphans_;
  SpiAllocator spis_;
  Network network_;
  std::set<Address> addresses_;     // ours, to be there
  std::map<uint64_t, Done> asked_;  // about addresses, and not answered
  uint64_t next_question_ = 1;
  std::set<Route> routes_;
  std::map<std::pair<std::string, std::string>, bool> callable_;   // connection and child with a literal remote address
  std::map<SaKey, Inventoried> inventory_;
  std::optional<SaKey> collecting_;
  std::map<ike::ChildId, Use> uses_;
  std::map<uint64_t, IpAddress> sources_;
  std::deque<ike::Event> events_;
  std::multimap<Time, std::function<void()>> agenda_;
  SadbCounters counters_;
};

}  // namespace culvert::sadb
