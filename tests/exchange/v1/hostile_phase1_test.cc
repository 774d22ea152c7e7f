#include <gtest/gtest.h>

#include "tests/support/against_raw_peer_v1.h"

// Phase 1 out of its order, malformed, in clear where it may not be, of methods nobody has (B55, B57, D03, D07): at most one
// answer, no SA, and whoever keeps the rules comes up all the same.
namespace culvert::ike::v1 {
namespace {

using namespace std::chrono_literals;

// One message that is wrong, made when `raw` has got as far as the test says.
struct Wrong {
  const char* name;
  std::function<Bytes(RawPeer&)> make;
};

Bytes WithOctet(Bytes m, size_t at, uint8_t v) {
  m.at(at) = v;
  return m;
}

constexpr size_t kVersionAt = 17, kExchangeAt = 18, kFlagsAt = 19, kLengthAt = 27;   // in the header

Bytes First(RawPeer& raw) { return raw.InClear(ExchangeType::kMain, raw.Main1()); }
Bytes FirstWith(RawPeer& raw, const RawPeer::IkeOffer& offer) { return raw.InClear(ExchangeType::kMain, Payloads{raw.Offer({offer})}); }
Bytes FirstAnd(RawPeer& raw, Payload more) {
  Payloads p = raw.Main1();
  p.Add(std::move(more));
  return raw.InClear(ExchangeType::kMain, p);
}

const Wrong kFirst[] = {
    {"no cookie", [](RawPeer& r) { r.cookie_i = 0; return First(r); }},
    {"a guessed cookie of the responder", [](RawPeer& r) { r.cookie_r = 0x42; return First(r); }},
    {"both cookies the same", [](RawPeer& r) { r.cookie_r = r.cookie_i; return First(r); }},
    {"a message ID", [](RawPeer& r) { return r.InClear(ExchangeType::kMain, r.Main1(), 5); }},
    {"says it is encrypted", [](RawPeer& r) { return WithOctet(First(r), kFlagsAt, 1); }},
    {"exchange 0", [](RawPeer& r) { return WithOctet(First(r), kExchangeAt, 0); }},
    {"base exchange", [](RawPeer& r) { return WithOctet(First(r), kExchangeAt, 1); }},
    {"authentication only", [](RawPeer& r) { return WithOctet(First(r), kExchangeAt, 3); }},
    {"informational", [](RawPeer& r) { return WithOctet(First(r), kExchangeAt, 5); }},
    {"transaction", [](RawPeer& r) { return WithOctet(First(r), kExchangeAt, 6); }},
    {"quick mode", [](RawPeer& r) { return WithOctet(First(r), kExchangeAt, 32); }},
    {"new group mode", [](RawPeer& r) { return WithOctet(First(r), kExchangeAt, 33); }},
    {"exchange 255", [](RawPeer& r) { return WithOctet(First(r), kExchangeAt, 255); }},
    {"length too small", [](RawPeer& r) { return WithOctet(First(r), kLengthAt, 28); }},
    {"length too large", [](RawPeer& r) { return WithOctet(First(r), kLengthAt, 255); }},
    {"version 0", [](RawPeer& r) { return WithOctet(First(r), kVersionAt, 0x00); }},
    {"a header alone", [](RawPeer& r) { return r.InClear(ExchangeType::kMain, Payloads()); }},
    {"nothing but a notify", [](RawPeer& r) { return r.InClear(ExchangeType::kMain, Payloads{NotifyPayload{.type = NotifyType::kInitialContact}}); }},
    {"no proposal", [](RawPeer& r) { return r.InClear(ExchangeType::kMain, Payloads{SaPayload{}}); }},
    {"a domain that is not IPsec's", [](RawPeer& r) { return r.InClear(ExchangeType::kMain, Payloads{SaPayload{.doi = 0x80000001}}); }},
    {"a situation with labels", [](RawPeer& r) { return r.InClear(ExchangeType::kMain, Payloads{SaPayload{.situation = 7}}); }},
    {"two SA payloads", [](RawPeer& r) { return FirstAnd(r, r.Offer({r.offer})); }},
    {"a HASH", [](RawPeer& r) { return FirstAnd(r, OpaquePayload{PayloadType::kHash, r.psk}); }},
    {"an ESP proposal", [](RawPeer& r) { return r.InClear(ExchangeType::kMain, Payloads{r.Offer(RawPeer::EspOffer{})}); }},
    {"aggressive where it is off", [](RawPeer& r) { return r.InClear(ExchangeType::kAggressive, r.Aggressive1()); }},
    {"key length 0", [](RawPeer& r) { return FirstWith(r, {.key_bits = uint16_t{0}}); }},
    {"key length 129", [](RawPeer& r) { return FirstWith(r, {.key_bits = uint16_t{129}}); }},
    {"no key length", [](RawPeer& r) { return FirstWith(r, {.key_bits = std::nullopt}); }},
    {"DES", [](RawPeer& r) { return FirstWith(r, {.cipher = Cipher::kDes, .key_bits = std::nullopt}); }},
    {"3DES", [](RawPeer& r) { return FirstWith(r, {.cipher = Cipher::k3Des, .key_bits = std::nullopt}); }},
    {"MD5", [](RawPeer& r) { return FirstWith(r, {.hash = Hash::kMd5}); }},
    {"SHA-1", [](RawPeer& r) { return FirstWith(r, {.hash = Hash::kSha1}); }},
    {"group 1", [](RawPeer& r) { return FirstWith(r, {.group = 1}); }},
    {"group 0", [](RawPeer& r) { return FirstWith(r, {.group = 0}); }},
    {"X25519", [](RawPeer& r) { return FirstWith(r, {.group = 31}); }},
    {"RSA encryption", [](RawPeer& r) { return FirstWith(r, {.method = AuthMethod::kRsaEncryption}); }},
    {"revised RSA encryption", [](RawPeer& r) { return FirstWith(r, {.method = AuthMethod::kRevisedRsaEncryption}); }},
    {"DSS", [](RawPeer& r) { return FirstWith(r, {.method = AuthMethod::kDss}); }},
    {"signatures nobody configured", [](RawPeer& r) { return FirstWith(r, {.method = AuthMethod::kRsaSignature}); }},
    {"XAUTH nobody configured", [](RawPeer& r) { return FirstWith(r, {.method = AuthMethod::kXauthInitPreShared}); }},
    {"hybrid nobody configured", [](RawPeer& r) { return FirstWith(r, {.method = AuthMethod::kHybridInitRsa}); }},
    {"method 0", [](RawPeer& r) { return FirstWith(r, {.method = AuthMethod{}}); }},
};

TEST(HostilePhase1, FirstMessages) {
  for (const Wrong& w : kFirst) {
    SCOPED_TRACE(w.name);
    Target t;
    const uint64_t cookie = t.raw->cookie_i;
    auto answers = t.raw->Ask(w.make(*t.raw));
    EXPECT_LE(answers.size(), 1u);
    for (const Bytes& m : answers) EXPECT_NE(t.raw->NotifyIn(m), NotifyType{}) << "what is refused is not answered but by a notify";
    EXPECT_TRUE(t.b.core->List().empty());
    t.p.RunFor(100s);
    EXPECT_TRUE(t.raw->Heard().empty()) << "repeated by a timer";
    t.raw->cookie_i = cookie;
    t.raw->cookie_r = 0;
    EXPECT_TRUE(t.raw->Establish());
    t.Expect(1, 1);
  }
}

// B57
TEST(HostilePhase1, WhatIsRefusedForItsMethodOrSuiteIsToldSo) {
  for (const RawPeer::IkeOffer& offer : {RawPeer::IkeOffer{.method = AuthMethod::kRsaEncryption}, RawPeer::IkeOffer{.method = AuthMethod::kRevisedRsaEncryption},
                                         RawPeer::IkeOffer{.hash = Hash::kMd5}, RawPeer::IkeOffer{.group = 1}}) {
    Target t;
    auto answers = t.raw->Ask(FirstWith(*t.raw, offer));
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(t.raw->NotifyIn(answers[0]), NotifyType::kNoProposalChosen);
    EXPECT_EQ(t.b.Counted(Count::kNoProposalChosen), 1u);
  }
}

// B57: with a pre-shared key, aggressive mode needs the connection's word and the global switch.
TEST(HostilePhase1, AggressiveModeWithASecretNeedsBothSwitches) {
  for (bool connection : {false, true}) {
    for (bool global : {false, true}) {
      SCOPED_TRACE(std::to_string(connection) + std::to_string(global));
      Target t({.aggressive = connection}, [&](TwoPeers& p) { p.b.control.settings.aggressive_psk = global; });
      if (connection && global) {
        EXPECT_TRUE(t.raw->AggressiveMode());
        t.Expect(1, 0);
        continue;
      }
      auto answers = t.raw->Ask(t.raw->InClear(ExchangeType::kAggressive, t.raw->Aggressive1()));
      ASSERT_EQ(answers.size(), 1u);
      EXPECT_EQ(t.raw->NotifyIn(answers[0]), NotifyType::kNoProposalChosen);
      EXPECT_TRUE(t.b.core->List().empty());
    }
  }
}

// Every length of a good first message, cut there with a header that says so.
TEST(HostilePhase1, CutAnywhere) {
  Target t;
  const Bytes whole = First(*t.raw);
  for (size_t size = 0; size < whole.size(); ++size) {
    Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    if (size > kLengthAt) cut[kLengthAt - 1] = static_cast<uint8_t>(size >> 8), cut[kLengthAt] = static_cast<uint8_t>(size);
    EXPECT_TRUE(t.raw->Ask(cut).empty()) << size;
  }
  EXPECT_TRUE(t.b.core->List().empty());
  EXPECT_TRUE(t.raw->Establish());
}

Payloads Without(PayloadType type, Payloads all) {
  std::erase_if(all.list(), [type](const Payload& p) { return TypeOf(p) == type; });
  return all;
}
Payloads Changed(PayloadType type, Payloads all, Bytes body) {
  const ByteView kept = all.Keep(std::move(body));
  for (Payload& p : all.list()) {
    if (TypeOf(p) == type) p = OpaquePayload{type, kept};
  }
  return all;
}
Payloads Twice(PayloadType type, Payloads all) {
  const auto copies = all.list();
  for (const Payload& p : copies) {
    if (TypeOf(p) == type) all.Add(p);
  }
  return all;
}
Bytes Main(RawPeer& raw, const Payloads& p) { return raw.InClear(ExchangeType::kMain, p); }

// In the place of the third message of main mode.
const Wrong kThird[] = {
    {"no KE", [](RawPeer& r) { return Main(r, Without(PayloadType::kKe, r.Main3())); }},
    {"no nonce", [](RawPeer& r) { return Main(r, Without(PayloadType::kNonce, r.Main3())); }},
    {"two KE", [](RawPeer& r) { return Main(r, Twice(PayloadType::kKe, r.Main3())); }},
    {"two nonces", [](RawPeer& r) { return Main(r, Twice(PayloadType::kNonce, r.Main3())); }},
    {"an empty KE", [](RawPeer& r) { return Main(r, Changed(PayloadType::kKe, r.Main3(), {})); }},
    {"a KE too short", [](RawPeer& r) { return Main(r, Changed(PayloadType::kKe, r.Main3(), Bytes(63, 1))); }},
    {"a KE too long", [](RawPeer& r) { return Main(r, Changed(PayloadType::kKe, r.Main3(), Bytes(65, 1))); }},
    {"a point that is none", [](RawPeer& r) { return Main(r, Changed(PayloadType::kKe, r.Main3(), Bytes(64, 1))); }},
    {"the point 0", [](RawPeer& r) { return Main(r, Changed(PayloadType::kKe, r.Main3(), Bytes(64, 0))); }},
    {"a nonce of 7 octets", [](RawPeer& r) { return Main(r, Changed(PayloadType::kNonce, r.Main3(), Bytes(7, 1))); }},
    {"a nonce of 257 octets", [](RawPeer& r) { return Main(r, Changed(PayloadType::kNonce, r.Main3(), Bytes(257, 1))); }},
    {"an empty nonce", [](RawPeer& r) { return Main(r, Changed(PayloadType::kNonce, r.Main3(), {})); }},
    {"a HASH", [](RawPeer& r) { Payloads p = r.Main3(); p.Add(PayloadType::kHash, Bytes(32, 1)); return Main(r, p); }},
    {"the fifth in clear", [](RawPeer& r) { Payloads p; p.Add(PayloadType::kId, r.IdBody()); p.Add(PayloadType::kHash, Bytes(32, 1)); return Main(r, p); }},
    {"another first message", [](RawPeer& r) { return Main(r, Payloads{r.Offer({RawPeer::IkeOffer{.key_bits = uint16_t{256}}})}); }},
    {"of aggressive mode", [](RawPeer& r) { return r.InClear(ExchangeType::kAggressive, r.Main3()); }},
    {"says it is encrypted", [](RawPeer& r) { return WithOctet(Main(r, r.Main3()), kFlagsAt, 1); }},
    {"a header alone", [](RawPeer& r) { return Main(r, Payloads()); }},
    {"with a message ID", [](RawPeer& r) { return r.InClear(ExchangeType::kMain, r.Main3(), 9); }},
    {"quick mode in clear", [](RawPeer& r) { return r.InClear(ExchangeType::kQuick, r.Quick1(), 9); }},
    {"a transaction in clear", [](RawPeer& r) { return r.InClear(ExchangeType::kTransaction, Payloads{AttributesPayload{.type = TransactionType::kSet}}, 9); }},
    {"a Delete in clear", [](RawPeer& r) { return r.InClear(ExchangeType::kInformational, Payloads{DeletePayload{.protocol = ProtocolId::kIsakmp}}, 9); }},
    {"a refusal in clear", [](RawPeer& r) { return r.InClear(ExchangeType::kInformational, Payloads{NotifyPayload{.type = NotifyType::kNoProposalChosen}}, 9); }},
    {"another's cookie", [](RawPeer& r) { r.cookie_r ^= 1; Bytes m = Main(r, r.Main3()); r.cookie_r ^= 1; return m; }},
};

TEST(HostilePhase1, ThirdMessages) {
  for (const Wrong& w : kThird) {
    SCOPED_TRACE(w.name);
    Target t;
    RawPeer& raw = *t.raw;
    auto answers = raw.Ask(First(raw));
    ASSERT_EQ(answers.size(), 1u);
    ASSERT_TRUE(raw.Hear(answers[0]));
    answers = raw.Ask(w.make(raw));
    EXPECT_LE(answers.size(), 1u);
    for (const Bytes& m : answers) EXPECT_NE(raw.NotifyIn(m), NotifyType{});
    t.Expect(0, 0);
    // The junk was anybody's: the peer itself goes on.
    answers = raw.Ask(Main(raw, raw.Main3()));
    ASSERT_EQ(answers.size(), 1u);
    ASSERT_TRUE(raw.Hear(answers[0]));
    EXPECT_EQ(raw.Ask(raw.Seal(ExchangeType::kMain, 0, raw.Main5())).size(), 1u);
    t.Expect(1, 0);
  }
}

// In the place of the fifth, once there are keys. What is sealed goes on in the chain, so the test puts that back.
const Wrong kFifth[] = {
    {"in clear", [](RawPeer& r) { return Main(r, r.Main5()); }},
    {"garbage", [](RawPeer& r) { return r.Seal(ExchangeType::kMain, 0, PayloadType::kId, Bytes(64, 0xa5)); }},
    {"no whole blocks", [](RawPeer& r) { Bytes m = r.Seal(ExchangeType::kMain, 0, r.Main5()); m.pop_back(); m[kLengthAt] -= 1; return m; }},
    {"an empty one", [](RawPeer& r) { return r.Seal(ExchangeType::kMain, 0, Payloads()); }},
    {"no HASH", [](RawPeer& r) { return r.Seal(ExchangeType::kMain, 0, Without(PayloadType::kHash, r.Main5())); }},
    {"no ID", [](RawPeer& r) { return r.Seal(ExchangeType::kMain, 0, Without(PayloadType::kId, r.Main5())); }},
    {"an empty HASH", [](RawPeer& r) { return r.Seal(ExchangeType::kMain, 0, Changed(PayloadType::kHash, r.Main5(), {})); }},
    {"a HASH too short", [](RawPeer& r) { Bytes h = r.HashOf(true); h.pop_back(); return r.Seal(ExchangeType::kMain, 0, Changed(PayloadType::kHash, r.Main5(), h)); }},
    {"a HASH too long", [](RawPeer& r) { Bytes h = r.HashOf(true); h.push_back(0); return r.Seal(ExchangeType::kMain, 0, Changed(PayloadType::kHash, r.Main5(), h)); }},
    {"HASH_R, reflected", [](RawPeer& r) { return r.Seal(ExchangeType::kMain, 0, Changed(PayloadType::kHash, r.Main5(), r.HashOf(false))); }},
    {"of aggressive mode", [](RawPeer& r) { return r.Seal(ExchangeType::kAggressive, 0, r.Main5()); }},
    {"an informational exchange in clear", [](RawPeer& r) { return r.InClear(ExchangeType::kInformational, Payloads{NotifyPayload{.type = NotifyType::kAuthenticationFailed}}, 7); }},
    {"a Delete in clear", [](RawPeer& r) { return r.InClear(ExchangeType::kInformational, Payloads{DeletePayload{.protocol = ProtocolId::kIsakmp}}, 7); }},
    {"INITIAL-CONTACT in clear", [](RawPeer& r) { return r.InClear(ExchangeType::kInformational, Payloads{NotifyPayload{.protocol = ProtocolId::kIsakmp, .type = NotifyType::kInitialContact}}, 7); }},
    {"the third again, changed", [](RawPeer& r) { return Main(r, Changed(PayloadType::kNonce, r.Main3(), Bytes(16, 1))); }},
};

TEST(HostilePhase1, FifthMessages) {
  for (const Wrong& w : kFifth) {
    SCOPED_TRACE(w.name);
    Target t;
    RawPeer& raw = *t.raw;
    ASSERT_TRUE(raw.MainModeKeys());
    const auto before = raw.chains;
    auto answers = raw.Ask(w.make(raw));
    EXPECT_LE(answers.size(), 1u);
    t.Expect(0, 0);
    raw.chains = before;
    // D03: no junk ends what is half open. With keys it is the peer itself that speaks, and what it says may be its last word.
    raw.Ask(raw.Seal(ExchangeType::kMain, 0, raw.Main5()));
    EXPECT_LE(t.b.Established().size(), 1u);
    if (std::string_view(w.name).find("clear") != std::string_view::npos || std::string_view(w.name) == "garbage") t.Expect(1, 0);
    t.p.RunFor(200s);
    EXPECT_EQ(t.half_open(), 0u);
    EXPECT_EQ(t.b.Untidiness(), "");
  }
}

// D03
TEST(HostilePhase1, AThousandUnreadableFifthMessagesDoNotKeepThePeerOut) {
  Target t;
  RawPeer& raw = *t.raw;
  ASSERT_TRUE(raw.MainModeKeys());
  Bytes junk = EncodeHeader(raw.HeaderOf(ExchangeType::kMain, 0), 64);
  junk[16] = static_cast<uint8_t>(PayloadType::kId);
  junk[kFlagsAt] = 1;
  junk.resize(junk.size() + 64, 0x77);
  size_t answered = 0;
  for (int n = 0; n < 1000; ++n) {
    junk.back() = static_cast<uint8_t>(n);
    junk[40] = static_cast<uint8_t>(n >> 8);
    raw.Send(junk);
    if (n % 100 == 0) t.p.RunFor(1ms);
    answered += raw.Heard().size();
  }
  EXPECT_EQ(answered, 0u);
  EXPECT_GE(t.b.Counted(Count::kTriesLimited), 500u);
  t.p.RunFor(2s);
  EXPECT_EQ(raw.Ask(raw.Seal(ExchangeType::kMain, 0, raw.Main5())).size(), 1u);
  t.Expect(1, 0);
}

// D07: before authentication a responder says nothing twice but to a repeat, and nothing to what it has refused.
TEST(HostilePhase1, NothingIsRepeatedByATimerBeforeAuthentication) {
  for (int stage = 0; stage < 3; ++stage) {
    SCOPED_TRACE(stage);
    Target t({.aggressive = stage == 2});
    RawPeer& raw = *t.raw;
    const bool begun = stage == 0   ? raw.Ask(First(raw)).size() == 1
                       : stage == 1 ? raw.MainModeKeys()
                                    : raw.Ask(raw.InClear(ExchangeType::kAggressive, raw.Aggressive1())).size() == 1;
    ASSERT_TRUE(begun);
    EXPECT_EQ(t.half_open(), 1u);
    t.p.RunFor(100s);
    EXPECT_TRUE(raw.Heard().empty());
    EXPECT_EQ(t.b.Counted(Count::kHalfOpenExpired), 1u);
    EXPECT_TRUE(t.b.core->List().empty());
  }
}

TEST(HostilePhase1, RepeatsOfEachMessageAreAnsweredByTheSameOctets) {
  Target t;
  RawPeer& raw = *t.raw;
  const Bytes first = First(raw);
  const auto second = raw.Ask(first);
  EXPECT_EQ(raw.Ask(first), second);
  ASSERT_TRUE(raw.Hear(second.at(0)));
  const Bytes third = Main(raw, raw.Main3());
  const auto fourth = raw.Ask(third);
  EXPECT_EQ(raw.Ask(third), fourth);
  EXPECT_TRUE(raw.Ask(first).empty()) << "long answered";
  ASSERT_TRUE(raw.Hear(fourth.at(0)));
  const Bytes fifth = raw.Seal(ExchangeType::kMain, 0, raw.Main5());
  const auto sixth = raw.Ask(fifth);
  ASSERT_EQ(sixth.size(), 1u);
  EXPECT_EQ(raw.Ask(fifth), sixth);
  EXPECT_TRUE(raw.Ask(third).empty());
  t.Expect(1, 0);
}

// XAUTH before phase 1 is done, or where nobody asks for it; quick mode before XAUTH is done.
TEST(HostilePhase1, UsersAreNotHeardBeforeTheirTime) {
  Target t({.xauth = true});
  RawPeer& raw = *t.raw;
  raw.offer.method = AuthMethod::kXauthInitPreShared;
  ASSERT_TRUE(raw.MainModeKeys());
  raw.last_block = Bytes(16, 1);   // of no phase 1 that is done
  EXPECT_TRUE(raw.Ask(raw.SealHashed(ExchangeType::kTransaction, 5, Payloads{AttributesPayload{.type = TransactionType::kSet, .id = 1}})).empty());
  EXPECT_TRUE(raw.Ask(raw.SealHashed(ExchangeType::kQuick, 6, raw.Quick1())).empty());
  t.Expect(0, 0);
  auto answers = raw.Ask(raw.Seal(ExchangeType::kMain, 0, raw.Main5()));
  ASSERT_GE(answers.size(), 1u);
  raw.Open(answers[0]);
  raw.last_block = raw.chains[0];
  raw.chains.erase(6);
  EXPECT_FALSE(raw.QuickMode(6));
  raw.chains.erase(7);
  EXPECT_FALSE(raw.QuickMode(7));
  EXPECT_TRUE(t.b.LiveChildren().empty());
  EXPECT_TRUE(t.b.installed.empty());
}

// Nothing of IKEv1 to a gateway that has no connection of it.
TEST(HostilePhase1, WithoutAConnectionOfIkev1NothingIsAnswered) {
  Target t({}, [](TwoPeers& p) { p.ConnectionOf(p.b).version = 2; });
  RawPeer& raw = *t.raw;
  EXPECT_TRUE(raw.Ask(First(raw)).empty());
  EXPECT_TRUE(raw.Ask(raw.InClear(ExchangeType::kAggressive, raw.Aggressive1())).empty());
  raw.cookie_r = 5;
  EXPECT_TRUE(raw.Ask(raw.InClear(ExchangeType::kInformational, Payloads{NotifyPayload{.type = NotifyType::kDpdRequest}}, 9)).empty());
  EXPECT_TRUE(raw.Ask(raw.InClear(ExchangeType::kQuick, raw.Quick1(), 9)).empty());
  EXPECT_EQ(t.b.Counted(Count::kOldVersion), 2u);
  EXPECT_EQ(t.b.Counted(Count::kUnknownSpi), 2u);
  EXPECT_TRUE(t.b.core->List().empty());
}

}  // namespace
}  // namespace culvert::ike::v1
