#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/channel/sa_command.h"
#include "common/channel/sa_event.h"
#include "common/channel/state_page.h"
#include "common/ipsec/traffic_selector.h"
#include "drivers/offload/engine.h"

namespace culvert::dp {

// What the SAs of one tunnel interface have carried since the process began, and how many there are. Octets as SAs count them:
// what is enciphered or authenticated.
struct TunnelUse {
  uint64_t packets_in = 0, bytes_in = 0, packets_out = 0, bytes_out = 0;
  uint32_t sas_in = 0, sas_out = 0;
};

// Who runs an SA's cryptography, and why nobody better does.
struct SaEngine {
  offload::Engine engine = offload::Engine::kCpu;
  offload::StepDown step_down = offload::StepDown::kNone;
};

// Of all SAs since the process began.
struct EngineUse {
  std::array<uint32_t, static_cast<size_t>(offload::Engine::kCount)> sas{};         // that there are
  std::array<uint64_t, static_cast<size_t>(offload::StepDown::kCount)> step_downs{};  // by reason
  uint64_t refused = 0;  // that insisted on an engine there is not
};

// What a worker has of them.
struct SasOfWorker {
  uint32_t sas = 0;             // both directions
  uint64_t given = 0, got = 0;  // SAs, to and from other workers since the process began
};

// Of the ways between main and the workers, since the process began.
struct MailUse {
  uint64_t orders_delayed = 0;  // that waited because their ring was full; none is lost
  uint64_t hints_dropped = 0;   // acquires, moves and narrow paths that found their ring full: they come again by themselves
};

// What operators know an SA by.
struct SaLabel {
  Spi spi = 0;
  std::string connection, child;
  bool enciphers = true;  // false: what it carries can be read on the wire (AH, NULL)
};

// Every SA and policy of the process, as the main thread sees them. Main thread only. Validates a command's values, expands
// keys, builds the runtime SA, hands it to the owning worker by an in-process ring and keeps what the inventory tells.
// Policies are published to all workers at once; memory is reused only after every worker passed a grace point.
class SaDatabase {
 public:
  using Done = std::function<void(const channel::Ack&)>;   // exactly once, from Poll() or before the call returns
  virtual ~SaDatabase() = default;

  virtual void Install(const channel::InstallSa& sa, SelectorList local, SelectorList remote, Done done) = 0;
  virtual void Update(const channel::UpdateSa& u, Done done) = 0;
  virtual void Remove(const channel::RemoveSa& r, Done done) = 0;
  virtual channel::Status AddPolicy(const channel::AddPolicy& p, SelectorList local, SelectorList remote) = 0;
  virtual channel::Status RemovePolicy(uint32_t policy_id) = 0;
  virtual channel::Status QueryUse(const channel::QueryUse& q, channel::Ack& answer) = 0;

  // One call per live SA, both directions; selectors local then remote (they may exceed one message).
  using Visit = std::function<void(const channel::SaInventory& sa, const SelectorList& local, const SelectorList& remote,
                                   const SaEngine& engine)>;
  virtual void Inventory(const Visit& visit) const = 0;

  virtual EngineUse UseOfEngines() const = 0;
  virtual std::vector<SasOfWorker> SasByWorker() const = 0;
  virtual MailUse UseOfMail() const { return {}; }

  // Of a live SA.
  virtual std::optional<SaLabel> LabelOf(channel::Direction d, uint32_t sa_index) const = 0;
  // sa_index of every live SA of a child or connection of that name, either direction, sorted.
  virtual std::vector<uint32_t> SasNamed(const std::string& name) const = 0;

  // By if_id, of every tunnel interface.
  virtual std::map<uint32_t, TunnelUse> UseOfTunnels() const = 0;

  // A new connection's policy set is about to come, and its policy ids have nothing to do with those of the connection before.
  // What was in force stays so until OpenForwarding(): then the old policies go, but what their live SAs protect stays
  // protected until each of these orphans is removed or reaches its hard lifetime.
  virtual void BeginSync() = 0;

  // Forwarding opens at sync-done and never closes again in this process: protection is by policy from then on.
  virtual void OpenForwarding() = 0;
  // Workers publish into `page` from now on, and every live SA's sequence number is published into it at once. `released`
  // is called exactly once, from Poll() or before this returns, when all of that is done and no worker will write the page
  // before it again: only then may the old page be unmapped, and only then is a dump of the inventory worth having. Not
  // called again before `released`. A page outlives its connection until the next one: a live dataplane keeps publishing.
  virtual void SetStatePage(channel::StatePage* page, std::function<void()> released) = 0;

  // Drains the workers' answers and reports: acks, acquires, expiries, moves. `sink` gets events without epoch and txn.
  virtual void Poll(const std::function<void(const channel::Event&)>& sink) = 0;
};

}  // namespace culvert::dp
