#include "control/ike/wire/header.h"

#include <gtest/gtest.h>

#include "common/bytes/hex.h"

namespace culvert::ike {
namespace {

const Bytes kHeader = *FromHex("0102030405060708" "1112131415161718" "2a" "20" "25" "08" "00000005" "0000001c");

Bytes WithLength(uint32_t length, size_t datagram) {
  Bytes b = kHeader;
  b.resize(datagram, 0);
  for (size_t i = 0; i < 4 && kIkeLengthOffset + i < b.size(); ++i) {
    b[kIkeLengthOffset + i] = static_cast<uint8_t>(length >> (24 - 8 * i));
  }
  return b;
}

TEST(Header, DecodesEveryField) {
  auto h = DecodeHeader(kHeader);
  ASSERT_TRUE(h);
  const IkeHeader want = {.spi_i = 0x0102030405060708, .spi_r = 0x1112131415161718, .next_payload = PayloadType::kDelete,
                          .major = 2, .minor = 0, .exchange = ExchangeType::kInformational, .initiator = true,
                          .response = false, .higher_version = false, .message_id = 5, .length = 28};
  EXPECT_EQ(*h, want);
  Writer w;
  Encode(*h, w);
  EXPECT_EQ(w.view().size(), kIkeHeaderSize);
  EXPECT_TRUE(Equal(w.view(), kHeader));
}

// B10: reserved flags are ignored, and never sent.
TEST(Header, Flags) {
  for (unsigned flags = 0; flags < 256; ++flags) {
    Bytes b = kHeader;
    b[19] = static_cast<uint8_t>(flags);
    auto h = DecodeHeader(b);
    ASSERT_TRUE(h);
    EXPECT_EQ(h->initiator, (flags & 0x08) != 0);
    EXPECT_EQ(h->higher_version, (flags & 0x10) != 0);
    EXPECT_EQ(h->response, (flags & 0x20) != 0);
    Writer w;
    Encode(*h, w);
    EXPECT_EQ(w.view()[19], flags & 0x38);
  }
}

// B04: versions are read, not judged.
TEST(Header, Versions) {
  for (unsigned version = 0; version < 256; ++version) {
    Bytes b = kHeader;
    b[kIkeVersionOffset] = static_cast<uint8_t>(version);
    auto h = DecodeHeader(b);
    ASSERT_TRUE(h);
    EXPECT_EQ(h->major, version >> 4);
    EXPECT_EQ(h->minor, version & 15);
    Writer w;
    Encode(*h, w);
    EXPECT_TRUE(Equal(w.view(), b));
  }
}

// B01, B02
TEST(Header, LengthIsTheDatagrams) {
  struct Row {
    uint32_t length;
    size_t datagram;
    std::optional<Malformed> refused;
  };
  for (Row row : {Row{28, 28, {}}, Row{100, 100, {}}, Row{65535, 65535, {}}, Row{28, 0, Malformed::kTruncated},
                  Row{28, 1, Malformed::kTruncated}, Row{27, 27, Malformed::kTruncated}, Row{0, 28, Malformed::kBadLength},
                  Row{27, 28, Malformed::kBadLength}, Row{29, 28, Malformed::kBadLength}, Row{28, 29, Malformed::kBadLength},
                  Row{0xffffffff, 28, Malformed::kBadLength}, Row{0xffffffff, 65535, Malformed::kBadLength}}) {
    SCOPED_TRACE(std::to_string(row.length) + " in " + std::to_string(row.datagram));
    auto h = DecodeHeader(WithLength(row.length, row.datagram));
    ASSERT_EQ(h.has_value(), !row.refused);
    if (row.refused) { EXPECT_STREQ(Name(h.error().what), Name(*row.refused)); }
  }
}

}  // namespace
}  // namespace culvert::ike
