#pragma once

#include <chrono>

namespace culvert {

// Every deadline and age in Culvert is on CLOCK_MONOTONIC, which all processes of one boot share, so an absolute Time may
// cross the channel as nanoseconds. Wall-clock time appears only where a protocol demands it (certificates, log lines).
using Duration = std::chrono::nanoseconds;
using Time = std::chrono::time_point<std::chrono::steady_clock, Duration>;

inline constexpr int64_t ToNanos(Time t) { return t.time_since_epoch().count(); }
inline constexpr Time FromNanos(int64_t ns) { return Time(Duration(ns)); }

}  // namespace culvert
