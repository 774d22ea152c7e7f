#include "dataplane/main/neighbour_messages.h"

#include <gtest/gtest.h>

#include "common/bytes/hex.h"
#include "tests/support/frames.h"

namespace culvert::dp {
namespace {

using testing::Ip;
using testing::MacText;

const rte_ether_addr kUs = {{2, 0, 0, 0, 0, 1}}, kThem = {{2, 0, 0, 0, 0, 2}};

TEST(NeighbourMessages, SpeakArpAsRfc826Draws) {
  EXPECT_EQ(ToHex(EncodeRequest({kUs, Ip("10.0.0.1")}, Ip("10.0.0.2"), nullptr)),
            "ffffffffffff0200000000010806"
            "00010800060400010200000000010a0000010000000000000a000002");
  Asker them{kThem, Ip("10.0.0.2")};
  EXPECT_EQ(ToHex(EncodeReply({kUs, Ip("10.0.0.1")}, &them)),
            "0200000000020200000000010806"
            "00010800060400020200000000010a0000010200000000020a000002");
}

TEST(NeighbourMessages, SpeakNeighbourDiscoveryAsRfc4861Draws) {
  // Solicited-node group ff02::1:ff00:2 behind 33:33:ff:00:00:02; checksum by hand over the pseudo header.
  Bytes ns = EncodeRequest({kUs, Ip("fe80::1")}, Ip("fd00::2"), nullptr);
  testing::Seen s = testing::Read(ns);
  EXPECT_EQ(s.to, "33:33:ff:00:00:02");
  EXPECT_EQ(s.destination, Ip("ff02::1:ff00:2"));
  EXPECT_EQ(s.ttl, 255);
  EXPECT_EQ(testing::PseudoChecksum(s.source, s.destination, 58, s.payload), 0);
  EXPECT_EQ(ToHex(ByteView(s.payload).first(2)), "8700");
  EXPECT_EQ(ToHex(ByteView(s.payload).subspan(4)), "00000000" "fd000000000000000000000000000002" "0101020000000001");
  Asker probe{kThem, Ip("::")};
  testing::Seen na = testing::Read(EncodeReply({kUs, Ip("fd00::1")}, &probe));
  EXPECT_EQ(na.destination, Ip("ff02::1"));
  EXPECT_EQ(na.to, "33:33:00:00:00:01");
  EXPECT_EQ(na.payload[4], 0xa0);  // router, override, not solicited: RFC 4861 7.2.4
}

TEST(NeighbourMessages, ReadBackWhatTheySay) {
  for (bool v6 : {false, true}) {
    IpAddress ours = Ip(v6 ? "fd00::1" : "10.0.0.1"), theirs = Ip(v6 ? "fd00::2" : "10.0.0.2");
    auto request = DecodeNeighbour(EncodeRequest({kUs, ours}, theirs, nullptr));
    ASSERT_TRUE(request);
    EXPECT_TRUE(request->request);
    EXPECT_EQ(request->sender, ours);
    EXPECT_EQ(request->target, theirs);
    EXPECT_EQ(MacText(*request->mac), MacText(kUs));
    Asker asker{kThem, theirs};
    auto reply = DecodeNeighbour(EncodeReply({kUs, ours}, &asker));
    ASSERT_TRUE(reply);
    EXPECT_FALSE(reply->request);
    EXPECT_EQ(reply->target, ours);
    EXPECT_TRUE(reply->solicited && reply->override_mac);
    auto announcement = DecodeNeighbour(EncodeReply({kUs, ours}, nullptr));
    ASSERT_TRUE(announcement);
    EXPECT_FALSE(announcement->solicited);
    EXPECT_EQ(announcement->request ? announcement->sender : announcement->target, ours);
  }
}

// Sets an octet of the ICMPv6 message, or of the ARP body, and makes the checksum right again.
Bytes Spoil(Bytes frame, size_t at, uint8_t value) {
  bool v6 = frame[12] == 0x86;
  frame[(v6 ? 54 : 14) + at] = value;
  if (!v6) return frame;
  frame[56] = frame[57] = 0;
  auto address = [&](size_t from) { return *IpAddress::FromBytes(ByteView(frame).subspan(from, 16)); };
  uint16_t sum = testing::PseudoChecksum(address(22), address(38), 58, ByteView(frame).subspan(54));
  frame[56] = static_cast<uint8_t>(sum >> 8);
  frame[57] = static_cast<uint8_t>(sum);
  return frame;
}

TEST(NeighbourMessages, RefuseWhatTheRfcsForbid) {
  Bytes arp = EncodeRequest({kUs, Ip("10.0.0.1")}, Ip("10.0.0.2"), nullptr);
  Bytes ns = EncodeRequest({kUs, Ip("fe80::1")}, Ip("fd00::2"), nullptr);
  Asker them{kThem, Ip("fe80::2")};
  Bytes na = EncodeReply({kUs, Ip("fd00::1")}, &them), announcement = EncodeReply({kUs, Ip("fd00::1")}, nullptr);
  struct {
    const char* what;
    Bytes frame;
  } kCases[] = {{"hardware type", Spoil(arp, 1, 6)},
                {"protocol type", Spoil(arp, 2, 9)},
                {"hardware size", Spoil(arp, 4, 8)},
                {"protocol size", Spoil(arp, 5, 16)},
                {"operation", Spoil(arp, 7, 3)},
                {"a group's MAC", Spoil(arp, 8, 3)},
                {"a group's address", Spoil(arp, 14, 224)},
                {"code", Spoil(ns, 1, 1)},
                {"a type that is neither", Spoil(ns, 0, 133)},
                {"a group as target", Spoil(ns, 8, 0xff)},
                {"an option of length zero", Spoil(ns, 25, 0)},
                {"an option beyond the end", Spoil(ns, 25, 2)},
                {"a group's MAC in an option", Spoil(ns, 26, 1)},
                {"solicited to a group", Spoil(announcement, 4, 0xe0)},
                {"an ethertype of nobody", Spoil(Bytes(arp), 0, 0)}};
  kCases[std::size(kCases) - 1].frame[12] = 0x09;
  EXPECT_TRUE(DecodeNeighbour(arp) && DecodeNeighbour(ns) && DecodeNeighbour(na) && DecodeNeighbour(announcement));
  EXPECT_TRUE(DecodeNeighbour(Spoil(ns, 24, 200))) << "an option nobody knows is passed over";
  for (const auto& c : kCases) EXPECT_FALSE(DecodeNeighbour(c.frame)) << c.what;
  for (const Bytes& frame : {arp, ns, na}) {
    for (size_t n = 0; n < frame.size(); ++n) EXPECT_FALSE(DecodeNeighbour(ByteView(frame).first(n))) << n;
  }
  ns[60] ^= 1;
  EXPECT_FALSE(DecodeNeighbour(ns)) << "checksum";
}

TEST(NeighbourMessages, AProbeHasNoSourceMac) {
  // RFC 4861 7.1.1: from the unspecified address, to the group, without the option.
  Bytes ns = EncodeRequest({kUs, Ip("::")}, Ip("fd00::2"), nullptr);
  EXPECT_FALSE(DecodeNeighbour(ns));
  ns.resize(ns.size() - 8);
  ns[14 + 5] = 24;
  ns = Spoil(ns, 0, 135);
  auto probe = DecodeNeighbour(ns);
  ASSERT_TRUE(probe);
  EXPECT_TRUE(probe->sender.is_unspecified());
  EXPECT_FALSE(probe->mac);
}

TEST(NeighbourMessages, MakeTheLinkLocalAddressOfAMac) {
  EXPECT_EQ(LinkLocalOf({{0x00, 0x1b, 0x21, 0x01, 0x02, 0x03}}), Ip("fe80::21b:21ff:fe01:203"));
}

}  // namespace
}  // namespace culvert::dp
