#include "control/ike/v1/fragments.h"

#include <algorithm>
#include <limits>

#include "absl/log/check.h"

namespace culvert::ike::v1 {
namespace {

constexpr size_t kGenericHeader = 4, kFragmentHeader = 4;   // octets

}  // namespace

FragmentsIn::Verdict FragmentsIn::Take(const FragmentPayload& f, Time now) {
  Expire(now);
  // D06. A fragment that is no good leaves those that were here before it as they are.
  if (f.number == 0 || f.number > kMaxFragments || f.data.size() > kMaxFragmentedOctets) return Verdict::kRefused;
  // The sender has gone on to another message, so nothing more of the last one is to come.
  if (f.id != id_) Forget();
  if (pieces_.contains(f.number)) return Verdict::kRepeat;
  const uint8_t highest = pieces_.empty() ? uint8_t{0} : pieces_.rbegin()->first;
  const bool beyond = f.last ? last_ != 0 || f.number < highest : last_ != 0 && f.number > last_;
  if (beyond || octets_ + f.data.size() > kMaxFragmentedOctets) return Verdict::kRefused;
  if (pieces_.empty()) since_ = now;
  id_ = f.id;
  if (f.last) last_ = f.number;
  octets_ += f.data.size();
  pieces_.emplace(f.number, ToBytes(f.data));
  return pieces_.size() == last_ ? Verdict::kComplete : Verdict::kKept;
}

Bytes FragmentsIn::TakeMessage() {
  CHECK(last_ != 0 && pieces_.size() == last_);
  Bytes whole;
  whole.reserve(octets_);
  for (const auto& [number, piece] : pieces_) Append(whole, piece);
  Forget();
  return whole;
}

void FragmentsIn::Expire(Time now) {
  if (!empty() && now - since_ >= kFragmentsLife) Forget();
}

void FragmentsIn::Forget() { *this = FragmentsIn(); }

std::vector<Bytes> CutMessage(Bytes message, uint16_t id, size_t room) {
  if (message.size() <= room) return {std::move(message)};
  constexpr size_t kOverhead = kHeaderSize + kGenericHeader + kFragmentHeader;
  CHECK(id != 0 && room > kOverhead);
  auto header = DecodeHeader(message);
  CHECK(header);
  header->encrypted = header->commit = false;
  const size_t step = room - kOverhead;
  const size_t count = (message.size() + step - 1) / step;
  CHECK_LE(count, std::numeric_limits<uint8_t>::max());
  std::vector<Bytes> datagrams;
  for (size_t i = 0; i < count; ++i) {
    const size_t at = i * step;
    const Payload piece = FragmentPayload{.id = id, .number = static_cast<uint8_t>(i + 1), .last = i + 1 == count,
                                          .data = ByteView(message).subspan(at, std::min(step, message.size() - at))};
    datagrams.push_back(EncodeMessage(*header, {&piece, 1}));
  }
  return datagrams;
}

}  // namespace culvert::ike::v1
