#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/ike/wire/header.h"
#include "tests/support/raw_peer.h"
#include "tests/support/two_peers.h"

// B51: a peer with valid keys that says what it likes about addresses, and somebody on the way (RFC 4555 5).
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

const IpAddress kA2 = Address("198.51.100.1");

class HostileMobike : public testing::Test {
 protected:
  HostileMobike() : raw_({p_.clock, p_.network, p_.b}, p_.a.address) {
    config::Connection& c = p_.ConnectionOf(p_.b);
    c.mobike = true;
    c.local_addrs = c.remote_addrs = {"%any"};
    p_.b.Start();
    p_.network.Attach(kA2, [this](SimPacket packet) { at_a2_.push_back(std::move(packet.data)); });
  }
  void Establish(bool with_mobike = true) {
    ASSERT_TRUE(raw_.Handshake());
    raw_.local.port = raw_.remote.port = 4500;
    PayloadList list = raw_.AuthRequest();
    if (with_mobike) list.AddNotify(NotifyType::kMobikeSupported);
    ASSERT_EQ(raw_.Ask(raw_.Seal(ExchangeType::kIkeAuth, 1, list)).size(), 1u);
    ASSERT_EQ(p_.b.LiveChildren().size(), 1u);
  }
  // The notifies in what b answers to `list` as it comes from `from`.
  std::vector<NotifyType> Answer(const PayloadList& list, const Endpoint& from) {
    at_a2_.clear();
    auto answers = raw_.Ask(raw_.Seal(ExchangeType::kInformational, next_id_++, list), from, raw_.remote, true);
    if (from.address == kA2 && !at_a2_.empty()) answers = {at_a2_[0]};
    std::vector<NotifyType> types;
    for (const Bytes& d : answers) {
      for (const auto& payload : raw_.Open(d)) {
        if (auto* n = std::get_if<NotifyPayload>(&payload)) types.push_back(n->type);
      }
    }
    return types;
  }
  static PayloadList Update() {
    PayloadList list;
    list.AddNotify(NotifyType::kUpdateSaAddresses);
    return list;
  }
  void ExpectEspUnmoved() { EXPECT_EQ(p_.b.Sends("net")->remote.address, p_.a.address); }
  void ExpectUnmoved() {
    EXPECT_EQ(p_.b.Established().at(0).remote.address, p_.a.address);
    ExpectEspUnmoved();
  }
  // The COOKIE2 in b's request number `i` that came to the second address.
  Bytes CookieAt(size_t i) {
    if (at_a2_.size() <= i) return {};
    for (const auto& payload : raw_.Open(at_a2_[i])) {
      auto* n = std::get_if<NotifyPayload>(&payload);
      if (n && n->type == NotifyType::kCookie2) return ToBytes(n->data);
    }
    return {};
  }

  void ExpectToEndBy(const PayloadList& answer) {
    EXPECT_EQ(p_.b.Sends("net")->remote.address, p_.a.address);
    raw_.Ask(raw_.Seal(ExchangeType::kInformational, 0, answer.Encode(), true), second_, raw_.remote, true);
    EXPECT_EQ(p_.b.Counted(Count::kCookie2Wrong), 1u);
    EXPECT_TRUE(p_.b.Established().empty());
    EXPECT_TRUE(p_.b.installed.empty());
    EXPECT_TRUE(p_.b.spis.drawn.empty());
  }

  TwoPeers p_;
  RawPeer raw_;
  std::vector<Bytes> at_a2_;
  uint32_t next_id_ = 2;
  const Endpoint second_{kA2, 4500, 0};
};

TEST_F(HostileMobike, AnUpdateWithoutMobikeIsNothing) {
  Establish(false);
  EXPECT_THAT(Answer(Update(), second_), ElementsAre());
  EXPECT_EQ(at_a2_.size(), 1u) << "the answer, and no question";
  ExpectUnmoved();
}

TEST_F(HostileMobike, TheRightCookieMovesEsp) {
  Establish();
  Answer(Update(), second_);
  ASSERT_EQ(at_a2_.size(), 2u);
  const Bytes cookie = CookieAt(1);
  ASSERT_GE(cookie.size(), 8u);
  EXPECT_EQ(p_.b.Sends("net")->remote.address, p_.a.address);
  PayloadList back;
  back.AddNotify(NotifyType::kCookie2, cookie);
  raw_.Ask(raw_.Seal(ExchangeType::kInformational, 0, back.Encode(), true), second_, raw_.remote, true);
  EXPECT_EQ(p_.b.Sends("net")->remote.address, kA2);
}

// RFC 4555 3.7: the answer of somebody who has not seen the question.
TEST_F(HostileMobike, AnotherCookieEndsTheSa) {
  Establish();
  Answer(Update(), second_);
  Bytes cookie = CookieAt(1);
  ASSERT_FALSE(cookie.empty());
  cookie[3] ^= 1;
  PayloadList back;
  back.AddNotify(NotifyType::kCookie2, cookie);
  ExpectToEndBy(back);
}

TEST_F(HostileMobike, NoCookieEndsTheSa) {
  Establish();
  Answer(Update(), second_);
  ExpectToEndBy({});
}

// RFC 4555 3.7: who has seen the cookie somewhere else may make up where the answer comes from.
TEST_F(HostileMobike, AProofThatWentToTwoAddressesProvesNeither) {
  Establish();
  Answer(Update(), second_);
  const Bytes cookie = CookieAt(1);
  ASSERT_FALSE(cookie.empty());
  const Endpoint third{Address("203.0.113.66"), 4500, 0};
  std::vector<Bytes> at_third;
  p_.network.Attach(third.address, [&](SimPacket packet) { at_third.push_back(std::move(packet.data)); });
  p_.b.Post(DatagramIn{raw_.remote, third, true, raw_.Seal(ExchangeType::kInformational, next_id_++, Update())});
  p_.RunFor(100ms);
  PayloadList back;
  back.AddNotify(NotifyType::kCookie2, cookie);
  raw_.Ask(raw_.Seal(ExchangeType::kInformational, 0, back.Encode(), true), third, raw_.remote, true);
  ExpectEspUnmoved();
  ASSERT_FALSE(at_third.empty());
  EXPECT_EQ(DecodeHeader(at_third.back())->message_id, 1u) << "another question";
  Bytes another;
  for (const auto& payload : raw_.Open(at_third.back())) {
    auto* n = std::get_if<NotifyPayload>(&payload);
    if (n && n->type == NotifyType::kCookie2) another = ToBytes(n->data);
  }
  EXPECT_NE(another, cookie);
  PayloadList again;
  again.AddNotify(NotifyType::kCookie2, another);
  raw_.Ask(raw_.Seal(ExchangeType::kInformational, 1, again.Encode(), true), third, raw_.remote, true);
  EXPECT_EQ(p_.b.Sends("net")->remote, third);
}

// A peer that answers nothing and says it is somewhere else, again and again, has us send there hardly more than it sends.
TEST_F(HostileMobike, MovingToAndFroReflectsLittle) {
  Establish();
  p_.b.RekeyChildren("net");
  p_.RunFor(10ms);
  uint64_t sent = 0, reflected = 0;
  p_.network.on_send = [&](const SimPacket& packet) {
    if (packet.to.address == kA2) reflected += packet.data.size();
  };
  for (int i = 0; i < 60; ++i) {
    for (const Endpoint& from : {second_, raw_.local}) {
      Bytes update = raw_.Seal(ExchangeType::kInformational, next_id_++, Update());
      if (from == second_) sent += update.size();
      p_.b.Post(DatagramIn{raw_.remote, from, true, std::move(update)});
    }
  }
  p_.RunFor(1s);
  EXPECT_GT(reflected, 0u);
  EXPECT_LT(reflected, 2 * sent);
  ExpectEspUnmoved();
}

TEST_F(HostileMobike, AddressesNobodyHasAreUnacceptable) {
  Establish();
  for (const char* address : {"224.0.0.1", "255.255.255.255", "0.0.0.0", "192.0.2.2"}) {
    std::vector<Bytes> answers;
    p_.network.on_send = [&](const SimPacket& packet) { answers.push_back(packet.data); };
    p_.b.Post(DatagramIn{raw_.remote, {Address(address), 4500, 0}, true,
                         raw_.Seal(ExchangeType::kInformational, next_id_++, Update())});
    ASSERT_EQ(answers.size(), 1u) << address;
    EXPECT_EQ(raw_.NotifyIn(answers[0]), NotifyType::kUnacceptableAddresses) << address;
    ExpectUnmoved();
  }
  EXPECT_EQ(p_.b.Counted(Count::kMoveRefused), 4u);
}

TEST_F(HostileMobike, NatsMayBeForbidden) {
  Establish();
  auto update = [&](const IpAddress& source, uint16_t port) {
    Writer w;
    w.Put(source.bytes());
    w.Put(p_.b.address.bytes());
    w.U16(port);
    w.U16(4500);
    PayloadList list = Update();
    list.AddNotify(NotifyType::kNoNatsAllowed, w.Release());
    return list;
  };
  EXPECT_THAT(Answer(update(p_.a.address, 4500), second_), ElementsAre(NotifyType::kUnexpectedNatDetected));
  EXPECT_THAT(Answer(update(kA2, 4501), second_), ElementsAre(NotifyType::kUnexpectedNatDetected));
  PayloadList cut = Update();
  cut.AddNotify(NotifyType::kNoNatsAllowed, {1, 2, 3});
  EXPECT_THAT(Answer(cut, second_), ElementsAre(NotifyType::kUnexpectedNatDetected));
  ExpectUnmoved();
  EXPECT_THAT(Answer(update(kA2, 4500), second_), ElementsAre());
  EXPECT_FALSE(CookieAt(1).empty());
}

TEST_F(HostileMobike, AForbiddenNatKeepsTheIkeSaFromComingUp) {
  ASSERT_TRUE(raw_.Handshake());
  PayloadList list = raw_.AuthRequest();
  list.AddNotify(NotifyType::kNoNatsAllowed, Bytes(12, 7));
  auto answers = raw_.Ask(raw_.Seal(ExchangeType::kIkeAuth, 1, list));
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(raw_.NotifyIn(answers[0]), NotifyType::kUnexpectedNatDetected);
  EXPECT_TRUE(p_.b.Established().empty());
  EXPECT_TRUE(p_.b.installed.empty());
}

TEST_F(HostileMobike, NobodyElseMovesThePeer) {
  Establish();
  const Bytes real = raw_.Seal(ExchangeType::kInformational, next_id_++, Update());
  const Endpoint attacker{Address("203.0.113.66"), 4500, 0};
  Bytes forged = real;
  forged.back() ^= 1;
  p_.b.Post(DatagramIn{raw_.remote, attacker, true, forged});
  ExpectUnmoved();
  EXPECT_EQ(raw_.Ask(real).size(), 1u);
  ExpectUnmoved();
  // The true message again, from elsewhere: its answer again, and nothing more.
  p_.b.Post(DatagramIn{raw_.remote, attacker, true, real});
  p_.RunFor(1s);
  ExpectUnmoved();
}

TEST_F(HostileMobike, CookiesAndProbesAreAnswered) {
  Establish();
  for (size_t size : {7u, 8u, 64u, 65u}) {
    PayloadList list;
    list.AddNotify(NotifyType::kCookie2, Bytes(size, 9));
    auto types = Answer(list, raw_.local);
    EXPECT_EQ(types.size(), size >= 8 && size <= 64 ? 1u : 0u) << size;
  }
  PayloadList probe;
  probe.AddNotify(NotifyType::kNatDetectionSourceIp, Bytes(20, 1));
  probe.AddNotify(NotifyType::kNatDetectionDestinationIp, Bytes(20, 2));
  EXPECT_THAT(Answer(probe, raw_.local),
              ElementsAre(NotifyType::kNatDetectionSourceIp, NotifyType::kNatDetectionDestinationIp));
  ExpectUnmoved();
}

// Any number of additional addresses, and any octets as such, cost what a few good ones do.
TEST_F(HostileMobike, AdditionalAddressesAreBounded) {
  Establish();
  PayloadList list;
  for (uint32_t i = 0; i < 18; ++i) list.AddNotify(NotifyType::kAdditionalIp4Address, Bytes(i % 6, static_cast<uint8_t>(i)));
  EXPECT_THAT(Answer(list, raw_.local), ElementsAre());
  ExpectUnmoved();
  EXPECT_EQ(p_.b.Established().size(), 1u);
}

}  // namespace
}  // namespace culvert::ike
