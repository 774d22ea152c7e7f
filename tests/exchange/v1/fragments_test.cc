#include <gtest/gtest.h>

#include "control/ike/v1/fragments.h"
#include "tests/support/against_raw_peer_v1.h"

// D06: fragments are nobody's word, so little is kept of them: of an SA that was told it may send them, 16 of at most 16 KiB, two
// messages of a source, for five seconds.
namespace culvert::ike::v1 {
namespace {

using namespace std::chrono_literals;

// "FRAGMENTATION" with its capabilities, as Cisco and Microsoft announce it.
const Bytes kFragmentation = {0x40, 0x48, 0xb7, 0xd5, 0x6e, 0xbc, 0xe8, 0x85, 0x25, 0xe7, 0xde, 0x7f, 0x00, 0xd6, 0xc2, 0xd3, 0x80, 0x00, 0x00, 0x00};

// Main mode up to keys, with the vendor id where the test wants it.
bool Keys(RawPeer& raw, bool announce) {
  Payloads first = raw.Main1();
  if (announce) first.Add(PayloadType::kVendorId, kFragmentation);
  auto answers = raw.Ask(raw.InClear(ExchangeType::kMain, first));
  if (answers.size() != 1 || !raw.Hear(answers[0])) return false;
  answers = raw.Ask(raw.InClear(ExchangeType::kMain, raw.Main3()));
  return answers.size() == 1 && raw.Hear(answers[0]);
}

Bytes Fragment(RawPeer& raw, const FragmentPayload& f) { return raw.InClear(ExchangeType::kMain, Payloads{f}); }

TEST(FragmentsV1, AMessageInPiecesInAnyOrder) {
  for (bool backwards : {false, true}) {
    Target t;
    RawPeer& raw = *t.raw;
    ASSERT_TRUE(Keys(raw, true));
    auto cut = CutMessage(raw.Seal(ExchangeType::kMain, 0, raw.Main5()), 3, 70);
    ASSERT_GT(cut.size(), 2u);
    if (backwards) std::ranges::reverse(cut);
    size_t answers = 0;
    for (const Bytes& m : cut) answers += raw.Ask(m).size();
    EXPECT_EQ(answers, 1u);
    EXPECT_EQ(t.b.Counted(Count::kReassembled), 1u);
    t.Expect(1, 0);
  }
}

TEST(FragmentsV1, AreNotHeardOfAPeerThatDidNotAnnounceThem) {
  Target t;
  RawPeer& raw = *t.raw;
  ASSERT_TRUE(Keys(raw, false));
  for (const Bytes& m : CutMessage(raw.Seal(ExchangeType::kMain, 0, raw.Main5()), 3, 70)) EXPECT_TRUE(raw.Ask(m).empty());
  EXPECT_GT(t.b.Counted(Count::kFragment), 2u);
  t.Expect(0, 0);
}

TEST(FragmentsV1, NorWithoutAnSaOrWhereTheConnectionHasNone) {
  Target t({}, [](TwoPeers& p) { p.ConnectionOf(p.b).fragmentation = config::Fragmentation::kNo; });
  RawPeer& raw = *t.raw;
  const Bytes piece(100, 1);
  EXPECT_TRUE(raw.Ask(Fragment(raw, {.id = 1, .number = 1, .data = piece})).empty());
  raw.cookie_r = 9;
  EXPECT_TRUE(raw.Ask(Fragment(raw, {.id = 1, .number = 1, .data = piece})).empty());
  raw.cookie_r = 0;
  ASSERT_TRUE(Keys(raw, true));
  EXPECT_TRUE(raw.Ask(Fragment(raw, {.id = 1, .number = 1, .data = piece})).empty());
  EXPECT_EQ(t.b.Counted(Count::kFragment), 1u);
  EXPECT_EQ(t.b.Counted(Count::kReassembled), 0u);
}

TEST(FragmentsV1, WhatIsWrongIsDroppedAndTheRestComesUp) {
  struct Case {
    const char* name;
    FragmentPayload fragment;
  };
  const Bytes piece(100, 0xee), large(9000, 0xee);
  const Case cases[] = {
      {"of another message", {.id = 77, .number = 1, .data = piece}},
      {"number 17", {.id = 3, .number = 17, .last = true, .data = piece}},
      {"number 255", {.id = 3, .number = 255, .data = piece}},
      {"a whole that is none", {.id = 78, .number = 1, .last = true, .data = piece}},
      {"large", {.id = 79, .number = 2, .data = large}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Target t;
    RawPeer& raw = *t.raw;
    ASSERT_TRUE(Keys(raw, true));
    const auto cut = CutMessage(raw.Seal(ExchangeType::kMain, 0, raw.Main5()), 3, 70);
    raw.Ask(cut[0]);
    EXPECT_TRUE(raw.Ask(Fragment(raw, c.fragment)).empty());
    // Said again as any message is; at the latest once what was left has gone.
    t.p.RunFor(6s);
    for (const Bytes& m : cut) raw.Ask(m);
    t.Expect(1, 0);
  }
}

// A message in a fragment that is itself a fragment, or of other cookies.
TEST(FragmentsV1, DoNotNest) {
  Target t;
  RawPeer& raw = *t.raw;
  ASSERT_TRUE(Keys(raw, true));
  const Bytes fifth = raw.Seal(ExchangeType::kMain, 0, raw.Main5());
  const Bytes inner = Fragment(raw, {.id = 5, .number = 1, .last = true, .data = fifth});
  EXPECT_TRUE(raw.Ask(Fragment(raw, {.id = 6, .number = 1, .last = true, .data = inner})).empty());
  Bytes elsewhere = fifth;
  elsewhere[15] ^= 1;
  EXPECT_TRUE(raw.Ask(Fragment(raw, {.id = 7, .number = 1, .last = true, .data = elsewhere})).empty());
  t.Expect(0, 0);
  EXPECT_EQ(raw.Ask(Fragment(raw, {.id = 8, .number = 1, .last = true, .data = fifth})).size(), 1u);
  t.Expect(1, 0);
}

TEST(FragmentsV1, OfOneSourceTwoMessagesAreKeptForFiveSeconds) {
  Target t;
  std::deque<RawPeer> peers;
  for (uint64_t n = 0; n < 4; ++n) {
    RawPeer& raw = peers.emplace_back(RawPeer::World{t.p.clock, t.p.network, t.b}, t.p.a.address, true, 1000 + n);
    raw.nonce = Bytes(16, static_cast<uint8_t>(n + 1));
    ASSERT_TRUE(Keys(raw, true));
  }
  const Bytes piece(100, 1);
  auto begin = [&](size_t n) { EXPECT_TRUE(peers[n].Ask(Fragment(peers[n], {.id = 1, .number = 1, .data = piece})).empty()); };
  for (size_t n = 0; n < 4; ++n) begin(n);
  EXPECT_EQ(t.b.Counted(Count::kFragmentRefused), 2u);
  t.p.RunFor(6s);
  EXPECT_EQ(t.b.Counted(Count::kReassemblyExpired), 2u);
  begin(3);
  EXPECT_EQ(t.b.Counted(Count::kFragmentRefused), 2u);
  // What ends with fragments waiting counts no more.
  t.p.RunFor(100s);
  EXPECT_TRUE(t.b.core->List().empty());
  peers.emplace_back(RawPeer::World{t.p.clock, t.p.network, t.b}, t.p.a.address, true, 2000);
  ASSERT_TRUE(Keys(peers.back(), true));
  begin(4);
  EXPECT_EQ(t.b.Counted(Count::kFragmentRefused), 2u);
}

// Our own: cut to what fits, and put together by the peer.
TEST(FragmentsV1, BothSidesCutWhatIsTooLarge) {
  TwoPeers p;
  UseIkev1(p, {.by = SpeakV1::By::kPubkey, .key = KeyKind::kRsa});
  p.ForBoth([](SimPeer& peer) { peer.control.settings.fragment_size_v4 = 576; });
  size_t largest = 0;
  p.network.on_send = [&](const SimPacket& packet) { largest = std::max(largest, packet.data.size()); };
  p.Establish();
  EXPECT_LE(largest, 576u - 28);
  EXPECT_GE(p.a.Counted(Count::kFragmented), 1u);
  EXPECT_GE(p.b.Counted(Count::kReassembled), 1u);
  EXPECT_GE(p.a.Counted(Count::kReassembled), 1u);
}

}  // namespace
}  // namespace culvert::ike::v1
