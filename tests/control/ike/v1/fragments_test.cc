#include "control/ike/v1/fragments.h"

#include <numeric>

#include <gtest/gtest.h>

namespace culvert::ike::v1 {
namespace {

using Verdict = FragmentsIn::Verdict;
using std::chrono::milliseconds, std::chrono::seconds;
constexpr Time kStart = Time(std::chrono::hours(1));

// A fragment of `size` octets, each of them its number.
struct Piece {
  uint8_t number;
  bool last = false;
  uint16_t id = 1;
  size_t size = 4;
};

Verdict Take(FragmentsIn& f, const Piece& p, Time now = kStart) {
  const Bytes data(p.size, p.number);
  return f.Take({.id = p.id, .number = p.number, .last = p.last, .data = data}, now);
}

struct Step {
  Piece piece;
  Verdict verdict;
};
struct Row {
  const char* name;
  std::vector<Step> steps;
  std::string whole = {};    // digits, each for four octets of that number; empty: never complete
};

TEST(Fragments, PutsTogetherWhatBelongsTogether) {
  const Row rows[] = {
      {"in order", {{{1}, Verdict::kKept}, {{2}, Verdict::kKept}, {{3, true}, Verdict::kComplete}}, "123"},
      {"last first", {{{3, true}, Verdict::kKept}, {{1}, Verdict::kKept}, {{2}, Verdict::kComplete}}, "123"},
      {"only one", {{{1, true}, Verdict::kComplete}}, "1"},
      {"repeats", {{{1}, Verdict::kKept}, {{1}, Verdict::kRepeat}, {{1, true}, Verdict::kRepeat}, {{2, true}, Verdict::kComplete}}, "12"},
      {"another message takes the place of one that lacks some",
       {{{1}, Verdict::kKept}, {{1, false, 2}, Verdict::kKept}, {{2, true, 1}, Verdict::kKept}, {{1}, Verdict::kComplete}}, "12"},
      {"beyond the last", {{{2, true}, Verdict::kKept}, {{3}, Verdict::kRefused}, {{1}, Verdict::kComplete}}, "12"},
      {"two last ones", {{{2, true}, Verdict::kKept}, {{3, true}, Verdict::kRefused}, {{1, true}, Verdict::kRefused}, {{1}, Verdict::kComplete}}, "12"},
      {"a last one before others", {{{3}, Verdict::kKept}, {{2, true}, Verdict::kRefused}, {{1}, Verdict::kKept}, {{2}, Verdict::kKept}}},
      {"number 0", {{{0}, Verdict::kRefused}, {{1, true}, Verdict::kComplete}}, "1"},
      {"number 17", {{{17, true}, Verdict::kRefused}, {{16, true}, Verdict::kKept}}},
      {"a number too high leaves the rest alone", {{{1}, Verdict::kKept}, {{255, true, 9}, Verdict::kRefused}, {{2, true}, Verdict::kComplete}}, "12"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    FragmentsIn f;
    for (const Step& s : row.steps) EXPECT_EQ(Take(f, s.piece), s.verdict) << "number " << int{s.piece.number};
    if (row.whole.empty()) {
      EXPECT_FALSE(f.empty());
      continue;
    }
    Bytes whole;
    for (char c : row.whole) whole.insert(whole.end(), 4, static_cast<uint8_t>(c - '0'));
    EXPECT_EQ(f.TakeMessage(), whole);
    EXPECT_TRUE(f.empty());
  }
}

// D06
TEST(Fragments, KeepsSixteenOfThem) {
  FragmentsIn f;
  for (uint8_t n = 1; n < kMaxFragments; ++n) EXPECT_EQ(Take(f, {n}), Verdict::kKept);
  EXPECT_EQ(Take(f, {kMaxFragments, true}), Verdict::kComplete);
  EXPECT_EQ(f.TakeMessage().size(), 4 * kMaxFragments);
}

TEST(Fragments, KeepsSixteenKibibytes) {
  FragmentsIn f;
  EXPECT_EQ(Take(f, {.number = 1, .size = kMaxFragmentedOctets + 1}), Verdict::kRefused);
  EXPECT_TRUE(f.empty());
  EXPECT_EQ(Take(f, {.number = 1, .size = kMaxFragmentedOctets - 100}), Verdict::kKept);
  EXPECT_EQ(Take(f, {.number = 2, .last = true, .size = 101}), Verdict::kRefused);
  EXPECT_EQ(Take(f, {.number = 2, .last = true, .size = 100}), Verdict::kComplete);
  EXPECT_EQ(f.TakeMessage().size(), kMaxFragmentedOctets);
}

TEST(Fragments, ForgetsAfterFiveSecondsFromTheFirst) {
  FragmentsIn f;
  EXPECT_EQ(Take(f, {1}), Verdict::kKept);
  EXPECT_EQ(Take(f, {2}, kStart + seconds(4)), Verdict::kKept);
  f.Expire(kStart + seconds(5) - milliseconds(1));
  EXPECT_FALSE(f.empty());
  EXPECT_EQ(Take(f, {3, true}, kStart + seconds(5)), Verdict::kKept);   // alone
  EXPECT_EQ(Take(f, {1}, kStart + seconds(5)), Verdict::kKept);
  EXPECT_EQ(Take(f, {2}, kStart + seconds(9)), Verdict::kComplete);
  f.Expire(kStart + seconds(20));
  EXPECT_TRUE(f.empty());
}

TEST(Fragments, AreForgottenAtAnyTime) {
  FragmentsIn f;
  EXPECT_EQ(Take(f, {2}), Verdict::kKept);
  f.Forget();
  EXPECT_TRUE(f.empty());
  EXPECT_EQ(Take(f, {1, true}), Verdict::kComplete);
}

Bytes MessageOf(size_t size) {
  Bytes body(size - kHeaderSize);
  std::iota(body.begin(), body.end(), uint8_t{0});
  Bytes m = EncodeHeader({.cookie_i = 1, .cookie_r = 2, .next_payload = PayloadType::kHash, .exchange = ExchangeType::kQuick,
                          .encrypted = true, .commit = true, .message_id = 77}, body.size());
  Append(m, body);
  return m;
}

TEST(CutMessage, LeavesAloneWhatFits) {
  const Bytes m = MessageOf(500);
  EXPECT_EQ(CutMessage(m, 1, 500), std::vector<Bytes>{m});
}

TEST(CutMessage, GivesDatagramsThatFillTheRoom) {
  for (size_t size : {501u, 929u, 1392u, 1393u, 5000u}) {
    SCOPED_TRACE(size);
    const Bytes m = MessageOf(size);
    const std::vector<Bytes> cut = CutMessage(m, 0x1234, 500);
    EXPECT_EQ(cut.size(), (size + 463) / 464);
    FragmentsIn f;
    for (size_t i = 0; i < cut.size(); ++i) {
      EXPECT_LE(cut[i].size(), 500u);
      auto header = DecodeHeader(cut[i]);
      ASSERT_TRUE(header);
      EXPECT_EQ(*header, (Header{.cookie_i = 1, .cookie_r = 2, .next_payload = PayloadType::kFragment, .exchange = ExchangeType::kQuick,
                                 .message_id = 77, .length = static_cast<uint32_t>(cut[i].size())}));
      auto chain = DecodeChain(header->next_payload, ByteView(cut[i]).subspan(kHeaderSize), Tail::kNone);
      ASSERT_TRUE(chain);
      ASSERT_EQ(chain->items.size(), 1u);
      auto* piece = chain->Get<FragmentPayload>();
      ASSERT_TRUE(piece);
      EXPECT_EQ(piece->id, 0x1234);
      EXPECT_EQ(f.Take(*piece, kStart), i + 1 < cut.size() ? Verdict::kKept : Verdict::kComplete);
    }
    EXPECT_EQ(f.TakeMessage(), m);
  }
}

}  // namespace
}  // namespace culvert::ike::v1
