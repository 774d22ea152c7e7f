#pragma once

#include <vector>

#include "common/ipsec/traffic_selector.h"
#include "dataplane/policy/flow.h"

namespace culvert::dp {

// The selectors of a policy or an SA, ready for packets. Immutable; workers read it while its owner lives.
class SelectorSet {
 public:
  SelectorSet(const SelectorList& local, const SelectorList& remote);

  // A packet on its way out: from a local to a remote selector. Both sides match on their own (RFC 7296 2.9).
  bool MatchesOutbound(const Flow& f) const {
    return Matches(local_, f, f.source, f.source_port) && Matches(remote_, f, f.destination, f.destination_port);
  }
  bool MatchesInbound(const Flow& f) const {
    return Matches(remote_, f, f.source, f.source_port) && Matches(local_, f, f.destination, f.destination_port);
  }
  // How many selectors ask for a protocol or ports: of two sets over the same addresses the one with more goes first.
  unsigned narrowness() const { return narrowness_; }

  struct Side {
    WideAddress first, last;
    uint8_t family, protocol;  // protocol 0: any
    uint16_t port_first, port_last;
  };
  const std::vector<Side>& local() const { return local_; }
  const std::vector<Side>& remote() const { return remote_; }

  // One selector of each side, by position.
  struct Pair {
    uint16_t remote, local;
    friend bool operator==(const Pair&, const Pair&) = default;
  };
  bool Matches(Pair p, const Flow& f, bool inbound) const {
    const Side &to = (inbound ? local_ : remote_)[inbound ? p.local : p.remote],
               &from = (inbound ? remote_ : local_)[inbound ? p.remote : p.local];
    return Matches(to, f, f.destination, f.destination_port) && Matches(from, f, f.source, f.source_port);
  }

 private:
  static bool Matches(const Side& s, const Flow& f, const WideAddress& address, uint16_t port);
  static bool Matches(const std::vector<Side>& sides, const Flow& f, const WideAddress& address, uint16_t port);

  std::vector<Side> local_, remote_;
  unsigned narrowness_ = 0;
};

}  // namespace culvert::dp
