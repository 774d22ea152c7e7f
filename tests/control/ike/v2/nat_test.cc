#include "control/ike/v2/nat.h"

#include <gtest/gtest.h>

namespace culvert::ike {
namespace {

struct Case {
  const char* name;
  Endpoint source_said, destination_said;   // hashed by the sender
  bool peer_behind, we_behind;
};

const Endpoint kPeer{IpAddress::V4(192, 0, 2, 1), 500, 0}, kUs{IpAddress::V4(192, 0, 2, 2), 500, 0};
const Endpoint kInside{IpAddress::V4(10, 0, 0, 1), 500, 0};

class Detect : public testing::TestWithParam<Case> {};

TEST_P(Detect, ComparesWhatWasSaidWithWhatWasSeen) {
  IkeHeader h{.spi_i = 1, .spi_r = 0};
  PayloadList list;
  list.AddNotify(NotifyType::kNatDetectionSourceIp, NatHash(1, 0, GetParam().source_said));
  list.AddNotify(NotifyType::kNatDetectionDestinationIp, NatHash(1, 0, GetParam().destination_said));
  Path path;
  DetectNat({kUs, kPeer, false, {}}, h, list.view(), path);
  EXPECT_EQ(path.nat_remote, GetParam().peer_behind);
  EXPECT_EQ(path.nat_local, GetParam().we_behind);
}

INSTANTIATE_TEST_SUITE_P(Each, Detect,
                         testing::Values(Case{"None", kPeer, kUs, false, false}, Case{"Peer", kInside, kUs, true, false},
                                         Case{"Us", kPeer, kInside, false, true}, Case{"Both", kInside, kInside, true, true},
                                         Case{"PortAlone", {kPeer.address, 501, 0}, kUs, true, false}),
                         [](const auto& row) { return row.param.name; });

TEST(DetectNat, OneOfSeveralSourcesIsEnough) {
  PayloadList list;
  list.AddNotify(NotifyType::kNatDetectionSourceIp, NatHash(1, 0, kInside));
  list.AddNotify(NotifyType::kNatDetectionSourceIp, NatHash(1, 0, kPeer));
  Path path;
  DetectNat({kUs, kPeer, false, {}}, {.spi_i = 1}, list.view(), path);
  EXPECT_FALSE(path.encapsulates());
}

// B23: what is not a SHA-1 value says nothing; nor does silence.
TEST(DetectNat, OtherSizesAreIgnored) {
  PayloadList list;
  for (size_t size : {0u, 19u, 21u}) {
    list.AddNotify(NotifyType::kNatDetectionSourceIp, Bytes(size, 1));
    list.AddNotify(NotifyType::kNatDetectionDestinationIp, Bytes(size, 1));
  }
  Path path;
  DetectNat({kUs, kPeer, false, {}}, {.spi_i = 1}, list.view(), path);
  EXPECT_FALSE(path.encapsulates());
}

TEST(NatHash, CoversSpisAddressAndPort) {
  Bytes h = NatHash(1, 2, kPeer);
  EXPECT_EQ(h.size(), 20u);
  EXPECT_NE(h, NatHash(3, 2, kPeer));
  EXPECT_NE(h, NatHash(1, 3, kPeer));
  EXPECT_NE(h, NatHash(1, 2, kUs));
  EXPECT_NE(h, NatHash(1, 2, {kPeer.address, 4500, 0}));
}

TEST(FloatToNatPort, WhereThereIsANatOrMayBeOne) {
  Path path{.local = kUs, .remote = kPeer};
  FloatToNatPort(path, false);
  EXPECT_EQ(path.local.port, 500);
  for (bool anyway : {false, true}) {
    Path floated = path;
    floated.nat_remote = !anyway;
    FloatToNatPort(floated, anyway);
    EXPECT_EQ(floated.local.port, 4500);
    EXPECT_EQ(floated.remote.port, 4500);
    EXPECT_TRUE(floated.marker);
  }
}

}  // namespace
}  // namespace culvert::ike
