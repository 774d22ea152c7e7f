#include "common/vici/message.h"

#include <gtest/gtest.h>

#include "common/bytes/hex.h"

namespace culvert::vici {
namespace {

Section Example() {
  Section m;
  m.Add("key1", "value1");
  Section& s = m.AddSection("section1");
  s.AddSection("sub-section").Add("key2", "value2");
  s.AddList("list1", {"item1", "item2"});
  return m;
}

TEST(ViciMessage, EncodesTheElementsInOrder) {
  Writer w;
  Encode(Example(), w);
  // KEY_VALUE key1=value1, SECTION_START section1, SECTION_START sub-section, KEY_VALUE, SECTION_END, LIST ..., SECTION_END
  EXPECT_EQ(ToHex(w.view()),
            "03046b657931000676616c756531" "010873656374696f6e31" "010b7375622d73656374696f6e" "03046b657932000676616c756532"
            "02" "04056c69737431" "0500056974656d31" "0500056974656d32" "06" "02");
}

TEST(ViciMessage, RoundTripsAndFinds) {
  Packet p{PacketType::kCommandRequest, "initiate", Example()};
  Bytes record = EncodeRecord(p);
  auto q = DecodePacket(ByteView(record).subspan(4));
  ASSERT_TRUE(q);
  EXPECT_EQ(q->name, "initiate");
  EXPECT_EQ(q->message.Get("key1"), "value1");
  EXPECT_EQ(q->message.Child("section1")->Child("sub-section")->Get("key2"), "value2");
  EXPECT_EQ(*q->message.Child("section1")->FindList("list1"), (Section::List{"item1", "item2"}));
  EXPECT_EQ(EncodeRecord(*q), record);
}

TEST(ViciMessage, RefusesEveryTruncationOfAPacketButTheEmptyMessage) {
  Bytes record = EncodeRecord({PacketType::kCommandResponse, "", Example()});
  ByteView body = ByteView(record).subspan(4);
  size_t accepted = 0;
  for (size_t n = 0; n < body.size(); ++n) accepted += DecodePacket(body.first(n)).has_value();
  // After the type octet, and after the first whole key-value: both are complete messages.
  EXPECT_EQ(accepted, 2u);
}

TEST(ViciMessage, RefusesUnbalancedAndUnknownElements) {
  for (const char* hex : {"0102" "02", "01" "0104" "61626364" "06", "01" "07", "01" "05000161", "01" "0401610301610000" "06", "08", ""}) {
    EXPECT_FALSE(DecodePacket(*FromHex(hex))) << hex;
  }
}

TEST(ViciMessage, BoundsTheDepthOfSections) {
  auto nested = [](size_t depth) {
    Bytes b{1};
    for (size_t i = 0; i < depth; ++i) Append(b, Bytes{1, 1, 'a'});
    b.insert(b.end(), depth, 2);
    return b;
  };
  EXPECT_TRUE(DecodePacket(nested(kMaxDepth)));
  EXPECT_FALSE(DecodePacket(nested(kMaxDepth + 1)));
}

TEST(ViciRecordBuffer, CutsAStreamAndRefusesLongRecords) {
  RecordBuffer b;
  Bytes body, stream;
  for (int i = 0; i < 3; ++i) Append(stream, EncodeRecord({PacketType::kEventConfirm, "", {}}));
  size_t records = 0;
  for (uint8_t octet : stream) {
    b.Feed({&octet, 1});
    while (b.Next(body) == RecordBuffer::State::kRecord) ++records;
  }
  EXPECT_EQ(records, 3u);
  EXPECT_TRUE(b.empty());
  b.Feed(*FromHex("00080000"));
  EXPECT_EQ(b.Next(body), RecordBuffer::State::kNeedMore);
  RecordBuffer c;
  c.Feed(*FromHex("00080001"));
  EXPECT_EQ(c.Next(body), RecordBuffer::State::kTooLong);
}

}  // namespace
}  // namespace culvert::vici
