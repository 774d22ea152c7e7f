#include "dataplane/main/alarms.h"

#include <absl/strings/str_cat.h>

namespace culvert::dp {
namespace {

constexpr Drop kWatched[] = {Drop::kBadIcv,  Drop::kReplayed, Drop::kUnknownSpi,       Drop::kWrongProtocol, Drop::kBadPad,
                             Drop::kNesting, Drop::kInnerMismatch, Drop::kPlaintextInbound};

// "5000 bad-icv, 120 replayed"
std::string Grown(const Alarms::Drops& from, const Alarms::Drops& to, uint64_t least) {
  std::string text;
  for (Drop d : kWatched) {
    const uint64_t n = to[static_cast<size_t>(d)] - from[static_cast<size_t>(d)];
    if (n > least) absl::StrAppend(&text, text.empty() ? "" : ", ", n, " ", Name(d));
  }
  return text;
}

}  // namespace

void Alarms::Tick(const Drops& drops) {
  const std::string now = Grown(last_, drops, kThreshold);
  if (!now.empty()) {
    if (seconds_ == 0) at_begin_ = last_;
    if (seconds_ % kReminder == 0) say_(absl::StrCat("alarm: dropped in the last second: ", now));
    ++seconds_;
  } else if (seconds_ != 0) {
    say_(absl::StrCat("alarm over: dropped since it began: ", Grown(at_begin_, drops, 0)));
    seconds_ = 0;
  }
  last_ = drops;
}

}  // namespace culvert::dp
