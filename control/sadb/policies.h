#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "config/model.h"
#include "control/ike/action.h"

namespace culvert::sadb {

// What is protected, passed or dropped: a policy for each loaded child of the configuration whose selectors are known, and
// one for each set of selectors a `dynamic` child was narrowed to, as long as an SA has them. Loop thread only.
//
// A child protects local_ts × remote_ts from load, whatever its start_action; `trap` only decides whether a packet without
// an SA asks for one. Shunts are in force from load too. `policies = no` protects nothing.
struct Policy {
  uint32_t id = 0;
  std::string connection, child;
  uint32_t priority = 0;            // lower is looked at first
  config::ChildMode mode = config::ChildMode::kTunnel;   // pass and drop are shunts
  bool acquire = false;
  uint32_t if_id_in = 0, if_id_out = 0;
  SelectorList local, remote;

  bool SameEffect(const Policy& o) const {
    return priority == o.priority && mode == o.mode && acquire == o.acquire && if_id_in == o.if_id_in &&
           if_id_out == o.if_id_out && local == o.local && remote == o.remote;
  }
};

class Policies {
 public:
  // What the dataplane must be told after a change. Additions replace a policy of the same id and go first, so that nothing
  // is unprotected in between.
  struct Changes {
    std::vector<uint32_t> add, remove;
  };

  // The whole configuration, at start and at each reload. A child that keeps its name keeps its id.
  Changes Load(const std::vector<config::Connection>& connections);

  // From now on a packet of this child without an SA asks for one, reloads included, as long as the child is loaded.
  Changes Trap(const std::string& connection, const std::string& child);

  // The policy an SA about to be installed serves; 0: none (policies = no). For a child with a dynamic side this makes one
  // for its narrowed selectors, or takes another reference of it; `changes` then says what to tell.
  uint32_t Acquire(const ike::InstallChild& install, Changes& changes);
  // Gives back what Acquire returned, when the SA is gone.
  void Release(uint32_t id, Changes& changes);

  // Whether that child has a dynamic side, so that its policies are those of its SAs.
  bool IsDynamic(const std::string& connection, const std::string& child) const {
    return templates_.contains({connection, child});
  }
  const Policy* Find(uint32_t id) const;
  const std::map<uint32_t, Policy>& all() const { return policies_; }

 private:
  using Name = std::pair<std::string, std::string>;   // connection, child

  uint32_t NewId() { return next_id_++; }

  uint32_t next_id_ = 1;
  std::map<uint32_t, Policy> policies_;
  std::map<Name, uint32_t> loaded_;                   // static ones, by name
  std::map<Name, Policy> templates_;                  // children with a dynamic side, selectors empty
  std::set<Name> trapped_;                            // by Trap(), whatever their start_action
  using Narrowed = std::tuple<Name, SelectorList, SelectorList>;
  std::map<Narrowed, uint32_t> narrowed_;             // made by Acquire
  std::map<uint32_t, unsigned> references_;           // of those
};

}  // namespace culvert::sadb
