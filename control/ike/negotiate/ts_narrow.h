#pragma once

#include <optional>

#include "common/ipsec/traffic_selector.h"

// Traffic selector negotiation (RFC 7296 2.9), pure functions. Lists are in the reader's own view: a responder's local
// selectors answer TSr, its remote ones TSi. Nothing here ever widens: every packet of a result is one of both sides' lists.
namespace culvert::ike {

struct Narrowed {
  // Never empty; at most kMaxSelectorsPerSa each; in the initiator's order, no selector inside another.
  SelectorList local, remote;
  // The first selectors offered, which may be the packet that raised the SA, are inside the result. Of several policies that
  // could answer, the first for which this is true is the one that packet belongs to.
  bool covers_first = false;
  // The whole intersection has more selectors than fit one SA: what is left out may be had by another, which the responder
  // says with ADDITIONAL_TS_POSSIBLE.
  bool more_possible = false;
};

// A responder's answer: the intersection of both sides, as wide as policy allows. Since policy and offer are each every
// local selector with every remote one, the intersection is such a product too and needs no reduction to a single pair.
// A selector that no packet could use, because no selector of the other side has its address family and protocol, is left
// out. nullopt: no packet is in both, TS_UNACCEPTABLE.
std::optional<Narrowed> Narrow(const SelectorList& our_local, const SelectorList& our_remote, const SelectorList& offered_local,
                               const SelectorList& offered_remote);

// An initiator's check, of TSi and of TSr: the list is not empty and each of its selectors lies inside one of those proposed.
bool IsSubset(const SelectorList& answer, const SelectorList& proposed);

}  // namespace culvert::ike
