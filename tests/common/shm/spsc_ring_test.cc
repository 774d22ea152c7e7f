#include "common/shm/spsc_ring.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <memory>
#include <thread>

namespace culvert::shm {
namespace {

using SmallRing = Ring<64, 8>;

template <typename R>
std::unique_ptr<R> Fresh() {
  return std::unique_ptr<R>(new R());
}

void Put(RingProducer<SmallRing>& tx, uint64_t v) {
  ASSERT_TRUE(tx.Reserve(1));
  std::memcpy(tx.Slot(0), &v, sizeof v);
  (void)tx.Publish(1);
}

uint64_t Get(RingConsumer<SmallRing>& rx) {
  uint64_t v = 0;
  EXPECT_GE(rx.Available(), 1u);
  rx.Copy(0, {reinterpret_cast<uint8_t*>(&v), sizeof v});
  (void)rx.Release(1);
  return v;
}

TEST(SpscRing, KeepsOrderOverManyWrapsAndRefusesWhenFull) {
  auto ring = Fresh<SmallRing>();
  RingProducer tx(ring.get());
  RingConsumer rx(ring.get());
  uint64_t in = 0, out = 0;
  for (int round = 0; round < 1000; ++round) {
    while (tx.Reserve(1)) Put(tx, in++);
    EXPECT_EQ(in - out, 8u);
    EXPECT_FALSE(tx.Reserve(1));
    for (int i = 0; i < 1 + round % 8; ++i) EXPECT_EQ(Get(rx), out++);
  }
  EXPECT_FALSE(tx.broken());
  EXPECT_FALSE(rx.broken());
}

TEST(SpscRing, ReservesSeveralSlotsOrNone) {
  auto ring = Fresh<SmallRing>();
  RingProducer tx(ring.get());
  RingConsumer rx(ring.get());
  EXPECT_FALSE(tx.Reserve(9));
  ASSERT_TRUE(tx.Reserve(5));
  (void)tx.Publish(5);
  EXPECT_FALSE(tx.Reserve(4));
  EXPECT_TRUE(tx.Reserve(3));
  EXPECT_EQ(rx.Available(), 5u);
  (void)rx.Release(2);
  EXPECT_TRUE(tx.Reserve(5));
}

TEST(SpscRing, WipesInPlace) {
  auto ring = Fresh<SmallRing>();
  RingProducer tx(ring.get());
  RingConsumer rx(ring.get());
  Put(tx, ~uint64_t{0});
  ASSERT_EQ(rx.Available(), 1u);
  rx.Wipe(0);
  for (uint8_t b : ring->slots[0]) EXPECT_EQ(b, 0);
}

TEST(SpscRing, AsksForAWakeUpOnlyWhenTheOtherSleeps) {
  auto ring = Fresh<SmallRing>();
  RingProducer tx(ring.get());
  RingConsumer rx(ring.get());
  ASSERT_TRUE(tx.Reserve(1));
  EXPECT_FALSE(tx.Publish(1)) << "awake";
  EXPECT_FALSE(rx.Sleep()) << "something to read";
  EXPECT_FALSE(rx.Release(1));
  EXPECT_TRUE(rx.Sleep());
  ASSERT_TRUE(tx.Reserve(2));
  EXPECT_TRUE(tx.Publish(1));
  EXPECT_FALSE(tx.Publish(1)) << "woken already";
  while (tx.Reserve(1)) (void)tx.Publish(1);
  EXPECT_FALSE(tx.WaitForSpace(1));
  ASSERT_EQ(rx.Available(), 8u);
  EXPECT_TRUE(rx.Release(1));
  EXPECT_FALSE(rx.Release(1)) << "woken already";
  EXPECT_TRUE(tx.WaitForSpace(2)) << "room already";
}

struct Jump {
  const char* what;
  uint64_t tail;
};
TEST(SpscRing, ConsumerRefusesImpossibleTails) {
  for (const Jump& j : {Jump{"too far", 4 + 9}, Jump{"back", 3}, Jump{"before the head", 1}, Jump{"wrapped", ~uint64_t{0}}}) {
    auto ring = Fresh<SmallRing>();
    RingConsumer rx(ring.get());
    ring->tail = 4;
    ASSERT_EQ(rx.Available(), 4u);
    (void)rx.Release(2);
    ring->tail = j.tail;
    EXPECT_EQ(rx.Available(), 0u) << j.what;
    EXPECT_TRUE(rx.broken()) << j.what;
    ring->tail = 5;
    EXPECT_EQ(rx.Available(), 0u) << j.what << ": broken for good";
  }
}

TEST(SpscRing, ProducerRefusesImpossibleHeads) {
  for (const Jump& j : {Jump{"beyond the tail", 9}, Jump{"back", 2}, Jump{"wrapped", ~uint64_t{0}}}) {
    auto ring = Fresh<SmallRing>();
    RingProducer tx(ring.get());
    ASSERT_TRUE(tx.Reserve(8));
    (void)tx.Publish(8);
    ring->head = 3;
    ASSERT_TRUE(tx.Reserve(3));
    ring->head = j.tail;
    EXPECT_FALSE(tx.Reserve(4)) << j.what;
    EXPECT_TRUE(tx.broken()) << j.what;
    ring->head = 8;
    EXPECT_FALSE(tx.Reserve(1)) << j.what << ": broken for good";
  }
}

void WaitOn(int fd) {
  pollfd p = {.fd = fd, .events = POLLIN, .revents = 0};
  ASSERT_EQ(poll(&p, 1, 20000), 1) << "a wake-up was lost";
  uint64_t count;
  ASSERT_EQ(read(fd, &count, sizeof count), 8);
}

void Wake(int fd) {
  const uint64_t one = 1;
  ASSERT_EQ(write(fd, &one, sizeof one), 8);
}

// Both sides sleep whenever they can; a lost wake-up is a poll that times out, a lost or torn slot a wrong number.
TEST(SpscRing, TwoThreadsLoseNothingAndNoWakeUp) {
  constexpr uint64_t kMessages = 400000;
  auto ring = Fresh<SmallRing>();
  const int to_rx = eventfd(0, 0), to_tx = eventfd(0, 0);
  std::thread producer([&] {
    RingProducer tx(ring.get());
    for (uint64_t v = 0; v < kMessages;) {
      const size_t n = std::min<uint64_t>(1 + v % 3, kMessages - v);
      if (!tx.Reserve(n)) {
        if (!tx.WaitForSpace(n)) WaitOn(to_tx);
        continue;
      }
      for (size_t i = 0; i < n; ++i) {
        const uint64_t words[8] = {v, ~v, v, v, v, v, v, v * 3};
        std::memcpy(tx.Slot(i), words, sizeof words);
        ++v;
      }
      if (tx.Publish(n)) Wake(to_rx);
    }
  });
  RingConsumer rx(ring.get());
  for (uint64_t expected = 0; expected < kMessages;) {
    const size_t n = rx.Available();
    if (n == 0) {
      if (rx.Sleep()) WaitOn(to_rx);
      if (HasFatalFailure()) break;
      continue;
    }
    for (size_t i = 0; i < n; ++i, ++expected) {
      uint64_t words[8];
      rx.Copy(i, {reinterpret_cast<uint8_t*>(words), sizeof words});
      ASSERT_EQ(words[0], expected);
      ASSERT_EQ(words[1], ~expected);
      ASSERT_EQ(words[7], expected * 3);
    }
    if (rx.Release(n)) Wake(to_tx);
  }
  producer.join();
  close(to_rx);
  close(to_tx);
}

}  // namespace
}  // namespace culvert::shm
