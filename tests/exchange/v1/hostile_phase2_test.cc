#include <gtest/gtest.h>

#include "common/bytes/writer.h"
#include "tests/support/against_raw_peer_v1.h"

// A peer with a good phase 1 that keeps no rule afterwards, and strangers who have only seen it (B55, D12, D14): at most one
// answer, no child, and the next good quick mode comes up.
namespace culvert::ike::v1 {
namespace {

using namespace std::chrono_literals;

constexpr uint32_t kId = 0x777;   // message ID of what is wrong
constexpr size_t kMessageIdAt = 23, kFlagsAt = 19, kLengthAt = 27;

struct Wrong {
  const char* name;
  std::function<Bytes(RawPeer&)> make;
};

Bytes Quick(RawPeer& r, const Payloads& p) { return r.SealHashed(ExchangeType::kQuick, kId, p); }
Bytes Quick(RawPeer& r, const RawPeer::EspOffer& esp) { return Quick(r, r.Quick1(esp)); }

Payloads Edited(Payloads p, const std::function<void(Payloads&)>& edit) {
  edit(p);
  return p;
}
Payloads Without(PayloadType type, Payloads p) {
  std::erase_if(p.list(), [type](const Payload& one) { return TypeOf(one) == type; });
  return p;
}
// The nth ID's body as it is given.
Payloads WithId(Payloads p, size_t nth, Bytes body) {
  const ByteView kept = p.Keep(std::move(body));
  for (Payload& one : p.list()) {
    if (TypeOf(one) == PayloadType::kId && nth-- == 0) one = OpaquePayload{PayloadType::kId, kept};
  }
  return p;
}
Payloads WithSa(Payloads p, const std::function<void(Proposal&)>& edit) {
  for (Payload& one : p.list()) {
    if (auto* sa = std::get_if<SaPayload>(&one)) edit(sa->proposals.at(0));
  }
  return p;
}
Payloads WithNonce(Payloads p, size_t size) {
  const ByteView kept = p.Keep(Bytes(size, 7));
  for (Payload& one : p.list()) {
    if (TypeOf(one) == PayloadType::kNonce) one = OpaquePayload{PayloadType::kNonce, kept};
  }
  return p;
}
Bytes WithOctet(Bytes m, size_t at, uint8_t v) {
  m.at(at) = v;
  return m;
}
// HASH put in by hand.
Bytes WithHash(RawPeer& r, Bytes hash, size_t place = 0) {
  Payloads p = r.Quick1();
  const Payload h = OpaquePayload{PayloadType::kHash, p.Keep(std::move(hash))};
  p.list().insert(p.list().begin() + static_cast<ptrdiff_t>(place), h);
  return r.Seal(ExchangeType::kQuick, kId, p);
}
Bytes GoodHash(RawPeer& r) {
  Writer w;
  w.U32(kId);
  return r.Mac({w.view(), r.Quick1().Encode()});
}

// Nobody who lacks the keys can make these, or what they say has no HASH: not a word in answer.
const Wrong kUnauthenticated[] = {
    {"no HASH", [](RawPeer& r) { return r.Seal(ExchangeType::kQuick, kId, r.Quick1()); }},
    {"a wrong HASH", [](RawPeer& r) { Bytes h = GoodHash(r); h[0] ^= 1; return WithHash(r, h); }},
    {"a HASH cut short", [](RawPeer& r) { Bytes h = GoodHash(r); h.resize(20); return WithHash(r, h); }},
    {"an empty HASH", [](RawPeer& r) { return WithHash(r, {}); }},
    {"HASH not the first", [](RawPeer& r) { return WithHash(r, GoodHash(r), 1); }},
    {"HASH of another message ID", [](RawPeer& r) { return WithOctet(Quick(r, r.Quick1()), kMessageIdAt, 0x78); }},
    {"in clear", [](RawPeer& r) { return r.InClear(ExchangeType::kQuick, r.Quick1(), kId); }},
    {"in clear, says it is sealed", [](RawPeer& r) { return WithOctet(r.InClear(ExchangeType::kQuick, r.Quick1(), kId), kFlagsAt, 1); }},
    {"sealed, says it is in clear", [](RawPeer& r) { return WithOctet(Quick(r, r.Quick1()), kFlagsAt, 0); }},
    {"message ID 0", [](RawPeer& r) { r.chains[0] = r.last_block; return r.SealHashed(ExchangeType::kQuick, 0, r.Quick1()); }},
    {"garbage", [](RawPeer& r) { return r.Seal(ExchangeType::kQuick, kId, PayloadType::kHash, Bytes(160, 0xa5)); }},
    {"nothing", [](RawPeer& r) { return r.Seal(ExchangeType::kQuick, kId, Payloads()); }},
    {"no whole blocks", [](RawPeer& r) { Bytes m = Quick(r, r.Quick1()); m.pop_back(); m[kLengthAt] = static_cast<uint8_t>(m.size()); return m; }},
    {"another's cookie", [](RawPeer& r) { r.cookie_r ^= 1; Bytes m = Quick(r, r.Quick1()); r.cookie_r ^= 1; return m; }},
    {"cookies the other way round", [](RawPeer& r) { std::swap(r.cookie_i, r.cookie_r); Bytes m = Quick(r, r.Quick1()); std::swap(r.cookie_i, r.cookie_r); return m; }},
    {"of exchange 33", [](RawPeer& r) { return r.SealHashed(ExchangeType{33}, kId, r.Quick1()); }},
    {"of main mode", [](RawPeer& r) { return r.SealHashed(ExchangeType::kMain, kId, r.Quick1()); }},
    {"a Delete in clear", [](RawPeer& r) { return r.InClear(ExchangeType::kInformational, Payloads{DeletePayload{.protocol = ProtocolId::kIsakmp}}, kId); }},
    {"a Delete without HASH", [](RawPeer& r) {
       Payloads p;
       Writer w;
       w.U64(r.cookie_i);
       w.U64(r.cookie_r);
       p.Add(DeletePayload{.protocol = ProtocolId::kIsakmp, .spis = {p.Keep(w.Release())}});
       return r.Seal(ExchangeType::kInformational, kId, p);
     }},
    {"INITIAL-CONTACT in clear", [](RawPeer& r) { return r.InClear(ExchangeType::kInformational, Payloads{NotifyPayload{.protocol = ProtocolId::kIsakmp, .type = NotifyType::kInitialContact}}, kId); }},
    {"INITIAL-CONTACT without HASH", [](RawPeer& r) { return r.Seal(ExchangeType::kInformational, kId, Payloads{NotifyPayload{.protocol = ProtocolId::kIsakmp, .type = NotifyType::kInitialContact}}); }},
    {"R-U-THERE in clear", [](RawPeer& r) { return r.InClear(ExchangeType::kInformational, Payloads{NotifyPayload{.protocol = ProtocolId::kIsakmp, .type = NotifyType::kDpdRequest}}, kId); }},
    {"a transaction without HASH", [](RawPeer& r) { return r.Seal(ExchangeType::kTransaction, kId, Payloads{AttributesPayload{.type = TransactionType::kSet, .id = 1}}); }},
};

TEST(HostilePhase2, WhatNoHashVouchesForIsNotAnswered) {
  for (const Wrong& w : kUnauthenticated) {
    SCOPED_TRACE(w.name);
    Target t;
    ASSERT_TRUE(t.raw->Establish());
    t.Expect(1, 1);
    EXPECT_TRUE(t.raw->Ask(w.make(*t.raw)).empty());
    t.p.RunFor(100s);
    EXPECT_TRUE(t.raw->Heard().empty());
    t.Expect(1, 1);
    EXPECT_TRUE(t.raw->QuickMode(0x99));   // takes the place of the first
    EXPECT_EQ(t.b.Established().size(), 1u);
  }
}

Bytes Subnet(std::initializer_list<uint8_t> octets) {
  Bytes b = {static_cast<uint8_t>(IdType::kIpv4Subnet), 0, 0, 0};
  b.insert(b.end(), octets);
  return b;
}
Bytes Fqdn() {
  Bytes b = {static_cast<uint8_t>(IdType::kFqdn), 0, 0, 0};
  Append(b, AsBytes("a.example.org"));
  return b;
}

// From the peer itself. At most one answer, an informational one that refuses.
const Wrong kRefused[] = {
    {"no SA", [](RawPeer& r) { return Quick(r, Without(PayloadType::kSa, r.Quick1())); }},
    {"no nonce", [](RawPeer& r) { return Quick(r, Without(PayloadType::kNonce, r.Quick1())); }},
    {"a nonce of 7 octets", [](RawPeer& r) { return Quick(r, WithNonce(r.Quick1(), 7)); }},
    {"a nonce of 257 octets", [](RawPeer& r) { return Quick(r, WithNonce(r.Quick1(), 257)); }},
    {"two SA payloads", [](RawPeer& r) { return Quick(r, Edited(r.Quick1(), [](Payloads& p) { p.Add(Payload(p.list()[0])); })); }},
    {"two nonces", [](RawPeer& r) { return Quick(r, Edited(r.Quick1(), [](Payloads& p) { p.Add(Payload(p.list()[1])); })); }},
    {"one ID", [](RawPeer& r) { return Quick(r, Edited(r.Quick1(), [](Payloads& p) { p.list().pop_back(); })); }},
    {"three IDs", [](RawPeer& r) { return Quick(r, Edited(r.Quick1(), [](Payloads& p) { p.Add(Payload(p.list().back())); })); }},
    {"a name as a client", [](RawPeer& r) { return Quick(r, WithId(r.Quick1(), 0, Fqdn())); }},
    {"a name as our client", [](RawPeer& r) { return Quick(r, WithId(r.Quick1(), 1, Fqdn())); }},
    {"a mask with holes", [](RawPeer& r) { return Quick(r, WithId(r.Quick1(), 0, Subnet({10, 1, 0, 0, 255, 0, 255, 0}))); }},
    {"a subnet of 7 octets", [](RawPeer& r) { return Quick(r, WithId(r.Quick1(), 0, Subnet({10, 1, 0, 0, 255, 255, 0}))); }},
    {"a range that ends before it begins",
     [](RawPeer& r) { return Quick(r, WithId(r.Quick1(), 0, {static_cast<uint8_t>(IdType::kIpv4Range), 0, 0, 0, 10, 1, 9, 9, 10, 1, 0, 0})); }},
    {"an unknown ID type", [](RawPeer& r) { return Quick(r, WithId(r.Quick1(), 0, {77, 0, 0, 0, 10, 1, 9, 9})); }},
    {"clients nobody configured", [](RawPeer& r) { r.client_i = "172.16.0.0/12"; Bytes m = Quick(r, r.Quick1()); r.client_i = "10.1.0.0/16"; return m; }},
    {"clients of different families", [](RawPeer& r) {
       Bytes b = {static_cast<uint8_t>(IdType::kIpv6), 0, 0, 0};
       b.resize(20, 1);
       return Quick(r, WithId(r.Quick1(), 0, b));
     }},
    {"key length 0", [](RawPeer& r) { return Quick(r, RawPeer::EspOffer{.key_bits = uint16_t{0}}); }},
    {"key length 129", [](RawPeer& r) { return Quick(r, RawPeer::EspOffer{.key_bits = uint16_t{129}}); }},
    {"no key length", [](RawPeer& r) { return Quick(r, RawPeer::EspOffer{.key_bits = std::nullopt}); }},
    {"GMAC", [](RawPeer& r) { return Quick(r, RawPeer::EspOffer{.transform = EspTransform::kNullGmac}); }},
    {"NULL", [](RawPeer& r) { return Quick(r, RawPeer::EspOffer{.transform = EspTransform::kNull, .key_bits = std::nullopt}); }},
    {"a transform nobody has", [](RawPeer& r) { return Quick(r, RawPeer::EspOffer{.transform = EspTransform{99}}); }},
    {"CBC without authentication", [](RawPeer& r) { return Quick(r, RawPeer::EspOffer{.transform = EspTransform::kAesCbc}); }},
    {"GCM with authentication", [](RawPeer& r) { return Quick(r, RawPeer::EspOffer{.auth = AuthAlgorithm::kHmacSha256}); }},
    {"transport mode", [](RawPeer& r) { return Quick(r, RawPeer::EspOffer{.mode = Encapsulation::kTransport}); }},
    {"UDP where there is no NAT", [](RawPeer& r) { return Quick(r, RawPeer::EspOffer{.mode = Encapsulation::kUdpTunnel}); }},
    {"a mode nobody has", [](RawPeer& r) { return Quick(r, RawPeer::EspOffer{.mode = Encapsulation{77}}); }},
    {"SPI 0", [](RawPeer& r) { return Quick(r, RawPeer::EspOffer{.spi = 0}); }},
    {"SPI 255", [](RawPeer& r) { return Quick(r, RawPeer::EspOffer{.spi = 255}); }},
    {"an SPI of 3 octets", [](RawPeer& r) { return Quick(r, WithSa(r.Quick1(), [](Proposal& p) { p.spi = p.spi.first(3); })); }},
    {"an SPI of no octets", [](RawPeer& r) { return Quick(r, WithSa(r.Quick1(), [](Proposal& p) { p.spi = {}; })); }},
    {"IPCOMP", [](RawPeer& r) { return Quick(r, WithSa(r.Quick1(), [](Proposal& p) { p.protocol = ProtocolId::kIpcomp; })); }},
    {"ISAKMP", [](RawPeer& r) { return Quick(r, WithSa(r.Quick1(), [](Proposal& p) { p.protocol = ProtocolId::kIsakmp; })); }},
    {"no transform", [](RawPeer& r) { return Quick(r, WithSa(r.Quick1(), [](Proposal& p) { p.transforms.clear(); })); }},
    {"no proposal", [](RawPeer& r) { return Quick(r, Edited(r.Quick1(), [](Payloads& p) { p.list()[0] = SaPayload{}; })); }},
    {"a domain that is not IPsec's", [](RawPeer& r) { return Quick(r, Edited(r.Quick1(), [](Payloads& p) { p.list()[0] = SaPayload{.doi = 0x80000001}; })); }},
    {"a group without KE", [](RawPeer& r) { return Quick(r, RawPeer::EspOffer{.group = uint16_t{19}}); }},
    {"a group with an empty KE", [](RawPeer& r) { return Quick(r, Edited(r.Quick1({.group = uint16_t{19}}), [](Payloads& p) { p.Add(PayloadType::kKe, {}); })); }},
    {"a group with a point that is none", [](RawPeer& r) { return Quick(r, Edited(r.Quick1({.group = uint16_t{19}}), [](Payloads& p) { p.Add(PayloadType::kKe, Bytes(64, 1)); })); }},
    {"a KE without a group", [](RawPeer& r) { return Quick(r, Edited(r.Quick1(), [&](Payloads& p) { p.Add(PayloadType::kKe, r.public_value); })); }},
    {"a chain that is cut", [](RawPeer& r) { Bytes b = r.Quick1().Encode(); b.resize(b.size() - 5); return r.SealHashed(ExchangeType::kQuick, kId, PayloadType::kSa, b); }},
    {"a chain of length 0", [](RawPeer& r) { return r.SealHashed(ExchangeType::kQuick, kId, PayloadType::kSa, Bytes{10, 0, 0, 0, 1, 1, 1, 1}); }},
};

TEST(HostilePhase2, WhatIsRefusedMakesNoChild) {
  for (const Wrong& w : kRefused) {
    SCOPED_TRACE(w.name);
    Target t;
    ASSERT_TRUE(t.raw->MainMode());
    auto answers = t.raw->Ask(w.make(*t.raw));
    EXPECT_LE(answers.size(), 1u);
    for (const Bytes& m : answers) {
      const auto said = t.raw->NotifyIn(m);
      EXPECT_TRUE(said != NotifyType{} && IsError(said)) << Name(said);
    }
    t.p.RunFor(100s);
    t.Expect(1, 0);
    t.raw->Heard();
    EXPECT_TRUE(t.raw->QuickMode(0x99));
    t.Expect(1, 1);
  }
}

TEST(HostilePhase2, MessageIdsAreUsedOnce) {
  Target t;
  RawPeer& raw = *t.raw;
  ASSERT_TRUE(raw.MainMode());
  const Bytes first = raw.SealHashed(ExchangeType::kQuick, 0x51, raw.Quick1());
  const auto second = raw.Ask(first);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(raw.Ask(first), second) << "a repeat is answered by the same octets";
  EXPECT_EQ(t.b.LiveChildren().size(), 1u);
  // Done by the third message; neither it nor the first means anything again.
  raw.chains.erase(0x51);
  Target u;
  ASSERT_TRUE(u.raw->Establish());
  u.raw->chains.erase(0x51);
  EXPECT_TRUE(u.raw->Ask(u.raw->SealHashed(ExchangeType::kQuick, 0x51, u.raw->Quick1())).empty());
  u.p.RunFor(200s);
  u.raw->chains.erase(0x51);
  EXPECT_TRUE(u.raw->Ask(u.raw->SealHashed(ExchangeType::kQuick, 0x51, u.raw->Quick1({.spi = 0x1234}))).empty());
  u.Expect(1, 1);
}

// RFC 2409 5.5: the responder may say its second message again, for nobody else can get a lost third one over.
TEST(HostilePhase2, AThirdMessageThatNeverComes) {
  Target t;
  RawPeer& raw = *t.raw;
  ASSERT_TRUE(raw.MainMode());
  ASSERT_EQ(raw.Ask(raw.SealHashed(ExchangeType::kQuick, 0x51, raw.Quick1())).size(), 1u);
  t.p.RunFor(200s);
  const size_t repeats = raw.Heard().size();
  EXPECT_GE(repeats, 1u);
  EXPECT_LE(repeats, t.b.control.settings.retransmit.tries + 2);
  t.Expect(1, 0);
}

// B44: of Deletes only those of the peer's own SAs do anything.
TEST(HostilePhase2, DeletesReachOnlyTheOwnersSas) {
  Target t;
  RawPeer& raw = *t.raw;
  ASSERT_TRUE(raw.Establish());
  auto spi = [](uint32_t v) { Writer w; w.U32(v); return w.Release(); };
  auto cookies = [](uint64_t i, uint64_t r) { Writer w; w.U64(i); w.U64(r); return w.Release(); };
  uint32_t id = 0x100;
  auto del = [&](ProtocolId protocol, std::vector<Bytes> spis) {
    Payloads p;
    DeletePayload d{.protocol = protocol, .spis = {}};
    for (Bytes& s : spis) d.spis.push_back(p.Keep(std::move(s)));
    p.Add(std::move(d));
    EXPECT_LE(raw.Ask(raw.SealHashed(ExchangeType::kInformational, id++, p)).size(), 1u);
  };
  const uint32_t ours = RawPeer::EspOffer{}.spi;
  del(ProtocolId::kEsp, {spi(0xdeadbeef), spi(raw.target_spi)});
  del(ProtocolId::kAh, {spi(ours)});
  del(ProtocolId::kIsakmp, {cookies(raw.cookie_i, raw.cookie_r ^ 1)});
  del(ProtocolId::kIsakmp, {cookies(raw.cookie_r, raw.cookie_i)});
  del(ProtocolId::kNone, {});
  t.Expect(1, 1);
  del(ProtocolId::kEsp, {spi(ours), spi(ours)});
  t.p.RunFor(10s);
  t.Expect(1, 0);
  del(ProtocolId::kIsakmp, {cookies(raw.cookie_i, raw.cookie_r)});
  t.p.RunFor(100s);
  t.Expect(0, 0);
}

// RFC 3706: what is asked with the right cookies and a HASH is answered, once; a sequence number that was there is not new.
TEST(HostilePhase2, DpdIsAnsweredOnceAndToWhoeverItBelongs) {
  Target t;
  RawPeer& raw = *t.raw;
  ASSERT_TRUE(raw.MainMode());
  uint32_t id = 0x100;
  auto ask = [&](uint64_t cookie_i, uint64_t cookie_r, uint32_t sequence, NotifyType type = NotifyType::kDpdRequest) {
    Payloads p;
    Writer w, s;
    w.U64(cookie_i);
    w.U64(cookie_r);
    s.U32(sequence);
    p.Add(NotifyPayload{.protocol = ProtocolId::kIsakmp, .type = type, .spi = p.Keep(w.Release()), .data = p.Keep(s.Release())});
    auto answers = raw.Ask(raw.SealHashed(ExchangeType::kInformational, id++, p));
    EXPECT_LE(answers.size(), 1u);
    return answers.size() == 1 ? raw.NotifyIn(answers[0]) : NotifyType{};
  };
  EXPECT_EQ(ask(raw.cookie_i, raw.cookie_r, 1000), NotifyType::kDpdAck);
  EXPECT_EQ(ask(raw.cookie_i, raw.cookie_r, 1001), NotifyType::kDpdAck);
  EXPECT_EQ(ask(raw.cookie_i, raw.cookie_r ^ 1, 1002), NotifyType{});
  EXPECT_EQ(ask(raw.cookie_r, raw.cookie_i, 1002), NotifyType{});
  EXPECT_EQ(ask(raw.cookie_i, raw.cookie_r, 7, NotifyType::kDpdAck), NotifyType{});
  t.Expect(1, 0);
}

TEST(HostilePhase2, NotifiesThatNobodyWaitsFor) {
  Target t;
  RawPeer& raw = *t.raw;
  ASSERT_TRUE(raw.Establish());
  uint32_t id = 0x100;
  for (uint32_t type : {1u, 11u, 14u, 24u, 30u, 8191u, 16383u, 16384u, 24576u, 24577u, 36137u, 40501u, 65535u}) {
    for (ProtocolId protocol : {ProtocolId::kIsakmp, ProtocolId::kEsp, ProtocolId{9}}) {
      for (size_t size : {0u, 4u, 16u}) {
        Payloads p;
        p.Add(NotifyPayload{.protocol = protocol, .type = static_cast<NotifyType>(type), .spi = p.Keep(Bytes(size, 1)), .data = p.Keep(Bytes(size, 2))});
        EXPECT_TRUE(raw.Ask(raw.SealHashed(ExchangeType::kInformational, id++, p)).empty()) << type;
      }
    }
  }
  t.Expect(1, 1);
  EXPECT_TRUE(raw.QuickMode(0x99));
}

// D12, D14
TEST(HostilePhase2, ChildrenAndExchangesAreLimited) {
  Target t;
  RawPeer& raw = *t.raw;
  ASSERT_TRUE(raw.MainMode());
  for (uint32_t n = 0; n < 400; ++n) {
    raw.Send(raw.SealHashed(ExchangeType::kQuick, 0x1000 + n, raw.Quick1({.spi = 0x2000 + n})));
    if (n % 100 == 99) t.p.RunFor(1ms);
  }
  EXPECT_LE(t.b.LiveChildren().size(), 101u);
  EXPECT_GT(t.b.Counted(Count::kTooManyExchanges) + t.b.Counted(Count::kExchangesLimited) + t.b.Counted(Count::kTemporaryFailureSent), 100u);
  t.p.RunFor(200s);
  raw.Heard();
  t.Expect(1, 0);
  for (uint32_t n = 0; n < 300; ++n) {
    raw.chains.clear();
    raw.QuickMode(0x10000 + n);
    t.p.RunFor(100ms);
  }
  // Each takes the place of the one before, for all protect the same.
  EXPECT_EQ(t.b.LiveChildren().size(), 1u);
  EXPECT_LE(t.b.installed.size(), 2 * 256u);
  EXPECT_EQ(t.b.Established().size(), 1u);
}

// Octets of a good message changed one by one before it is sealed, and so with a good HASH.
TEST(HostilePhase2, AnyOctetOfAGoodMessageChanged) {
  Target t;
  RawPeer& raw = *t.raw;
  ASSERT_TRUE(raw.MainMode());
  const Bytes good = raw.Quick1().Encode();
  uint32_t id = 0x1000;
  for (size_t at = 0; at < good.size(); ++at) {
    for (uint8_t flip : {uint8_t{0x01}, uint8_t{0x80}, uint8_t{0xff}}) {
      Bytes bad = good;
      bad[at] ^= flip;
      // What an earlier one has agreed to is said again meanwhile.
      const auto answers = raw.Ask(raw.SealHashed(ExchangeType::kQuick, ++id, PayloadType::kSa, bad));
      EXPECT_LE(std::ranges::count_if(answers, [id](const Bytes& m) { return DecodeHeader(m)->message_id == id; }), 1) << at;
      t.p.RunFor(100ms);
    }
  }
  t.p.RunFor(300s);
  raw.Heard();
  EXPECT_EQ(t.b.Established().size(), 1u);
  EXPECT_EQ(t.b.Untidiness(), "");
  EXPECT_TRUE(raw.QuickMode(0x99));
}

}  // namespace
}  // namespace culvert::ike::v1
