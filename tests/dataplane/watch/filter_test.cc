#include "dataplane/watch/filter.h"

#include <gtest/gtest.h>

#include "tests/support/frames.h"

namespace culvert::dp {
namespace {

PathRecord Record(const char* from, const char* to, uint16_t from_port, uint16_t to_port, uint8_t protocol = 17) {
  PathRecord r{};
  SeenPacket& s = r.seen[r.seen_n++];
  IpAddress a = testing::Ip(from), b = testing::Ip(to);
  s.family = static_cast<uint8_t>(a.family);
  s.protocol = protocol;
  s.source_port = from_port;
  s.destination_port = to_port;
  s.has_ports = from_port != 0;
  std::ranges::copy(a.bytes(), s.source);
  std::ranges::copy(b.bytes(), s.destination);
  return r;
}

bool Matches(const WatchFilter& f, std::vector<PathRecord> parts) {
  std::vector<const PathRecord*> all;
  for (const auto& p : parts) all.push_back(&p);
  return f.Matches(all);
}

TEST(WatchFilter, AFlowInEitherDirectionAndNoOther) {
  WatchFilter f{.protocol = 17, .a = {IpPrefix::Parse("10.1.0.0/16"), 1000}, .b = {IpPrefix::Parse("10.9.0.2"), 53}};
  EXPECT_TRUE(Matches(f, {Record("10.1.0.2", "10.9.0.2", 1000, 53)}));
  EXPECT_TRUE(Matches(f, {Record("10.9.0.2", "10.1.0.2", 53, 1000)}));
  EXPECT_FALSE(Matches(f, {Record("10.9.0.2", "10.1.0.2", 1000, 53)}));
  EXPECT_FALSE(Matches(f, {Record("10.1.0.2", "10.9.0.3", 1000, 53)}));
  EXPECT_FALSE(Matches(f, {Record("10.1.0.2", "10.9.0.2", 1000, 53, 6)}));
  EXPECT_FALSE(Matches(f, {Record("10.1.0.2", "10.9.0.2", 0, 0)})) << "a fragment tells no ports";
  EXPECT_FALSE(Matches(f, {Record("fd01::2", "fd09::2", 1000, 53)}));
  EXPECT_FALSE(Matches(f, {PathRecord{}}));
}

TEST(WatchFilter, OfAllPartsOfAWay) {
  PathRecord first = Record("10.1.0.2", "10.9.0.2", 1000, 53), second = Record("192.0.2.1", "198.51.100.9", 0, 0, 50);
  second.seen[0].spi = 0xc0000005;
  second.exit = Exit::kDropped;
  second.drop = Drop::kTxFull;
  first.steps[first.steps_n++] = {.tsc = 1, .sa_index = kNoSa, .port = 1, .length = 0, .stage = Stage::kReceive, .seen = 0, .unused = {}};
  second.steps[second.steps_n++] = {.tsc = 1, .sa_index = 7, .port = kNoStepPort, .length = 0, .stage = Stage::kSeal, .seen = 0, .unused = {}};
  WatchFilter f{.port = 1, .spi = 0xc0000005, .sas = std::vector<uint32_t>{3, 7}, .drop = Drop::kTxFull,
                .a = {IpPrefix::Parse("10.1.0.2"), 0}};
  EXPECT_TRUE(Matches(f, {first, second}));
  EXPECT_FALSE(Matches(f, {first}));
  EXPECT_FALSE(Matches(f, {second}));
  f.drop = Drop::kNoSa;
  EXPECT_FALSE(Matches(f, {first, second}));
  EXPECT_TRUE(Matches({}, {first}));
  EXPECT_FALSE(Matches({.dropped = true}, {first}));
}

}  // namespace
}  // namespace culvert::dp
