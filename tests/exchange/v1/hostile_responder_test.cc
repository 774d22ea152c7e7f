#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/bytes/writer.h"
#include "tests/support/against_raw_peer_v1.h"

// A responder with a good phase 1 that answers quick mode as it likes, and strangers who answer before it does (B55): what no HASH
// vouches for changes nothing, what one does is refused and said to be, and nothing of it stays. And the commit bit, which is a
// responder's to set (RFC 2408 3.1).
namespace culvert::ike::v1 {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

using Asked = RawPeer::Asked;
constexpr size_t kFlagsAt = 19;
constexpr uint8_t kEncryptedAndCommit = 3;

// A pair's a, which has called a raw peer in the place of b and asks for `net`.
struct Caller {
  explicit Caller(const char* esp = "aes128gcm16") {
    UseIkev1(p, {.esp = esp});
    p.ConnectionOf(p.a).dpd_delay = 0s;
    p.a.Start();
    raw.id = "b.example.org";
    request = p.a.Up("net");
    up = raw.AnswerMainMode();
    raw.Send(raw.Seal(ExchangeType::kMain, 0, raw.Main5()));
    raw.last_block = raw.chains[0];
    p.RunFor(20ms);
    for (const Bytes& d : raw.Heard()) {
      if (auto heard = raw.HearQuick(d)) asked = *heard;
      first = d;
    }
  }
  // The second message, as it should be but for what `payloads` says.
  Bytes Second(const Payloads& payloads) { return raw.SealHashed(ExchangeType::kQuick, asked.message_id, payloads, asked.nonce); }
  Bytes Second(const RawPeer::EspOffer& esp = {}) { return Second(raw.Quick1(esp)); }
  std::string Error() {
    p.RunFor(200s);
    if (!p.a.replies.contains(request)) return "never answered";
    return p.a.replies[request].ok ? "" : p.a.replies[request].error;
  }

  TwoPeers p;
  RawPeer raw{RawPeer::World{p.clock, p.network, p.a}, p.b.address, false};
  RequestId request = 0;
  bool up = false;
  Asked asked;
  Bytes first;
};

Payloads Without(PayloadType type, Payloads p) {
  std::erase_if(p.list(), [type](const Payload& one) { return TypeOf(one) == type; });
  return p;
}
Payloads WithNonce(Payloads p, size_t size) {
  Payloads q = Without(PayloadType::kNonce, std::move(p));
  q.Add(PayloadType::kNonce, Bytes(size, 7));
  return q;
}
Payloads WithSa(Payloads p, const std::function<void(SaPayload&)>& edit) {
  for (Payload& one : p.list()) {
    if (auto* sa = std::get_if<SaPayload>(&one)) edit(*sa);
  }
  return p;
}
Bytes WithOctet(Bytes m, size_t at, uint8_t v) {
  m.at(at) = v;
  return m;
}

struct Wrong {
  const char* name;
  std::function<Bytes(Caller&)> make;
  const char* error = "";
  bool heard = true;          // it is no message at all otherwise, and its peer is silent
};

// Makes a message without going on in the chain: it is not going to be believed.
Bytes Aside(Caller& c, const std::function<Bytes()>& make) {
  const auto chains = c.raw.chains;
  Bytes m = make();
  c.raw.chains = chains;
  return m;
}

const Wrong kUnauthenticated[] = {
    {"no HASH", [](Caller& c) { return c.raw.Seal(ExchangeType::kQuick, c.asked.message_id, c.raw.Quick1()); }},
    {"the HASH of a first message", [](Caller& c) { return c.raw.SealHashed(ExchangeType::kQuick, c.asked.message_id, c.raw.Quick1()); }},
    {"HASH over another nonce", [](Caller& c) { c.asked.nonce[0] ^= 1; Bytes m = c.Second(); c.asked.nonce[0] ^= 1; return m; }},
    {"its own message", [](Caller& c) { return c.first; }},
    {"in clear", [](Caller& c) { return c.raw.InClear(ExchangeType::kQuick, c.raw.Quick1(), c.asked.message_id); }},
    {"garbage", [](Caller& c) { return c.raw.Seal(ExchangeType::kQuick, c.asked.message_id, PayloadType::kHash, Bytes(160, 0xa5)); }},
    {"of another message ID", [](Caller& c) { return WithOctet(c.Second(), 23, static_cast<uint8_t>(c.asked.message_id + 1)); }},
    {"an error in clear", [](Caller& c) { return c.raw.InClear(ExchangeType::kInformational, Payloads{NotifyPayload{.protocol = ProtocolId::kEsp, .type = NotifyType::kNoProposalChosen}}, 7); }},
    {"an error without HASH", [](Caller& c) { return c.raw.Seal(ExchangeType::kInformational, 7, Payloads{NotifyPayload{.protocol = ProtocolId::kEsp, .type = NotifyType::kNoProposalChosen}}); }},
};

TEST(HostileResponder, WhatNoHashVouchesForChangesNothing) {
  for (const Wrong& w : kUnauthenticated) {
    SCOPED_TRACE(w.name);
    Caller c;
    ASSERT_TRUE(c.up && c.asked.spi);
    c.raw.Ask(Aside(c, [&] { return w.make(c); }));
    EXPECT_TRUE(c.p.a.installed.empty());
    c.raw.Ask(c.Second());
    EXPECT_EQ(c.Error(), "");
    EXPECT_EQ(c.p.a.LiveChildren().size(), 1u);
    EXPECT_EQ(c.p.a.Untidiness(), "");
  }
}

const Wrong kRefused[] = {
    {"no SA", [](Caller& c) { return c.Second(Without(PayloadType::kSa, c.raw.Quick1())); }, "no SA"},
    {"no nonce", [](Caller& c) { return c.Second(Without(PayloadType::kNonce, c.raw.Quick1())); }, "no nonce"},
    {"a nonce of 7 octets", [](Caller& c) { return c.Second(WithNonce(c.raw.Quick1(), 7)); }, "nonce of a wrong length"},
    {"a nonce of 257 octets", [](Caller& c) { return c.Second(WithNonce(c.raw.Quick1(), 257)); }, "nonce of a wrong length"},
    {"another transform", [](Caller& c) { return c.Second({.transform = EspTransform::kAesCbc, .auth = AuthAlgorithm::kHmacSha256}); }, "answered"},
    {"another key length", [](Caller& c) { return c.Second({.key_bits = uint16_t{256}}); }, "answered"},
    {"another mode", [](Caller& c) { return c.Second({.mode = Encapsulation::kTransport}); }, "answered"},
    {"a group that was not offered", [](Caller& c) { return c.Second({.group = uint16_t{19}}); }, "answered"},
    {"SPI 0", [](Caller& c) { return c.Second({.spi = 0}); }, "no answer", false},
    {"a reserved SPI", [](Caller& c) { return c.Second({.spi = 255}); }, "no answer", false},
    {"two transforms", [](Caller& c) { return c.Second(WithSa(c.raw.Quick1(), [](SaPayload& sa) { sa.proposals[0].transforms.push_back(sa.proposals[0].transforms[0]); })); }, "answered"},
    {"no transform", [](Caller& c) { return c.Second(WithSa(c.raw.Quick1(), [](SaPayload& sa) { sa.proposals[0].transforms.clear(); })); }, ""},
    {"two proposals", [](Caller& c) { return c.Second(WithSa(c.raw.Quick1(), [](SaPayload& sa) { sa.proposals.push_back(sa.proposals[0]); })); }, "answered"},
    {"AH", [](Caller& c) { return c.Second(WithSa(c.raw.Quick1(), [](SaPayload& sa) { sa.proposals[0].protocol = ProtocolId::kAh; })); }, "answered"},
    {"KE that was not asked for", [](Caller& c) { Payloads q = c.raw.Quick1(); q.Add(PayloadType::kKe, Bytes(64, 1)); return c.Second(q); }, "KE"},
    {"wider IDs", [](Caller& c) { c.raw.client_r = "0.0.0.0/0"; return c.Second(); }, "more than was proposed"},
    {"IDs the other way round", [](Caller& c) { std::swap(c.raw.client_i, c.raw.client_r); return c.Second(); }, "more than was proposed"},
};

TEST(HostileResponder, WhatIsNotWhatWasAskedForIsRefused) {
  for (const Wrong& w : kRefused) {
    SCOPED_TRACE(w.name);
    Caller c;
    ASSERT_TRUE(c.up && c.asked.spi);
    c.raw.Ask(w.make(c));
    const std::string error = c.Error();
    EXPECT_NE(error, "");
    EXPECT_THAT(error, HasSubstr(w.error));
    EXPECT_TRUE(c.p.a.installed.empty());
    EXPECT_EQ(c.p.a.Established().size(), w.heard ? 1u : 0u);
    EXPECT_EQ(c.p.a.Untidiness(), "");
  }
}

TEST(HostileResponder, NoPublicValueWherePfsWasAskedFor) {
  for (const Bytes& ke : {Bytes{}, Bytes(64, 0), Bytes(64, 0xff), Bytes(63, 1)}) {
    SCOPED_TRACE(ke.size());
    Caller c("aes128gcm16-ecp256");
    ASSERT_TRUE(c.up && c.asked.spi);
    Payloads q = c.raw.Quick1({.group = uint16_t{19}});
    if (!ke.empty()) q.Add(PayloadType::kKe, ke);
    c.raw.Ask(c.Second(q));
    EXPECT_NE(c.Error(), "");
    EXPECT_TRUE(c.p.a.installed.empty());
    EXPECT_EQ(c.p.a.Untidiness(), "");
  }
}

Payloads Connected(uint32_t spi = RawPeer::EspOffer{}.spi) {
  Payloads p;
  Writer w;
  w.U32(spi);
  p.Add(NotifyPayload{.protocol = ProtocolId::kEsp, .type = NotifyType::kConnected, .spi = p.Keep(w.Release())});
  return p;
}

// RFC 2408 3.1: where the commit bit is set nothing goes out on the SA before CONNECTED, which comes as an informational exchange
// by the quick mode's message ID or, as some have it, as its fourth message.
TEST(CommitBit, NothingGoesOutBeforeConnected) {
  for (ExchangeType how : {ExchangeType::kInformational, ExchangeType::kQuick}) {
    SCOPED_TRACE(static_cast<int>(how));
    Caller c;
    ASSERT_TRUE(c.up && c.asked.spi);
    const auto third = c.raw.Ask(WithOctet(c.Second(), kFlagsAt, kEncryptedAndCommit));
    ASSERT_EQ(third.size(), 1u);
    EXPECT_TRUE(c.raw.Open(third[0]).Find(PayloadType::kHash));
    c.p.RunFor(2s);
    EXPECT_EQ(c.p.a.Sends("net"), nullptr);
    EXPECT_EQ(c.p.a.installed.size(), 1u) << "it takes in what comes";
    const Payloads connected = Connected();
    if (how == ExchangeType::kInformational) {
      // An informational exchange has a chain of its own.
      c.raw.chains.erase(c.asked.message_id);
    }
    c.raw.Ask(c.raw.SealHashed(how, c.asked.message_id, connected));
    EXPECT_NE(c.p.a.Sends("net"), nullptr);
    EXPECT_EQ(c.Error(), "");
    EXPECT_EQ(c.p.a.Untidiness(), "");
  }
}

// Said once and without an answer, CONNECTED gets lost.
TEST(CommitBit, IsNotWaitedForForEver) {
  Caller c;
  ASSERT_TRUE(c.up && c.asked.spi);
  c.raw.Ask(WithOctet(c.Second(), kFlagsAt, kEncryptedAndCommit));
  c.p.RunFor(2s);
  EXPECT_EQ(c.p.a.Sends("net"), nullptr);
  c.p.RunFor(10s);
  EXPECT_NE(c.p.a.Sends("net"), nullptr);
  EXPECT_EQ(c.Error(), "");
}

// The initiator's to set as well; not all do it in the first message.
TEST(CommitBit, IsObeyedByAResponderToo) {
  constexpr uint32_t kId = 0x51;
  Target t;
  RawPeer& raw = *t.raw;
  ASSERT_TRUE(raw.MainMode());
  const auto answers = raw.Ask(WithOctet(raw.SealHashed(ExchangeType::kQuick, kId, raw.Quick1()), kFlagsAt, kEncryptedAndCommit));
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(raw.HearQuickAnswer(answers[0]));
  EXPECT_TRUE(raw.Ask(raw.Quick3(kId)).empty());
  t.p.RunFor(2s);
  EXPECT_EQ(t.b.Sends("net"), nullptr);
  raw.chains.erase(kId);
  raw.Ask(raw.SealHashed(ExchangeType::kInformational, kId, Connected()));
  EXPECT_NE(t.b.Sends("net"), nullptr);
  t.Expect(1, 1);
}

TEST(CommitBit, ConnectedOfNobodysChangesNothing) {
  Caller c;
  ASSERT_TRUE(c.up && c.asked.spi);
  c.raw.Ask(WithOctet(c.Second(), kFlagsAt, kEncryptedAndCommit));
  c.raw.Ask(c.raw.InClear(ExchangeType::kInformational, Connected(), c.asked.message_id));
  c.raw.Ask(c.raw.SealHashed(ExchangeType::kInformational, c.asked.message_id + 1, Connected()));
  c.p.RunFor(1s);
  EXPECT_EQ(c.p.a.Sends("net"), nullptr);
}

}  // namespace
}  // namespace culvert::ike::v1
