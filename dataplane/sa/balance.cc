#include "dataplane/sa/balance.h"

#include <algorithm>
#include <numeric>

namespace culvert::dp {
namespace {

constexpr double kBusy = 0.5, kGap = 0.2;
constexpr double kMostOfGap = 0.9;     // that one SA may be: more would only change who is the busy one
constexpr size_t kMostMoves = 256;     // in one round

struct Pair {
  uint32_t hot, cold;
};
Pair Extremes(const std::vector<double>& busy) {
  auto [least, most] = std::ranges::minmax_element(busy);
  return {static_cast<uint32_t>(most - busy.begin()), static_cast<uint32_t>(least - busy.begin())};
}

bool IsUneven(double hot, double cold) { return hot > kBusy && hot - cold > kGap; }

}  // namespace

bool IsUneven(const std::vector<double>& busy) {
  const Pair p = Extremes(busy);
  return IsUneven(busy[p.hot], busy[p.cold]);
}

std::vector<SaChoice> ChooseMoves(std::vector<double> busy, std::vector<SaLoad> loads) {
  std::vector<SaChoice> chosen;
  std::ranges::stable_sort(loads, std::ranges::greater(), &SaLoad::cost);
  auto may_give = busy;  // 0 of those that nothing can be taken from
  for (size_t round = 0; round < 2 * busy.size() && chosen.size() < kMostMoves; ++round) {
    const Pair p{Extremes(may_give).hot, Extremes(busy).cold};
    if (!IsUneven(may_give[p.hot], busy[p.cold])) break;
    auto of_hot = [&p](uint64_t sum, const SaLoad& l) { return l.worker == p.hot ? sum + l.cost : sum; };
    const auto all = static_cast<double>(std::accumulate(loads.begin(), loads.end(), uint64_t{0}, of_hot));
    const double gap = busy[p.hot] - busy[p.cold], one = busy[p.hot] / std::max(all, 1.0);
    const double mean = std::accumulate(busy.begin(), busy.end(), 0.0) / static_cast<double>(busy.size());
    const double enough = std::min(busy[p.hot] - mean, mean - busy[p.cold]);
    double moved = 0;
    auto move = [&](SaLoad& l) {
      chosen.push_back({l.sa_index, p.cold});
      l.worker = p.cold;
      moved += static_cast<double>(l.cost) * one;
    };
    SaLoad* least = nullptr;
    for (SaLoad& l : loads) {  // the largest first, until neither is further from the mean than it has to be
      if (l.worker != p.hot || l.cost == 0) continue;
      least = &l;
      if (moved + static_cast<double>(l.cost) * one <= enough && chosen.size() < kMostMoves) move(l);
    }
    if (moved == 0 && least != nullptr && static_cast<double>(least->cost) * one <= gap * kMostOfGap) move(*least);
    busy[p.hot] -= moved;
    busy[p.cold] += moved;
    may_give[p.hot] = moved == 0 ? 0 : busy[p.hot];
  }
  return chosen;
}

}  // namespace culvert::dp
