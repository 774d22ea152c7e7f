#include "common/channel/end.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "tests/support/channel_messages.h"

namespace culvert::channel {
namespace {

using testing::MakeCommand;
using testing::MakeEvent;
using testing::MakeInstall;

constexpr uint64_t kEpoch = 7;

// Both ends over one memfd, as two processes would have them.
struct Pair {
  Pair() {
    auto a = shm::Region::Create("rings", sizeof(Rings), shm::Region::Fill::kResident);
    auto b = shm::Region::Adopt(UniqueFd(dup(a->fd())), sizeof(Rings));
    memory = static_cast<Rings*>(a->data());
    UniqueFd to_dp = *MakeWakeup(), to_ike = *MakeWakeup();
    dp.emplace(std::move(*a), UniqueFd(dup(to_dp.get())), UniqueFd(dup(to_ike.get())), kEpoch);
    ike.emplace(std::move(*b), std::move(to_ike), std::move(to_dp), kEpoch);
  }
  Rings* memory;
  std::optional<DataplaneEnd> dp;
  std::optional<ControlEnd> ike;
};

bool Readable(int fd) {
  pollfd p = {.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&p, 1, 0) == 1;
}

TEST(End, CarriesCommandsAndZeroesTheirSlots) {
  Pair pair;
  Command sent[2] = {MakeInstall(1, 3, Direction::kInbound), MakeInstall(2, 3, Direction::kOutbound)};
  ASSERT_EQ(pair.ike->Write(sent), Sent::kDone);
  Violation v = Violation::kNone;
  Command got;
  for (const Command& expected : sent) {
    ASSERT_TRUE(pair.dp->Read(got, v)) << Name(v);
    EXPECT_EQ(std::memcmp(&got, &expected, sizeof got), 0);
  }
  EXPECT_FALSE(pair.dp->Read(got, v));
  EXPECT_EQ(v, Violation::kNone);
  for (const auto& slot : {pair.memory->command.slots[0], pair.memory->command.slots[1]}) {
    for (size_t i = 0; i < kMessageSlot; ++i) ASSERT_EQ(slot[i], 0) << "octet " << i << " outlived its reading";
  }
}

TEST(End, IsWokenOnlyWhenItSleeps) {
  Pair pair;
  Event e = MakeEvent(EventType::kDumpEnd);
  ASSERT_EQ(pair.dp->Write(std::span(&e, 1)), Sent::kDone);
  pair.dp->Flush();
  EXPECT_FALSE(Readable(pair.ike->own_wakeup()));
  EXPECT_FALSE(pair.ike->SleepMessages()) << "something to read";
  Violation v{};
  Event got;
  EXPECT_TRUE(pair.ike->Read(got, v));
  EXPECT_TRUE(pair.ike->SleepMessages());
  ASSERT_EQ(pair.dp->Write(std::span(&e, 1)), Sent::kDone);
  EXPECT_FALSE(Readable(pair.ike->own_wakeup())) << "not before Flush()";
  pair.dp->Flush();
  EXPECT_TRUE(Readable(pair.ike->own_wakeup()));
  DrainWakeup(pair.ike->own_wakeup());
  EXPECT_FALSE(Readable(pair.ike->own_wakeup()));
}

// One wake-up is owed for a whole round, whatever follows the write that found the other side asleep.
TEST(End, OwesAWakeUpUntilItIsFlushed) {
  const DatagramInfo info{{IpAddress::V4(192, 0, 2, 1), 500, 0}, {IpAddress::V4(192, 0, 2, 2), 500, 0}};
  Event event = MakeEvent(EventType::kDumpEnd);
  for (int first = 0; first < 2; ++first) {
    Pair pair;
    ASSERT_TRUE(pair.ike->SleepMessages());
    ASSERT_TRUE(pair.ike->SleepDatagrams());
    for (int i = first; i < first + 4; ++i) {
      ASSERT_EQ(i % 2 ? pair.dp->Write(info, Bytes(100)) : pair.dp->Write(std::span(&event, 1)), Sent::kDone);
    }
    Datagram none;
    Violation v{};
    EXPECT_FALSE(pair.dp->Read(none, v));
    pair.dp->Flush();
    EXPECT_TRUE(Readable(pair.ike->own_wakeup()));
  }
  Pair pair;   // the wake-up owed for room
  ASSERT_EQ(pair.ike->Write(info, Bytes(100)), Sent::kDone);
  Command c = MakeInstall(1, 1, Direction::kInbound);
  while (pair.ike->Write(std::span(&c, 1)) == Sent::kDone) {}
  EXPECT_FALSE(pair.ike->WaitForMessageSpace(1));
  Violation v{};
  ASSERT_TRUE(pair.dp->Read(c, v));
  Datagram d;
  ASSERT_TRUE(pair.dp->Read(d, v));
  ASSERT_EQ(pair.dp->Write(info, Bytes(100)), Sent::kDone);
  pair.dp->Flush();
  EXPECT_TRUE(Readable(pair.ike->own_wakeup()));
}

TEST(End, OutboxKeepsWhatDoesNotFitAndIsWokenForRoom) {
  Pair pair;
  Outbox<Event> outbox;
  for (uint32_t i = 0; i < kEventSlots + 500; ++i) {
    Event e = MakeEvent(EventType::kSoftExpiry);
    e.expiry.direction = Direction::kOutbound;
    e.expiry.sa_index = i;
    outbox.Push(e);
  }
  ASSERT_TRUE(outbox.Drain(*pair.dp));
  EXPECT_EQ(outbox.size(), 500u);
  EXPECT_EQ(outbox.stalls(), 1u);
  EXPECT_FALSE(Readable(pair.dp->own_wakeup()));
  Violation v{};
  Event got;
  for (uint32_t i = 0; i < kEventSlots + 500; ++i) {
    ASSERT_TRUE(pair.ike->Read(got, v)) << i;
    EXPECT_EQ(got.expiry.sa_index, i);
    pair.ike->Flush();
    EXPECT_TRUE(i > 0 || Readable(pair.dp->own_wakeup())) << "room, and nobody said so";
    ASSERT_TRUE(outbox.Drain(*pair.dp));
  }
  EXPECT_FALSE(pair.ike->Read(got, v));
}

TEST(End, CarriesDatagramsOfEveryLength) {
  Pair pair;
  const Endpoint local{IpAddress::V4(192, 0, 2, 1), 4500, 0}, remote{IpAddress::V4(192, 0, 2, 2), 4711, 0};
  for (size_t length : {size_t{0}, size_t{1}, size_t{28}, kPuntSlot - sizeof(PuntHead), kPuntSlot - sizeof(PuntHead) + 1,
                        2 * kPuntSlot, size_t{9000}, kMaxDatagram}) {
    for (int wrap = 0; wrap < 40; ++wrap) {
      Bytes payload(length);
      for (size_t i = 0; i < length; ++i) payload[i] = static_cast<uint8_t>(i * 7 + static_cast<size_t>(wrap));
      DatagramInfo info{local, remote, true, 46, 63};
      ASSERT_EQ(pair.dp->Write(info, payload), Sent::kDone);
      Datagram got;
      Violation v{};
      ASSERT_TRUE(pair.ike->Read(got, v)) << Name(v);
      EXPECT_EQ(got.payload, payload);
      EXPECT_EQ(got.info.local, local);
      EXPECT_EQ(got.info.remote, remote);
      EXPECT_TRUE(got.info.marker);
      EXPECT_EQ(got.info.dscp, 46);
      EXPECT_EQ(got.info.ttl, 63);
    }
  }
}

TEST(End, LongDatagramsAreSeenWholeOrNotAtAll) {
  Pair pair;
  const DatagramInfo info{{IpAddress::V4(192, 0, 2, 1), 500, 0}, {IpAddress::V4(192, 0, 2, 2), 500, 0}};
  const Bytes big(kMaxDatagram, 0xaa);
  size_t sent = 0;
  while (pair.ike->Write(info, big) == Sent::kDone) ++sent;
  EXPECT_EQ(sent, kInjectSlots / SlotsFor(kMaxDatagram));
  Datagram got;
  Violation v{};
  for (; sent > 0; --sent) ASSERT_TRUE(pair.dp->Read(got, v));
  EXPECT_FALSE(pair.dp->Read(got, v));
  EXPECT_EQ(v, Violation::kNone);
}

TEST(End, SlotsCanBeKeptFreeForOthers) {
  Pair pair;
  const DatagramInfo info{{IpAddress::V4(192, 0, 2, 1), 500, 0}, {IpAddress::V4(192, 0, 2, 2), 500, 0}};
  size_t strangers = 0, known = 0;
  while (pair.dp->Write(info, Bytes(100), kPuntSlots / 2) == Sent::kDone) ++strangers;
  while (pair.dp->Write(info, Bytes(100)) == Sent::kDone) ++known;
  EXPECT_EQ(strangers, kPuntSlots / 2);
  EXPECT_EQ(known, kPuntSlots / 2);
}

struct BadHead {
  const char* what;
  Violation violation;
  void (*spoil)(PuntHead&);
};
constexpr BadHead kBadHeads[] = {
    {"stale epoch", Violation::kEpoch, [](PuntHead& h) { --h.epoch; }},
    {"longer than its slots", Violation::kLength, [](PuntHead& h) { h.length = kPuntSlot; }},
    {"longer than a datagram", Violation::kLength, [](PuntHead& h) { h.length = 0xffffffff; }},
    {"more slots than published", Violation::kLength, [](PuntHead& h) { h.length = 4000; h.slots = 2; }},
    {"no slots", Violation::kLength, [](PuntHead& h) { h.slots = 0; }},
    {"marker 2", Violation::kValue, [](PuntHead& h) { h.marker = 2; }},
    {"DSCP 64", Violation::kValue, [](PuntHead& h) { h.dscp = 64; }},
    {"VRF", Violation::kValue, [](PuntHead& h) { h.vrf = 1; }},
    {"padding", Violation::kPadding, [](PuntHead& h) { h.zero[2] = 1; }},
    {"tail padding", Violation::kPadding, [](PuntHead& h) { h.zero2[1] = 1; }},
    {"no family", Violation::kValue, [](PuntHead& h) { h.local.address.family = 0; }},
    {"two families", Violation::kValue, [](PuntHead& h) { h.remote.address = ToWire(*IpAddress::Parse("::1")); }},
};

TEST(End, RefusesSpoiledDatagramHeads) {
  const DatagramInfo info{{IpAddress::V4(192, 0, 2, 1), 500, 0}, {IpAddress::V4(192, 0, 2, 2), 500, 0}};
  for (const BadHead& b : kBadHeads) {
    Pair pair;
    ASSERT_EQ(pair.ike->Write(info, Bytes(100)), Sent::kDone);
    PuntHead head;
    std::memcpy(&head, pair.memory->inject.slots[0], sizeof head);
    b.spoil(head);
    std::memcpy(pair.memory->inject.slots[0], &head, sizeof head);
    Datagram got;
    Violation v{};
    EXPECT_FALSE(pair.dp->Read(got, v)) << b.what;
    EXPECT_EQ(Name(v), std::string(Name(b.violation))) << b.what;
  }
}

TEST(End, ReportsAJumpedIndex) {
  Pair pair;
  pair.memory->command.tail = kCommandSlots + 1;
  Command c;
  Violation v{};
  EXPECT_FALSE(pair.dp->Read(c, v));
  EXPECT_EQ(v, Violation::kIndex);
  pair.memory->event.head = kEventSlots + 1;
  Event e[1] = {MakeEvent(EventType::kDumpEnd)};
  Sent sent = Sent::kDone;
  for (size_t i = 0; i <= kEventSlots && sent == Sent::kDone; ++i) sent = pair.dp->Write(e);
  EXPECT_EQ(sent, Sent::kBroken);
}

// A hostile peer shares the eventfd's open file: it can fill the counter and make the descriptor blocking.
TEST(Wakeup, NeverBlocks) {
  UniqueFd fd = *MakeWakeup();
  ASSERT_EQ(fcntl(fd.get(), F_SETFL, 0), 0);
  DrainWakeup(fd.get());
  const uint64_t full = ~uint64_t{0} - 1;
  ASSERT_EQ(write(fd.get(), &full, sizeof full), 8);
  SignalWakeup(fd.get());
  EXPECT_TRUE(Readable(fd.get()));
  DrainWakeup(fd.get());
  EXPECT_FALSE(Readable(fd.get()));
}

}  // namespace
}  // namespace culvert::channel
