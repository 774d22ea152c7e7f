#include <algorithm>
#include <map>

#include "absl/log/check.h"
#include "common/bytes/reader.h"
#include "control/ike/sa/reassembly.h"

// Input: fragments, as many as there are, each of message ID (1 octet), exchange (1), number (2), total (2), first payload (1)
// and a length (2) in octets of contents; what would not decode is left out. Against a reference that keeps every fragment
// taken so far in a map and puts the message together from it.
namespace culvert::ike {
namespace {

struct Reference {
  FragmentPlace place;
  std::map<uint16_t, Plain> taken;

  size_t Octets() const {
    size_t n = 0;
    for (const auto& [number, plain] : taken) n += plain.body.size();
    return n;
  }
  // What RFC 7383 2.6 says of one more fragment: true where it is taken.
  bool Add(const FragmentPlace& f, const Plain& contents, size_t most) {
    bool same_message = !taken.empty() && f.message_id == place.message_id;
    if (same_message && (f.exchange != place.exchange || f.total < place.total)) return false;
    bool same_cut = same_message && f.total == place.total;
    if (same_cut && taken.contains(f.number)) return false;
    if ((same_cut ? Octets() : 0) + contents.body.size() > most) return false;
    if (!same_cut) taken.clear();
    place = f;
    taken[f.number] = contents;
    return true;
  }
};

constexpr size_t kMost = 512;  // octets: small, so that inputs reach it

void Step(Reader& in, Reassembly& reassembly, Reference& reference) {
  FragmentPlace f{in.U8(), static_cast<ExchangeType>(in.U8()), in.U16(), in.U16()};
  Plain contents{static_cast<PayloadType>(in.U8()), {}};
  const size_t length = in.U16() % 256;
  if (!in.ok() || f.number == 0 || f.number > f.total || f.total > kMaxFragments) return;
  for (size_t i = 0; i < length; ++i) contents.body.push_back(static_cast<uint8_t>(f.number + i));

  const bool taken = reference.Add(f, contents, kMost);
  const bool whole = taken && reference.taken.size() == f.total;
  if (reassembly.Judge(f) != Reassembly::Verdict::kWanted) {
    CHECK(!taken);
    return;
  }
  const auto result = reassembly.Add(f, contents, kMost);
  CHECK_EQ(result == Reassembly::Taken::kTooLarge, !taken);
  CHECK_EQ(result == Reassembly::Taken::kWhole, whole);
  CHECK_EQ(reassembly.octets(), reference.Octets());
  CHECK_LE(reassembly.octets(), kMost);
  if (!whole) return;
  Bytes expected;
  for (const auto& [number, plain] : reference.taken) Append(expected, plain.body);
  const Plain put_together = reassembly.Take();
  CHECK(put_together.first == reference.taken.begin()->second.first);
  CHECK(put_together.body == expected);
  CHECK(reassembly.empty());
  reference.taken.clear();
}

}  // namespace
}  // namespace culvert::ike

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert::ike;
  culvert::Reader in(culvert::ByteView(data, size));
  Reassembly reassembly;
  Reference reference;
  while (in.ok() && !in.done()) Step(in, reassembly, reference);
  return 0;
}
