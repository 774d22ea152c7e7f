#include "drivers/port/ethdev_port.h"

#include <gtest/gtest.h>
#include <rte_dev.h>
#include <rte_ethdev.h>

#include <cstring>

// What drivers tell applications by; DPDK exports it to them alone.
extern "C" {
rte_eth_dev* rte_eth_dev_get_by_name(const char* name);
int rte_eth_dev_callback_process(rte_eth_dev* device, rte_eth_event_type event, void* parameter);
}

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

// The ring's driver has no reset, so the device is stopped, configured anew and started.
TEST_F(EthdevPortTest, IsResetWhereItsDeviceAsksForIt) {
  ASSERT_EQ(rte_eal_hotplug_add("vdev", "net_ring1", ""), 0);
  {
    auto port = EthdevPort::Open({.name = "ring", .device = "net_ring1"}, pool);
    ASSERT_TRUE(port.ok()) << port.status();
    auto round = [&] {
      rte_mbuf *m = rte_pktmbuf_alloc(pool), *back = nullptr;
      std::memset(rte_pktmbuf_append(m, 60), 0x5a, 60);
      EXPECT_EQ((*port)->Transmit(0, &m, 1), 1);
      EXPECT_EQ((*port)->Receive(0, &back, 1), 1);
      rte_pktmbuf_free(back);
    };
    const rte_ether_addr mac = (*port)->mac;
    for (unsigned times = 1; times <= 3; ++times) {
      SCOPED_TRACE(times);
      round();
      EXPECT_FALSE((*port)->AsksReset());
      rte_eth_dev_callback_process(rte_eth_dev_get_by_name("net_ring1"), RTE_ETH_EVENT_INTR_RESET, nullptr);
      EXPECT_TRUE((*port)->AsksReset());
      (*port)->Rest(true);
      (*port)->security_sessions = 1;
      EXPECT_TRUE(absl::IsUnavailable((*port)->ResetDevice())) << "their memory goes with the device's";
      EXPECT_TRUE((*port)->AsksReset());
      (*port)->security_sessions = 0;
      auto reset = (*port)->ResetDevice();
      EXPECT_TRUE(reset.ok()) << reset;
      EXPECT_FALSE((*port)->AsksReset());
      EXPECT_FALSE((*port)->link_up());
      (*port)->Rest(false);
      EXPECT_TRUE((*port)->link_up());
      EXPECT_TRUE(rte_is_same_ether_addr(&(*port)->mac, &mac));
      round();
      EXPECT_EQ((*port)->stats().rx_packets, 2 * times) << "counted on, whatever the device does";
    }
  }
  EXPECT_EQ(rte_eal_hotplug_remove("vdev", "net_ring1"), 0);
  EXPECT_EQ(rte_mempool_in_use_count(pool), 0u);
}

}  // namespace
}  // namespace culvert
