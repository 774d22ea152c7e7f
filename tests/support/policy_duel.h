#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/policy/spd.h"
#include "tests/support/slow_spd.h"

namespace culvert::testing {

// The SPD and the slow opinion on it side by side, with the same rules.
class PolicyDuel {
 public:
  // Its id is the next one. False, and nothing is done, where the SPD would refuse it.
  bool Add(SlowRule rule);
  void Remove(size_t position);   // in rules()
  const std::vector<SlowRule>& rules() const { return rules_; }

  // "" where both say the same of the packet, both ways, inside and outside of each tunnel; else what they say.
  std::string Disagreement(const SlowPacket& packet) const;
  // Whether some rule takes it, one way or the other.
  bool Taken(const SlowPacket& packet) const;

 private:
  dp::Spd spd_;
  std::vector<SlowRule> rules_;
  std::map<uint64_t, std::unique_ptr<const dp::Policy>> policies_;   // by id
  uint64_t next_id_ = 1;
};

}  // namespace culvert::testing
