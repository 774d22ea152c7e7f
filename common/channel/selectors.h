#pragma once

#include <vector>

#include "common/channel/sa_event.h"

// Selector lists longer than one message: the first message carries as many as fit, kMoreSelectors (or kSaSelectors) the rest.
namespace culvert::channel {

// Cuts two lists into the pieces successive messages carry, local selectors first. Never empty; only the last piece has
// head.more == 0.
struct SelectorPiece {
  SelectorPairHead head{};
  WireSelector selectors[kMaxSelectorsPerMessage]{};
};
std::vector<SelectorPiece> SplitSelectors(const SelectorList& local, const SelectorList& remote);

// Puts them together again on the receiving side.
class SelectorAssembler {
 public:
  enum class Result : uint8_t { kComplete, kMore, kTooMany };
  void Clear() { *this = {}; }
  // Of a message that passed Decode().
  Result Add(const SelectorPairHead& head, const WireSelector (&selectors)[kMaxSelectorsPerMessage]);

  SelectorList local, remote;   // complete after kComplete
};

}  // namespace culvert::channel
