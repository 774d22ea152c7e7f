#include "drivers/port/ring_port.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

class RingPortTest : public ::testing::Test {
 protected:
  RingPortTest() : pool(rte_pktmbuf_pool_create("ring-port", 255, 0, 0, 2048, SOCKET_ID_ANY)) {}
  ~RingPortTest() override { rte_mempool_free(pool); }
  rte_mempool* pool;
};

TEST_F(RingPortTest, ReceivesWhatIsFedAndDrainsWhatIsSentByQueue) {
  {
    RingPort port("p", 3, 2, 64);
    EXPECT_EQ(port.rx_queues(), 2);
    rte_mbuf *a = rte_pktmbuf_alloc(pool), *b = rte_pktmbuf_alloc(pool), *out[4];
    ASSERT_TRUE(port.Feed(a, 0) && port.Feed(b, 1));
    EXPECT_EQ(port.Receive(1, out, 4), 1);
    EXPECT_EQ(out[0], b);
    EXPECT_EQ(b->port, 3);
    EXPECT_EQ(port.Transmit(1, out, 1), 1);
    EXPECT_EQ(port.Drain(0), nullptr);
    EXPECT_EQ(port.Drain(1), b);
    rte_pktmbuf_free(b);
  }
  EXPECT_EQ(rte_mempool_in_use_count(pool), 0u) << "what is left in the rings is freed with them";
}

TEST_F(RingPortTest, TakesAsManyAsItsRingHolds) {
  RingPort port("p", 0, 1, 8);
  rte_mbuf* m[12];
  ASSERT_EQ(rte_pktmbuf_alloc_bulk(pool, m, 12), 0);
  EXPECT_EQ(port.Transmit(0, m, 12), 8);
  rte_pktmbuf_free_bulk(m + 8, 4);
  ASSERT_EQ(rte_pktmbuf_alloc_bulk(pool, m, 9), 0);
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(port.Feed(m[i]));
  EXPECT_FALSE(port.Feed(m[8]));
  rte_pktmbuf_free(m[8]);
}

}  // namespace
}  // namespace culvert
