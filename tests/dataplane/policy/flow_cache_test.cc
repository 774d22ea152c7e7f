#include "dataplane/policy/flow_cache.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/support/frames.h"

namespace culvert::dp {
namespace {

using testing::Ip;
using testing::IpPacket;

FlowKey KeyOf(Bytes& packet, uint8_t family, uint64_t seed) {
  rte_mbuf m{};
  m.buf_addr = packet.data();
  m.data_len = static_cast<uint16_t>(packet.size());
  Packet p;
  p.m = &m;
  p.family = family;
  p.protocol = 17;
  p.l4 = family == 4 ? 20 : 40;
  p.length = static_cast<uint16_t>(packet.size());
  FlowKey before{}, key{};
  EXPECT_TRUE(key.Fill(p, seed, before));
  return key;
}

struct Row {
  const char* name;
  uint8_t family;
  std::function<void(Bytes&, uint32_t n)> tell_apart;   // writes n into the packet
  size_t least_found;                                   // of kFlows: what a random spread leaves, and some
};
constexpr uint32_t kFlows = 10000;

auto At(size_t offset) {
  return [offset](Bytes& packet, uint32_t n) {
    packet[offset] = static_cast<uint8_t>(n >> 8);
    packet[offset + 1] = static_cast<uint8_t>(n);
  };
}

class Spread : public ::testing::TestWithParam<Row> {};

// Flows differ in a few octets, and in which ones is the users' affair: all of them must tell sets apart.
TEST_P(Spread, FlowsFindRoomWhateverTellsThemApart) {
  const Row& row = GetParam();
  const bool v4 = row.family == 4;
  FlowCache cache;
  std::vector<FlowKey> keys;
  for (uint32_t n = 0; n < kFlows; ++n) {
    Bytes packet = v4 ? IpPacket(Ip("10.1.0.1"), Ip("10.2.0.1"), 17, Bytes(16, 0)) : IpPacket(Ip("fd00::1"), Ip("fd01::1"), 17, Bytes(16, 0));
    row.tell_apart(packet, n);
    keys.push_back(KeyOf(packet, row.family, cache.seed()));
    cache.Put(keys.back(), 1, {FlowVerdict::kForward, FlowVerdict::kPlain});
  }
  size_t found = 0;
  for (const FlowKey& k : keys) found += cache.Find(k, 1).out() == FlowVerdict::kForward;
  EXPECT_GE(found, row.least_found);
}

INSTANTIATE_TEST_SUITE_P(Octets, Spread,
                         ::testing::Values(Row{"V4Source", 4, At(14), 9900}, Row{"V4Destination", 4, At(18), 9900},
                                           Row{"V4DestinationNet", 4, At(16), 9900}, Row{"V4SourcePort", 4, At(20), 9900},
                                           Row{"V4DestinationPort", 4, At(22), 9900}, Row{"V6Source", 6, At(22), 9000},
                                           Row{"V6Destination", 6, At(38), 9000}, Row{"V6DestinationNet", 6, At(30), 9000},
                                           Row{"V6DestinationPort", 6, At(42), 9000}),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace culvert::dp
