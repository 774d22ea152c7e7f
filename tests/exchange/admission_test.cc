#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/raw_peer.h"
#include "tests/support/two_peers.h"

// Strangers: cookies, caps, repeats, and what they may cost (D01 to D04, D07, D23, B01 to B09, B17, B18, B24 to B29).
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;

class Strangers : public testing::Test {
 protected:
  Strangers() : b_(p_.b) {
    p_.ConnectionOf(b_).remote_addrs = {"%any"};
    p_.b.Start();
  }
  RawPeer At(std::string_view address) { return RawPeer({p_.clock, p_.network, b_}, Address(address)); }
  RawPeer::Init Numbered(uint64_t n) {
    RawPeer::Init init;
    init.spi_i += n;
    init.nonce[3] = static_cast<uint8_t>(n);
    init.nonce[4] = static_cast<uint8_t>(n >> 8);
    return init;
  }
  size_t HalfOpen() const { return b_.core->List().size(); }

  TwoPeers p_;
  SimPeer& b_;
};

Bytes CookieOf(const Bytes& datagram) {
  auto m = DecodeMessage(datagram);
  return ToBytes(m->Notify(NotifyType::kCookie)->data);
}

TEST_F(Strangers, TheFourthHalfOpenSaOfASourceNeedsACookie) {
  auto raw = At("203.0.113.1");
  for (uint64_t n = 0; n < 3; ++n) EXPECT_TRUE(raw.Handshake(Numbered(n)));
  EXPECT_FALSE(raw.Handshake(Numbered(3)));
  EXPECT_EQ(b_.Counted(Count::kCookieSent), 1u);
  EXPECT_EQ(HalfOpen(), 3u);   // no state before the cookie comes back
  // Another source is not concerned.
  EXPECT_TRUE(At("203.0.113.2").Handshake());

  auto init = Numbered(3);
  auto answers = raw.Ask(raw.InitRequest(init));
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(RawPeer::NotifyInClear(answers[0]), NotifyType::kCookie);
  init.cookie = CookieOf(answers[0]);
  EXPECT_TRUE(raw.Handshake(init));
  EXPECT_EQ(b_.Counted(Count::kCookieAccepted), 1u);
}

TEST_F(Strangers, BeyondSixteenOfASourceNobodyIsHeard) {
  b_.control.settings.dos.cookie_threshold_ip = 100;
  auto raw = At("203.0.113.1");
  for (uint64_t n = 0; n < 16; ++n) ASSERT_TRUE(raw.Handshake(Numbered(n))) << n;
  EXPECT_TRUE(raw.Ask(raw.InitRequest(Numbered(16))).empty());
  EXPECT_EQ(b_.Counted(Count::kSourceBlocked), 1u);
  // They go after their time, and it is heard again.
  p_.RunFor(31s);
  EXPECT_EQ(HalfOpen(), 0u);
  EXPECT_EQ(b_.Counted(Count::kHalfOpenExpired), 16u);
  EXPECT_TRUE(raw.Handshake(Numbered(17)));
}

TEST_F(Strangers, TheWholeTableHasACapAndAsksForCookiesBeforeItIsReached) {
  b_.control.settings.dos = {.cookie_threshold_ip = 3, .cookie_threshold = 10, .block_threshold = 16, .half_open_cap = 12};
  for (unsigned n = 0; n < 10; ++n) ASSERT_TRUE(At("203.0.113." + std::to_string(n + 1)).Handshake(Numbered(n)));
  for (unsigned n = 10; n < 14; ++n) {
    auto raw = At("203.0.113." + std::to_string(n + 1));
    auto init = Numbered(n);
    auto answers = raw.Ask(raw.InitRequest(init));
    ASSERT_EQ(answers.size(), n < 12 ? 1u : 0u);
    if (answers.empty()) continue;
    init.cookie = CookieOf(answers[0]);
    EXPECT_TRUE(raw.Handshake(init));
  }
  EXPECT_EQ(HalfOpen(), 12u);
  EXPECT_EQ(b_.Counted(Count::kHalfOpenFull), 2u);
  // Those that came under load live for 10 s.
  p_.RunFor(12s);
  EXPECT_EQ(HalfOpen(), 9u);
}

TEST_F(Strangers, CookiesAreBoundAndAge) {
  b_.control.settings.dos.cookie_threshold_ip = 0;
  auto raw = At("203.0.113.1");
  auto good = Numbered(1);
  good.cookie = CookieOf(raw.Ask(raw.InitRequest(good)).at(0));

  auto expect_fresh_cookie = [&](RawPeer& who, const RawPeer::Init& init, const char* what) {
    auto answers = who.Ask(who.InitRequest(init));
    ASSERT_EQ(answers.size(), 1u) << what;
    EXPECT_EQ(RawPeer::NotifyInClear(answers[0]), NotifyType::kCookie) << what;
    EXPECT_EQ(HalfOpen(), 0u) << what;
  };
  auto change = [&](auto f) {
    auto init = good;
    f(init);
    return init;
  };
  expect_fresh_cookie(raw, change([](auto& i) { i.cookie.back() ^= 1; }), "wrong");
  expect_fresh_cookie(raw, change([](auto& i) { i.cookie.pop_back(); }), "truncated");
  expect_fresh_cookie(raw, change([](auto& i) { i.cookie.resize(65); }), "65 octets");
  expect_fresh_cookie(raw, change([](auto& i) { i.nonce[9] ^= 1; }), "another nonce");
  expect_fresh_cookie(raw, change([](auto& i) { ++i.spi_i; }), "another SPI");
  expect_fresh_cookie(raw, change([](auto& i) { i.cookie_last = true; }), "not the first payload");
  auto elsewhere = At("203.0.113.9");
  expect_fresh_cookie(elsewhere, good, "from elsewhere");
  p_.RunFor(12s);
  expect_fresh_cookie(raw, good, "too old");

  // A fresh one is good also right after the secret has changed.
  p_.RunFor(120s - 12s - 1s);
  auto late = Numbered(2);
  late.cookie = CookieOf(raw.Ask(raw.InitRequest(late)).at(0));
  p_.RunFor(5s);
  EXPECT_TRUE(raw.Handshake(late));
  EXPECT_EQ(HalfOpen(), 1u);
}

// D07, D01: what comes back is never more than what came.
TEST_F(Strangers, CookieAnswersAreSmallerThanRequests) {
  b_.control.settings.dos.cookie_threshold_ip = 0;
  auto raw = At("203.0.113.1");
  Bytes request = raw.InitRequest();
  auto answers = raw.Ask(request);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_LE(answers[0].size(), request.size());
}

TEST_F(Strangers, BothSidesOfCookieAndInvalidKeTogether) {
  b_.control.settings.dos.cookie_threshold_ip = 0;
  p_.ConnectionOf(p_.a).proposals = {*config::ParseIkeProposal("aes128gcm16-prfsha256-ecp256-x25519")};
  p_.a.Start();
  std::vector<Bytes> requests;
  p_.network.on_send = [&](const SimPacket& packet) {
    if (packet.from.address == p_.a.address) requests.push_back(packet.data);
  };
  RequestId r = p_.a.Up("net");
  p_.RunFor(5s);
  ASSERT_TRUE(p_.a.replies[r].ok) << p_.a.replies[r].error;
  EXPECT_EQ(p_.Disagreement(), "");
  EXPECT_EQ(p_.a.Counted(Count::kCookieReceived), 1u);
  EXPECT_EQ(p_.a.Counted(Count::kInvalidKeReceived), 1u);
  ASSERT_EQ(requests.size(), 4u);   // plain, with cookie, with cookie and the other group, IKE_AUTH
  // Trap 15: the same SPI, message ID, nonce and proposals all along; the cookie first, also with the new KE.
  auto first = *DecodeMessage(requests[0]), second = *DecodeMessage(requests[1]), third = *DecodeMessage(requests[2]);
  for (auto* m : {&second, &third}) {
    EXPECT_EQ(m->header.spi_i, first.header.spi_i);
    EXPECT_EQ(m->header.message_id, 0u);
    EXPECT_TRUE(Equal(m->Get<NoncePayload>()->data, first.Get<NoncePayload>()->data));
    EXPECT_EQ(m->Get<SaPayload>()->proposals, first.Get<SaPayload>()->proposals);
    ASSERT_TRUE(std::holds_alternative<NotifyPayload>(m->payloads[0]));
    EXPECT_EQ(std::get<NotifyPayload>(m->payloads[0]).type, NotifyType::kCookie);
  }
  EXPECT_EQ(third.Get<KePayload>()->group, KeGroup::kX25519);
}

TEST_F(Strangers, AnInitiatorDoesNotGoRoundForEver) {
  // A responder that only ever says COOKIE, each time another.
  TwoPeers p;
  p.a.Start();
  uint64_t asked = 0;
  p.network.Attach(p.b.address, [&](SimPacket packet) {
    auto m = DecodeMessage(packet.data);
    PayloadList list;
    list.AddNotify(NotifyType::kCookie, {static_cast<uint8_t>(++asked), 1, 2});
    p.network.Send({packet.to, packet.from, false,
                    EncodeMessage({.spi_i = m->header.spi_i, .exchange = ExchangeType::kIkeSaInit, .response = true}, list.view())});
  });
  RequestId r = p.a.Up("net");
  p.RunFor(5s);
  EXPECT_FALSE(p.a.replies.at(r).ok);
  EXPECT_EQ(asked, 6u);
  EXPECT_TRUE(p.a.core->List().empty());
}

TEST_F(Strangers, InvalidKeForAGroupNotOfferedEndsTheCall) {
  for (unsigned group : {14u, 31u, 0u, 65535u}) {
    TwoPeers p;
    p.a.Start();
    p.network.Attach(p.b.address, [&](SimPacket packet) {
      auto m = DecodeMessage(packet.data);
      PayloadList list;
      list.AddNotify(NotifyType::kInvalidKePayload, {static_cast<uint8_t>(group >> 8), static_cast<uint8_t>(group)});
      p.network.Send({packet.to, packet.from, false,
                      EncodeMessage({.spi_i = m->header.spi_i, .exchange = ExchangeType::kIkeSaInit, .response = true}, list.view())});
    });
    RequestId r = p.a.Up("net");
    p.RunFor(1s);
    ASSERT_TRUE(p.a.replies.contains(r));
    EXPECT_THAT(p.a.replies[r].error, testing::HasSubstr("INVALID_KE_PAYLOAD"));
  }
}

// D23: the cookie goes on between two copies of one request.
TEST_F(Strangers, TheCopyWithACookieReplacesItsTwin) {
  auto raw = At("203.0.113.1");
  b_.control.settings.dos.cookie_threshold_ip = 0;
  auto init = Numbered(1);
  init.cookie = CookieOf(raw.Ask(raw.InitRequest(init)).at(0));
  b_.control.settings.dos.cookie_threshold_ip = 3;
  auto plain = init;
  plain.cookie.clear();
  EXPECT_EQ(raw.Ask(raw.InitRequest(plain)).size(), 1u);
  EXPECT_EQ(HalfOpen(), 1u);
  ASSERT_TRUE(raw.Handshake(init));
  EXPECT_EQ(HalfOpen(), 1u);
  auto answers = raw.Ask(raw.Seal(ExchangeType::kIkeAuth, 1, raw.AuthRequest()));
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_NE(raw.NotifyIn(answers[0]), NotifyType::kAuthenticationFailed);
  EXPECT_EQ(b_.Established().size(), 1u);
}

// Trap 5, B26.
TEST_F(Strangers, RepeatsFindTheirStateAndOthersGetTheirOwn) {
  b_.control.settings.dos.cookie_threshold_ip = 100;
  auto raw = At("203.0.113.1");
  Bytes request = raw.InitRequest();
  Bytes answer = raw.Ask(request).at(0);
  EXPECT_EQ(raw.Ask(request).at(0), answer);
  EXPECT_EQ(b_.Counted(Count::kRepeatAnswered), 1u);
  // The same SPI and nonce with another KE is not the same request, and does not displace it.
  Bytes twin = request;
  twin[100] ^= 1;
  EXPECT_TRUE(raw.Ask(twin).empty());
  EXPECT_EQ(b_.Counted(Count::kHalfOpenTwin), 1u);
  for (uint8_t n = 1; n < 16; ++n) {
    RawPeer::Init other;
    other.nonce[0] = n;
    EXPECT_EQ(raw.Ask(raw.InitRequest(other)).size(), 1u);
  }
  EXPECT_EQ(HalfOpen(), 16u);
  EXPECT_EQ(raw.Ask(request).at(0), answer);
}

// D03: nothing is derived before IKE_AUTH comes; then once.
TEST_F(Strangers, JunkCostsOneMacAndEndsNothing) {
  b_.control.settings.dos.half_open_timeout = 120s;
  auto raw = At("203.0.113.1");
  ASSERT_TRUE(raw.Handshake());
  Bytes good = raw.Seal(ExchangeType::kIkeAuth, 1, raw.AuthRequest());
  for (int n = 0; n < 1000; ++n) {
    Bytes junk = good;
    junk.back() ^= static_cast<uint8_t>(1 + n % 255);
    EXPECT_TRUE(raw.Ask(junk).empty());
  }
  EXPECT_EQ(b_.Counted(Count::kBadIcv) + b_.Counted(Count::kTriesLimited), 1000u);
  EXPECT_EQ(raw.Ask(good).size(), 1u);
  EXPECT_EQ(b_.Established().size(), 1u);
}

TEST_F(Strangers, AHundredTriesASecondAreHeardAtMost) {
  auto raw = At("203.0.113.1");
  ASSERT_TRUE(raw.Handshake());
  Bytes junk = raw.Seal(ExchangeType::kIkeAuth, 1, raw.AuthRequest());
  junk.back() ^= 1;
  raw.Ask(junk);   // the keys are derived for this one
  for (int n = 0; n < 500; ++n) b_.Post(DatagramIn{raw.remote, raw.local, false, junk});
  EXPECT_LE(b_.Counted(Count::kBadIcv), 101u);
  EXPECT_GE(b_.Counted(Count::kTriesLimited), 399u);
}

// D04: the queue for public-key work is bounded, per source and in all.
TEST_F(Strangers, PublicKeyWorkIsBoundedPerSource) {
  b_.job_delay = 10s;
  b_.control.settings.dos.cookie_threshold_ip = 100;
  auto raw = At("203.0.113.1");
  for (uint64_t n = 0; n < 10; ++n) b_.Post(DatagramIn{raw.remote, raw.local, false, raw.InitRequest(Numbered(n))});
  EXPECT_EQ(HalfOpen(), 4u);
  EXPECT_EQ(b_.Counted(Count::kSourceJobsFull), 6u);
  auto other = At("203.0.113.2");
  b_.Post(DatagramIn{other.remote, other.local, false, other.InitRequest(Numbered(20))});
  EXPECT_EQ(HalfOpen(), 5u);
  p_.RunFor(11s);
  b_.Post(DatagramIn{raw.remote, raw.local, false, raw.InitRequest(Numbered(30))});
  EXPECT_EQ(HalfOpen(), 6u);
}

TEST_F(Strangers, NoisyErrorsAreRationed) {
  auto raw = At("203.0.113.1");
  unsigned answered = 0;
  for (uint64_t n = 0; n < 50; ++n) {
    auto init = Numbered(n);
    init.offer = OfferIke({*config::ParseIkeProposal("aes256-sha512-ecp521")}, {});
    answered += static_cast<unsigned>(raw.Ask(raw.InitRequest(init)).size());   // 50 ms each
  }
  EXPECT_EQ(answered, 3u);
  EXPECT_EQ(HalfOpen(), 0u);
  // The log as well: at most ten lines a second, the rest counted.
  EXPECT_LE(b_.log.size(), 40u);
}

TEST_F(Strangers, InvalidKeIsAnsweredWithoutState) {
  auto raw = At("203.0.113.1");
  for (KeGroup group : {KeGroup::kEcp256, KeGroup{0}, KeGroup{1025}, KeGroup{65535}}) {
    RawPeer::Init init;
    init.group = group;
    init.public_value = Bytes(64, 1);
    auto answers = raw.Ask(raw.InitRequest(init));
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(RawPeer::NotifyInClear(answers[0]), NotifyType::kInvalidKePayload);
  }
  for (size_t size : {0u, 1u, 31u, 33u, 1000u}) {
    RawPeer::Init init;
    init.public_value = Bytes(size, 1);
    EXPECT_TRUE(raw.Ask(raw.InitRequest(init)).empty()) << size;
  }
  EXPECT_EQ(HalfOpen(), 0u);
}

// B19: low-order points make no key.
TEST_F(Strangers, AnAllZeroSharedSecretIsNoSecret) {
  auto raw = At("203.0.113.1");
  RawPeer::Init init;
  init.public_value = Bytes(32, 0);
  raw.Ask(raw.InitRequest(init));
  EXPECT_EQ(HalfOpen(), 1u);
  auto view = b_.core->List()[0];
  IkeHeader h{.spi_i = view.spi_i, .spi_r = view.spi_r, .exchange = ExchangeType::kIkeAuth, .initiator = true, .message_id = 1};
  Bytes m = EncodeUpToBody(h, SkPayload{PayloadType::kIdI, {}}, 64);
  m.resize(m.size() + 64);
  EXPECT_TRUE(raw.Ask(m).empty());
  EXPECT_EQ(HalfOpen(), 0u);
  EXPECT_EQ(b_.Counted(Count::kPublicValueRefused), 1u);
}

TEST_F(Strangers, MayNotMakeUsKeepMuch) {
  auto raw = At("203.0.113.1");
  auto padded = [&](size_t size) {
    RawPeer::Init init = Numbered(size);
    size_t plain = raw.InitRequest(init).size();
    Bytes filling(size - plain - 4, 0);
    init.more.push_back(VendorIdPayload{filling});
    return raw.InitRequest(init);
  };
  EXPECT_EQ(padded(8192).size(), 8192u);
  EXPECT_EQ(raw.Ask(padded(8192)).size(), 1u);
  EXPECT_TRUE(raw.Ask(padded(8193)).empty());
  EXPECT_EQ(b_.Counted(Count::kOversized), 1u);
  ASSERT_TRUE(raw.Handshake(Numbered(1)));
  raw.Ask(raw.Seal(ExchangeType::kIkeAuth, 1, Chain{PayloadType::kNone, Bytes(17000)}));
  EXPECT_EQ(b_.Counted(Count::kOversized), 2u);
}

TEST_F(Strangers, NonceSizes) {
  auto raw = At("203.0.113.1");
  for (size_t size : {15u, 257u, 60000u}) {
    RawPeer::Init init;
    init.nonce = Bytes(size, 7);
    EXPECT_TRUE(raw.Ask(raw.InitRequest(init)).empty()) << size;
  }
  EXPECT_EQ(HalfOpen(), 0u);
  for (size_t size : {16u, 256u}) {
    auto init = Numbered(size);
    init.nonce = Bytes(size, 7);
    EXPECT_TRUE(raw.Handshake(init)) << size;
  }
}

struct Junk {
  const char* name;
  Count counted;
  void (*change)(DatagramIn& d);
};
class Datagrams : public testing::TestWithParam<Junk> {};

TEST_P(Datagrams, AreDroppedAndCounted) {
  TwoPeers p;
  p.b.Start();
  RawPeer raw({p.clock, p.network, p.b}, p.a.address);
  DatagramIn d{raw.remote, raw.local, false, raw.InitRequest()};
  GetParam().change(d);
  uint64_t sent = p.network.sent;
  p.b.Post(std::move(d));
  p.RunFor(1s);
  EXPECT_EQ(p.b.Counted(GetParam().counted), 1u);
  EXPECT_EQ(p.network.sent, sent);
  EXPECT_TRUE(p.b.core->List().empty());
}

INSTANTIATE_TEST_SUITE_P(
    Each, Datagrams,
    testing::Values(
        Junk{"Empty", Count::kMalformed, [](DatagramIn& d) { d.data.clear(); }},
        Junk{"OneOctet", Count::kMalformed, [](DatagramIn& d) { d.data = {0xfe}; }},
        Junk{"Keepalive", Count::kKeepalive, [](DatagramIn& d) { d.data = {0xff}; }},
        Junk{"TwentySeven", Count::kMalformed, [](DatagramIn& d) { d.data.resize(27); }},
        Junk{"LengthLies", Count::kMalformed, [](DatagramIn& d) { d.data[27] ^= 1; }},
        Junk{"MarkerOn500", Count::kBadMarker, [](DatagramIn& d) { d.marker = true; }},
        Junk{"NoMarkerOn4500", Count::kBadMarker, [](DatagramIn& d) { d.local.port = 4500; }},
        Junk{"Version1", Count::kOldVersion, [](DatagramIn& d) { d.data[17] = 0x10; }},
        Junk{"Version0", Count::kOldVersion, [](DatagramIn& d) { d.data[17] = 0x0f; }},
        Junk{"ZeroSpi", Count::kBadSpi, [](DatagramIn& d) { std::fill_n(d.data.begin(), 8, uint8_t{0}); }},
        Junk{"ResponderSpiSet", Count::kBadSpi, [](DatagramIn& d) { d.data[15] = 1; }},
        Junk{"NotFromAnInitiator", Count::kWrongFlags, [](DatagramIn& d) { d.data[19] = 0; }},
        Junk{"ResponseNobodyAskedFor", Count::kUnknownSpi, [](DatagramIn& d) { d.data[19] = 0x20; }},
        Junk{"MessageIdOne", Count::kBadMessageId, [](DatagramIn& d) { d.data[23] = 1; }},
        Junk{"UnknownExchange", Count::kUnknownSpi, [](DatagramIn& d) { d.data[18] = 99; }},
        Junk{"InClearIkeAuth", Count::kUnknownSpi, [](DatagramIn& d) { d.data[18] = 35; }}),
    [](const auto& row) { return row.param.name; });

// RFC 7296 2.5, B04.
TEST_F(Strangers, ANewerMajorVersionIsToldOurs) {
  auto raw = At("203.0.113.1");
  Bytes request = raw.InitRequest();
  request[17] = 0x30;
  auto answers = raw.Ask(request);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(RawPeer::NotifyInClear(answers[0]), NotifyType::kInvalidMajorVersion);
  EXPECT_TRUE(raw.Ask(request).empty());   // rationed
  Bytes minor = raw.InitRequest();
  minor[17] = 0x2f;
  EXPECT_EQ(raw.Ask(minor).size(), 1u);
}

// B29: what must be protected and is not.
TEST_F(Strangers, InClearNothingGoesBeyondIkeSaInit) {
  auto raw = At("203.0.113.1");
  ASSERT_TRUE(raw.Handshake());
  raw.Ask(raw.Seal(ExchangeType::kIkeAuth, 1, Chain{PayloadType::kNone, Bytes(4)}));   // makes it derive its keys
  for (auto exchange : {ExchangeType::kIkeAuth, ExchangeType::kCreateChildSa, ExchangeType::kInformational}) {
    Bytes m = EncodeMessage({.spi_i = raw.spi_i, .spi_r = raw.spi_r, .exchange = exchange, .initiator = true, .message_id = 1},
                            raw.AuthRequest().view());
    EXPECT_TRUE(raw.Ask(m).empty());
  }
  EXPECT_TRUE(b_.Established().empty());
}

}  // namespace
}  // namespace culvert::ike
