#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/net/ip_address.h"

namespace culvert::dp {

// Longest-prefix match over IPv4 or IPv6: an immutable multibit trie of eight bits a step. Built whole, from a list; a
// change builds another one and publishes it, so readers need no lock and no order. A look-up takes as many dependent loads
// as the deepest prefix under the address has octets, three for a /24. rte_lpm takes 64 MiB a table whatever it holds; this
// takes 1 KiB for each distinct 8-bit step of the prefixes in it.
class PrefixTable {
 public:
  static constexpr uint32_t kMiss = 0x7fffffff;
  struct Entry {
    IpPrefix prefix;
    uint32_t value;   // below kMiss
  };

  PrefixTable() = default;
  // All of one family; of equal prefixes the later wins.
  PrefixTable(Family family, std::vector<Entry> entries);

  // `address` has 4 or 16 octets, as the table's family says, in network byte order.
  uint32_t Lookup(const uint8_t* address) const {
    if (nodes_.empty()) return kMiss;
    uint32_t slot = nodes_[0].child[*address];
    while (slot & kInner) slot = nodes_[slot & ~kInner].child[*++address];
    return slot;
  }
  size_t memory() const { return nodes_.size() * sizeof(Node); }  // octets

 private:
  static constexpr uint32_t kInner = 0x80000000;  // the rest is a node index; without it, a value or kMiss
  struct Node {
    uint32_t child[256];
  };
  void Insert(const Entry& e);

  std::vector<Node> nodes_;
};

}  // namespace culvert::dp
