#include <algorithm>

#include "absl/log/check.h"
#include "common/vici/message.h"

namespace culvert::vici {
namespace {

// No name or value is longer than the format carries, and no section deeper than the cap.
void CheckCaps(const Section& s, size_t depth) {
  CHECK_LE(depth, kMaxDepth);
  for (const Section::Item& item : s.items()) {
    CHECK_LE(item.name.size(), kMaxName);
    if (auto* text = std::get_if<std::string>(&item.value)) CHECK_LE(text->size(), kMaxValue);
    if (auto* child = std::get_if<Section>(&item.value)) CheckCaps(*child, depth + 1);
  }
}

Bytes Encoded(const Section& s) {
  Writer w;
  Encode(s, w);
  return w.Release();
}

void CheckMessage(ByteView data) {
  Reader r(data);
  auto message = DecodeMessage(r);
  if (!message) return;
  CheckCaps(*message, 0);
  CHECK(Equal(Encoded(*message), data)) << "a message encodes to other bytes than it was decoded from";
}

void CheckPacket(ByteView body) {
  auto packet = DecodePacket(body);
  if (!packet) return;
  Bytes record = EncodeRecord(*packet);
  RecordBuffer buffer;
  buffer.Feed(record);
  Bytes again;
  CHECK(buffer.Next(again) == RecordBuffer::State::kRecord && buffer.empty());
  CHECK(Equal(again, body)) << "a packet encodes to other bytes than it was decoded from";
}

// The stream is cut into the same records however it arrives.
void CheckStream(ByteView stream, size_t piece) {
  auto cut = [&stream](size_t step) {
    std::vector<Bytes> records;
    RecordBuffer buffer;
    Bytes body;
    for (size_t at = 0; at < stream.size(); at += step) {
      buffer.Feed(stream.subspan(at, std::min(step, stream.size() - at)));
      RecordBuffer::State state;
      while ((state = buffer.Next(body)) == RecordBuffer::State::kRecord) records.push_back(body);
      if (state == RecordBuffer::State::kTooLong) break;
    }
    return records;
  };
  auto whole = cut(std::max<size_t>(stream.size(), 1));
  CHECK(cut(piece) == whole);
  for (const Bytes& body : whole) CheckPacket(body);
}

}  // namespace
}  // namespace culvert::vici

// Input: an octet that says how large the pieces are in which the rest arrives; the rest is a client's stream, and taken
// as one packet and as one message too.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert::vici;
  if (size < 1) return 0;
  const culvert::ByteView rest(data + 1, size - 1);
  CheckStream(rest, data[0] % 16 + 1u);
  CheckPacket(rest);
  CheckMessage(rest);
  return 0;
}
