#include <gtest/gtest.h>

#include "config/profile.h"
#include "control/ike/negotiate/offer.h"
#include "tests/support/raw_peer.h"
#include "tests/support/two_peers.h"

// Algorithms that are nothing but numbers here (RFC 8247, RFC 8221, RFC 9395): refused off the wire in every exchange that
// negotiates, under the profile that takes the most.
namespace culvert::ike {
namespace {

using std::chrono_literals::operator""s;
using config::Profile;

constexpr Transform Encr(uint16_t id, uint16_t bits = 0) { return {.type = TransformType::kEncr, .id = id, .key_bits = bits}; }
constexpr Transform Prf(uint16_t id) { return {.type = TransformType::kPrf, .id = id}; }
constexpr Transform Integ(uint16_t id) { return {.type = TransformType::kInteg, .id = id}; }
constexpr Transform Group(uint16_t id) { return {.type = TransformType::kKe, .id = id}; }

// By their names in the IANA registry.
struct Withdrawn {
  const char* name;
  Transform transform;
};
const Withdrawn kWithdrawn[] = {
    {"DES_IV64", Encr(1)},       {"DES", Encr(2)},           {"RC5", Encr(4, 128)},      {"IDEA", Encr(5)},
    {"CAST", Encr(6, 128)},      {"BLOWFISH", Encr(7, 128)}, {"3IDEA", Encr(8)},         {"DES_IV32", Encr(9)},
    {"PRF_HMAC_MD5", Prf(1)},    {"PRF_HMAC_TIGER", Prf(3)}, {"HMAC_MD5_96", Integ(1)},  {"DES_MAC", Integ(3)},
    {"KPDK_MD5", Integ(4)},      {"HMAC_MD5_128", Integ(6)}, {"HMAC_SHA1_160", Integ(7)}, {"MODP_768", Group(1)},
    {"MODP_1024_160", Group(22)},   {"MODP_2048_224", Group(23)},  {"MODP_2048_256", Group(24)},
};

// AES-CBC with SHA-2 and `w` in the place of what is of its type.
SaPayload With(SaPayload offer, const Withdrawn& w) {
  auto& transforms = offer.proposals.at(0).transforms;
  std::erase_if(transforms, [&w](const Transform& t) { return t.type == w.transform.type; });
  transforms.push_back(w.transform);
  return offer;
}
SaPayload Ike(const Withdrawn& w, ByteView spi = {}) {
  return With(OfferIke({*config::ParseIkeProposal("aes128-sha256-x25519")}, spi), w);
}
SaPayload Esp(const Withdrawn& w, bool with_ke) {
  return With(OfferEsp({*config::ParseEspProposal("aes128-sha256-x25519", false)}, IpsecProtocol::kEsp, 0x3000, with_ke), w);
}
bool InEsp(const Withdrawn& w) { return w.transform.type != TransformType::kPrf; }

class NotCompiled : public testing::TestWithParam<Withdrawn> {
 protected:
  NotCompiled() : b_(p_.b), raw_({p_.clock, p_.network, p_.b}, p_.a.address) {
    config::Connection& c = p_.ConnectionOf(b_);
    c.profile = Profile::kLegacy;
    c.proposals = config::DefaultIkeProposals(c.profile);
    c.children[0].esp_proposals = config::DefaultEspProposals(c.profile);
    b_.Start();
  }
  bool Refused(ExchangeType exchange, uint32_t id, const PayloadList& list) {
    auto answers = raw_.Ask(raw_.Seal(exchange, id, list));
    if (answers.size() != 1) return false;
    auto payloads = raw_.Open(answers[0]);
    return FindNotify(payloads, NotifyType::kNoProposalChosen) != nullptr;
  }
  static PayloadList Message(const SaPayload& offer) {
    PayloadList list;
    list.Add(offer);
    list.Add(NoncePayload{list.Keep(Bytes(32, 9))});
    list.Add(KePayload{KeGroup::kX25519,
                       list.Keep(ToBytes(KeyExchange::Create(KeGroup::kX25519, KeRole::kRequester)->public_value()))});
    return list;
  }
  static void AddSelectors(PayloadList& list) {
    list.Add(TsPayload{.type = PayloadType::kTsI, .selectors = Selectors({"10.1.0.0/16"})});
    list.Add(TsPayload{.type = PayloadType::kTsR, .selectors = Selectors({"10.2.0.0/16"})});
  }
  bool Said() const { return b_.Logged(", below profile legacy (") && b_.Logged(Name(GetParam().transform)); }

  TwoPeers p_;
  SimPeer& b_;
  RawPeer raw_;
};

TEST_P(NotCompiled, InIkeSaInit) {
  RawPeer::Init init;
  init.offer = Ike(GetParam());
  auto answers = raw_.Ask(raw_.InitRequest(init));
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(RawPeer::NotifyInClear(answers[0]), NotifyType::kNoProposalChosen);
  EXPECT_TRUE(b_.core->List().empty());
  EXPECT_TRUE(Said());
}

TEST_P(NotCompiled, InIkeAuth) {
  // Without a key exchange of its own the first child shows nothing of one.
  if (!InEsp(GetParam()) || GetParam().transform.type == TransformType::kKe) return;
  ASSERT_TRUE(raw_.Handshake());
  PayloadList list = raw_.AuthRequest({RawPeer::Part::kSa});
  list.Add(Esp(GetParam(), false));
  EXPECT_TRUE(Refused(ExchangeType::kIkeAuth, 1, list));
  EXPECT_EQ(b_.Established().size(), 1u) << "RFC 7296 2.21.2";
  EXPECT_TRUE(b_.installed.empty());
  EXPECT_TRUE(Said());
}

TEST_P(NotCompiled, InANewChildAndItsRekeying) {
  if (!InEsp(GetParam())) return;
  ASSERT_TRUE(raw_.Establish());
  PayloadList child = Message(Esp(GetParam(), true));
  AddSelectors(child);
  EXPECT_TRUE(Refused(ExchangeType::kCreateChildSa, 2, child));
  EXPECT_TRUE(Said());
  b_.log.clear();
  Writer spi;
  spi.U32(raw_.child_spi);
  PayloadList rekey;
  rekey.Add(NotifyPayload{.protocol = IpsecProtocol::kEsp, .type = NotifyType::kRekeySa, .spi = rekey.Keep(spi.Release()), .data = {}});
  for (const Payload& p : child.view()) rekey.Add(p);
  EXPECT_TRUE(Refused(ExchangeType::kCreateChildSa, 3, rekey));
  EXPECT_TRUE(Said());
  EXPECT_EQ(b_.LiveChildren().size(), 1u);
}

TEST_P(NotCompiled, InTheRekeyingOfTheIkeSa) {
  ASSERT_TRUE(raw_.Establish());
  const uint64_t before = b_.Established().at(0).spi_r;
  const Bytes spi = {1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_TRUE(Refused(ExchangeType::kCreateChildSa, 2, Message(Ike(GetParam(), spi))));
  EXPECT_TRUE(Said());
  b_.log.clear();
  // And as the answer to ours.
  RequestId asked = b_.RekeyIke("gw");
  p_.RunFor(1s);
  raw_.Ask(raw_.Seal(ExchangeType::kCreateChildSa, 0, Message(Ike(GetParam(), spi)).Encode(), true));
  ASSERT_TRUE(b_.replies.contains(asked));
  EXPECT_FALSE(b_.replies[asked].ok);
  EXPECT_TRUE(Said());
  ASSERT_EQ(b_.Established().size(), 1u);
  EXPECT_EQ(b_.Established()[0].spi_r, before);
}

INSTANTIATE_TEST_SUITE_P(Registry, NotCompiled, testing::ValuesIn(kWithdrawn),
                         [](const auto& row) { return "Of_" + std::string(row.param.name); });

}  // namespace
}  // namespace culvert::ike
