#include "drivers/port/ethdev_port.h"

#include <gtest/gtest.h>
#include <rte_dev.h>

#include <cstring>

namespace culvert {
namespace {

constexpr uint32_t kJumbo = 9216;

class EthdevPortTest : public ::testing::Test {
 protected:
  EthdevPortTest() : pool(rte_pktmbuf_pool_create("ethdev-port", 255, 0, 0, kJumbo + 256, SOCKET_ID_ANY)) {}
  ~EthdevPortTest() override { rte_mempool_free(pool); }
  rte_mempool* pool;
};

// A ring of DPDK's gives back what is sent into it.
TEST_F(EthdevPortTest, CarriesTheLongestPacketByARing) {
  ASSERT_EQ(rte_eal_hotplug_add("vdev", "net_ring0", ""), 0);
  {
    auto port = EthdevPort::Open({.name = "ring", .device = "net_ring0", .mtu = kJumbo}, pool);
    ASSERT_TRUE(port.ok()) << port.status();
    EXPECT_EQ((*port)->mtu, kJumbo);
    auto round = [&] {
      rte_mbuf *m = rte_pktmbuf_alloc(pool), *back = nullptr;
      std::memset(rte_pktmbuf_append(m, kJumbo + 14), 0x5a, kJumbo + 14);
      EXPECT_EQ((*port)->Transmit(0, &m, 1), 1);
      EXPECT_EQ((*port)->Receive(0, &back, 1), 1);
      if (back == nullptr) return rte_pktmbuf_free(m);
      EXPECT_EQ(rte_pktmbuf_pkt_len(back), kJumbo + 14);
      rte_pktmbuf_free(back);
    };
    round();
    EXPECT_TRUE((*port)->link_up());
    (*port)->Rest(true);
    rte_mbuf* m = rte_pktmbuf_alloc(pool);
    EXPECT_EQ((*port)->Transmit(0, &m, 1), 0) << "at rest";
    EXPECT_EQ((*port)->Receive(0, &m, 1), 0);
    EXPECT_FALSE((*port)->link_up());
    rte_pktmbuf_free(m);
    EXPECT_TRUE((*port)->Restart().ok());
    (*port)->Rest(false);
    round();
    EXPECT_EQ((*port)->stats().rx_packets, 2u);
  }
  EXPECT_EQ(rte_eal_hotplug_remove("vdev", "net_ring0"), 0);
  EXPECT_EQ(rte_mempool_in_use_count(pool), 0u);
}

}  // namespace
}  // namespace culvert
