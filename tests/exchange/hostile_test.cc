#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/ike/negotiate/proposal.h"
#include "tests/support/against_raw_peer.h"

// A peer with valid keys that keeps no rule (B14, B16, B22, B30, B31, B41 to B44, B47, D12, D14, and traps 3 and 6).
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;
using Part = RawPeer::Part;

class Hostile : public AgainstRawPeer {
 protected:
  NotifyType Answer(ExchangeType exchange, uint32_t id, const PayloadList& list) {
    auto answers = raw_.Ask(raw_.Seal(exchange, id, list));
    return answers.size() == 1 ? raw_.NotifyIn(answers[0]) : NotifyType{};
  }
};

NotifyPayload Rekey(IpsecProtocol protocol, ByteView spi) { return {.protocol = protocol, .type = NotifyType::kRekeySa, .spi = spi, .data = {}}; }

Bytes Octets(uint32_t v) {
  Writer w;
  w.U32(v);
  return w.Release();
}

TEST_F(Hostile, TheRawPeerItselfIsSound) {
  ASSERT_TRUE(raw_.Establish());
  ExpectNothingMore(1, 1);
}

// B31, B16: whatever IKE_AUTH lacks, there is no SA, and one answer.
TEST_F(Hostile, IkeAuthWithoutOneOfItsPayloads) {
  for (Part missing : {Part::kIdI, Part::kAuth, Part::kSa, Part::kTsI, Part::kTsR}) {
    RawPeer raw({p_.clock, p_.network, b_}, p_.a.address);
    RawPeer::Init init;
    init.spi_i += static_cast<uint64_t>(missing);
    ASSERT_TRUE(raw.Handshake(init));
    Bytes request = raw.Seal(ExchangeType::kIkeAuth, 1, raw.AuthRequest({missing}));
    auto answers = raw.Ask(request);
    ASSERT_EQ(answers.size(), 1u);
    NotifyType n = raw.NotifyIn(answers[0]);
    EXPECT_EQ(n, missing == Part::kAuth ? NotifyType::kAuthenticationFailed : NotifyType::kInvalidSyntax);
    EXPECT_EQ(raw.Ask(request), answers);   // the tombstone says the same again, octet by octet
    // And that was that: the right one is too late.
    EXPECT_TRUE(raw.Ask(raw.Seal(ExchangeType::kIkeAuth, 2, raw.AuthRequest())).empty());
    ExpectNothingMore(0, 0);
  }
}

TEST_F(Hostile, WrongAuth) {
  auto with = [this](uint64_t n, AuthMethod method, auto change) {
    RawPeer raw({p_.clock, p_.network, b_}, p_.a.address);
    RawPeer::Init init;
    init.spi_i += n;
    ASSERT_TRUE(raw.Handshake(init));
    PayloadList good = raw.AuthRequest(), list;
    for (const auto& p : good.view()) {
      if (auto* auth = std::get_if<AuthPayload>(&p)) {
        Bytes data = ToBytes(auth->data);
        change(data);
        list.Add(AuthPayload{method, list.Keep(std::move(data))});
      } else {
        list.Add(p);
      }
    }
    auto answers = raw.Ask(raw.Seal(ExchangeType::kIkeAuth, 1, list));
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(raw.NotifyIn(answers[0]), NotifyType::kAuthenticationFailed);
    ExpectNothingMore(0, 0);
  };
  with(1, AuthMethod::kSharedKey, [](Bytes& d) { d.back() ^= 1; });
  with(2, AuthMethod::kSharedKey, [](Bytes& d) { d.pop_back(); });
  with(3, AuthMethod::kSharedKey, [](Bytes& d) { d.push_back(0); });
  with(4, AuthMethod::kSharedKey, [](Bytes& d) { std::ranges::fill(d, uint8_t{0}); });
  with(5, AuthMethod::kSharedKey, [](Bytes& d) { d.clear(); });
  with(6, AuthMethod::kRsa, [](Bytes&) {});
  with(7, AuthMethod::kNull, [](Bytes&) {});
  with(8, AuthMethod::kDigitalSignature, [](Bytes&) {});
}

// B32, R10: what a peer calls itself goes into one line, escaped.
TEST_F(Hostile, IdentitiesAreEscapedInTheLog) {
  raw_.id = "evil\n\x1b[31m$(id)%n\xff.example.org";
  ASSERT_TRUE(raw_.Handshake());
  EXPECT_EQ(Answer(ExchangeType::kIkeAuth, 1, raw_.AuthRequest()), NotifyType::kAuthenticationFailed);
  for (const auto& line : b_.log) {
    EXPECT_EQ(line.find_first_of("\n\x1b\xff"), std::string::npos) << line;
  }
  EXPECT_TRUE(b_.Logged("no connection for peer"));
}

// B30: valid keys and no authentication open nothing.
TEST_F(Hostile, BeforeAuthenticationNothingButIkeAuthIsHeard) {
  ASSERT_TRUE(raw_.Handshake());
  raw_.Ask(raw_.Seal(ExchangeType::kIkeAuth, 7, Chain{}));
  for (auto exchange : {ExchangeType::kCreateChildSa, ExchangeType::kInformational, ExchangeType::kIkeFollowupKe,
                        ExchangeType{99}}) {
    for (uint32_t id : {0u, 1u, 2u}) EXPECT_TRUE(raw_.Ask(raw_.Seal(exchange, id, raw_.ChildRequest(0x1000))).empty());
  }
  ExpectNothingMore(0, 0);
  // Keyed by a request of another exchange or not: the good one still succeeds.
  EXPECT_EQ(Answer(ExchangeType::kIkeAuth, 1, raw_.AuthRequest()), NotifyType{});
  ExpectNothingMore(1, 1);
}

TEST_F(Hostile, IkeAuthTwice) {
  ASSERT_TRUE(raw_.Establish());
  EXPECT_TRUE(raw_.Ask(raw_.Seal(ExchangeType::kIkeAuth, 2, raw_.AuthRequest())).empty());
  ExpectNothingMore(1, 1);
}

TEST_F(Hostile, UnknownCriticalPayloadFailsTheExchangeOnly) {
  ASSERT_TRUE(raw_.Establish());
  PayloadList list;
  list.Add(UnknownPayload{.type = 200, .critical = true, .body = {}});
  auto answers = raw_.Ask(raw_.Seal(ExchangeType::kInformational, 2, list));
  ASSERT_EQ(answers.size(), 1u);
  auto payloads = raw_.Open(answers[0]);
  auto& n = std::get<NotifyPayload>(payloads.at(0));
  EXPECT_EQ(n.type, NotifyType::kUnsupportedCriticalPayload);
  EXPECT_TRUE(Equal(n.data, Bytes{200}));
  ExpectNothingMore(1, 1);
  PayloadList harmless;
  harmless.Add(UnknownPayload{.type = 200, .critical = false, .body = {}});
  EXPECT_EQ(raw_.Ask(raw_.Seal(ExchangeType::kInformational, 3, harmless)).size(), 1u);
}

// RFC 7296 2.21.3: a malformed message under valid keys ends the IKE SA.
TEST_F(Hostile, MalformedUnderValidKeysIsTheEnd) {
  Chain cut{PayloadType::kNotify, {0, 0, 0, 200, 1, 2, 3, 4}};
  Chain no_place{PayloadType::kNone, {}};
  PayloadList ts_alone;
  ts_alone.Add(TsPayload{.type = PayloadType::kTsI, .selectors = Selectors({"10.1.0.0/16"})});
  uint64_t n = 0;
  for (auto [exchange, chain] : {std::pair{ExchangeType::kInformational, cut}, std::pair{ExchangeType::kCreateChildSa, no_place},
                                 std::pair{ExchangeType::kCreateChildSa, ts_alone.Encode()}, std::pair{ExchangeType{99}, no_place}}) {
    RawPeer raw({p_.clock, p_.network, b_}, p_.a.address);
    RawPeer::Init init;
    init.spi_i += ++n;
    ASSERT_TRUE(raw.Handshake(init));
    ASSERT_EQ(raw.Ask(raw.Seal(ExchangeType::kIkeAuth, 1, raw.AuthRequest())).size(), 1u);
    auto answers = raw.Ask(raw.Seal(exchange, 2, chain));
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(raw.NotifyIn(answers[0]), NotifyType::kInvalidSyntax);
    ExpectNothingMore(0, 0);
  }
}

// B47, trap 6.
TEST_F(Hostile, MessageIds) {
  ASSERT_TRUE(raw_.Establish());
  Bytes probe = raw_.Seal(ExchangeType::kInformational, 2, Chain{});
  auto answer = raw_.Ask(probe);
  ASSERT_EQ(answer.size(), 1u);
  EXPECT_EQ(raw_.Ask(probe), answer);
  // The same ID with other contents is a repeat all the same: cached octets, not acted on.
  PayloadList list;
  list.Add(DeletePayload{.protocol = IpsecProtocol::kIke, .spis = {}});
  EXPECT_EQ(raw_.Ask(raw_.Seal(ExchangeType::kInformational, 2, list)), answer);
  ExpectNothingMore(1, 1);
  for (uint32_t id : {0u, 1u, 4u, 1003u, 0xffffffffu}) EXPECT_TRUE(raw_.Ask(raw_.Seal(ExchangeType::kInformational, id, Chain{})).empty());
  EXPECT_EQ(b_.Counted(Count::kBadMessageId), 5u);
  // A response to nothing.
  EXPECT_TRUE(raw_.Ask(raw_.Seal(ExchangeType::kInformational, 0, Chain{}, true)).empty());
  EXPECT_EQ(b_.Counted(Count::kBadMessageId), 6u);
  EXPECT_EQ(raw_.Ask(raw_.Seal(ExchangeType::kInformational, 3, Chain{})).size(), 1u);
}

// Trap 3, B42.
TEST_F(Hostile, RekeyOfWhatIsNotThere) {
  ASSERT_TRUE(raw_.Establish());
  Bytes unknown = Octets(0xdeadbeef), three = {1, 2, 3}, ours = Octets(raw_.child_spi), theirs = Octets(raw_.target_child_spi);
  uint32_t id = 2;
  for (const auto& rekey : {Rekey(IpsecProtocol::kEsp, unknown), Rekey(IpsecProtocol::kEsp, three), Rekey(IpsecProtocol{0}, ours),
                            Rekey(IpsecProtocol::kIke, ours), Rekey(IpsecProtocol::kAh, ours), Rekey(IpsecProtocol::kEsp, theirs)}) {
    auto answers = raw_.Ask(raw_.Seal(ExchangeType::kCreateChildSa, id++, raw_.ChildRequest(0x1000, rekey)));
    ASSERT_EQ(answers.size(), 1u);
    auto payloads = raw_.Open(answers[0]);
    ASSERT_EQ(payloads.size(), 1u);
    auto& n = std::get<NotifyPayload>(payloads[0]);
    EXPECT_EQ(n.type, NotifyType::kChildSaNotFound);
    EXPECT_TRUE(Equal(n.spi, rekey.spi));
    ExpectNothingMore(1, 1);
  }
}

TEST_F(Hostile, RekeyingOneChildTwice) {
  ASSERT_TRUE(raw_.Establish());
  Bytes spi = Octets(raw_.child_spi);
  EXPECT_EQ(Answer(ExchangeType::kCreateChildSa, 2, raw_.ChildRequest(0x1001, Rekey(IpsecProtocol::kEsp, spi))), NotifyType{});
  EXPECT_EQ(Answer(ExchangeType::kCreateChildSa, 3, raw_.ChildRequest(0x1002, Rekey(IpsecProtocol::kEsp, spi))),
            NotifyType::kTemporaryFailure);
  PayloadList gone;
  gone.Add(DeletePayload{.protocol = IpsecProtocol::kEsp, .spis = {raw_.child_spi}});
  EXPECT_EQ(raw_.Ask(raw_.Seal(ExchangeType::kInformational, 4, gone)).size(), 1u);
  EXPECT_EQ(Answer(ExchangeType::kCreateChildSa, 5, raw_.ChildRequest(0x1003, Rekey(IpsecProtocol::kEsp, spi))),
            NotifyType::kChildSaNotFound);
  p_.RunFor(6s);
  ExpectNothingMore(1, 1);
}

// What is refused as malformed ends the IKE SA; what only cannot be used does not. Nothing is installed either way.
bool IsRefusal(NotifyType n) { return n == NotifyType::kNoProposalChosen || n == NotifyType::kInvalidSyntax; }

// B43.
TEST_F(Hostile, SpisThatMayNotBe) {
  std::vector<Bytes> spis = {Octets(0), Octets(1), Octets(255), Octets(raw_.child_spi), Bytes(3, 9), Bytes(5, 9), Bytes(8, 9)};
  for (size_t n = 0; n < spis.size(); ++n) {
    RawPeer raw({p_.clock, p_.network, b_}, p_.a.address);
    RawPeer::Init init;
    init.spi_i += n;
    ASSERT_TRUE(raw.Handshake(init));
    ASSERT_EQ(raw.Ask(raw.Seal(ExchangeType::kIkeAuth, 1, raw.AuthRequest())).size(), 1u);
    PayloadList list, good = raw.ChildRequest(0x1000);
    for (Payload p : good.view()) {
      if (auto* sa = std::get_if<SaPayload>(&p)) sa->proposals[0].spi = spis[n];
      list.Add(std::move(p));
    }
    auto answers = raw.Ask(raw.Seal(ExchangeType::kCreateChildSa, 2, list));
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_TRUE(IsRefusal(raw.NotifyIn(answers[0]))) << n;
    EXPECT_LE(b_.LiveChildren().size(), 1u);
    PayloadList end;
    end.Add(DeletePayload{.protocol = IpsecProtocol::kIke, .spis = {}});
    raw.Ask(raw.Seal(ExchangeType::kInformational, 3, end));
    ExpectNothingMore(0, 0);
  }
}

// B44.
TEST_F(Hostile, DeletesReachOnlyTheOwnersSas) {
  ASSERT_TRUE(raw_.Establish());
  PayloadList list;
  // Another's SPI, ours instead of theirs, the same twice.
  list.Add(DeletePayload{.protocol = IpsecProtocol::kEsp, .spis = {0xdeadbeef, raw_.target_child_spi}});
  list.Add(DeletePayload{.protocol = IpsecProtocol::kAh, .spis = {raw_.child_spi}});
  auto answers = raw_.Ask(raw_.Seal(ExchangeType::kInformational, 2, list));
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(raw_.Open(answers[0]).empty());
  ExpectNothingMore(1, 1);
  PayloadList twice;
  twice.Add(DeletePayload{.protocol = IpsecProtocol::kEsp, .spis = {raw_.child_spi, raw_.child_spi}});
  answers = raw_.Ask(raw_.Seal(ExchangeType::kInformational, 3, twice));
  ASSERT_EQ(answers.size(), 1u);
  auto payloads = raw_.Open(answers[0]);
  ASSERT_EQ(payloads.size(), 1u);
  EXPECT_THAT(std::get<DeletePayload>(payloads[0]).spis, testing::ElementsAre(raw_.target_child_spi));
  ExpectNothingMore(1, 0);
  PayloadList all;
  all.Add(DeletePayload{.protocol = IpsecProtocol::kIke, .spis = {}});
  all.Add(DeletePayload{.protocol = IpsecProtocol::kEsp, .spis = {1, 2, 3}});
  answers = raw_.Ask(raw_.Seal(ExchangeType::kInformational, 4, all));
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(raw_.Open(answers[0]).empty());
  ExpectNothingMore(0, 0);
}

// B41.
TEST_F(Hostile, SelectorsAreNeverMoreThanPolicy) {
  ASSERT_TRUE(raw_.Establish());
  PayloadList list;
  list.Add(RawPeer::EspOffer(0x1000));
  list.Add(NoncePayload{list.Keep(Bytes(32, 9))});
  list.Add(TsPayload{.type = PayloadType::kTsI, .selectors = Selectors({"0.0.0.0/0"})});
  list.Add(TsPayload{.type = PayloadType::kTsR, .selectors = Selectors({"0.0.0.0/0"})});
  EXPECT_EQ(Answer(ExchangeType::kCreateChildSa, 2, list), NotifyType{});
  for (const auto& c : b_.LiveChildren()) {
    EXPECT_EQ(c.local_ts, Selectors({"10.2.0.0/16"}));
    EXPECT_EQ(c.remote_ts, Selectors({"10.1.0.0/16"}));
  }
  PayloadList elsewhere;
  elsewhere.Add(RawPeer::EspOffer(0x1001));
  elsewhere.Add(NoncePayload{elsewhere.Keep(Bytes(32, 9))});
  elsewhere.Add(TsPayload{.type = PayloadType::kTsI, .selectors = Selectors({"172.16.0.0/12"})});
  elsewhere.Add(TsPayload{.type = PayloadType::kTsR, .selectors = Selectors({"10.2.0.0/16"})});
  EXPECT_EQ(Answer(ExchangeType::kCreateChildSa, 3, elsewhere), NotifyType::kTsUnacceptable);
}

// D12.
TEST_F(Hostile, NoMoreThan256ChildrenAndNoMoreThanTenASecond) {
  ASSERT_TRUE(raw_.Establish());
  uint32_t id = 2, spi = 0x2000;
  unsigned made = 1, refused = 0;
  for (int i = 0; i < 130; ++i) {
    NotifyType n = Answer(ExchangeType::kCreateChildSa, id++, raw_.ChildRequest(spi++));   // 50 ms each: twenty a second
    made += n == NotifyType{};
    refused += n == NotifyType::kTemporaryFailure;
  }
  EXPECT_EQ(made + refused, 131u);
  while (made < 256) {
    p_.RunFor(100ms);
    made += Answer(ExchangeType::kCreateChildSa, id++, raw_.ChildRequest(spi++)) == NotifyType{};
  }
  p_.RunFor(1s);
  EXPECT_EQ(Answer(ExchangeType::kCreateChildSa, id++, raw_.ChildRequest(spi++)), NotifyType::kNoAdditionalSas);
  // A successor is not one more.
  Bytes first = Octets(raw_.child_spi);
  EXPECT_EQ(Answer(ExchangeType::kCreateChildSa, id++, raw_.ChildRequest(spi++, Rekey(IpsecProtocol::kEsp, first))), NotifyType{});
}

TEST_F(Hostile, TheBurstOfChildrenEndsAtAHundred) {
  ASSERT_TRUE(raw_.Establish());
  unsigned made = 0;
  for (uint32_t n = 0; n < 150; ++n) {
    b_.Post(DatagramIn{raw_.remote, raw_.local, false, raw_.Seal(ExchangeType::kCreateChildSa, 2 + n, raw_.ChildRequest(0x3000 + n))});
    p_.RunFor(1us);
  }
  made = static_cast<unsigned>(b_.LiveChildren().size()) - 1;
  EXPECT_EQ(made, 100u);
}

// D14.
TEST_F(Hostile, ExchangesPerSecondAreLimited) {
  ASSERT_TRUE(raw_.Establish());
  for (uint32_t n = 0; n < 1000; ++n) {
    b_.Post(DatagramIn{raw_.remote, raw_.local, false, raw_.Seal(ExchangeType::kInformational, 2 + n, Chain{})});
    p_.RunFor(100us);
  }
  EXPECT_GE(b_.Counted(Count::kExchangesLimited) + b_.Counted(Count::kBadMessageId), 780u);
  // The peer that keeps to it goes on where it was stopped.
  p_.RunFor(1s);
  EXPECT_EQ(b_.Established().size(), 1u);
}

// B22, B43: an IKE rekeying with a bad proposal, SPI or public value.
TEST_F(Hostile, IkeRekeyingsThatMayNotBe) {
  struct Case {
    Bytes spi;
    const char* proposal;
    KeGroup group;
    size_t ke_size;
    NotifyType answer;
  };
  const char* good = "aes128gcm16-prfsha256-x25519";
  Bytes spi = {1, 2, 3, 4, 5, 6, 7, 8};
  uint64_t n = 0;
  for (const Case& c : {Case{Bytes(8, 0), good, KeGroup::kX25519, 32, NotifyType::kInvalidSyntax},
                        Case{Bytes(7, 1), good, KeGroup::kX25519, 32, NotifyType::kInvalidSyntax},
                        Case{spi, "aes256-sha512-ecp521", KeGroup::kEcp521, 132, NotifyType::kNoProposalChosen},
                        Case{spi, good, KeGroup::kEcp256, 64, NotifyType::kInvalidKePayload},
                        Case{spi, good, KeGroup::kX25519, 31, NotifyType::kInvalidSyntax},
                        Case{spi, good, KeGroup::kX25519, 32, NotifyType{}}}) {
    RawPeer raw({p_.clock, p_.network, b_}, p_.a.address);
    RawPeer::Init init;
    init.spi_i += ++n;
    ASSERT_TRUE(raw.Handshake(init));
    ASSERT_EQ(raw.Ask(raw.Seal(ExchangeType::kIkeAuth, 1, raw.AuthRequest())).size(), 1u);
    PayloadList list;
    SaPayload offer = OfferIke({*config::ParseIkeProposal(c.proposal)}, spi);
    offer.proposals[0].spi = c.spi;
    list.Add(offer);
    list.Add(NoncePayload{list.Keep(Bytes(32, 5))});
    list.Add(KePayload{c.group, list.Keep(Bytes(c.ke_size, 9))});
    auto answers = raw.Ask(raw.Seal(ExchangeType::kCreateChildSa, 2, list));
    ASSERT_EQ(answers.size(), 1u) << n;
    EXPECT_EQ(raw.NotifyIn(answers[0]), c.answer) << n;
    bool ended = c.answer == NotifyType::kInvalidSyntax;
    if (ended) {
      ExpectNothingMore(0, 0);
    } else {
      EXPECT_EQ(b_.LiveChildren().size(), 1u);
    }
    EXPECT_EQ(b_.Logged("IKE SA rekeyed"), c.answer == NotifyType{});
    b_.Post(Terminate{.request = 1000 + n, .ike = "gw", .child = "", .force = true});
    p_.RunFor(100ms);
  }
}

// Whoever only listens learns nothing by sending things again: every datagram of a whole life, replayed to both sides.
TEST(Replay, OfAWholeLifeChangesNothing) {
  TwoPeers p;
  std::vector<SimPacket> tape;
  p.network.on_send = [&](const SimPacket& packet) { tape.push_back(packet); };
  p.Start();
  p.a.Up("net");
  p.RunFor(1s);
  p.a.RekeyChildren("net");
  p.RunFor(10s);
  p.b.RekeyIke("gw");
  p.RunFor(100s);
  uint32_t spi = p.a.LiveChildren().at(0).spi_in;
  p.network.on_send = nullptr;
  for (const auto& packet : std::vector<SimPacket>(tape)) {
    (packet.to.address == p.a.address ? p.a : p.b).Post(DatagramIn{packet.to, packet.from, packet.marker, packet.data});
    p.RunFor(100ms);
  }
  p.RunFor(120s);
  EXPECT_EQ(p.Disagreement(), "");
  EXPECT_EQ(p.a.LiveChildren().at(0).spi_in, spi);
}

}  // namespace
}  // namespace culvert::ike
