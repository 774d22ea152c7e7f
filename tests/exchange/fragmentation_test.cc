#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/ike/v2/fragmentation.h"
#include "tests/support/raw_peer.h"
#include "tests/support/two_peers.h"

// Messages in fragments (RFC 7383), both ways, and what a peer with valid keys may try with them (B45, B46, D05).
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;

constexpr uint16_t kTiny = 200;  // octets of an IP datagram: IKE_AUTH takes three of them

void Cut(TwoPeers& p, uint16_t size) {
  p.ForBoth([size](SimPeer& peer) { peer.control.settings.fragment_size_v4 = size; });
}

bool IsFragment(const SimPacket& p) { return DecodeHeader(p.data)->next_payload == PayloadType::kSkf; }

// So many selectors that IKE_AUTH and CREATE_CHILD_SA are larger than any path need carry.
void Enlarge(TwoPeers& p) {
  auto nets = [](const std::string& of) {
    std::vector<config::Ts> list;
    for (int i = 0; i < 50; ++i) list.push_back(SelectorTs("10." + of + "." + std::to_string(2 * i) + ".0/24"));
    return list;
  };
  p.ChildOf(p.a).local_ts = p.ChildOf(p.b).remote_ts = nets("1");
  p.ChildOf(p.a).remote_ts = p.ChildOf(p.b).local_ts = nets("2");
}

TEST(Fragmentation, EverythingButIkeSaInitGoesInFragments) {
  TwoPeers p;
  Cut(p, kTiny);
  size_t whole = 0, fragments = 0, largest = 0;
  auto check = p.network.on_send;
  p.network.on_send = [&](const SimPacket& packet) {
    check(packet);
    if (DecodeHeader(packet.data)->exchange == ExchangeType::kIkeSaInit) return;
    ++(IsFragment(packet) ? fragments : whole);
    largest = std::max(largest, packet.data.size() + 28);
  };
  p.Establish();
  EXPECT_EQ(whole, 0u);
  EXPECT_GE(fragments, 4u);
  EXPECT_LE(largest, kTiny);
  EXPECT_EQ(p.a.Counted(Count::kFragmented), 1u);
  EXPECT_EQ(p.b.Counted(Count::kReassembled), 1u);
  p.b.RekeyIke("gw");
  p.a.RekeyChildren("net");
  p.RunFor(10s);
  EXPECT_EQ(p.Disagreement(), "");
  EXPECT_EQ(p.a.Counted(Count::kReassembled), p.b.Counted(Count::kFragmented));
  EXPECT_EQ(p.b.Counted(Count::kReassembled), p.a.Counted(Count::kFragmented));
}

TEST(Fragmentation, ByWhatBothSidesConfigure) {
  using enum config::Fragmentation;
  struct {
    config::Fragmentation a, b;
    bool by_a, by_b;
  } rows[] = {
      {kYes, kYes, true, true},       {kYes, kAccept, true, false},  {kAccept, kYes, false, true}, {kForce, kYes, true, true},
      {kAccept, kAccept, false, false}, {kYes, kNo, false, false}, {kNo, kYes, false, false},    {kNo, kNo, false, false},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(std::to_string(static_cast<int>(row.a)) + " and " + std::to_string(static_cast<int>(row.b)));
    TwoPeers p;
    Cut(p, kTiny);
    p.ConnectionOf(p.a).fragmentation = row.a;
    p.ConnectionOf(p.b).fragmentation = row.b;
    p.Establish();
    EXPECT_EQ(p.a.Counted(Count::kFragmented) > 0, row.by_a);
    EXPECT_EQ(p.b.Counted(Count::kFragmented) > 0, row.by_b);
  }
}

TEST(Fragmentation, WhatFitsIsNotCut) {
  TwoPeers p;
  p.Establish();
  EXPECT_EQ(p.a.Counted(Count::kFragmented) + p.b.Counted(Count::kFragmented), 0u);
}

TEST(Fragmentation, IPv6AndItsOwnSize) {
  TwoPeers p;
  config::ControlSettings s;
  s.fragment_size_v4 = 600;
  s.fragment_size_v6 = 1500;
  Path v4{{Address("192.0.2.1"), 500, 0}, {Address("192.0.2.2"), 500, 0}, false, false, false};
  Path v6{{Address("2001:db8::1"), 500, 0}, {Address("2001:db8::2"), 500, 0}, true, false, false};
  EXPECT_EQ(MessageRoom(s, v4), 600u - 28);
  EXPECT_EQ(MessageRoom(s, v6), 1500u - 48 - 4);
  EXPECT_EQ(SmallestRoom(v4), 576u - 28);
  EXPECT_EQ(SmallestRoom(v6), 1280u - 48 - 4);
}

void InFragments(TwoPeers& p) {
  Cut(p, kTiny);
  p.Establish();
}

TEST(Fragmentation, EveryFragmentLostRepeatedLateOrDamaged) {
  TellWithEveryDisturbance({[](TwoPeers& p) {
                              Cut(p, kTiny);
                              p.Start();
                            },
                            [](TwoPeers& p) {
                              p.a.Up("net");
                              p.RunFor(5s);
                            },
                            [](TwoPeers& p) {
                              EXPECT_EQ(p.Disagreement(), "");
                              EXPECT_TRUE(p.CarriesBothWays());
                            }});
  TellWithEveryDisturbance({InFragments,
                            [](TwoPeers& p) {
                              p.a.RekeyIke("gw");
                              p.RunFor(1s);
                              p.b.RekeyChildren("net");
                              p.RunFor(5s);
                            },
                            [](TwoPeers& p) {
                              EXPECT_EQ(p.Disagreement(), "");
                              EXPECT_TRUE(p.CarriesBothWays());
                            }});
}

TEST(Fragmentation, BothSidesAskInFragmentsAtOnce) {
  TwoPeers p;
  InFragments(p);
  p.a.RekeyChildren("net");
  p.b.RekeyChildren("net");
  p.RunFor(20s);
  EXPECT_EQ(p.Disagreement(), "");
  EXPECT_EQ(p.a.Counted(Count::kRetransmitted) + p.b.Counted(Count::kRetransmitted), 0u);
}

// RFC 7383 2.5.2: a path that loses every datagram above the least that it must carry.
TEST(Fragmentation, SmallerWhereThePathIsNarrow) {
  TwoPeers p;
  Enlarge(p);
  p.network.fate = [](const SimPacket& packet) { return packet.data.size() + 28 > 576 ? Fate{.arrivals = {}} : Fate{}; };
  p.Start();
  RequestId r = p.a.Up("net");
  p.RunFor(20s);
  ASSERT_TRUE(p.a.replies.contains(r));
  EXPECT_TRUE(p.a.replies[r].ok);
  EXPECT_EQ(p.Disagreement(), "");
  EXPECT_EQ(p.a.Counted(Count::kRefragmented), 1u);
  EXPECT_TRUE(p.a.Logged("trying smaller fragments"));
  EXPECT_EQ(p.b.Counted(Count::kRetransmitted), 0u) << "the answer is cut as the request was";
}

// The path loses what is large, but not always: fragments of both cuts arrive.
TEST(Fragmentation, FragmentsOfTheCutGivenUpStillArrive) {
  TwoPeers p;
  Enlarge(p);
  p.network.fate = [n = 0](const SimPacket& packet) mutable {
    return packet.data.size() > 600 ? (++n % 3 == 0 ? Fate{.arrivals = {7s}} : Fate{.arrivals = {}}) : Fate{.arrivals = {1200ms}};
  };
  p.Start();
  RequestId r = p.a.Up("net");
  p.RunFor(60s);
  ASSERT_TRUE(p.a.replies.contains(r));
  EXPECT_TRUE(p.a.replies[r].ok);
  EXPECT_EQ(p.Disagreement(), "");
}

// ---- a peer that keeps no rule ----

class HostileFragments : public testing::Test {
 protected:
  HostileFragments() : b_(p_.b), raw_({p_.clock, p_.network, p_.b}, p_.a.address) { b_.Start(); }

  bool Handshake(bool announce = true) {
    RawPeer::Init init;
    if (announce) init.more = {NotifyPayload{.protocol = {}, .type = NotifyType::kFragmentationSupported, .spi = {}, .data = {}}};
    return raw_.Handshake(init);
  }
  bool Establish() { return Handshake() && raw_.Ask(raw_.Seal(ExchangeType::kIkeAuth, 1, raw_.AuthRequest())).size() == 1; }
  Bytes Fragment(uint16_t number, uint16_t total, ByteView piece, uint32_t id = 2) {
    return raw_.SealFragment(ExchangeType::kInformational, id, {number, total, PayloadType::kNone}, piece);
  }
  void ExpectAlive(uint32_t id) { EXPECT_EQ(raw_.Ask(raw_.Seal(ExchangeType::kInformational, id, Chain{})).size(), 1u); }

  TwoPeers p_;
  SimPeer& b_;
  RawPeer raw_;
};

TEST_F(HostileFragments, NotWithoutHavingBeenAnnounced) {
  ASSERT_TRUE(Handshake(false));
  for (const Bytes& d : raw_.SealFragments(ExchangeType::kIkeAuth, 1, raw_.AuthRequest().Encode(), 3)) {
    EXPECT_TRUE(raw_.Ask(d).empty());
  }
  EXPECT_EQ(b_.Counted(Count::kFragment), 3u);
  EXPECT_EQ(raw_.Ask(raw_.Seal(ExchangeType::kIkeAuth, 1, raw_.AuthRequest())).size(), 1u);
}

TEST_F(HostileFragments, ARequestInAnyOrderIsAnsweredOnceItIsWhole) {
  ASSERT_TRUE(Handshake());
  auto fragments = raw_.SealFragments(ExchangeType::kIkeAuth, 1, raw_.AuthRequest().Encode(), 5);
  std::ranges::reverse(fragments);
  for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(raw_.Ask(fragments[i]).empty());
  EXPECT_EQ(raw_.Ask(fragments[4]).size(), 1u);
  EXPECT_EQ(b_.Established().size(), 1u);
  // RFC 7383 2.6.1: of the repeated request, the first fragment alone asks for the answer.
  for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(raw_.Ask(fragments[i]).empty());
  EXPECT_EQ(raw_.Ask(fragments[4]).size(), 1u);
  EXPECT_EQ(b_.Counted(Count::kRepeatIgnored), 4u);
  EXPECT_EQ(b_.Counted(Count::kRepeatAnswered), 1u);
}

// Before the keys are derived fragments wait, and are bounded by their octets.
TEST_F(HostileFragments, ABurstWhileTheKeysAreDerived) {
  b_.job_delay = 20ms;
  RawPeer::Init init;
  init.more = {NotifyPayload{.protocol = {}, .type = NotifyType::kFragmentationSupported, .spi = {}, .data = {}}};
  ASSERT_TRUE(raw_.Handshake(init));
  auto fragments = raw_.SealFragments(ExchangeType::kIkeAuth, 1, raw_.AuthRequest().Encode(), 20);
  for (size_t i = 0; i + 1 < fragments.size(); ++i) b_.Post(DatagramIn{raw_.remote, raw_.local, false, fragments[i]});
  EXPECT_EQ(raw_.Ask(fragments.back()).size(), 1u);
  EXPECT_EQ(b_.Established().size(), 1u);
}

// B45.
TEST_F(HostileFragments, NumbersThatAreNone) {
  ASSERT_TRUE(Establish());
  const Bytes piece(10, 7);
  for (auto [number, total] : {std::pair<uint16_t, uint16_t>{0, 2}, {3, 2}, {0, 0}, {1, 0}, {1, 65}, {1, 65535}, {65535, 65535}}) {
    EXPECT_TRUE(raw_.Ask(Fragment(number, total, piece)).empty());
  }
  EXPECT_EQ(b_.Counted(Count::kMalformed), 7u);
  ExpectAlive(2);
}

TEST_F(HostileFragments, TotalsThatShrinkAndNumbersThatRepeat) {
  ASSERT_TRUE(Establish());
  PayloadList list;
  list.AddNotify(NotifyType{40000}, Bytes(40, 1));
  auto three = raw_.SealFragments(ExchangeType::kInformational, 2, list.Encode(), 3);
  EXPECT_TRUE(raw_.Ask(three[0]).empty());
  EXPECT_TRUE(raw_.Ask(Fragment(1, 2, Bytes(8, 1))).empty());   // shrinks
  EXPECT_EQ(b_.Counted(Count::kFragmentRefused), 1u);
  EXPECT_TRUE(raw_.Ask(Fragment(1, 3, Bytes(8, 9))).empty());   // the same number with other contents
  EXPECT_TRUE(raw_.Ask(three[0]).empty());
  EXPECT_EQ(b_.Counted(Count::kFragmentRepeat), 2u);
  EXPECT_TRUE(raw_.Ask(raw_.SealFragment(ExchangeType::kCreateChildSa, 2, {2, 3}, Bytes(8, 9))).empty());
  EXPECT_EQ(b_.Counted(Count::kFragmentRefused), 2u);
  EXPECT_TRUE(raw_.Ask(three[1]).empty());
  EXPECT_EQ(raw_.Ask(three[2]).size(), 1u);
  ExpectAlive(3);
}

// D05: nothing is kept before its ICV was good.
TEST_F(HostileFragments, AForgedFragmentTakesNobodysPlace) {
  ASSERT_TRUE(Establish());
  auto three = raw_.SealFragments(ExchangeType::kInformational, 2, NotifyChain(NotifyType{40000}, Bytes(40, 1)), 3);
  for (Bytes forged : three) {
    forged.back() ^= 1;
    EXPECT_TRUE(raw_.Ask(forged).empty());
  }
  Bytes larger = Fragment(1, 60, Bytes(8, 1));
  larger.back() ^= 1;
  EXPECT_TRUE(raw_.Ask(larger).empty());
  EXPECT_EQ(b_.Counted(Count::kBadIcv), 4u);
  EXPECT_TRUE(raw_.Ask(three[0]).empty());
  EXPECT_TRUE(raw_.Ask(three[1]).empty());
  EXPECT_EQ(raw_.Ask(three[2]).size(), 1u);
}

TEST_F(HostileFragments, OutsideTheWindowAndAsAnswerToNothing) {
  ASSERT_TRUE(Establish());
  for (uint32_t id : {0u, 4u, 1000u}) EXPECT_TRUE(raw_.Ask(Fragment(1, 2, Bytes(8, 1), id)).empty());
  EXPECT_EQ(b_.Counted(Count::kBadMessageId), 3u);
  ExpectAlive(2);
}

// B46: what is put together is looked into as what came whole.
TEST_F(HostileFragments, TooManyPayloadsInAll) {
  ASSERT_TRUE(Establish());
  PayloadList list;
  for (int i = 0; i < 19; ++i) list.AddNotify(NotifyType{40000});
  for (int i = 0; i < 12; ++i) list.Add(VendorIdPayload{});
  std::vector<Bytes> answers;
  for (const Bytes& d : raw_.SealFragments(ExchangeType::kInformational, 2, list.Encode(), 4)) answers = raw_.Ask(d);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(raw_.NotifyIn(answers[0]), NotifyType::kInvalidSyntax);
  EXPECT_TRUE(b_.Established().empty());
}

TEST_F(HostileFragments, WholeAndInFragmentsUnderOneId) {
  ASSERT_TRUE(Establish());
  auto three = raw_.SealFragments(ExchangeType::kInformational, 2, NotifyChain(NotifyType{40000}, Bytes(40, 1)), 3);
  EXPECT_TRUE(raw_.Ask(three[0]).empty());
  auto answer = raw_.Ask(raw_.Seal(ExchangeType::kInformational, 2, Chain{}));
  EXPECT_EQ(answer.size(), 1u);
  // Now they are repeats of what has been answered.
  EXPECT_TRUE(raw_.Ask(three[1]).empty());
  EXPECT_EQ(raw_.Ask(three[0]), answer);
  ExpectAlive(3);
}

TEST_F(HostileFragments, WhatNeverBecomesWholeIsGivenUp) {
  ASSERT_TRUE(Establish());
  auto two = raw_.SealFragments(ExchangeType::kInformational, 2, NotifyChain(NotifyType{40000}, Bytes(40, 1)), 2);
  EXPECT_TRUE(raw_.Ask(two[0]).empty());
  p_.RunFor(29s);
  EXPECT_EQ(b_.Counted(Count::kReassemblyExpired), 0u);
  p_.RunFor(2s);
  EXPECT_EQ(b_.Counted(Count::kReassemblyExpired), 1u);
  EXPECT_TRUE(b_.Logged("of 2 fragments only 1 came"));
  EXPECT_TRUE(raw_.Ask(two[1]).empty());
  EXPECT_EQ(raw_.Ask(two[0]).size(), 1u);
}

TEST_F(HostileFragments, NoMoreThanIsKeptOfOneMessage) {
  ASSERT_TRUE(Establish());
  const Bytes piece(2000, 0);
  for (uint16_t n = 1; n <= 60; ++n) EXPECT_TRUE(raw_.Ask(Fragment(n, 60, piece)).empty());
  EXPECT_EQ(b_.Counted(Count::kFragmentRefused), 60 - kMaxReassembly / 2000);
  ExpectAlive(2);
}

// Many small pieces do not make us answer in more.
TEST_F(HostileFragments, TheAnswerIsNotCutSmallerThanAnyPathCarries) {
  ASSERT_TRUE(Handshake());
  auto fragments = raw_.SealFragments(ExchangeType::kIkeAuth, 1, raw_.AuthRequest().Encode(), 60);
  std::vector<Bytes> answers;
  for (const Bytes& d : fragments) {
    auto got = raw_.Ask(d);
    answers.insert(answers.end(), got.begin(), got.end());
  }
  EXPECT_EQ(answers.size(), 1u);
}

TEST_F(HostileFragments, AnswersInFragmentsHoldTheMessage) {
  b_.control.settings.fragment_size_v4 = kTiny;
  b_.Crash();
  b_.Start();
  ASSERT_TRUE(Handshake());
  auto answers = raw_.Ask(raw_.Seal(ExchangeType::kIkeAuth, 1, raw_.AuthRequest()));
  EXPECT_GT(answers.size(), 1u);
  auto chain = raw_.Join(answers);
  ASSERT_TRUE(chain);
  auto payloads = DecodeChain(chain->first, chain->body);
  ASSERT_TRUE(payloads);
  EXPECT_EQ(CheckGrammar(ExchangeType::kIkeAuth, true, *payloads).form, MessageForm::kAuthChild);
}

}  // namespace
}  // namespace culvert::ike
