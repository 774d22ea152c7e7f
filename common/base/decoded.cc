#include "common/base/decoded.h"

namespace culvert {

const char* Name(Malformed what) {
  switch (what) {
    case Malformed::kTruncated: return "truncated";
    case Malformed::kBadLength: return "bad length";
    case Malformed::kBadValue: return "bad value";
    case Malformed::kTooMany: return "too many";
    case Malformed::kTrailing: return "trailing bytes";
    case Malformed::kMissing: return "missing payload";
    case Malformed::kUnexpected: return "unexpected payload";
  }
  return "malformed";
}

}  // namespace culvert
