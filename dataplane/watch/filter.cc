#include "dataplane/watch/filter.h"

#include <algorithm>

namespace culvert::dp {
namespace {

IpAddress AddressOf(uint8_t family, const uint8_t* octets) {
  IpAddress a{family == 4 ? Family::kV4 : Family::kV6, {}};
  std::copy_n(octets, a.size(), a.octets.begin());
  return a;
}

bool Fits(const WatchFilter::End& end, const SeenPacket& s, bool source) {
  if (end.address && !end.address->Contains(AddressOf(s.family, source ? s.source : s.destination))) return false;
  return end.port == 0 || (s.has_ports && end.port == (source ? s.source_port : s.destination_port));
}

bool OfFlow(const WatchFilter& f, const SeenPacket& s) {
  if (s.family == 0 || (f.protocol && *f.protocol != s.protocol)) return false;
  return (Fits(f.a, s, true) && Fits(f.b, s, false)) || (Fits(f.b, s, true) && Fits(f.a, s, false));
}

template <typename Each>
bool AnyStep(std::span<const PathRecord* const> parts, Each each) {
  return std::ranges::any_of(parts, [&](const PathRecord* r) { return std::any_of(r->steps, r->steps + r->steps_n, each); });
}

template <typename Each>
bool AnySeen(std::span<const PathRecord* const> parts, Each each) {
  return std::ranges::any_of(parts, [&](const PathRecord* r) { return std::any_of(r->seen, r->seen + r->seen_n, each); });
}

}  // namespace

bool WatchFilter::Matches(std::span<const PathRecord* const> parts) const {
  if (dropped || drop) {
    auto fits = [&](const PathRecord* r) { return r->exit == Exit::kDropped && (!drop || r->drop == *drop); };
    if (!std::ranges::any_of(parts, fits)) return false;
  }
  if (port && !AnyStep(parts, [&](const PathStep& s) { return s.port == *port; })) return false;
  if (spi && !AnySeen(parts, [&](const SeenPacket& s) { return s.spi == *spi; })) return false;
  if (sas && !AnyStep(parts, [&](const PathStep& s) { return std::ranges::binary_search(*sas, s.sa_index); })) return false;
  bool flow = protocol || a.address || a.port != 0 || b.address || b.port != 0;
  return !flow || AnySeen(parts, [&](const SeenPacket& s) { return OfFlow(*this, s); });
}

}  // namespace culvert::dp
