#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "absl/container/btree_map.h"
#include "common/channel/sa_command.h"
#include "dataplane/policy/flow.h"
#include "dataplane/policy/rule_index.h"
#include "dataplane/policy/sa_set.h"
#include "dataplane/policy/selector_set.h"

namespace culvert::dp {

struct OutboundSa;

// One policy (RFC 4301 4.4.1), immutable but for the rate limit of its acquires. Owned by the main thread's database; both
// copies of the SPD point to it.
struct Policy {
  uint64_t id;       // the database's: never reused in this process
  uint32_t wire_id;  // policy_id of the channel
  uint64_t rank;     // lower goes first, whatever the prefixes; orphans before all others
  channel::PolicyAction action;
  bool acquire;
  // The tunnel interfaces it is of; 0: of the ports.
  struct Tunnels {
    uint32_t in = 0, out = 0;
  } if_id;
  SelectorSet selectors;
  mutable std::atomic<uint64_t> acquires_until{0};  // AcquirePace's; workers race for it
};

// The security policy database: one copy of it. The owner changes it while no worker reads it, workers read it while
// nobody changes it (SpdPublisher keeps that promise with two copies).
class Spd {
 public:
  // Whether its ranges decompose into few enough entries.
  [[nodiscard]] static bool Fits(const Policy& p);
  // One that Fits().
  void Add(const Policy& p);
  void Remove(const Policy& p);
  // An SA of a policy, ignored where that is not here, with its own selectors, which must outlive the entry.
  void AddSa(const Policy& p, OutboundSa* sa, uint32_t preference, const SelectorSet& selectors);
  void RemoveSa(const Policy& p, const OutboundSa* sa);
  void SetPreference(const Policy& p, const OutboundSa* sa, uint32_t preference);

  // The first policy by rank; then by the pair of its selectors that takes the packet, the longest remote prefix, then the
  // longest local one (a range counts as the widest prefix in it around the address); then protocol and ports before none; then
  // the earliest added. Outbound: the packet goes from local to remote; inbound: the reverse. Each tunnel interface has an SPD
  // of its own (RFC 4301 4.4.1), and the ports (if_id 0) have one together.
  const Policy* FindOutbound(const Flow& f, uint32_t if_id = 0) const;
  const Policy* FindInbound(const Flow& f, uint32_t if_id = 0) const;
  OutboundSa* FindSa(const Policy& p, const Flow& f) const;

  uint32_t generation = 1;  // of the policy set; what was cached under another is stale. Never 0.
  size_t policies() const { return sas_.size(); }

  static constexpr size_t kMaxEntriesPerPolicy = 65536;  // bounds what one command can cost main

 private:
  // The policies of one interface, in whichever direction.
  struct Rules {
    RuleIndex index;
    absl::btree_map<uint64_t, uint32_t> ranks;  // policies of each rank
  };
  static std::vector<uint32_t> InterfacesOf(const Policy& p);
  const Policy* Find(const Flow& f, uint32_t if_id, bool inbound) const;

  Rules ports_;
  std::unordered_map<uint32_t, Rules> tunnels_;  // by if_id, none empty
  std::unordered_map<uint64_t, SaSet> sas_;      // by Policy::id
};

}  // namespace culvert::dp
