#include "dataplane/stage/parse.h"

#include <gtest/gtest.h>

#include <cstring>

#include "common/bytes/hex.h"
#include "tests/support/frames.h"

namespace culvert::dp {
namespace {

using testing::Ip;
using testing::IpPacket;

// A packet in a buffer of its own, without DPDK's memory.
struct Parsed {
  explicit Parsed(ByteView packet) : buffer(packet.begin(), packet.end()) {
    std::memset(&m, 0, sizeof m);
    m.buf_addr = buffer.data();
    m.buf_len = static_cast<uint16_t>(buffer.size());
    m.data_len = static_cast<uint16_t>(buffer.size());
    m.pkt_len = static_cast<uint32_t>(buffer.size());
    m.nb_segs = 1;
    rte_mbuf_refcnt_set(&m, 1);
    p.m = &m;
    drop = ParseIp(p);
  }
  Bytes buffer;
  rte_mbuf m;
  Packet p;
  std::optional<Drop> drop;
};

const IpAddress kA = Ip("10.0.0.1"), kB = Ip("10.0.0.2"), kA6 = Ip("fd00::1"), kB6 = Ip("fd00::2");

TEST(ParseIp, ReadsAPlainV4Packet) {
  Bytes packet = IpPacket(kA, kB, 17, Bytes(12, 0));
  packet.resize(60, 0xee);  // Ethernet's padding
  Parsed x(packet);
  ASSERT_FALSE(x.drop);
  EXPECT_EQ(x.p.family, 4);
  EXPECT_EQ(x.p.protocol, 17);
  EXPECT_EQ(x.p.l4, 20);
  EXPECT_EQ(x.p.length, 32);
  EXPECT_EQ(x.m.data_len, 32);
  EXPECT_FALSE(x.p.fragment);
}

struct BadCase {
  const char* what;
  size_t at;
  uint8_t value;
  Drop why;
};

TEST(ParseIp, RefusesWhatAV4HeaderMayNotSay) {
  const BadCase kCases[] = {{"version 5", 0, 0x55, Drop::kBadHeader},      {"version 0", 0, 0x05, Drop::kBadHeader},
                            {"header of 4 words", 0, 0x44, Drop::kBadHeader}, {"length below the header", 3, 19, Drop::kBadHeader},
                            {"length beyond the frame", 2, 1, Drop::kRunt},  {"another octet", 8, 63, Drop::kBadHeader},
                            {"header beyond the packet", 0, 0x4f, Drop::kBadHeader}};
  for (const auto& c : kCases) {
    Bytes packet = IpPacket(kA, kB, 17, Bytes(12, 0));
    packet[c.at] = c.value;
    Parsed x(packet);
    ASSERT_TRUE(x.drop) << c.what;
    EXPECT_EQ(*x.drop, c.why) << c.what;
  }
  for (size_t n = 0; n < 20; ++n) {
    Bytes whole = IpPacket(kA, kB, 17, {});
    EXPECT_EQ(Parsed(ByteView(whole).first(n)).drop, Drop::kRunt) << n;
  }
}

// A v4 packet with options, given as hex and padded to whole words by the caller.
Parsed WithOptions(const char* hex) {
  Bytes options = *FromHex(hex), packet = IpPacket(kA, kB, 17, Bytes(8, 0));
  packet.insert(packet.begin() + 20, options.begin(), options.end());
  packet[0] = static_cast<uint8_t>(0x45 + options.size() / 4);
  packet[3] = static_cast<uint8_t>(packet.size());
  packet[10] = packet[11] = 0;
  uint16_t sum = testing::Checksum(ByteView(packet).first(20 + options.size()));
  packet[10] = static_cast<uint8_t>(sum >> 8);
  packet[11] = static_cast<uint8_t>(sum);
  return Parsed(packet);
}

TEST(ParseIp, ReadsOptionsOnlyToRefuseSourceRoutes) {
  struct {
    const char* hex;
    std::optional<Drop> drop;
  } kCases[] = {{"01010101", std::nullopt},         {"94040000", std::nullopt},          {"00ffffff", std::nullopt},
                {"0107040000000000", std::nullopt}, {"0183070400000000", Drop::kMartian}, {"8907040000000000", Drop::kMartian},
                {"07000000", Drop::kBadHeader},     {"07010000", Drop::kBadHeader},      {"07050000", Drop::kBadHeader},
                {"01010107", Drop::kBadHeader}};
  for (const auto& c : kCases) {
    Parsed x = WithOptions(c.hex);
    EXPECT_EQ(x.drop, c.drop) << c.hex;
    if (!x.drop) {
      EXPECT_EQ(x.p.l4, 20 + FromHex(c.hex)->size()) << c.hex;
    }
  }
}

TEST(ParseIp, TellsFragmentsApart) {
  auto parse = [](bool more, uint32_t offset, const IpAddress& from, const IpAddress& to) {
    return Parsed(IpPacket(from, to, 17, Bytes(16, 0), {.more = more, .offset = offset}));
  };
  for (bool v6 : {false, true}) {
    const IpAddress &from = v6 ? kA6 : kA, &to = v6 ? kB6 : kB;
    Parsed first = parse(true, 0, from, to), middle = parse(true, 8, from, to), last = parse(false, 64, from, to);
    EXPECT_TRUE(first.p.fragment && first.p.first_fragment);
    EXPECT_TRUE(middle.p.fragment && !middle.p.first_fragment);
    EXPECT_TRUE(last.p.fragment && !last.p.first_fragment);
    EXPECT_EQ(first.p.protocol, 17);
    EXPECT_EQ(last.p.protocol, 17);
    EXPECT_EQ(first.p.l4, v6 ? 48 : 20);
  }
}

// An IPv6 packet whose payload starts with extension headers, given as hex.
Parsed WithHeaders(uint8_t first, const char* hex) { return Parsed(IpPacket(kA6, kB6, first, *FromHex(hex))); }

TEST(ParseIp, WalksExtensionHeaders) {
  struct {
    const char* what;
    uint8_t first;
    const char* hex;
    std::optional<Drop> drop;
    uint8_t protocol;
    uint16_t l4;
  } kCases[] = {
      {"none", 17, "0102030405060708", std::nullopt, 17, 40},
      {"hop-by-hop", 0, "11000000000000000102030405060708", std::nullopt, 17, 48},
      {"hop-by-hop twice", 0, "000000000000000011000000000000000102030405060708", Drop::kBadHeader, 0, 0},
      {"hop-by-hop behind options", 60, "000000000000000011000000000000000102030405060708", Drop::kBadHeader, 0, 0},
      {"options of 16 octets", 60, "110100000000000000000000000000000102030405060708", std::nullopt, 17, 56},
      {"options beyond the packet", 60, "11ff000000000000", Drop::kRunt, 0, 0},
      {"options cut", 60, "110000", Drop::kRunt, 0, 0},
      {"routing, done", 43, "11000000000000000102030405060708", std::nullopt, 17, 48},
      {"routing, segments left", 43, "11000001000000000102030405060708", std::nullopt, 43, 40},
      {"atomic fragment", 44, "11000000000000010102030405060708", std::nullopt, 17, 48},
      {"two fragment headers", 44, "2c00000100000001110000010000000101020304", Drop::kBadHeader, 0, 0},
      {"esp", 50, "0000010000000001", std::nullopt, 50, 40},
      {"no next header", 59, "", std::nullopt, 59, 40},
  };
  for (const auto& c : kCases) {
    Parsed x = WithHeaders(c.first, c.hex);
    EXPECT_EQ(x.drop, c.drop) << c.what;
    if (c.drop || x.drop) continue;
    EXPECT_EQ(x.p.protocol, c.protocol) << c.what;
    EXPECT_EQ(x.p.l4, c.l4) << c.what;
    EXPECT_FALSE(x.p.fragment) << c.what;
  }
}

TEST(ParseIp, BoundsTheWalk) {
  std::string chain;
  for (int i = 0; i < 20; ++i) chain += "3c00000000000000";
  EXPECT_EQ(WithHeaders(60, chain.c_str()).drop, Drop::kBadHeader);
}

TEST(ParseIp, RefusesCutV6Packets) {
  Bytes whole = IpPacket(kA6, kB6, 17, Bytes(8, 0));
  for (size_t n = 1; n < whole.size(); ++n) EXPECT_EQ(Parsed(ByteView(whole).first(n)).drop, Drop::kRunt) << n;
}

TEST(IsMartian, KnowsWhatMayNotBeOnAWire) {
  struct {
    const char *from, *to;
    bool martian;
  } kCases[] = {{"10.0.0.1", "10.0.0.2", false},       {"127.0.0.1", "10.0.0.2", true},  {"10.0.0.1", "127.1.1.1", true},
                {"0.0.0.0", "10.0.0.2", true},         {"10.0.0.1", "0.0.0.0", true},    {"224.0.0.1", "10.0.0.2", true},
                {"255.255.255.255", "10.0.0.2", true}, {"10.0.0.1", "240.0.0.1", true},  {"10.0.0.1", "255.255.255.255", false},
                {"fd00::1", "fd00::2", false},         {"::1", "fd00::2", true},         {"::", "fd00::2", true},
                {"fd00::1", "::1", true},              {"fd00::1", "::", true},          {"ff02::1", "fd00::2", true},
                {"::2", "fd00::2", false}};
  for (const auto& c : kCases) {
    Parsed x(IpPacket(Ip(c.from), Ip(c.to), 17, Bytes(8, 0)));
    ASSERT_FALSE(x.drop);
    EXPECT_EQ(IsMartian(x.p), c.martian) << c.from << " > " << c.to;
  }
}

TEST(PortsOf, ReadsThemWhereTheyAre) {
  Bytes udp = *FromHex("1f90003500080000");
  Parsed whole(IpPacket(kA, kB, 17, udp));
  auto ports = PortsOf(whole.p);
  ASSERT_TRUE(ports);
  EXPECT_EQ(ports->source, 8080);
  EXPECT_EQ(ports->destination, 53);
  EXPECT_FALSE(PortsOf(Parsed(IpPacket(kA, kB, 1, udp)).p));
  EXPECT_FALSE(PortsOf(Parsed(IpPacket(kA, kB, 17, udp, {.offset = 8})).p));
  EXPECT_TRUE(PortsOf(Parsed(IpPacket(kA, kB, 17, udp, {.more = true})).p));
  EXPECT_FALSE(PortsOf(Parsed(IpPacket(kA, kB, 17, ByteView(udp).first(3))).p));
}

}  // namespace
}  // namespace culvert::dp
