#include <algorithm>
#include <set>

#include "absl/log/check.h"
#include "common/bytes/reader.h"
#include "control/ike/v1/fragments.h"

// Input: steps of an octet of milliseconds (squared), then a fragment: message id (1), number (1), last (1, bit 0) and a length
// (2) in octets; what would not decode is left out. Against a reference that keeps every fragment that ever came in a list, and
// for each new one reads it from the beginning. In the end a message is cut and must come together again in any order.
namespace culvert::ike::v1 {
namespace {

using Verdict = FragmentsIn::Verdict;

struct Came {
  uint16_t id;
  uint8_t number;
  bool last;
  Bytes data;
  Time at;
};

// What of `all` is kept after the last of them, and what became of that one.
struct State {
  Verdict verdict = Verdict::kRefused;
  std::vector<Came> kept;
};

bool IsWhole(const std::vector<Came>& kept) {
  auto last = std::ranges::find(kept, true, &Came::last);
  return last != kept.end() && kept.size() == last->number;
}

State Judge(const std::vector<Came>& all) {
  State s;
  for (const Came& f : all) {
    if (IsWhole(s.kept)) s.kept.clear();                  // was taken
    if (!s.kept.empty() && f.at - s.kept.front().at >= kFragmentsLife) s.kept.clear();
    s.verdict = Verdict::kRefused;
    if (f.number > kMaxFragments || f.data.size() > kMaxFragmentedOctets) continue;
    if (!s.kept.empty() && s.kept.front().id != f.id) s.kept.clear();
    if (std::ranges::contains(s.kept, f.number, &Came::number)) {
      s.verdict = Verdict::kRepeat;
      continue;
    }
    std::vector<Came> with = s.kept;
    with.push_back(f);
    size_t octets = 0, lasts = 0;
    for (const Came& k : with) octets += k.data.size(), lasts += k.last;
    auto last = std::ranges::find(with, true, &Came::last);
    const bool beyond = last != with.end() && std::ranges::any_of(with, [&](const Came& k) { return k.number > last->number; });
    if (octets > kMaxFragmentedOctets || lasts > 1 || beyond) continue;
    s.kept = std::move(with);
    s.verdict = IsWhole(s.kept) ? Verdict::kComplete : Verdict::kKept;
  }
  return s;
}

Bytes Joined(std::vector<Came> kept) {
  std::ranges::sort(kept, {}, &Came::number);
  Bytes whole;
  for (const Came& k : kept) Append(whole, k.data);
  return whole;
}

void Collect(Reader& in) {
  FragmentsIn fragments;
  std::vector<Came> all;
  Time now = Time(std::chrono::hours(1));
  // The reference is slow: it reads everything again each time.
  while (!in.done() && all.size() < 64) {
    const uint8_t wait = in.U8();
    now += std::chrono::milliseconds(wait * wait);
    Came f{.id = in.U8(), .number = in.U8(), .last = (in.U8() & 1) != 0, .data = Bytes(in.U16() % (kMaxFragmentedOctets + 16)), .at = now};
    if (!in.ok() || f.id == 0 || f.number == 0 || f.data.empty()) return;
    std::ranges::fill(f.data, static_cast<uint8_t>(all.size()));
    const Verdict verdict = fragments.Take({.id = f.id, .number = f.number, .last = f.last, .data = f.data}, now);
    all.push_back(std::move(f));
    const State expected = Judge(all);
    CHECK(verdict == expected.verdict);
    CHECK_EQ(fragments.empty(), expected.kept.empty());
    if (verdict == Verdict::kComplete) CHECK(fragments.TakeMessage() == Joined(expected.kept));
  }
}

void CutAndJoin(ByteView input) {
  Bytes message = EncodeHeader({.cookie_i = 1, .exchange = ExchangeType::kMain, .encrypted = true}, input.size());
  Append(message, input);
  const size_t room = 100 + input.size() % 400;
  const std::vector<Bytes> cut = CutMessage(message, 7, room);
  CHECK_EQ(cut.size() == 1, message.size() <= room);
  if (cut.size() == 1 || cut.size() > kMaxFragments) return;
  FragmentsIn fragments;
  for (size_t i = 0; i < cut.size(); ++i) {
    const Bytes& datagram = cut[(i + input[0]) % cut.size()];
    CHECK_LE(datagram.size(), room);
    const auto chain = DecodeChain(PayloadType::kFragment, ByteView(datagram).subspan(kHeaderSize), Tail::kNone);
    CHECK(chain && chain->items.size() == 1);
    const Verdict verdict = fragments.Take(*chain->Get<FragmentPayload>(), Time(std::chrono::hours(1)));
    CHECK(verdict == (i + 1 < cut.size() ? Verdict::kKept : Verdict::kComplete));
  }
  CHECK(fragments.TakeMessage() == message);
}

}  // namespace
}  // namespace culvert::ike::v1

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;
  culvert::Reader in(culvert::ByteView(data, size));
  culvert::ike::v1::Collect(in);
  culvert::ike::v1::CutAndJoin(culvert::ByteView(data, size));
  return 0;
}
