#include "control/ike/sa/reassembly.h"

#include "absl/log/check.h"

namespace culvert::ike {

Reassembly::Verdict Reassembly::Judge(const FragmentPlace& f) const {
  if (empty() || f.message_id != place_.message_id) return Verdict::kWanted;
  if (f.exchange != place_.exchange) return Verdict::kContradicts;
  if (f.total != place_.total) return f.total > place_.total ? Verdict::kWanted : Verdict::kSmaller;
  return pieces_[f.number - 1u] ? Verdict::kRepeat : Verdict::kWanted;
}

Reassembly::Taken Reassembly::Add(const FragmentPlace& f, Plain contents, size_t most) {
  CHECK(f.number >= 1 && f.number <= f.total && f.total <= kMaxFragments);
  CHECK(Judge(f) == Verdict::kWanted);
  const size_t size = contents.body.size();
  if ((SameCut(f) ? octets_ : 0) + size > most) return Taken::kTooLarge;
  if (!SameCut(f) || empty()) {
    *this = Reassembly();
    pieces_.resize(f.total);
  }
  place_ = f;
  // RFC 7383 2.5: the payload type is the first fragment's to say.
  if (f.number == 1) first_ = contents.first;
  pieces_[f.number - 1u] = std::move(contents.body);
  octets_ += size;
  return ++count_ == f.total ? Taken::kWhole : Taken::kMore;
}

Plain Reassembly::Take() {
  CHECK(count_ == place_.total && !empty());
  Plain whole{first_, {}};
  whole.body.reserve(octets_);
  for (const auto& piece : pieces_) Append(whole.body, *piece);
  *this = Reassembly();
  return whole;
}

}  // namespace culvert::ike
