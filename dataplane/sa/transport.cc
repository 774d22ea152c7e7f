#include "dataplane/sa/transport.h"

#include <algorithm>

namespace culvert::dp {

SelectorList AtEndpoint(const SelectorList& list, const IpAddress& endpoint) {
  SelectorList out;
  for (TrafficSelector ts : list) {
    if (!ts.addresses.Contains(endpoint)) continue;
    ts.addresses = {endpoint, endpoint};
    if (!std::ranges::contains(out, ts)) out.push_back(ts);
  }
  return out;
}

}  // namespace culvert::dp
