#include "control/ike/sa/reassembly.h"

#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include "tests/support/seeded_random.h"

namespace culvert::ike {
namespace {

using Taken = Reassembly::Taken;
using Verdict = Reassembly::Verdict;
constexpr auto kAuth = ExchangeType::kIkeAuth;

FragmentPlace At(uint16_t number, uint16_t total, uint32_t id = 1, ExchangeType exchange = kAuth) {
  return {id, exchange, number, total};
}
Plain Piece(uint8_t octet, size_t size = 4) { return {octet == 1 ? PayloadType::kIdI : PayloadType::kNone, Bytes(size, octet)}; }

TEST(Reassembly, PutsEveryOrderTogether) {
  std::vector<uint8_t> order = {1, 2, 3, 4};
  do {
    Reassembly r;
    for (size_t i = 0; i < order.size(); ++i) {
      EXPECT_EQ(r.Add(At(order[i], 4), Piece(order[i], order[i]), kMaxReassembly), i == 3 ? Taken::kWhole : Taken::kMore);
    }
    Plain whole = r.Take();
    EXPECT_EQ(whole.first, PayloadType::kIdI);
    EXPECT_EQ(whole.body, (Bytes{1, 2, 2, 3, 3, 3, 4, 4, 4, 4}));
    EXPECT_TRUE(r.empty());
    EXPECT_EQ(r.octets(), 0u);
  } while (std::ranges::next_permutation(order).found);
}

TEST(Reassembly, AFragmentWithoutContentsIsOneAllTheSame) {
  Reassembly r;
  EXPECT_EQ(r.Add(At(2, 2), {PayloadType::kNone, {}}, 10), Taken::kMore);
  EXPECT_EQ(r.Judge(At(2, 2)), Verdict::kRepeat);
  EXPECT_EQ(r.Add(At(1, 2), Piece(1), 10), Taken::kWhole);
  EXPECT_EQ(r.Take().body.size(), 4u);
}

// B45, RFC 7383 2.6.
TEST(Reassembly, WhatDoesNotFit) {
  Reassembly r;
  ASSERT_EQ(r.Add(At(2, 3), Piece(2), 100), Taken::kMore);
  struct {
    FragmentPlace place;
    Verdict verdict;
  } rows[] = {
      {At(2, 3), Verdict::kRepeat},        {At(1, 3), Verdict::kWanted},
      {At(3, 3), Verdict::kWanted},        {At(1, 2), Verdict::kSmaller},
      {At(2, 2), Verdict::kSmaller},       {At(2, 4), Verdict::kWanted},
      {At(1, 3, 1, ExchangeType::kInformational), Verdict::kContradicts},
      {At(2, 4, 1, ExchangeType::kInformational), Verdict::kContradicts},
      {At(1, 1, 2), Verdict::kWanted},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(std::to_string(row.place.number) + " of " + std::to_string(row.place.total));
    EXPECT_EQ(r.Judge(row.place), row.verdict);
  }
}

TEST(Reassembly, ALargerTotalStartsAnew) {
  Reassembly r;
  ASSERT_EQ(r.Add(At(1, 2), Piece(1), 100), Taken::kMore);
  ASSERT_EQ(r.Add(At(3, 3), Piece(3), 100), Taken::kMore);
  EXPECT_EQ(r.octets(), 4u);
  EXPECT_EQ(r.Judge(At(2, 2)), Verdict::kSmaller);
  ASSERT_EQ(r.Add(At(2, 3), Piece(2), 100), Taken::kMore);
  ASSERT_EQ(r.Add(At(1, 3), Piece(1), 100), Taken::kWhole);
  EXPECT_EQ(r.Take().body, (Bytes{1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3}));
}

TEST(Reassembly, KeepsNoMoreThanItMay) {
  Reassembly r;
  ASSERT_EQ(r.Add(At(1, 3), Piece(1, 60), 100), Taken::kMore);
  EXPECT_EQ(r.Add(At(2, 3), Piece(2, 41), 100), Taken::kTooLarge);
  EXPECT_EQ(r.octets(), 60u);
  EXPECT_EQ(r.Judge(At(2, 3)), Verdict::kWanted);
  // A new cut drops the old one first.
  EXPECT_EQ(r.Add(At(2, 4), Piece(2, 100), 100), Taken::kMore);
  EXPECT_EQ(r.octets(), 100u);
  EXPECT_EQ(r.Add(At(1, 4), Piece(1, 1), 100), Taken::kTooLarge);
}

// D05: 64 fragments in the worst order.
TEST(Reassembly, AsManyAsThereMayBe) {
  std::vector<uint16_t> order(kMaxFragments);
  std::iota(order.rbegin(), order.rend(), uint16_t{1});
  Reassembly r;
  for (uint16_t n : order) {
    Taken taken = r.Add(At(n, kMaxFragments), Piece(static_cast<uint8_t>(n), kMaxReassembly / kMaxFragments), kMaxReassembly);
    EXPECT_EQ(taken, n == 1 ? Taken::kWhole : Taken::kMore);
  }
  EXPECT_EQ(r.octets(), kMaxReassembly);
  Plain whole = r.Take();
  ASSERT_EQ(whole.body.size(), kMaxReassembly);
  EXPECT_TRUE(std::ranges::is_sorted(whole.body));
}

}  // namespace
}  // namespace culvert::ike
