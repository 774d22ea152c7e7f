#include "dataplane/main/ike_reassembly.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/support/frames.h"

namespace culvert::dp {
namespace {

using testing::Ip;

constexpr Time kNow{std::chrono::hours(1)};

IkeReassembly::Fragment Piece(uint32_t offset, bool more, ByteView data, uint32_t id = 1, const char* from = "10.0.0.1") {
  return {Ip(from), Ip("10.0.0.2"), id, offset, more, data};
}

TEST(IkeReassembly, TakesPiecesInAnyOrder) {
  Bytes whole(1000, 0);
  for (size_t i = 0; i < whole.size(); ++i) whole[i] = static_cast<uint8_t>(i);
  std::vector<uint32_t> offsets{0, 200, 400, 600, 800};
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    std::ranges::shuffle(offsets, random);
    IkeReassembly r;
    for (size_t i = 0; i < offsets.size(); ++i) {
      auto result = r.Add(Piece(offsets[i], offsets[i] != 800, ByteView(whole).subspan(offsets[i], 200)), kNow);
      EXPECT_EQ(result.kept, i + 1 < offsets.size());
      if (result.kept) continue;
      EXPECT_EQ(result.datagram, whole);
      EXPECT_EQ(result.consumed, 4u);
    }
    EXPECT_EQ(r.waiting(), 0u);
  }
}

TEST(IkeReassembly, GivesUpAnOverlapEntirely) {
  struct {
    const char* what;
    uint32_t offset;
    size_t size;
    bool more;
  } kCases[] = {{"the same again", 80, 80, true},      {"into the next", 40, 80, true},  {"out of the one before", 88, 80, true},
                {"inside", 96, 16, true},              {"around", 72, 96, true},         {"an end before it", 0, 80, false},
                {"an end within", 80, 8, false}};
  for (const auto& c : kCases) {
    IkeReassembly r;
    Bytes data(96, 0);
    ASSERT_TRUE(r.Add(Piece(80, true, ByteView(data).first(80)), kNow).kept);
    auto result = r.Add(Piece(c.offset, c.more, ByteView(data).first(c.size)), kNow);
    EXPECT_FALSE(result.kept || result.datagram) << c.what;
    EXPECT_EQ(result.dropped, 1u) << c.what;
    EXPECT_EQ(r.waiting(), 0u) << c.what;
  }
}

TEST(IkeReassembly, RefusesPiecesThatCannotBe) {
  IkeReassembly r;
  Bytes data(4000, 0);
  EXPECT_FALSE(r.Add(Piece(0, true, {}), kNow).kept);
  EXPECT_FALSE(r.Add(Piece(0, true, ByteView(data).first(9)), kNow).kept);
  EXPECT_FALSE(r.Add(Piece(65528, false, ByteView(data).first(16)), kNow).kept);
  EXPECT_EQ(r.waiting(), 0u);
  // Beyond an end that is known, and a second end.
  ASSERT_TRUE(r.Add(Piece(80, false, ByteView(data).first(20)), kNow).kept);
  EXPECT_EQ(r.Add(Piece(160, true, ByteView(data).first(80)), kNow).dropped, 1u);
  ASSERT_TRUE(r.Add(Piece(80, false, ByteView(data).first(20)), kNow).kept);
  EXPECT_EQ(r.Add(Piece(160, false, ByteView(data).first(80)), kNow).dropped, 1u);
}

TEST(IkeReassembly, BoundsWhatStrangersCanStore) {
  IkeReassembly r;
  Bytes data(8, 0);
  unsigned kept = 0;
  for (uint32_t id = 0; id < 10; ++id) kept += r.Add(Piece(0, true, data, id), kNow).kept;
  EXPECT_EQ(kept, IkeReassembly::kMaxPerSource);
  for (uint32_t i = 0; i < 400; ++i) {
    IkeReassembly::Fragment f{IpAddress::V4(0x0b000000 + i), Ip("10.0.0.2"), 1, 0, true, data};
    kept += r.Add(f, kNow).kept;
  }
  EXPECT_EQ(kept, IkeReassembly::kMaxDatagrams);
  EXPECT_EQ(r.Expire(kNow + IkeReassembly::kPatience - Duration(1)), 0u);
  EXPECT_EQ(r.Expire(kNow + IkeReassembly::kPatience), IkeReassembly::kMaxDatagrams);
  EXPECT_EQ(r.waiting(), 0u);
  for (uint32_t i = 0; i <= IkeReassembly::kMaxPieces; ++i) {
    auto result = r.Add(Piece(16 * i, true, data), kNow);
    EXPECT_EQ(result.kept, i < IkeReassembly::kMaxPieces);
    EXPECT_EQ(result.dropped, i < IkeReassembly::kMaxPieces ? 0 : IkeReassembly::kMaxPieces);
  }
}

TEST(IkeReassembly, KeepsDatagramsApart) {
  IkeReassembly r;
  Bytes a(16, 1), b(16, 2);
  ASSERT_TRUE(r.Add(Piece(0, true, a, 1), kNow).kept);
  ASSERT_TRUE(r.Add(Piece(0, true, b, 2), kNow).kept);
  ASSERT_TRUE(r.Add(Piece(0, true, b, 1, "10.0.0.9"), kNow).kept);
  auto done = r.Add(Piece(16, false, a, 1), kNow);
  EXPECT_EQ(done.datagram, Bytes(32, 1));
  EXPECT_EQ(r.waiting(), 2u);
}

}  // namespace
}  // namespace culvert::dp
