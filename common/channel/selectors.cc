#include "common/channel/selectors.h"

#include "absl/log/check.h"

namespace culvert::channel {

std::vector<SelectorPiece> SplitSelectors(const SelectorList& local, const SelectorList& remote) {
  std::vector<SelectorPiece> pieces(1);
  auto put = [&](const TrafficSelector& ts, uint8_t SelectorPairHead::*count) {
    if (size_t{pieces.back().head.local_count} + pieces.back().head.remote_count == kMaxSelectorsPerMessage) {
      pieces.back().head.more = 1;
      pieces.emplace_back();
    }
    SelectorPiece& piece = pieces.back();
    piece.selectors[piece.head.local_count + piece.head.remote_count] = ToWire(ts);
    ++(piece.head.*count);
  };
  for (const auto& ts : local) put(ts, &SelectorPairHead::local_count);
  for (const auto& ts : remote) put(ts, &SelectorPairHead::remote_count);
  return pieces;
}

SelectorAssembler::Result SelectorAssembler::Add(const SelectorPairHead& head,
                                                 const WireSelector (&selectors)[kMaxSelectorsPerMessage]) {
  for (size_t i = 0; i < size_t{head.local_count} + head.remote_count; ++i) {
    TrafficSelector ts;
    CHECK(FromWire(selectors[i], ts)) << "not validated";
    (i < head.local_count ? local : remote).push_back(ts);
  }
  if (local.size() > kMaxSelectorsPerSa || remote.size() > kMaxSelectorsPerSa) return Result::kTooMany;
  return head.more ? Result::kMore : Result::kComplete;
}

}  // namespace culvert::channel
