#include "common/pcapng/blocks.h"

#include <gtest/gtest.h>

#include "common/bytes/hex.h"

namespace culvert::pcapng {
namespace {

// Each block octet by octet, as draft-ietf-opsawg-pcapng sections 3 and 4 lay them out.
TEST(Pcapng, SectionHeader) {
  EXPECT_EQ(ToHex(SectionHeader("culvert")),
            "0a0d0d0a" "2c000000" "4d3c2b1a" "0100" "0000" "ffffffffffffffff"
            "0400" "0700" "63756c7665727400"  // shb_userappl, padded
            "0000" "0000" "2c000000");
}

TEST(Pcapng, Interface) {
  EXPECT_EQ(ToHex(Interface("wan", LinkType::kEthernet, 2048)),
            "01000000" "28000000" "0100" "0000" "00080000"
            "0200" "0300" "77616e00"  // if_name
            "0900" "0100" "09000000"  // if_tsresol: nanoseconds
            "0000" "0000" "28000000");
  EXPECT_EQ(ToHex(Interface("inside", LinkType::kRaw, 0)).substr(16, 4), "6500");
}

TEST(Pcapng, PacketWithDirectionAndComment) {
  Bytes octets = {1, 2, 3, 4, 5};
  EXPECT_EQ(ToHex(EnhancedPacket({.interface = 1, .time_ns = 0x0102030405060708, .inbound = true, .length = 1500, .octets = octets,
                                  .comment = "SA net"})),
            "06000000" "40000000" "01000000" "04030201" "08070605" "05000000" "dc050000" "0102030405000000"
            "0200" "0400" "01000000"          // epb_flags
            "0100" "0600" "5341206e65740000"  // opt_comment
            "0000" "0000" "40000000");
  std::string none = ToHex(EnhancedPacket({.octets = octets, .comment = ""}));
  EXPECT_EQ(none.substr(72, 16), "0200040002000000") << "outbound";
  EXPECT_EQ(none.size(), 2 * 52u);
}

TEST(Pcapng, EveryLengthIsPaddedAndSaidTwice) {
  for (size_t n = 0; n < 9; ++n) {
    Bytes block = EnhancedPacket({.octets = Bytes(n, 1), .comment = std::string(n, 'c')});
    ASSERT_EQ(block.size() % 4, 0u);
    EXPECT_EQ(block[4], block.size());
    EXPECT_EQ(block[block.size() - 4], block.size());
  }
  EXPECT_LT(EnhancedPacket({.octets = {}, .comment = std::string(70000, 'c')}).size(), 65700u) << "an option has 16 bits of length";
}

}  // namespace
}  // namespace culvert::pcapng
