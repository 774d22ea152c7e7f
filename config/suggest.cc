#include "config/suggest.h"

#include <algorithm>
#include <array>

#include "config/text.h"

namespace culvert::config {
namespace {

constexpr size_t kLongestName = 40;  // characters; longer than every key and token of the tables

// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours count one each.
size_t Distance(std::string_view a, std::string_view b) {
  std::array<std::array<size_t, kLongestName + 1>, 3> rows{};
  for (size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    auto &row = rows[i % 3], &up = rows[(i + 2) % 3], &up2 = rows[(i + 1) % 3];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      char x = Lower(a[i - 1]), y = Lower(b[j - 1]);
      row[j] = std::min({row[j - 1] + 1, up[j] + 1, up[j - 1] + (x != y)});
      bool swapped = i > 1 && j > 1 && x == Lower(b[j - 2]) && Lower(a[i - 2]) == y;
      if (swapped) row[j] = std::min(row[j], up2[j - 2] + 1);
    }
  }
  return rows[a.size() % 3][b.size()];
}

}  // namespace

std::string DidYouMean(std::string_view text, std::span<const std::string_view> names) {
  if (text.empty() || text.size() > kLongestName) return "";
  size_t best = std::max<size_t>(1, text.size() / 3) + 1;
  std::string_view nearest;
  for (auto name : names) {
    if (name.size() > kLongestName) continue;
    size_t d = Distance(text, name);
    if (d < best) {
      best = d;
      nearest = name;
    }
  }
  return nearest.empty() ? "" : Cat("; did you mean \"", nearest, "\"?");
}

}  // namespace culvert::config
