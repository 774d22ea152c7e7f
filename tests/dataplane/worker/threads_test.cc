// What holds between threads: rings, bells, grace points, and whole workers on lcores of their own.
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <thread>

#include "dataplane/topology.h"
#include "tests/support/gateway_rig.h"

namespace culvert::dp {
namespace {

using namespace std::chrono_literals;

TEST(PacketRing, KeepsOrderAndValuesBetweenTwoThreads) {
  PacketRing ring("test", 64);
  constexpr uint64_t kCount = 200000;
  std::thread producer([&] {
    for (uint64_t i = 0; i < kCount; ++i) {
      HandedOver h{};
      h.packet.tag = i;
      h.kind = static_cast<uint8_t>(i % 5);
      while (!ring.Put(h)) std::this_thread::yield();
    }
  });
  HandedOver out[32];
  for (uint64_t seen = 0; seen < kCount;) {
    uint32_t n = ring.Take(out, 32);
    if (n == 0) std::this_thread::yield();
    for (uint32_t i = 0; i < n; ++i, ++seen) {
      ASSERT_EQ(out[i].packet.tag, seen);
      ASSERT_EQ(out[i].kind, seen % 5);
    }
  }
  producer.join();
  EXPECT_TRUE(ring.empty());
}

TEST(PacketRing, SaysWhenItIsFull) {
  PacketRing ring("test", 16);
  HandedOver h{};
  for (int i = 0; i < 15; ++i) EXPECT_TRUE(ring.Put(h));
  EXPECT_FALSE(ring.Put(h));
  EXPECT_EQ(ring.Take(&h, 1), 1u);
  EXPECT_TRUE(ring.Put(h));
}

TEST(Bell, NeverLeavesASleeperWithWorkToDo) {
  Bell bell;
  PacketRing ring("test", 1024);
  constexpr int kCount = 20000;
  std::thread producer([&] {
    for (int i = 0; i < kCount; ++i) {
      while (!ring.Put({})) std::this_thread::yield();
      bell.Ring();
      if (i % 64 == 0) std::this_thread::yield();
    }
  });
  HandedOver out[64];
  int seen = 0, slept = 0;
  while (seen < kCount) {
    uint32_t n = ring.Take(out, 64);
    seen += static_cast<int>(n);
    if (n != 0) continue;
    bell.Arm();
    if (ring.empty()) {
      pollfd p{.fd = bell.fd(), .events = POLLIN, .revents = 0};
      ++slept;
      ASSERT_EQ(poll(&p, 1, 10000), 1) << "asleep with " << seen << " of " << kCount;
    }
    bell.Disarm();
  }
  producer.join();
  EXPECT_EQ(seen, kCount);
}

TEST(Grace, WaitsForEveryWorkerButASleepingOne) {
  Grace grace(3);
  grace.Online(0);
  grace.Online(1);
  static int freed;
  freed = 0;
  grace.Retire([](void*) { ++freed; }, nullptr);
  grace.Reclaim();
  EXPECT_EQ(freed, 0);
  grace.Pass(0);
  grace.Reclaim();
  EXPECT_EQ(freed, 0) << "worker 1 may still read";
  EXPECT_EQ(grace.waiting(), 1u);
  grace.Offline(1);
  grace.Reclaim();
  EXPECT_EQ(freed, 1);
  EXPECT_EQ(grace.waiting(), 0u);
}

TEST(Grace, NeverFreesWhatAReaderHolds) {
  struct Value {
    std::atomic<uint64_t> alive{0x600d};
    ~Value() { alive = 0xdead; }
  };
  Grace grace(1);
  Published<Value> published(std::make_unique<Value>());
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> passes{0};
  std::thread reader([&] {
    grace.Online(0);
    for (uint64_t i = 0; !stop; ++i) {
      grace.Pass(0);
      passes = i;
      const Value* v = published.get();
      for (int k = 0; k < 50; ++k) ASSERT_EQ(v->alive.load(), 0x600du);
      if (i % 1000 == 0) {
        grace.Offline(0);
        std::this_thread::yield();
        grace.Online(0);
      }
    }
    grace.Offline(0);
  });
  for (int i = 0; i < 20000 || passes < 20000; ++i) {
    published.Replace(std::make_unique<Value>(), grace);
    grace.Reclaim();
  }
  stop = true;
  reader.join();
  grace.Reclaim();
  EXPECT_EQ(grace.waiting(), 0u);
}

TEST(Topology, GivesEveryQueueOneWorkerAndEveryRingTwoEnds) {
  for (unsigned workers : {1u, 2u, 3u, 8u, 32u}) {
    Topology t = Topology::Plan(workers, {{"a", 1, 1}, {"b", 1, 1}, {"c", static_cast<uint16_t>(workers), static_cast<uint16_t>(workers)}});
    EXPECT_EQ(t.Check(), "") << workers;
    for (uint16_t q : t.ports[2].tx_queue) EXPECT_LT(q, workers);
    EXPECT_EQ(t.rings.size(), workers * 4 + workers * (workers - 1));
  }
  Topology with_host = Topology::Plan(3, {{"a", 1, 1, true}, {"b", 1, 1}});
  EXPECT_EQ(with_host.Check(), "");
  EXPECT_EQ(with_host.rings.size(), 3u * 6 + 3u * 2);
  std::erase_if(with_host.rings, [](const auto& r) { return r.name == "to-host-2"; });
  EXPECT_EQ(with_host.Check(), "worker 2 lacks ring to-host-2");
  Topology t = Topology::Plan(2, {{"a", 1, 1}});
  EXPECT_NE(t.ToString().find("hands over to worker 0"), std::string::npos);
  Topology broken = t;
  broken.ports[0].tx_queue = {0, 0};
  EXPECT_NE(broken.Check(), "");
  broken = t;
  broken.rings.pop_back();
  broken.rings.push_back(broken.rings[0]);
  EXPECT_NE(broken.Check(), "");
  broken = t;
  broken.ports[0].rx_worker = {7};
  EXPECT_NE(broken.Check(), "");
}

// Two workers on lcores, traffic both ways, routes changing under them: nothing is lost or counted twice.
TEST(Workers, ForwardWhileMainChangesRoutes) {
  testing::GatewayRig rig({.workers = 2});
  rig.AddNeighbour(0, testing::Ip("192.0.2.254"), testing::Mac(9));
  rig.AddNeighbour(1, testing::Ip("10.1.0.2"), testing::Mac(2));
  Gateway& g = rig.gateway();
  g.Start();
  Bytes out = testing::IpPacket(testing::Ip("10.1.0.2"), testing::Ip("198.51.100.1"), 17, Bytes(64, 0));
  Bytes back = testing::IpPacket(testing::Ip("198.51.100.1"), testing::Ip("10.1.0.2"), 17, Bytes(64, 0));
  Network::Address more{"lan", {testing::Ip("10.99.0.1"), 24}};
  size_t fed = 0, seen = 0;
  auto end = std::chrono::steady_clock::now() + 1s;
  auto drain = [&] {
    for (uint16_t p : {uint16_t{0}, uint16_t{1}}) {
      for (const Bytes& f : rig.Sent(p)) seen += f[12] == 8 && f[13] == 0;
    }
  };
  for (int i = 0; std::chrono::steady_clock::now() < end; ++i) {
    if (fed - seen < 512) {
      rig.Feed(1, testing::Ethernet(rig.port(1).mac, testing::Mac(2), 0x0800, out));
      rig.Feed(0, testing::Ethernet(rig.port(0).mac, testing::Mac(9), 0x0800, back));
      fed += 2;
    }
    if (i % 50 == 0) (i % 100 == 0 ? g.network().AddAddress(more, Network::Origin::kChannel) : g.network().RemoveAddress(more, Network::Origin::kChannel));
    g.Poll(rig.now());
    g.grace().Reclaim();
    drain();
  }
  auto patience = std::chrono::steady_clock::now() + 20s;
  while (seen < fed && std::chrono::steady_clock::now() < patience) {
    g.Poll(rig.now());
    drain();
  }
  g.Stop();
  rig.Run();
  drain();
  EXPECT_EQ(seen, fed);
  EXPECT_GT(fed, 100u);
  EXPECT_EQ(rig.all_drops(), 0u);
  EXPECT_TRUE(rig.Balanced());
  g.grace().Reclaim();
  EXPECT_EQ(g.grace().waiting(), 0u);
}

}  // namespace
}  // namespace culvert::dp
