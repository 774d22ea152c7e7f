#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/against_raw_peer.h"

// What peers may try that this gateway does not have, or has not agreed to: passed over or refused, and nothing is left behind
// (B31, B34, B38, B39, B48, B50, B52, B54).
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;
using Part = RawPeer::Part;

class Foreign : public AgainstRawPeer {
 protected:
  void ExpectUpWith(size_t children) {
    const size_t ikes = children ? 1 : 0;
    ExpectNothingMore(ikes, children);
    EXPECT_EQ(b_.core->List().size(), ikes);   // nor one half open
  }
  // IKE_AUTH with one more payload.
  std::vector<Bytes> AuthWith(const Payload& more, std::initializer_list<Part> without = {}) {
    EXPECT_TRUE(raw_.Handshake());
    PayloadList list = raw_.AuthRequest(without);
    list.Add(more);
    return raw_.Ask(raw_.Seal(ExchangeType::kIkeAuth, 1, list));
  }
};

// B31, B38: whoever wants EAP leaves AUTH out.
TEST_F(Foreign, EapIsNotSpoken) {
  const Bytes success = {3, 1, 0, 4};
  auto answers = AuthWith(EapPayload{success}, {Part::kAuth});
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(raw_.NotifyIn(answers[0]), NotifyType::kInvalidSyntax);
  ExpectUpWith(0);
}

// B39: no addresses are given, and none are promised.
TEST_F(Foreign, AConfigurationPayloadIsPassedOver) {
  auto answers = AuthWith(CpPayload{.cfg_type = 1, .attributes = {{.type = 1, .value = {}}, {.type = 3, .value = {}}}});
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(FindPayload(raw_.Open(answers[0]), PayloadType::kCp), nullptr);
  ExpectUpWith(1);
}

TEST_F(Foreign, AConfigurationPayloadWhoseLengthsLieIsTheEnd) {
  ASSERT_TRUE(raw_.Handshake());
  Chain chain = raw_.AuthRequest().Encode();
  // A CP in front: one attribute that claims 200 octets of the 4 there are.
  Bytes cp = {static_cast<uint8_t>(chain.first), 0, 0, 16, 1, 0, 0, 0, 0, 1, 0, 200, 10, 0, 0, 1};
  cp.insert(cp.end(), chain.body.begin(), chain.body.end());
  auto answers = raw_.Ask(raw_.Seal(ExchangeType::kIkeAuth, 1, Chain{PayloadType::kCp, cp}));
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(raw_.NotifyIn(answers[0]), NotifyType::kInvalidSyntax);
  ExpectUpWith(0);
}

// B48: RFC 6311 was not agreed on; no counter moves. B50: nor is a token of RFC 6290 believed.
TEST_F(Foreign, NotifiesOfFeaturesNotAgreedOnMoveNothing) {
  constexpr auto kMessageIdSync = NotifyType{16422}, kIpsecReplayCounterSync = NotifyType{16423};
  ASSERT_TRUE(raw_.Establish());
  uint32_t id = 2;
  for (auto type : {kMessageIdSync, kIpsecReplayCounterSync, NotifyType::kQuickCrashDetection, NotifyType::kRedirect}) {
    PayloadList list;
    list.AddNotify(type, Bytes{0, 0, 0, 1, 0, 0, 16, 0, 0, 0, 16, 0});
    auto answers = raw_.Ask(raw_.Seal(ExchangeType::kInformational, id++, list));
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_TRUE(raw_.Open(answers[0]).empty());
    ExpectUpWith(1);
  }
  // RFC 6311 5.1's message has the ID 0, whatever the window says.
  PayloadList list;
  list.AddNotify(kMessageIdSync, Bytes(12, 9));
  EXPECT_TRUE(raw_.Ask(raw_.Seal(ExchangeType::kInformational, 0, list)).empty());
  ExpectUpWith(1);
}

// B50: no ticket was ever given, so none is worth an answer or state.
TEST_F(Foreign, NoSessionIsResumed) {
  constexpr auto kTicketOpaque = NotifyType{16412};
  PayloadList list;
  list.Add(NoncePayload{list.Keep(Bytes(32, 1))});
  list.AddNotify(kTicketOpaque, Bytes(64, 7));
  IkeHeader h{.spi_i = 7, .exchange = ExchangeType::kIkeSessionResume, .initiator = true};
  EXPECT_TRUE(raw_.Ask(EncodeMessage(h, list.view())).empty());
  EXPECT_TRUE(b_.core->List().empty());
}

// B50: whoever guesses at tokens of RFC 6290 in clear ends nothing.
TEST_F(Foreign, NoTokenInClearEndsAnything) {
  ASSERT_TRUE(raw_.Establish());
  for (uint8_t guess = 0; guess < 100; ++guess) {
    PayloadList list;
    list.AddNotify(NotifyType::kInvalidIkeSpi);
    list.AddNotify(NotifyType::kQuickCrashDetection, Bytes(32, guess));
    IkeHeader h{.spi_i = raw_.spi_i, .spi_r = raw_.spi_r, .exchange = ExchangeType::kInformational, .initiator = true};
    EXPECT_TRUE(raw_.Ask(EncodeMessage(h, list.view())).empty());
  }
  ExpectUpWith(1);
}

// B52: nobody is called elsewhere by a word in clear; the one who was meant still answers.
TEST_F(Foreign, NoRedirectIsFollowed) {
  p_.a.Start();
  const IpAddress elsewhere = Address("203.0.113.5");
  bool forged = false;
  p_.network.on_send = [&](const SimPacket& packet) {
    EXPECT_NE(packet.to.address, elsewhere);
    auto m = DecodeMessage(packet.data);
    if (forged || packet.from.address != p_.a.address || m->header.exchange != ExchangeType::kIkeSaInit) return;
    forged = true;
    PayloadList list;
    list.AddNotify(NotifyType::kRedirect, {1, 4, 203, 0, 113, 5});
    IkeHeader h{.spi_i = m->header.spi_i, .exchange = ExchangeType::kIkeSaInit, .response = true};
    p_.a.Post(DatagramIn{packet.from, packet.to, false, EncodeMessage(h, list.view())});
  };
  RequestId r = p_.a.Up("net");
  p_.RunFor(5s);
  EXPECT_TRUE(forged);
  EXPECT_TRUE(p_.a.replies[r].ok) << p_.a.replies[r].error;
  EXPECT_EQ(p_.Disagreement(), "");
}

// B34: what the gateway said itself proves nothing, nor does an SPI that is both sides'.
TEST_F(Foreign, ReflectionsProveNothing) {
  ASSERT_TRUE(raw_.Establish());
  RawPeer mirror({p_.clock, p_.network, b_}, p_.a.address);
  RawPeer::Init init;
  init.spi_i += 1;
  mirror.id = "b.example.org";   // the gateway's own
  ASSERT_TRUE(mirror.Handshake(init));
  auto answers = mirror.Ask(mirror.Seal(ExchangeType::kIkeAuth, 1, mirror.AuthRequest()));
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(mirror.NotifyIn(answers[0]), NotifyType::kAuthenticationFailed);
  const uint64_t sent = p_.network.sent;
  // Its own answer comes back.
  for (Bytes back : {answers[0], mirror.Seal(ExchangeType::kIkeAuth, 1, mirror.AuthRequest().Encode(), true)}) {
    mirror.Ask(std::move(back));
  }
  IkeHeader h{.spi_i = raw_.spi_r, .spi_r = raw_.spi_r, .exchange = ExchangeType::kInformational, .initiator = true, .message_id = 2};
  mirror.Ask(EncodeMessage(h, {}));
  EXPECT_EQ(p_.network.sent, sent);
  ExpectUpWith(1);
}

// B54, R7: who may not in learns nothing of who may, and leaves nothing, however often it tries.
TEST_F(Foreign, AThousandWrongSecretsGetOneAnswerEach) {
  Bytes of_unknown, of_known;
  for (uint64_t n = 1; n <= 1000; ++n) {
    RawPeer raw({p_.clock, p_.network, b_}, p_.a.address);
    RawPeer::Init init;
    init.spi_i += n;
    raw.psk[0] ^= 1;
    if (n % 2) raw.id = "nobody.example.org";
    ASSERT_TRUE(raw.Handshake(init)) << n;
    auto answers = raw.Ask(raw.Seal(ExchangeType::kIkeAuth, 1, raw.AuthRequest()));
    ASSERT_EQ(answers.size(), 1u);
    ASSERT_EQ(raw.NotifyIn(answers[0]), NotifyType::kAuthenticationFailed);
    (n % 2 ? of_unknown : of_known) = answers[0];
  }
  EXPECT_EQ(of_unknown.size(), of_known.size());
  p_.RunFor(120s);
  ExpectUpWith(0);
  EXPECT_EQ(b_.Counted(Count::kAuthenticationFailed), 1000u);
  RawPeer honest({p_.clock, p_.network, b_}, p_.a.address);
  ASSERT_TRUE(honest.Establish());
  ExpectUpWith(1);
}

}  // namespace
}  // namespace culvert::ike
