#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "absl/hash/hash.h"
#include "dataplane/policy/flow.h"
#include "dataplane/policy/selector_set.h"

namespace culvert::dp {

struct Policy;

// Policies found by what a packet's selectors are: by the prefixes its addresses lie in and, where a policy asks for them, by
// its protocol and one port of it. Every pair of a remote and a local selector of a policy is entered under each pair of
// prefixes that their address ranges decompose into. A look-up probes, by one hash each, the shapes in use: pairs of prefix
// lengths, with or without protocol and port. Its cost grows with how many shapes there are, and with the policies of one place
// that differ in nothing but ranges of ports, not with their number.
class RuleIndex {
 public:
  void Add(const Policy& p);
  void Remove(const Policy& p);
  // How many entries a policy makes.
  static size_t CountOf(const SelectorSet& s);

  // What a packet is looked up by. `if_id`: only policies that are of that interface in this direction count.
  struct Question {
    const Flow& flow;
    uint32_t if_id;
    bool inbound;
    uint64_t lowest_rank;  // of all that are entered: where one of it is found, no shorter prefix has a better one
  };
  // As Spd::FindOutbound says.
  const Policy* Find(const Question& q) const;

 private:
  // What is known of a pair of selectors beside addresses.
  enum class Upper : uint8_t { kAny, kProtocol, kRemotePort, kLocalPort };
  struct Key {
    WideAddress remote{}, local{};  // host bits zero
    uint16_t port = 0;              // of kRemotePort and kLocalPort
    uint8_t family = 0, remote_length = 0, local_length = 0, protocol = 0;
    Upper upper = Upper::kAny;
    friend bool operator==(const Key&, const Key&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Key& k) {
      return H::combine(std::move(h), k.remote.high, k.remote.low, k.local.high, k.local.low, k.port, k.family, k.remote_length,
                        k.local_length, k.protocol, k.upper);
    }
  };
  struct Entry {
    const Policy* policy;
    SelectorSet::Pair sides;
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  struct Shape {
    uint8_t family, remote, local;  // lengths
    Upper upper;
    uint32_t entries;  // in use with it
    bool SamePlace(const Shape& o) const { return remote == o.remote && local == o.local; }
  };
  static bool GoesBefore(const Policy& a, const Policy& b);
  template <typename Visit>
  static void ForEachKey(const SelectorSet& s, const Visit& visit);
  static Key KeyOf(const Shape& shape, const Question& q);
  void Count(const Key& k, int change);

  std::unordered_map<Key, std::vector<Entry>, absl::Hash<Key>> lists_;  // each in GoesBefore order
  std::vector<Shape> shapes_;                                           // by family; longest remote, then longest local first
};

}  // namespace culvert::dp
