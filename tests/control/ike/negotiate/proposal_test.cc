#include "control/ike/negotiate/proposal.h"
#include "control/ike/cat.h"

#include <algorithm>
#include <functional>

#include <gtest/gtest.h>

#include "common/bytes/writer.h"
#include "tests/control/ike/crypto/test_util.h"

namespace culvert::ike {
namespace {

using Type = TransformType;

std::vector<config::IkeProposal> Ike(std::initializer_list<const char*> texts) {
  std::vector<config::IkeProposal> out;
  for (const char* text : texts) {
    auto p = config::ParseIkeProposal(text);
    EXPECT_TRUE(p) << text << ": " << p.error();
    out.push_back(*p);
  }
  return out;
}

std::vector<config::EspProposal> Esp(std::initializer_list<const char*> texts, bool ah = false) {
  std::vector<config::EspProposal> out;
  for (const char* text : texts) {
    auto p = config::ParseEspProposal(text, ah);
    EXPECT_TRUE(p) << text << ": " << p.error();
    out.push_back(*p);
  }
  return out;
}

template <typename Id>
Transform T(Type type, Id id, uint16_t key_bits = 0) {
  return {.type = type, .id = static_cast<uint16_t>(id), .key_bits = key_bits};
}
const Transform kGcm256 = T(Type::kEncr, EncrId::kAesGcm16, 256), kGcm128 = T(Type::kEncr, EncrId::kAesGcm16, 128);
const Transform kCbc256 = T(Type::kEncr, EncrId::kAesCbc, 256), kChaCha = T(Type::kEncr, EncrId::kChaCha20Poly1305);
const Transform kSha256 = T(Type::kInteg, IntegId::kHmacSha256_128), kNoInteg = T(Type::kInteg, IntegId::kNone);
const Transform kPrf256 = T(Type::kPrf, PrfId::kHmacSha256), kPrf512 = T(Type::kPrf, PrfId::kHmacSha512);
const Transform kX25519 = T(Type::kKe, KeGroup::kX25519), kEcp384 = T(Type::kKe, KeGroup::kEcp384);
const Transform kNoKe = T(Type::kKe, KeGroup::kNone);
const Transform kEsn = T(Type::kEsn, EsnId::kYes), kNoEsn = T(Type::kEsn, EsnId::kNo);

Bytes Spi4(uint32_t spi) {
  Writer w;
  w.U32(spi);
  return w.Release();
}
SaPayload OneIke(std::vector<Transform> transforms, Bytes spi = {}) {
  return {{{.number = 1, .protocol = IpsecProtocol::kIke, .spi = std::move(spi), .transforms = std::move(transforms)}}};
}
SaPayload OneEsp(std::vector<Transform> transforms, Bytes spi = Spi4(0x01020304), IpsecProtocol protocol = IpsecProtocol::kEsp) {
  return {{{.number = 1, .protocol = protocol, .spi = std::move(spi), .transforms = std::move(transforms)}}};
}

std::string Chosen(const std::optional<ChosenIke>& c) { return c ? Name(c->suite) : "none"; }
std::string Chosen(const std::optional<ChosenEsp>& c) {
  return c ? Name(c->suite) + (c->group == KeGroup::kNone ? "" : "/" + Name(c->group)) : "none";
}

TEST(OfferIke, WritesProposalsAsConfigured) {
  SaPayload sa = OfferIke(Ike({"aes256gcm16-chacha20poly1305-prfsha384-x25519-ecp384", "aes128-sha256-modp2048"}), {});
  ASSERT_EQ(sa.proposals.size(), 2u);
  EXPECT_EQ(sa.proposals[0].number, 1);
  EXPECT_EQ(sa.proposals[0].transforms,
            (std::vector{kGcm256, kChaCha, T(Type::kPrf, PrfId::kHmacSha384), kX25519, kEcp384}))
      << "ChaCha20 has one key length and no attribute (RFC 7296 3.3.5); an AEAD has no INTEG (3.3)";
  EXPECT_EQ(sa.proposals[1].number, 2);
  EXPECT_EQ(Describe(sa), "AES_GCM_16-256/CHACHA20_POLY1305/PRF_HMAC_SHA2_384/CURVE_25519/ECP_384, "
                          "AES_CBC-128/PRF_HMAC_SHA2_256/HMAC_SHA2_256_128/MODP_2048");
  for (const Proposal& p : sa.proposals) EXPECT_TRUE(p.spi.empty());
  Bytes spi(8, 7);
  EXPECT_EQ(OfferIke(Ike({"aes128-sha256-modp2048"}), spi).proposals[0].spi, spi);
}

TEST(OfferIke, KeepsAeadAndOtherCiphersApart) {
  config::IkeProposal mixed{.encrs = {{EncrId::kAesCbc, 128}, {EncrId::kAesGcm16, 128}}, .integs = {IntegId::kHmacSha256_128},
                            .prfs = {PrfId::kHmacSha256}, .groups = {KeGroup::kX25519}, .additional = {}};
  SaPayload sa = OfferIke({mixed}, {});
  ASSERT_EQ(sa.proposals.size(), 2u);
  EXPECT_EQ(Describe(sa), "AES_CBC-128/PRF_HMAC_SHA2_256/HMAC_SHA2_256_128/CURVE_25519, AES_GCM_16-128/PRF_HMAC_SHA2_256/CURVE_25519");
}

TEST(OfferIke, LeavesOutWhatIkeCannotUse) {
  auto offer = [](config::IkeProposal p) { return Describe(OfferIke({p}, {})); };
  const config::IkeProposal good{.encrs = {{EncrId::kAesGcm16, 256}}, .integs = {}, .prfs = {PrfId::kHmacSha256},
                                 .groups = {KeGroup::kX25519}, .additional = {}};
  EXPECT_NE(offer(good), "");
  auto without = [&good](auto change) {
    auto p = good;
    change(p);
    return p;
  };
  // B22: NULL and GMAC protect no IKE SA; a PRF nobody knows cannot be computed; KE none is no key exchange.
  EXPECT_EQ(offer(without([](auto& p) { p.encrs = {{EncrId::kNull, 0}}; p.integs = {IntegId::kHmacSha256_128}; })), "");
  EXPECT_EQ(offer(without([](auto& p) { p.encrs = {{EncrId::kNullGmac, 128}}; })), "");
  EXPECT_EQ(offer(without([](auto& p) { p.encrs = {{EncrId::kAesGcm16, 0}}; })), "");
  EXPECT_EQ(offer(without([](auto& p) { p.encrs = {{EncrId::kAesCbc, 128}}; })), "");
  EXPECT_EQ(offer(without([](auto& p) { p.prfs = {static_cast<PrfId>(1)}; })), "");
  EXPECT_EQ(offer(without([](auto& p) { p.groups = {KeGroup::kNone}; })), "");
  EXPECT_EQ(offer(without([](auto& p) { p.groups = {}; })), "");
  // RFC 9370: a proposal that demands an additional key exchange we do not have is not offered without it.
  EXPECT_EQ(offer(without([](auto& p) { p.additional[0] = {static_cast<KeGroup>(999)}; })), "");
  EXPECT_EQ(offer(without([](auto& p) { p.additional[6] = {KeGroup::kMlKem768, KeGroup::kNone}; })),
            Cat(offer(good), "/", "KE7_ML_KEM_768", "/", "KE7_NONE"));
}

TEST(OfferEsp, CarriesNoKeyExchangeInIkeAuth) {
  auto configured = Esp({"aes256gcm16-x25519-esn-noesn"});
  SaPayload auth = OfferEsp(configured, IpsecProtocol::kEsp, 0xc0ffee01, false);
  ASSERT_EQ(auth.proposals.size(), 1u);
  EXPECT_EQ(auth.proposals[0].transforms, (std::vector{kGcm256, kEsn, kNoEsn}));
  EXPECT_EQ(auth.proposals[0].spi, Spi4(0xc0ffee01));
  SaPayload child = OfferEsp(configured, IpsecProtocol::kEsp, 0xc0ffee01, true);
  EXPECT_EQ(child.proposals[0].transforms, (std::vector{kGcm256, kX25519, kEsn, kNoEsn}));
  EXPECT_TRUE(OfferEsp(configured, IpsecProtocol::kAh, 0xc0ffee01, true).proposals.empty());
}

// design.md: `default` children offer a key exchange and accept none; on the wire that is a NONE after the groups.
TEST(OfferEsp, OffersNoneAfterTheGroupsWhereBothWillDo) {
  for (auto configured : {config::DefaultEspProposals(), Esp({"aes128gcm16-ecp384-none"})}) {
    for (const Proposal& p : OfferEsp(configured, IpsecProtocol::kEsp, 300, true).proposals) {
      std::vector<Transform> ke;
      std::ranges::copy_if(p.transforms, std::back_inserter(ke), [](const Transform& t) { return t.type == Type::kKe; });
      ASSERT_GE(ke.size(), 2u);
      EXPECT_EQ(ke.front(), kEcp384);
      EXPECT_EQ(std::ranges::count(ke, kNoKe), 1);
      EXPECT_EQ(ke.back(), kNoKe);
    }
  }
}

TEST(ChooseIke, OurOrderDecides) {
  auto ours = Ike({"aes256gcm16-prfsha512-ecp384-x25519", "aes256-sha256-x25519"});
  // The initiator prefers CBC, then GCM with X25519 first; we prefer GCM and ECP-384.
  SaPayload offered = {{{.number = 1, .protocol = IpsecProtocol::kIke, .transforms = {kCbc256, kSha256, kPrf256, kX25519}},
                        {.number = 2, .protocol = IpsecProtocol::kIke, .transforms = {kGcm128, kGcm256, kPrf256, kPrf512, kX25519, kEcp384}}}};
  auto chosen = ChooseIke(ours, offered, {});
  ASSERT_TRUE(chosen);
  EXPECT_EQ(Name(chosen->suite), "AES_GCM_16-256/PRF_HMAC_SHA2_512/ECP_384");
  EXPECT_EQ(chosen->answer.number, 2);
  EXPECT_EQ(chosen->answer.transforms, (std::vector{kGcm256, kPrf512, kEcp384}));
  EXPECT_TRUE(chosen->answer.spi.empty());
  EXPECT_TRUE(chosen->peer_spi.empty());
}

struct IkeRow {
  const char* what;
  std::vector<Transform> offered;
  const char* chosen;
};
const Transform kUnknownAttribute = {.type = Type::kEncr, .id = 20, .key_bits = 256, .unknown_attribute = true};

TEST(ChooseIke, FollowsTheTable) {
  const char* gcm = "AES_GCM_16-256/PRF_HMAC_SHA2_256/CURVE_25519";
  const char* cbc = "AES_CBC-256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/CURVE_25519";
  const char* chacha = "CHACHA20_POLY1305/PRF_HMAC_SHA2_256/CURVE_25519";
  const IkeRow rows[] = {
      {"all there", {kGcm256, kPrf256, kX25519}, gcm},
      {"transforms in any order", {kX25519, kPrf256, kGcm256}, gcm},
      {"AEAD with INTEG NONE", {kGcm256, kNoInteg, kPrf256, kX25519}, gcm},
      {"AEAD with INTEG (B22)", {kGcm256, kSha256, kPrf256, kX25519}, "none"},
      {"AEAD with INTEG or NONE", {kGcm256, kSha256, kNoInteg, kPrf256, kX25519}, gcm},
      {"AEAD and CBC in one proposal with INTEG", {kGcm256, kCbc256, kSha256, kPrf256, kX25519}, cbc},
      {"AEAD and CBC in one proposal without", {kCbc256, kGcm256, kPrf256, kX25519}, gcm},
      {"CBC", {kCbc256, kSha256, kPrf256, kX25519}, cbc},
      {"CBC without INTEG (B22)", {kCbc256, kPrf256, kX25519}, "none"},
      {"CBC with INTEG NONE", {kCbc256, kNoInteg, kPrf256, kX25519}, "none"},
      {"no ENCR", {kPrf256, kSha256, kX25519}, "none"},
      {"no PRF", {kGcm256, kX25519}, "none"},
      {"no KE (B22)", {kGcm256, kPrf256}, "none"},
      {"KE NONE", {kGcm256, kPrf256, kNoKe}, "none"},
      {"KE NONE or X25519", {kGcm256, kPrf256, kNoKe, kX25519}, gcm},
      {"no key length (B21)", {T(Type::kEncr, EncrId::kAesGcm16), kPrf256, kX25519}, "none"},
      {"a key length of 127 (B21)", {T(Type::kEncr, EncrId::kAesGcm16, 127), kPrf256, kX25519}, "none"},
      {"a key length of 65535 (B21)", {T(Type::kEncr, EncrId::kAesGcm16, 65535), kPrf256, kX25519}, "none"},
      {"an unknown attribute", {kUnknownAttribute, kPrf256, kX25519}, "none"},
      {"an unknown attribute, and again without", {kUnknownAttribute, kGcm256, kPrf256, kX25519}, gcm},
      {"ChaCha20", {kChaCha, kPrf256, kX25519}, chacha},
      {"ChaCha20 with a key length", {T(Type::kEncr, EncrId::kChaCha20Poly1305, 256), kPrf256, kX25519}, "none"},
      {"a PRF with a key length", {kGcm256, T(Type::kPrf, PrfId::kHmacSha256, 256), kX25519}, "none"},
      {"an unknown transform is passed over", {T(Type::kEncr, 4711), kGcm256, T(Type::kPrf, 999), kPrf256, T(Type::kKe, 1025), kX25519}, gcm},
      {"an unknown transform type is not (3.3.6)", {kGcm256, kPrf256, kX25519, T(static_cast<Type>(13), 1)}, "none"},
      {"transform type 0", {kGcm256, kPrf256, kX25519, T(static_cast<Type>(0), 0)}, "none"},
      {"ESN in an IKE proposal", {kGcm256, kPrf256, kX25519, kNoEsn}, "none"},
      {"an additional key exchange (RFC 9370)", {kGcm256, kPrf256, kX25519, T(Type::kAddKe1, KeGroup::kMlKem768)}, "none"},
      {"an optional one", {kGcm256, kPrf256, kX25519, T(Type::kAddKe1, KeGroup::kMlKem768), T(Type::kAddKe1, 0)}, gcm},
      {"nothing", {}, "none"},
  };
  auto ours = Ike({"aes256gcm16-chacha20poly1305-prfsha256-x25519", "aes256-sha256-x25519"});
  for (const IkeRow& r : rows) EXPECT_EQ(Chosen(ChooseIke(ours, OneIke(r.offered), {})), r.chosen) << r.what;
}

// B21: no id but the configured ones is ever chosen.
TEST(ChooseIke, SweepsTransformIds) {
  auto ours = Ike({"aes256gcm16-prfsha256-x25519"});
  for (uint32_t id = 0; id <= 65535; ++id) {
    auto with = [&](Type type, const Transform& instead_of) {
      std::vector<Transform> all = {kGcm256, kPrf256, kX25519};
      std::ranges::replace(all, instead_of, Transform{.type = type, .id = static_cast<uint16_t>(id), .key_bits = instead_of.key_bits});
      return ChooseIke(ours, OneIke(all), {}).has_value();
    };
    ASSERT_EQ(with(Type::kEncr, kGcm256), id == kGcm256.id) << id;
    ASSERT_EQ(with(Type::kPrf, kPrf256), id == kPrf256.id) << id;
    ASSERT_EQ(with(Type::kKe, kX25519), id == kX25519.id) << id;
  }
}

// The answer names each type the initiator named, so a NONE it wrote out comes back, and one it did not does not.
TEST(ChooseIke, AnswersNoneOnlyWhereItWasWritten) {
  auto ours = Ike({"aes256gcm16-prfsha256-x25519"});
  EXPECT_EQ(ChooseIke(ours, OneIke({kGcm256, kPrf256, kX25519}), {})->answer.transforms, (std::vector{kGcm256, kPrf256, kX25519}));
  const Transform no_addke = T(Type::kAddKe2, 0);
  EXPECT_EQ(ChooseIke(ours, OneIke({no_addke, kNoInteg, kGcm256, kPrf256, kX25519}), {})->answer.transforms,
            (std::vector{kGcm256, kPrf256, kNoInteg, kX25519, no_addke}));
}

// B43: an SPI of the wrong size, or zero, takes the proposal out.
TEST(ChooseIke, ChecksSpis) {
  auto ours = Ike({"aes256gcm16-prfsha256-x25519"});
  const std::vector<Transform> good = {kGcm256, kPrf256, kX25519};
  const Bytes own(8, 9), peer(8, 5);
  EXPECT_FALSE(ChooseIke(ours, OneIke(good, peer), {})) << "an SPI in IKE_SA_INIT";
  for (const Bytes& bad : {Bytes{}, Bytes(4, 5), Bytes(7, 5), Bytes(9, 5), Bytes(8, 0)}) EXPECT_FALSE(ChooseIke(ours, OneIke(good, bad), own));
  auto rekey = ChooseIke(ours, OneIke(good, peer), own);
  ASSERT_TRUE(rekey);
  EXPECT_EQ(rekey->peer_spi, peer);
  EXPECT_EQ(rekey->answer.spi, own);
}

TEST(ChooseIke, RefusesWhatDemandsAnAdditionalKeyExchange) {
  auto ours = Ike({"aes256gcm16-prfsha256-x25519"});
  ours[0].additional[0] = {KeGroup::kMlKem768};
  // B22: the ADDKE policy requires was stripped from the offer.
  EXPECT_FALSE(ChooseIke(ours, OneIke({kGcm256, kPrf256, kX25519}), {}));
}

// RFC 9370 2.2.1: no method twice; a combination that would have one is passed over.
TEST(ChooseIke, AdditionalKeyExchanges) {
  const Transform kem1 = T(Type::kAddKe1, KeGroup::kMlKem768), ecp1 = T(Type::kAddKe1, KeGroup::kEcp384),
                  x1 = T(Type::kAddKe1, KeGroup::kX25519), ecp2 = T(Type::kAddKe2, KeGroup::kEcp384);
  struct {
    const char* ours;
    std::vector<Transform> theirs;
    const char* chosen;
  } rows[] = {
      {"x25519-ke1_mlkem768", {kX25519, kem1}, "CURVE_25519/KE1_ML_KEM_768"},
      {"x25519-ke1_mlkem768-ke1_ecp384", {kX25519, ecp1, kem1}, "CURVE_25519/KE1_ML_KEM_768"},
      {"x25519-ke1_mlkem768-ke1_none", {kX25519}, "CURVE_25519"},
      {"x25519-ke1_mlkem768", {kX25519}, "none"},
      {"x25519", {kX25519, kem1}, "none"},
      {"x25519", {kX25519, kem1, T(Type::kAddKe1, 0)}, "CURVE_25519"},
      {"x25519-ke1_x25519", {kX25519, x1}, "none"},
      {"x25519-ecp384-ke1_x25519", {kX25519, kEcp384, x1}, "ECP_384/KE1_CURVE_25519"},
      {"x25519-ke1_ecp384-ke1_mlkem768-ke2_ecp384", {kX25519, ecp1, kem1, ecp2}, "CURVE_25519/KE1_ML_KEM_768/KE2_ECP_384"},
      {"x25519-ke2_ecp384", {kX25519, ecp2}, "CURVE_25519/KE2_ECP_384"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.ours);
    auto ours = Ike({(std::string("aes256gcm16-prfsha256-") + row.ours).c_str()});
    std::vector<Transform> all = {kGcm256, kPrf256};
    all.insert(all.end(), row.theirs.begin(), row.theirs.end());
    auto chosen = ChooseIke(ours, OneIke(all), {});
    const std::string prefix = "AES_GCM_16-256/PRF_HMAC_SHA2_256/";
    EXPECT_EQ(Chosen(chosen), row.chosen == std::string("none") ? "none" : prefix + row.chosen);
    if (chosen) {
      EXPECT_TRUE(AcceptIke(OneIke(all), {{chosen->answer}}));
    }
  }
}

// The initiator holds the answer against the same rules.
TEST(AcceptIke, AdditionalKeyExchanges) {
  SaPayload offer = OfferIke(Ike({"aes256gcm16-prfsha256-x25519-ke1_mlkem768-ke1_x25519"}), {});
  auto answer = [](std::initializer_list<Transform> more) {
    Proposal p = OneIke({kGcm256, kPrf256, kX25519}).proposals[0];
    p.transforms.insert(p.transforms.end(), more.begin(), more.end());
    return SaPayload{{p}};
  };
  auto good = AcceptIke(offer, answer({T(Type::kAddKe1, KeGroup::kMlKem768)}));
  ASSERT_TRUE(good);
  EXPECT_EQ(good->suite.additional[0], KeGroup::kMlKem768);
  EXPECT_FALSE(AcceptIke(offer, answer({}))) << "stripped";
  EXPECT_FALSE(AcceptIke(offer, answer({T(Type::kAddKe1, 0)})));
  EXPECT_FALSE(AcceptIke(offer, answer({T(Type::kAddKe1, KeGroup::kX25519)}))) << "a method twice";
  EXPECT_FALSE(AcceptIke(offer, answer({T(Type::kAddKe1, KeGroup::kEcp384)})));
  EXPECT_FALSE(AcceptIke(offer, answer({T(Type::kAddKe1, KeGroup::kMlKem768), T(Type::kAddKe2, KeGroup::kEcp384)})));
}

TEST(ChooseEsp, AdditionalKeyExchangesGoWithAFirstOne) {
  auto ours = Esp({"aes256gcm16-x25519-none-ke1_mlkem768-ke1_none"});
  Proposal theirs{.number = 1, .protocol = IpsecProtocol::kEsp, .spi = {1, 2, 3, 4}};
  theirs.transforms = {kGcm256, kNoEsn, kX25519, T(Type::kAddKe1, KeGroup::kMlKem768)};
  auto both = ChooseEsp(ours, {{theirs}}, true, 0x1000);
  ASSERT_TRUE(both);
  EXPECT_EQ(both->additional[0], KeGroup::kMlKem768);
  theirs.transforms[2] = T(Type::kKe, 0);
  EXPECT_FALSE(ChooseEsp(ours, {{theirs}}, true, 0x1000));
  // In IKE_AUTH there is none at all (RFC 7296 1.2).
  auto in_auth = ChooseEsp(ours, {{theirs}}, false, 0x1000);
  ASSERT_TRUE(in_auth);
  EXPECT_FALSE(Any(in_auth->additional));
}

struct EspRow {
  const char* what;
  const char* configured;
  std::vector<Transform> offered;
  const char *in_auth, *in_create_child;
};

TEST(ChooseEsp, FollowsTheTable) {
  const EspRow rows[] = {
      {"no key exchange on either side", "aes256gcm16-noesn", {kGcm256, kNoEsn}, "AES_GCM_16-256", "AES_GCM_16-256"},
      {"both have one", "aes256gcm16-x25519", {kGcm256, kX25519, kNoEsn}, "AES_GCM_16-256", "AES_GCM_16-256/CURVE_25519"},
      {"we demand one", "aes256gcm16-x25519", {kGcm256, kNoEsn}, "AES_GCM_16-256", "none"},
      {"we demand one and get NONE", "aes256gcm16-x25519", {kGcm256, kNoKe, kNoEsn}, "AES_GCM_16-256", "none"},
      {"the peer demands one", "aes256gcm16", {kGcm256, kX25519, kNoEsn}, "AES_GCM_16-256", "none"},
      {"the peer would like one", "aes256gcm16", {kGcm256, kX25519, kNoKe, kNoEsn}, "AES_GCM_16-256", "AES_GCM_16-256"},
      {"we would like one", "aes256gcm16-x25519-none", {kGcm256, kNoEsn}, "AES_GCM_16-256", "AES_GCM_16-256"},
      {"we would like one and get it", "aes256gcm16-x25519-none", {kGcm256, kNoKe, kX25519, kNoEsn}, "AES_GCM_16-256", "AES_GCM_16-256/CURVE_25519"},
      {"we would rather not", "aes256gcm16-none-x25519", {kGcm256, kNoKe, kX25519, kNoEsn}, "AES_GCM_16-256", "AES_GCM_16-256"},
      {"another group", "aes256gcm16-x25519-none", {kGcm256, kEcp384, kNoEsn}, "AES_GCM_16-256", "none"},
      {"no ESN transform (3.3.3)", "aes256gcm16-noesn", {kGcm256}, "none", "none"},
      {"ESN where we want none", "aes256gcm16-noesn", {kGcm256, kEsn}, "none", "none"},
      {"ESN in our order", "aes256gcm16-esn-noesn", {kGcm256, kNoEsn, kEsn}, "AES_GCM_16-256/ESN", "AES_GCM_16-256/ESN"},
      {"no ESN in our order", "aes256gcm16-noesn-esn", {kGcm256, kEsn, kNoEsn}, "AES_GCM_16-256", "AES_GCM_16-256"},
      {"CBC", "aes256-sha256", {kCbc256, kSha256, kNoEsn}, "AES_CBC-256/HMAC_SHA2_256_128", "AES_CBC-256/HMAC_SHA2_256_128"},
      {"CBC without INTEG", "aes256-sha256", {kCbc256, kNoEsn}, "none", "none"},
      {"AEAD with INTEG", "aes256gcm16", {kGcm256, kSha256, kNoEsn}, "none", "none"},
      {"AEAD with INTEG NONE", "aes256gcm16", {kGcm256, kNoInteg, kNoEsn}, "AES_GCM_16-256", "AES_GCM_16-256"},
      {"a PRF in an ESP proposal", "aes256gcm16", {kGcm256, kPrf256, kNoEsn}, "none", "none"},
      {"an unknown transform type", "aes256gcm16", {kGcm256, kNoEsn, T(static_cast<Type>(241), 1)}, "none", "none"},
      {"ChaCha20", "chacha20poly1305-esn", {kChaCha, kEsn}, "CHACHA20_POLY1305/ESN", "CHACHA20_POLY1305/ESN"},
  };
  for (const EspRow& r : rows) {
    auto ours = Esp({r.configured});
    EXPECT_EQ(Chosen(ChooseEsp(ours, OneEsp(r.offered), false, 300)), r.in_auth) << r.what;
    EXPECT_EQ(Chosen(ChooseEsp(ours, OneEsp(r.offered), true, 300)), r.in_create_child) << r.what;
  }
}

TEST(ChooseEsp, DefaultChildrenAcceptAPeerWithoutKeyExchange) {
  auto ours = config::DefaultEspProposals();
  EXPECT_EQ(Chosen(ChooseEsp(ours, OneEsp({kGcm256, kNoEsn}), true, 300)), "AES_GCM_16-256");
  EXPECT_EQ(Chosen(ChooseEsp(ours, OneEsp({kGcm256, kX25519, kNoEsn}), true, 300)), "AES_GCM_16-256/CURVE_25519");
  EXPECT_EQ(Chosen(ChooseEsp(ours, OneEsp({kGcm256, kX25519, kNoKe, kNoEsn}), true, 300)), "AES_GCM_16-256/CURVE_25519");
}

TEST(ChooseEsp, AnswersWithOurSpi) {
  auto chosen = ChooseEsp(Esp({"aes256gcm16-x25519"}), OneEsp({kX25519, kGcm256, kNoEsn}), false, 0xdeadbeef);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->answer.spi, Spi4(0xdeadbeef));
  EXPECT_EQ(chosen->peer_spi, 0x01020304u);
  EXPECT_EQ(chosen->answer.transforms, (std::vector{kGcm256, kNoEsn})) << "no KE in IKE_AUTH (RFC 7296 1.2)";
  auto with_none = ChooseEsp(Esp({"aes256gcm16"}), OneEsp({kGcm256, kNoKe, kNoEsn}), false, 300);
  EXPECT_EQ(with_none->answer.transforms, (std::vector{kGcm256, kNoKe, kNoEsn}));
}

// B43.
TEST(ChooseEsp, ChecksSpis) {
  auto ours = Esp({"aes256gcm16"});
  const std::vector<Transform> good = {kGcm256, kNoEsn};
  for (const Bytes& bad : {Bytes{}, Bytes(3, 5), Bytes(5, 5), Bytes(8, 5), Spi4(0), Spi4(1), Spi4(255)}) {
    EXPECT_FALSE(ChooseEsp(ours, OneEsp(good, bad), false, 300)) << ToHex(bad);
  }
  EXPECT_TRUE(ChooseEsp(ours, OneEsp(good, Spi4(256)), false, 300));
  // The next proposal is looked at where one cannot be used.
  SaPayload two = OneEsp(good, Spi4(0));
  two.proposals.push_back({.number = 2, .protocol = IpsecProtocol::kEsp, .spi = Spi4(999), .transforms = good});
  auto chosen = ChooseEsp(ours, two, false, 300);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->answer.number, 2);
  EXPECT_EQ(chosen->peer_spi, 999u);
}

TEST(ChooseEsp, KeepsProtocolsApart) {
  const Bytes spi = Spi4(0x01020304);
  auto ah = Esp({"sha256-esn"}, true);
  EXPECT_FALSE(ChooseEsp(ah, OneEsp({kSha256, kEsn}, spi), false, 300));
  auto chosen = ChooseEsp(ah, OneEsp({kSha256, kEsn}, spi, IpsecProtocol::kAh), false, 300);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->protocol, IpsecProtocol::kAh);
  EXPECT_EQ(chosen->suite.encr, EncrId::kNone);
  EXPECT_EQ(chosen->suite.integ, IntegId::kHmacSha256_128);
  EXPECT_TRUE(chosen->suite.esn);
  EXPECT_FALSE(ChooseEsp(ah, OneEsp({kGcm256, kSha256, kEsn}, spi, IpsecProtocol::kAh), false, 300)) << "ENCR in AH";
  EXPECT_FALSE(ChooseEsp(Esp({"aes256gcm16"}), OneEsp({kGcm256, kNoEsn}, spi, IpsecProtocol::kIke), false, 300));
  EXPECT_FALSE(ChooseEsp(Esp({"aes256gcm16"}), OneEsp({kGcm256, kNoEsn}, spi, static_cast<IpsecProtocol>(9)), false, 300));
}

// ---- what came back ----

SaPayload Answered(Proposal p) { return {{std::move(p)}}; }

TEST(AcceptIke, TakesWhatChooseAnswers) {
  auto ours = Ike({"aes256gcm16-aes128gcm16-prfsha256-prfsha512-x25519-ecp384", "aes256-sha256-x25519"});
  for (const char* peer : {"aes128gcm16-prfsha512-ecp384", "aes256-sha256-x25519", "aes256gcm16-prfsha256-x25519-ecp384"}) {
    for (const auto& [our_spi, peer_spi] : {std::pair{Bytes{}, Bytes{}}, std::pair{Bytes(8, 1), Bytes(8, 2)}}) {
      SaPayload offer = OfferIke(ours, our_spi);
      auto chosen = ChooseIke(Ike({peer}), offer, peer_spi);
      ASSERT_TRUE(chosen) << peer;
      auto accepted = AcceptIke(offer, Answered(chosen->answer));
      ASSERT_TRUE(accepted) << peer;
      EXPECT_EQ(accepted->suite, chosen->suite);
      EXPECT_EQ(accepted->peer_spi, peer_spi);
      EXPECT_EQ(chosen->peer_spi, our_spi);
    }
  }
}

TEST(AcceptIke, RefusesEveryDeviation) {
  const SaPayload offer = OfferIke(Ike({"aes256gcm16-aes128gcm16-prfsha256-x25519", "aes256-sha256-x25519"}), {});
  const Proposal good{.number = 1, .protocol = IpsecProtocol::kIke, .transforms = {kGcm256, kPrf256, kX25519}};
  ASSERT_TRUE(AcceptIke(offer, Answered(good)));
  auto refused = [&](const char* what, const std::function<void(Proposal&)>& change) {
    Proposal p = good;
    change(p);
    EXPECT_FALSE(AcceptIke(offer, Answered(p))) << what;
  };
  refused("an unknown number", [](Proposal& p) { p.number = 3; });
  refused("number 0", [](Proposal& p) { p.number = 0; });
  refused("another proposal's number", [](Proposal& p) { p.number = 2; });
  refused("another protocol", [](Proposal& p) { p.protocol = IpsecProtocol::kEsp; });
  refused("an SPI where there is none", [](Proposal& p) { p.spi = Bytes(8, 1); });
  refused("two of a type", [](Proposal& p) { p.transforms.push_back(kGcm128); });
  refused("one twice", [](Proposal& p) { p.transforms.push_back(kX25519); });
  refused("no ENCR", [](Proposal& p) { std::erase(p.transforms, kGcm256); });
  refused("no PRF", [](Proposal& p) { std::erase(p.transforms, kPrf256); });
  refused("no KE", [](Proposal& p) { std::erase(p.transforms, kX25519); });
  refused("KE NONE", [](Proposal& p) { p.transforms[2] = kNoKe; });
  refused("a group we did not offer", [](Proposal& p) { p.transforms[2] = kEcp384; });
  refused("a key length we did not offer", [](Proposal& p) { p.transforms[0].key_bits = 192; });
  refused("no key length", [](Proposal& p) { p.transforms[0].key_bits = 0; });
  refused("an unknown attribute", [](Proposal& p) { p.transforms[0].unknown_attribute = true; });
  refused("an INTEG we did not offer", [](Proposal& p) { p.transforms.push_back(kSha256); });
  refused("an additional key exchange", [](Proposal& p) { p.transforms.push_back(T(Type::kAddKe1, KeGroup::kMlKem768)); });
  refused("an unknown type", [](Proposal& p) { p.transforms.push_back(T(static_cast<Type>(99), 0)); });
  EXPECT_FALSE(AcceptIke(offer, {}));
  EXPECT_FALSE(AcceptIke(offer, {{good, good}}));
  Proposal none_written = good;
  none_written.transforms.push_back(kNoInteg);
  EXPECT_TRUE(AcceptIke(offer, Answered(none_written))) << "some peers write out the NONE that goes without saying";

  const SaPayload rekey = OfferIke(Ike({"aes256gcm16-prfsha256-x25519"}), Bytes(8, 1));
  for (const Bytes& spi : {Bytes{}, Bytes(7, 1), Bytes(8, 0)}) {
    Proposal p = good;
    p.spi = spi;
    EXPECT_FALSE(AcceptIke(rekey, Answered(p))) << ToHex(spi);
  }
}

TEST(AcceptEsp, TakesWhatWasOfferedAndNothingElse) {
  auto configured = config::DefaultEspProposals();
  const SaPayload offer = OfferEsp(configured, IpsecProtocol::kEsp, 300, true);
  const Proposal good{.number = 1, .protocol = IpsecProtocol::kEsp, .spi = Spi4(0xabcdef01), .transforms = {kGcm256, kX25519, kEsn}};
  auto accepted = AcceptEsp(offer, Answered(good));
  ASSERT_TRUE(accepted);
  EXPECT_EQ(Chosen(accepted), "AES_GCM_16-256/ESN/CURVE_25519");
  EXPECT_EQ(accepted->peer_spi, 0xabcdef01u);
  auto chosen = [&](const std::function<void(Proposal&)>& change) {
    Proposal p = good;
    change(p);
    return Chosen(AcceptEsp(offer, Answered(p)));
  };
  // NONE was offered after the groups: the answer may write it out or leave the type out.
  EXPECT_EQ(chosen([](Proposal& p) { p.transforms[1] = kNoKe; }), "AES_GCM_16-256/ESN");
  EXPECT_EQ(chosen([](Proposal& p) { std::erase(p.transforms, kX25519); }), "AES_GCM_16-256/ESN");
  EXPECT_EQ(chosen([](Proposal& p) { std::erase(p.transforms, kEsn); }), "none");
  EXPECT_EQ(chosen([](Proposal& p) { p.transforms.push_back(kNoEsn); }), "none");
  EXPECT_EQ(chosen([](Proposal& p) { p.transforms.push_back(kSha256); }), "none");
  EXPECT_EQ(chosen([](Proposal& p) { p.number = 2; }), "none");
  EXPECT_EQ(chosen([](Proposal& p) { p.protocol = IpsecProtocol::kAh; }), "none");
  for (const Bytes& spi : {Bytes{}, Bytes(8, 1), Spi4(0), Spi4(255)}) {
    EXPECT_EQ(chosen([&](Proposal& p) { p.spi = spi; }), "none");
  }

  // Without NONE in the offer a missing key exchange is a downgrade.
  const SaPayload strict = OfferEsp(Esp({"aes256gcm16-x25519-esn"}), IpsecProtocol::kEsp, 300, true);
  EXPECT_TRUE(AcceptEsp(strict, Answered(good)));
  Proposal without = good;
  std::erase(without.transforms, kX25519);
  EXPECT_FALSE(AcceptEsp(strict, Answered(without)));
  without.transforms.push_back(kNoKe);
  EXPECT_FALSE(AcceptEsp(strict, Answered(without)));

  // In IKE_AUTH none was offered.
  const SaPayload auth = OfferEsp(configured, IpsecProtocol::kEsp, 300, false);
  EXPECT_FALSE(AcceptEsp(auth, Answered(good)));
  EXPECT_TRUE(AcceptEsp(auth, Answered(without)));
}

TEST(Describe, CutsLongLists) {
  SaPayload sa = OneIke(std::vector(5000, kGcm256));
  EXPECT_LT(Describe(sa).size(), 1100u);
  EXPECT_TRUE(Describe(sa).ends_with("..."));
  EXPECT_EQ(Describe(OneEsp({T(Type::kEncr, 77), kNoInteg, kNoKe, kEsn, kNoEsn, T(Type::kEsn, 5), T(Type::kAddKe1, 36), T(static_cast<Type>(99), 3)})),
            "ENCR_77/NONE/NONE/EXT_SEQ/NO_EXT_SEQ/ESN_5/KE1_ML_KEM_768/TYPE_99_3");
  EXPECT_EQ(Describe({}), "");
}

}  // namespace
}  // namespace culvert::ike
