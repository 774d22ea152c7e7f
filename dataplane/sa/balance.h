#pragma once

#include <cstdint>
#include <vector>

namespace culvert::dp {

// What the SAs at one place cost their worker in a second, of no unit: only how they compare counts.
struct SaLoad {
  uint32_t sa_index;
  uint32_t worker;
  uint64_t cost;
};
struct SaChoice {
  uint32_t sa_index, to;
};

// An SA is one worker's, so what a worker cannot do alone is given to others SA by SA. Moved is only from a worker that is busy
// more than half of its time to one that has a fifth more of it free, and no more than brings them to the mean; an SA that is
// nearly all of its worker's work stays: it would be the other's trouble. `busy`: by worker, of its time, from 0 to 1.
bool IsUneven(const std::vector<double>& busy);
std::vector<SaChoice> ChooseMoves(std::vector<double> busy, std::vector<SaLoad> loads);

}  // namespace culvert::dp
