#include "dataplane/main/watch_parts.h"

#include <gtest/gtest.h>

#include <cstring>

namespace culvert::dp {
namespace {

PathPart Part(uint32_t id, bool earlier, bool continues, uint8_t worker = 0) {
  Bytes slot(sizeof(PathRecord) + 5, 0);
  PathRecord r{};
  r.id = id;
  r.earlier = earlier;
  r.continues = continues;
  r.worker = worker;
  r.frames[0].captured = 2;
  r.frames[2].captured = 3;
  std::memcpy(slot.data(), &r, sizeof r);
  for (uint8_t i = 0; i < 5; ++i) slot[sizeof r + i] = i;
  return PathPart(slot.data());
}

class PathPartsTest : public ::testing::Test {
 protected:
  std::vector<std::vector<uint8_t>> wholes;  // workers of the parts
  PathParts parts{[this](std::span<PathPart* const> p) {
    wholes.emplace_back();
    for (PathPart* part : p) {
      wholes.back().push_back(part->record().worker);
      part->told = true;
    }
  }};
};

TEST_F(PathPartsTest, HasItsFramesByPlace) {
  PathPart p = Part(1, false, false);
  EXPECT_EQ(ToBytes(p.frame(Place::kReceived)), (Bytes{0, 1}));
  EXPECT_TRUE(p.frame(Place::kInside).empty());
  EXPECT_EQ(ToBytes(p.frame(Place::kSent)), (Bytes{2, 3, 4}));
}

TEST_F(PathPartsTest, JoinsByNumberAndKeepsWhatOthersFollowFrom) {
  parts.Add(Part(1, false, true, 1));
  parts.Add(Part(2, false, false, 2));
  parts.Add(Part(1, true, true, 3));
  EXPECT_EQ(wholes, (std::vector<std::vector<uint8_t>>{{2}}));
  parts.Add(Part(1, true, false, 4));
  parts.Add(Part(1, true, false, 5));
  EXPECT_EQ(wholes, (std::vector<std::vector<uint8_t>>{{2}, {1, 3, 4}, {1, 3, 5}}));
  parts.Flush();
  EXPECT_EQ(wholes.size(), 3u) << "what was told is not told again";
  EXPECT_EQ(parts.waiting(), 0u);
}

TEST_F(PathPartsTest, WhatNeverEndsIsTooMuchAtSomeTimeAndToldThen) {
  for (uint32_t i = 1; i <= PathParts::kMostPackets + 2; ++i) parts.Add(Part(i, false, true, static_cast<uint8_t>(i)));
  EXPECT_EQ(parts.waiting(), PathParts::kMostPackets);
  EXPECT_EQ(wholes, (std::vector<std::vector<uint8_t>>{{1}, {2}}));
  for (int i = 0; i < 100; ++i) parts.Add(Part(50, true, true, 9));
  parts.Add(Part(50, true, false, 9));
  EXPECT_EQ(wholes.back().size(), PathParts::kMostParts + 1);
  parts.Flush();
  EXPECT_EQ(wholes.size(), 3 + PathParts::kMostPackets - 1);
}

}  // namespace
}  // namespace culvert::dp
