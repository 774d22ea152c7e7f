#include "control/ike/negotiate/phase2_proposal.h"

#include <deque>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/bytes/hex.h"
#include "control/ike/negotiate/phase2_transform.h"

namespace culvert::ike::v1 {
namespace {

using testing::HasSubstr;

constexpr uint32_t kOurs = 0xc0ffee01, kTheirs = 0x01020304;

// What a child has: proposals by their words, those of AH with "ah:" before them; all of a profile that has them.
struct Side {
  Side(std::initializer_list<std::string_view> proposals) {
    for (std::string_view words : proposals) {
      const bool is_ah = words.starts_with("ah:");
      auto p = config::ParseEspProposal(is_ah ? words.substr(3) : words, is_ah, config::Profile::kLegacy);
      EXPECT_TRUE(p) << words << ": " << (p ? "" : p.error());
      if (p) (is_ah ? ah : esp).push_back(*std::move(p));
    }
  }
  Phase2Policy policy() const {
    return {.esp = esp, .ah = ah, .transport = transport, .udp = udp, .life = life, .floor = floor};
  }

  std::vector<config::EspProposal> esp, ah;
  bool transport = false;
  UdpNumbers udp = UdpNumbers::kNone;
  SaLife life{3600, 0};
  config::Profile floor = config::Profile::kLegacy;
};

SaPayload Decoded(const Bytes& body) {
  Reader r(body);
  auto sa = DecodeSa(r);
  EXPECT_TRUE(sa && r.done()) << ToHex(body);
  return sa ? *sa : SaPayload{};
}

std::string Chosen(const Phase2Result& r) {
  if (!r) return "none" + r.error();
  return (r->protocol == IpsecProtocol::kAh ? "AH " : "") + Name(r->suite) +
         (r->group == KeGroup::kNone ? "" : "/" + Name(r->group));
}

// The whole of it: what `responder` makes of `initiator`'s offer, and that of its answer.
std::string Negotiated(const Side& initiator, const Side& responder) {
  auto offer = OfferPhase2(initiator.policy(), kTheirs);
  if (!offer) return "no offer";
  auto chosen = ChoosePhase2(responder.policy(), Decoded(offer->body), kOurs);
  if (!chosen) return Chosen(chosen);
  EXPECT_EQ(chosen->peer_spi, kTheirs);
  EXPECT_EQ(chosen->group, offer->group) << "RFC 2409 5.5: one group goes with the KE payload";
  const Bytes answer = chosen->answer;
  auto accepted = AcceptPhase2(initiator.policy(), offer->group, Decoded(answer));
  EXPECT_EQ(Chosen(accepted), Chosen(chosen));
  if (accepted) {
    EXPECT_EQ(accepted->peer_spi, kOurs);
    EXPECT_EQ(accepted->life, chosen->life);
  }
  return Chosen(chosen);
}

TEST(Phase2, BothSidesAgree) {
  struct Case {
    const char* what;
    const Side initiator, responder;
    const char* agreed;
  };
  const Case kCases[] = {
      {"AES-CBC and SHA-2", {"aes128-sha256"}, {"aes128-sha256"}, "AES_CBC-128/HMAC_SHA2_256_128"},
      {"each SHA-2", {"aes256-sha384", "aes256-sha512"}, {"aes256-sha512"}, "AES_CBC-256/HMAC_SHA2_512_256"},
      {"SHA-1, under legacy", {"aes128-sha1"}, {"aes128-sha1"}, "AES_CBC-128/HMAC_SHA1_96"},
      {"GCM", {"aes256gcm16"}, {"aes128gcm16", "aes256gcm16"}, "AES_GCM_16-256"},
      {"short tags", {"aes128gcm8", "aes128gcm12"}, {"aes128gcm12"}, "AES_GCM_12-128"},
      {"CCM", {"aes128ccm16"}, {"aes128ccm16"}, "AES_CCM_16-128"},
      {"CTR", {"aes192ctr-sha256"}, {"aes192ctr-sha256"}, "AES_CTR-192/HMAC_SHA2_256_128"},
      {"NULL", {"null-sha256"}, {"null-sha256"}, "NULL/HMAC_SHA2_256_128"},
      {"GMAC", {"aes128gmac"}, {"aes128gmac"}, "NULL_AES_GMAC-128"},
      {"the responder's order", {"aes128-sha256", "aes256-sha256"}, {"aes256-sha256", "aes128-sha256"},
       "AES_CBC-256/HMAC_SHA2_256_128"},
      {"several of one proposal", {"aes128-aes256-sha256-sha512"}, {"aes256-sha512"}, "AES_CBC-256/HMAC_SHA2_512_256"},
      {"PFS", {"aes128-sha256-modp2048"}, {"aes128-sha256-modp2048"}, "AES_CBC-128/HMAC_SHA2_256_128/MODP_2048"},
      {"PFS by a curve", {"aes128gcm16-ecp384"}, {"aes128gcm16-ecp256-ecp384"}, "AES_GCM_16-128/ECP_384"},
      {"PFS that is optional", {"aes128-sha256"}, {"aes128-sha256-modp2048-modpnone"}, "AES_CBC-128/HMAC_SHA2_256_128"},
      {"no PFS demanded of one without", {"aes128-sha256-modp2048"}, {"aes128-sha256"}, "none"},
      {"PFS demanded", {"aes128-sha256"}, {"aes128-sha256-modp2048"}, "none"},
      {"another group", {"aes128-sha256-modp2048"}, {"aes128-sha256-modp3072"}, "none"},
      {"the first group alone", {"aes128-sha256-modp3072-modp2048"}, {"aes128-sha256-modp2048"}, "none"},
      {"ESN", {"aes128gcm16-esn"}, {"aes128gcm16-esn-noesn"}, "AES_GCM_16-128/ESN"},
      {"ESN refused", {"aes128gcm16-esn"}, {"aes128gcm16"}, "none"},
      {"ESN or not", {"aes128gcm16-esn-noesn"}, {"aes128gcm16"}, "AES_GCM_16-128"},
      {"AH", {"ah:sha256"}, {"ah:sha256"}, "AH HMAC_SHA2_256_128"},
      {"AH with PFS", {"ah:sha512-modp2048"}, {"ah:sha512-modp2048"}, "AH HMAC_SHA2_512_256/MODP_2048"},
      {"ESP before AH", {"aes128gcm16", "ah:sha256"}, {"aes128gcm16", "ah:sha256"}, "AES_GCM_16-128"},
      {"AH where ESP differs", {"aes128gcm16", "ah:sha256"}, {"aes256gcm16", "ah:sha256"}, "AH HMAC_SHA2_256_128"},
      {"another key length", {"aes128-sha256"}, {"aes256-sha256"}, "none"},
      {"another integrity", {"aes128-sha256"}, {"aes128-sha512"}, "none"},
  };
  for (const Case& c : kCases) EXPECT_EQ(Negotiated(c.initiator, c.responder), c.agreed) << c.what;
}

TEST(Phase2, ModeIsOfTheNatsNumbers) {
  for (bool transport : {false, true}) {
    for (UdpNumbers i : {UdpNumbers::kNone, UdpNumbers::kRfc3947, UdpNumbers::kDraft}) {
      for (UdpNumbers r : {UdpNumbers::kNone, UdpNumbers::kRfc3947, UdpNumbers::kDraft}) {
        Side initiator{"aes128gcm16"}, responder{"aes128gcm16"};
        initiator.transport = responder.transport = transport;
        initiator.udp = i;
        responder.udp = r;
        const bool both = (i == UdpNumbers::kNone) == (r == UdpNumbers::kNone);
        EXPECT_EQ(Negotiated(initiator, responder), both ? "AES_GCM_16-128" : "none")
            << transport << static_cast<int>(i) << static_cast<int>(r);
        responder.transport = !transport;
        EXPECT_EQ(Negotiated(initiator, responder), "none") << "neither side falls back to the other mode";
      }
    }
  }
}

// Octets as RFC 2407 4.5 and 2408 3.3 have them, written out by hand.
TEST(Phase2, OffersTheseOctets) {
  Side side{"aes128-sha256-modp2048"};
  side.udp = UdpNumbers::kDraft;
  side.life = {86400, 4608000};
  auto offer = OfferPhase2(side.policy(), kOurs);
  ASSERT_TRUE(offer);
  EXPECT_EQ(offer->group, KeGroup::kModp2048);
  EXPECT_EQ(offer->protocol, IpsecProtocol::kEsp);
  EXPECT_EQ(ToHex(offer->body),
            "00000001" "00000001"                  // DOI, situation
            "0000003c" "01030401" "c0ffee01"       // proposal 1: ESP, an SPI of 4 octets, one transform
            "00000030" "010c0000"                  // transform 1: ESP_AES
            "8004f003"                             // mode 61443
            "80010001" "0002000400015180"          // 86400 seconds
            "80010002" "0002000400465000"          // 4608000 kilobytes
            "80060080"                             // 128 bits
            "80050005"                             // HMAC-SHA2-256
            "8003000e");                           // group 14
}

Bytes Two(uint16_t v) {
  Writer w;
  w.U16(v);
  return w.Release();
}

class OneTransform : public testing::Test {
 protected:
  Attribute Basic(IpsecAttribute type, uint16_t value) {
    return {.type = static_cast<uint16_t>(type), .basic = true, .value = kept_.emplace_back(Two(value))};
  }
  Attribute Long(IpsecAttribute type, Bytes value) {
    return {.type = static_cast<uint16_t>(type), .basic = false, .value = kept_.emplace_back(std::move(value))};
  }
  Phase2Result Choose(std::vector<Attribute> attributes, uint8_t id = static_cast<uint8_t>(EspTransform::kAesCbc)) {
    kept_.push_back({1, 2, 3, 4});
    SaPayload sa{.proposals = {{.number = 1, .protocol = ProtocolId::kEsp, .spi = kept_.back(),
                                .transforms = {{.number = 1, .id = id, .attributes = std::move(attributes)}}}}};
    return ChoosePhase2(side_.policy(), sa, kOurs);
  }

  Side side_{"aes128-sha256", "aes128gcm16"};
  std::deque<Bytes> kept_;
};

TEST_F(OneTransform, IsUnderstoodOrPassedOver) {
  using enum IpsecAttribute;
  const Attribute mode = Basic(kMode, 1), bits = Basic(kKeyLength, 128), auth = Basic(kAuthAlgorithm, 5);
  const Attribute seconds = Basic(kLifeType, 1), kilobytes = Basic(kLifeType, 2);
  const std::string cbc = "AES_CBC-128/HMAC_SHA2_256_128", none = "none";
  struct Case {
    const char* what;
    std::vector<Attribute> attributes;
    std::string chosen;
  };
  const Case kCases[] = {
      {"as usual", {mode, bits, auth}, cbc},
      {"in any order", {auth, bits, mode}, cbc},
      {"mode as a variable attribute", {Long(kMode, {0, 0, 0, 1}), bits, auth}, cbc},
      {"without a mode: a tunnel", {bits, auth}, cbc},
      {"another mode", {Basic(kMode, 2), bits, auth}, none},
      {"an unknown mode", {Basic(kMode, 9), bits, auth}, none},
      {"without a key length (RFC 3602 5.2)", {mode, auth}, none},
      {"without integrity", {mode, bits}, none},
      {"with integrity said to be none", {mode, bits, Basic(kAuthAlgorithm, 0)}, none},
      {"an unknown integrity", {mode, bits, Basic(kAuthAlgorithm, 99)}, none},
      {"a key length of 65664, which is 128 in 16 bits", {mode, Long(kKeyLength, {0, 1, 0, 128}), auth}, none},
      {"a group, unasked", {mode, bits, auth, Basic(kGroup, 14)}, none},
      {"a group of 65536, which is none in 16 bits", {mode, bits, auth, Long(kGroup, {0, 1, 0, 0})}, none},
      {"an unknown attribute", {mode, bits, auth, {.type = 4711, .basic = true, .value = kept_.emplace_back(Two(1))}}, none},
      {"the key length twice", {mode, bits, bits, auth}, none},
      {"seconds", {mode, bits, auth, seconds, Basic(kLifeDuration, 600)}, cbc},
      {"seconds, variable", {mode, bits, auth, seconds, Long(kLifeDuration, {0, 0, 2, 88})}, cbc},
      {"a duration of nothing", {mode, bits, auth, Basic(kLifeDuration, 600)}, none},
      {"a type without a duration", {mode, bits, auth, seconds}, none},
      {"two types, one duration", {mode, bits, auth, seconds, kilobytes, Basic(kLifeDuration, 600)}, none},
      {"seconds twice", {mode, bits, auth, seconds, Basic(kLifeDuration, 600), seconds, Basic(kLifeDuration, 600)}, none},
      {"a lifetime of nothing", {mode, bits, auth, seconds, Basic(kLifeDuration, 0)}, none},
      {"an unknown lifetime", {mode, bits, auth, Basic(kLifeType, 3), Basic(kLifeDuration, 600)}, none},
      {"a lifetime beyond 64 bits", {mode, bits, auth, seconds, Long(kLifeDuration, Bytes(9, 0xff))}, none},
      {"an empty attribute", {mode, bits, auth, seconds, Long(kLifeDuration, {})}, none},
      {"ESN of another number", {mode, bits, auth, Basic(kEsn, 2)}, none},
  };
  for (const Case& c : kCases) EXPECT_EQ(Chosen(Choose(c.attributes)), c.chosen) << c.what;
  const auto gcm = static_cast<uint8_t>(EspTransform::kAesGcm16);
  EXPECT_EQ(Chosen(Choose({mode, bits}, gcm)), "AES_GCM_16-128");
  EXPECT_EQ(Chosen(Choose({mode, bits, Basic(kAuthAlgorithm, 0)}, gcm)), "AES_GCM_16-128");
  EXPECT_EQ(Chosen(Choose({mode, bits, auth}, gcm)), none) << "RFC 4106 8.1";
  EXPECT_EQ(Chosen(Choose({mode, bits, auth}, 200)), none);
}

TEST_F(OneTransform, LifetimesAreReadInEitherForm) {
  using enum IpsecAttribute;
  const std::vector<Attribute> suite = {Basic(kMode, 1), Basic(kKeyLength, 128), Basic(kAuthAlgorithm, 5)};
  auto life = [&](std::vector<Attribute> more) {
    more.insert(more.begin(), suite.begin(), suite.end());
    auto r = Choose(std::move(more));
    return r ? r->life : SaLife{};
  };
  EXPECT_EQ(life({}), (SaLife{kDefaultLife, 0})) << "RFC 2407 4.5";
  EXPECT_EQ(life({Basic(kLifeType, 1), Long(kLifeDuration, {0, 1, 0x51, 0x80})}), (SaLife{86400, 0}));
  EXPECT_EQ(life({Basic(kLifeType, 2), Basic(kLifeDuration, 1000)}), (SaLife{kDefaultLife, 1000}));
  EXPECT_EQ(life({Basic(kLifeType, 2), Basic(kLifeDuration, 1000), Basic(kLifeType, 1), Basic(kLifeDuration, 60)}),
            (SaLife{60, 1000}));
  EXPECT_EQ(life({Basic(kLifeType, 1), Long(kLifeDuration, {0, 0, 0, 1, 0, 0, 0, 0})}), (SaLife{uint64_t{1} << 32, 0}));
}

TEST(Phase2, ShorterLifetimesHold) {
  EXPECT_EQ(Shorter({3600, 0}, {28800, 0}), (SaLife{3600, 0}));
  EXPECT_EQ(Shorter({3600, 0}, {600, 1000}), (SaLife{600, 1000}));
  EXPECT_EQ(Shorter({0, 500}, {28800, 1000}), (SaLife{28800, 500}));
}

TEST(Phase2, LifetimesGoInANotify) {
  for (const SaLife& life : {SaLife{600, 0}, SaLife{86400, 1000000}, SaLife{0, 5}}) EXPECT_EQ(DecodeLife(EncodeLife(life)), life);
  EXPECT_EQ(ToHex(EncodeLife({86400, 0})), "80010001" "0002000400015180");
  EXPECT_EQ(DecodeLife(*FromHex("80010001")), std::nullopt);
  EXPECT_EQ(DecodeLife(*FromHex("800100")), std::nullopt);
  EXPECT_EQ(DecodeLife(*FromHex("80090001" "80010001" "8002003c")), (SaLife{60, 0})) << "others say nothing of it";
}

TEST(Phase2, ProposalsThatBelongTogetherAreNotForUs) {
  // RFC 2408 4.2: ESP and IPComp of one number are to be used both.
  Side side{"aes128gcm16"};
  auto offer = OfferPhase2(side.policy(), kTheirs);
  SaPayload sa = Decoded(offer->body);
  const Bytes cpi = {0x12, 0x34};
  sa.proposals.push_back({.number = 1, .protocol = ProtocolId::kIpcomp, .spi = cpi, .transforms = {{.number = 1, .id = 2, .attributes = {}}}});
  EXPECT_FALSE(ChoosePhase2(side.policy(), sa, kOurs));
  sa.proposals.back().number = 2;
  EXPECT_TRUE(ChoosePhase2(side.policy(), sa, kOurs)) << "of another number they are an alternative";
}

TEST(Phase2, AnAnswerIsOneOfWhatWasOffered) {
  Side initiator{"aes128-sha256", "aes256gcm16"}, responder{"aes128-sha256"};
  auto offer = OfferPhase2(initiator.policy(), kTheirs);
  auto chosen = ChoosePhase2(responder.policy(), Decoded(offer->body), kOurs);
  ASSERT_TRUE(chosen);
  const SaPayload good = Decoded(chosen->answer);
  auto accepted = [&](auto change) {
    SaPayload sa = good;
    change(sa);
    return AcceptPhase2(initiator.policy(), KeGroup::kNone, sa).has_value();
  };
  EXPECT_TRUE(accepted([](SaPayload&) {}));
  EXPECT_TRUE(accepted([](SaPayload& sa) { sa.proposals[0].number = sa.proposals[0].transforms[0].number = 9; }));
  EXPECT_FALSE(accepted([](SaPayload& sa) { sa.proposals.push_back(sa.proposals[0]); }));
  EXPECT_FALSE(accepted([](SaPayload& sa) { sa.proposals[0].transforms.push_back(sa.proposals[0].transforms[0]); }));
  EXPECT_FALSE(accepted([](SaPayload& sa) { sa.proposals[0].transforms.clear(); }));
  EXPECT_FALSE(accepted([](SaPayload& sa) { sa.proposals.clear(); }));
  EXPECT_FALSE(accepted([](SaPayload& sa) { sa.proposals[0].protocol = ProtocolId::kAh; }));
  Side other{"aes192-sha256"};
  EXPECT_FALSE(AcceptPhase2(other.policy(), KeGroup::kNone, good));
  EXPECT_FALSE(AcceptPhase2(initiator.policy(), KeGroup::kModp2048, good)) << "it has no group, and we have sent a KE payload";
}

TEST(Phase2, NothingComesUpBelowTheFloor) {
  Side initiator{"aes128-sha1"}, responder{"aes128-sha1"};
  responder.floor = config::Profile::kDefault;
  EXPECT_THAT(Negotiated(initiator, responder), HasSubstr("below profile default"));
}

TEST(Phase2, OffersNothingOfWhatIkev1CannotSay) {
  Side side{"aes128gcm16-x25519", "chacha20poly1305"};
  EXPECT_FALSE(OfferPhase2(side.policy(), kOurs));
  Side none{};
  EXPECT_FALSE(OfferPhase2(none.policy(), kOurs));
}

TEST(Phase2, IsDescribedForALogLine) {
  Side side{"aes128-sha256-modp2048", "aes256gcm16-modp2048", "ah:sha256-modp2048"};
  side.transport = true;
  auto offer = OfferPhase2(side.policy(), kOurs);
  EXPECT_EQ(DescribePhase2(Decoded(offer->body)),
            "AES_CBC-128/HMAC_SHA2_256_128/MODP_2048 in transport mode, AES_GCM_16-256/MODP_2048 in transport mode, "
            "AH HMAC_SHA2_256_128/MODP_2048 in transport mode");
  EXPECT_EQ(DescribePhase2({}), "nothing");
}

}  // namespace
}  // namespace culvert::ike::v1
