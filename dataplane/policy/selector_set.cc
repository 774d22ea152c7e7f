#include "dataplane/policy/selector_set.h"

namespace culvert::dp {
namespace {

std::vector<SelectorSet::Side> Compile(const SelectorList& list) {
  std::vector<SelectorSet::Side> out;
  out.reserve(list.size());
  for (const TrafficSelector& ts : list) {
    out.push_back({WideAddress::Of(ts.addresses.first), WideAddress::Of(ts.addresses.last),
                   static_cast<uint8_t>(ts.addresses.first.family), ts.protocol, ts.port_first, ts.port_last});
  }
  return out;
}

bool AnyPort(const SelectorSet::Side& s) { return s.port_first == 0 && s.port_last == 65535; }

// RFC 4301 4.4.1.1: a range of ports never matches a packet whose ports cannot be seen, OPAQUE matches only such, ANY all.
bool PortMatches(const SelectorSet::Side& s, const Flow& f, uint16_t port) {
  if (AnyPort(s)) return true;
  bool opaque = s.port_first == 65535 && s.port_last == 0;
  if (!f.ports_known) return opaque;
  return s.port_first <= port && port <= s.port_last;
}

}  // namespace

SelectorSet::SelectorSet(const SelectorList& local, const SelectorList& remote)
    : local_(Compile(local)), remote_(Compile(remote)) {
  for (const auto* sides : {&local_, &remote_}) {
    for (const Side& s : *sides) narrowness_ += (s.protocol != 0) + !AnyPort(s);
  }
}

bool SelectorSet::Matches(const Side& s, const Flow& f, const WideAddress& address, uint16_t port) {
  return s.family == f.family && s.first <= address && address <= s.last && (s.protocol == 0 || s.protocol == f.protocol) &&
         PortMatches(s, f, port);
}

bool SelectorSet::Matches(const std::vector<Side>& sides, const Flow& f, const WideAddress& address, uint16_t port) {
  for (const Side& s : sides) {
    if (Matches(s, f, address, port)) return true;
  }
  return false;
}

}  // namespace culvert::dp
