#include "dataplane/watch/exposure.h"

#include <algorithm>

namespace culvert::dp {

size_t Exposed(const PathRecord& r, Place place, bool clear_text) {
  const PathFrame& f = r.frames[static_cast<size_t>(place)];
  if (f.inner && (!clear_text || !(r.opened || r.sealed))) return 0;
  const size_t whole = f.captured, headers = std::min(f.headers, f.captured);
  if (place == Place::kReceived) {
    // Whoever it was handed to knows what becomes of it, and tells.
    if (r.ipsec && !r.opened) return r.exit == Exit::kHandedOver ? 0 : headers;
    // A fragment of what may yet have to be opened.
    if (r.exit == Exit::kHeld && !r.sealed && !r.protected_) return headers;
  }
  if (clear_text) return whole;
  switch (place) {
    case Place::kReceived:
      if (r.ipsec) return f.readable ? headers : whole;
      if (r.sealed || r.protected_) return 0;
      break;
    case Place::kSent:
      if (r.sealed) return f.readable ? headers : whole;
      if (r.opened || r.protected_) return 0;
      break;
    case Place::kInside:
    case Place::kCount: return 0;
  }
  return r.own ? whole : headers;
}

}  // namespace culvert::dp
