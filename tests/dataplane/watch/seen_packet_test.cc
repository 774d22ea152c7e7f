#include "dataplane/watch/seen_packet.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "tests/support/frames.h"
#include "tests/support/gateway_rig.h"

namespace culvert::dp {
namespace {

using testing::Ip;
using testing::IpPacket;
using testing::UdpDatagram;

const auto kA4 = Ip("10.1.0.2"), kB4 = Ip("10.9.0.2"), kA6 = Ip("fd01::2"), kB6 = Ip("fd09::2");
const Bytes kEsp = {0xc0, 0, 0, 5, 0, 0, 0, 9, 1, 2, 3, 4};

struct Case {
  const char* name;
  Bytes packet;
  uint8_t protocol;
  size_t headers;
  SeenPacket wanted;  // but for addresses, family, protocol and length
};

TEST(SeeIp, ReadsWhatIsThere) {
  Bytes tcp(40, 0), natt_ike(12, 0), natt_esp = kEsp, hop{17, 0, 1, 4, 0, 0, 0, 0};
  tcp[0] = 4, tcp[1] = 0, tcp[2] = 0, tcp[3] = 80, tcp[12] = 0x80;
  Append(hop, UdpDatagram(kA6, kB6, {1, 2}, Bytes(4, 0)));
  const Case cases[] = {
      {"udp", IpPacket(kA4, kB4, 17, UdpDatagram(kA4, kB4, {1000, 2000}, Bytes(9, 7))), 17, 28,
       {.source_port = 1000, .destination_port = 2000, .has_ports = true}},
      {"tcp with options", IpPacket(kA4, kB4, 6, tcp), 6, 52, {.source_port = 1024, .destination_port = 80, .has_ports = true}},
      {"icmp", IpPacket(kA4, kB4, 1, testing::EchoRequest(kA4, kB4, Bytes(9, 7))), 1, 28, {.icmp_type = 8}},
      {"icmpv6", IpPacket(kA6, kB6, 58, testing::EchoRequest(kA6, kB6, Bytes(9, 7))), 58, 48, {.icmp_type = 128}},
      {"esp", IpPacket(kA4, kB4, 50, kEsp), 50, 28, {.spi = 0xc0000005, .sequence = 9}},
      {"ah", IpPacket(kA6, kB6, 51, Bytes{17, 4, 0, 0, 0xc0, 0, 0, 5, 0, 0, 0, 9, 1, 1}), 51, 52, {.spi = 0xc0000005, .sequence = 9}},
      {"esp in udp", IpPacket(kA4, kB4, 17, UdpDatagram(kA4, kB4, {4500, 4500}, natt_esp)), 17, 36,
       {.spi = 0xc0000005, .sequence = 9, .source_port = 4500, .destination_port = 4500, .has_ports = true}},
      {"ike on 4500", IpPacket(kA4, kB4, 17, UdpDatagram(kA4, kB4, {4500, 4500}, natt_ike)), 17, 28,
       {.source_port = 4500, .destination_port = 4500, .has_ports = true}},
      {"behind hop-by-hop", IpPacket(kA6, kB6, 0, hop), 17, 56, {.source_port = 1, .destination_port = 2, .has_ports = true}},
      {"a later fragment", IpPacket(kA4, kB4, 17, Bytes(16, 3), {.offset = 800}), 17, 20, {.later_fragment = true}},
      {"a later fragment of IPv6", IpPacket(kA6, kB6, 17, Bytes(16, 3), {.offset = 800}), 17, 48, {.later_fragment = true}},
      {"another protocol", IpPacket(kA4, kB4, 99, Bytes(16, 3)), 99, 20, {}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    size_t headers = 0;
    SeenPacket seen = SeeIp(c.packet.data(), c.packet.size(), headers);
    bool v4 = c.packet[0] >> 4 == 4;
    SeenPacket wanted = c.wanted;
    wanted.family = v4 ? 4 : 6;
    wanted.protocol = c.protocol;
    wanted.length = static_cast<uint16_t>(c.packet.size());
    std::ranges::copy((v4 ? kA4 : kA6).bytes(), wanted.source);
    std::ranges::copy((v4 ? kB4 : kB6).bytes(), wanted.destination);
    EXPECT_TRUE(seen == wanted);
    EXPECT_EQ(headers, c.headers);
  }
}

TEST(SeeFrame, ByEthertype) {
  Bytes ip = IpPacket(kA4, kB4, 17, UdpDatagram(kA4, kB4, {1, 2}, Bytes(9, 7)));
  Bytes tagged = {0, 5, 8, 0};
  Append(tagged, ip);
  struct {
    uint16_t type;
    Bytes payload;
    size_t headers;
    uint8_t family;
  } cases[] = {{0x0800, ip, 14 + 28, 4}, {0x8100, tagged, 18 + 28, 4}, {0x0806, Bytes(28, 1), 42, 0},
               {0x88cc, Bytes(28, 1), 14, 0}, {0x88a8, tagged, 14, 0}, {0x0800, Bytes(28, 0x99), 14, 0}};
  for (const auto& c : cases) {
    Bytes frame = testing::Ethernet(testing::Mac(1), testing::Mac(2), c.type, c.payload);
    size_t headers = 0;
    EXPECT_EQ(SeeFrame(frame.data(), frame.size(), headers).family, c.family);
    EXPECT_EQ(headers, c.headers) << c.type;
  }
}

// Of memory of just that size, which a sanitizer guards.
TEST(SeeFrame, TrustsNothing) {
  std::mt19937 rng(1);
  const Bytes seeds[] = {
      testing::Ethernet(testing::Mac(1), testing::Mac(2), 0x0800, IpPacket(kA4, kB4, 50, kEsp)),
      testing::Ethernet(testing::Mac(1), testing::Mac(2), 0x86dd, IpPacket(kA6, kB6, 0, Bytes(24, 0))),
      testing::Ethernet(testing::Mac(1), testing::Mac(2), 0x0800, IpPacket(kA4, kB4, 17, UdpDatagram(kA4, kB4, {4500, 4500}, kEsp)))};
  for (int i = 0; i < 20000; ++i) {
    Bytes frame = seeds[rng() % 3];
    frame.resize(rng() % (frame.size() + 1));
    for (size_t n = rng() % 4; n > 0 && !frame.empty(); --n) frame[rng() % frame.size()] = static_cast<uint8_t>(rng());
    auto exact = std::make_unique<uint8_t[]>(frame.size());
    std::ranges::copy(frame, exact.get());
    size_t headers = 0;
    (void)SeeFrame(exact.get(), frame.size(), headers);
    ASSERT_LE(headers, frame.size());
  }
}

}  // namespace
}  // namespace culvert::dp
