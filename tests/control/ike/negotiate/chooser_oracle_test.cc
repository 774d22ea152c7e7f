#include <algorithm>
#include <tuple>

#include <gtest/gtest.h>

#include "common/bytes/writer.h"
#include "control/ike/negotiate/proposal.h"
#include "tests/control/ike/crypto/test_util.h"

// Z20: the chooser against brute force. The oracle says what RFC 7296 3.3 allows of one combination of transforms, tries every
// combination the configuration stands for in its order of preference, and takes the first that a proposal of the peer allows.
namespace culvert::ike {
namespace {

using Type = TransformType;

struct Combination {
  config::Cipher encr;
  IntegId integ;
  PrfId prf;       // kNone for a child
  KeGroup group;
  int esn;         // -1 for IKE
  auto operator<=>(const Combination&) const = default;
  bool operator==(const Combination&) const = default;
};

bool Offers(const Proposal& p, Type type, uint16_t id, uint16_t key_bits) {
  return std::ranges::any_of(p.transforms, [&](const Transform& t) {
    return t.type == type && t.id == id && t.key_bits == key_bits && !t.unknown_attribute;
  });
}

// The peer's proposal may be cut down to NONE for this type.
bool OffersNone(const Proposal& p, Type type) {
  bool named = std::ranges::any_of(p.transforms, [type](const Transform& t) { return t.type == type; });
  return !named || Offers(p, type, 0, 0);
}

bool Allows(const Proposal& p, const Combination& c, bool with_ke) {
  const bool ike = c.esn < 0;
  for (const Transform& t : p.transforms) {
    auto number = static_cast<unsigned>(t.type);
    bool known = number >= 1 && number <= 12 && t.type != (ike ? Type::kEsn : Type::kPrf);
    if (!known) return false;
  }
  // In IKE_AUTH no key exchange can be had, whatever the peer names.
  for (unsigned round = 6; with_ke && round <= 12; ++round) {
    if (!OffersNone(p, static_cast<Type>(round))) return false;
  }
  const EncrInfo* row = Find(c.encr.id);
  if (row->aead != (c.integ == IntegId::kNone)) return false;
  if (!Offers(p, Type::kEncr, static_cast<uint16_t>(c.encr.id), row->fixed_key ? 0 : c.encr.key_bits)) return false;
  if (row->aead ? !OffersNone(p, Type::kInteg) : !Offers(p, Type::kInteg, static_cast<uint16_t>(c.integ), 0)) return false;
  if (ike && !Offers(p, Type::kPrf, static_cast<uint16_t>(c.prf), 0)) return false;
  if (!ike && !Offers(p, Type::kEsn, static_cast<uint16_t>(c.esn), 0)) return false;
  if (!with_ke) return true;
  return c.group == KeGroup::kNone ? OffersNone(p, Type::kKe) : Offers(p, Type::kKe, static_cast<uint16_t>(c.group), 0);
}

template <typename T>
const T& Any(SeededRandom& random, const std::vector<T>& from) {
  return from[random.Below(static_cast<uint32_t>(from.size()))];
}

template <typename T>
std::vector<T> Some(SeededRandom& random, const std::vector<T>& from, size_t least) {
  std::vector<T> out;
  size_t n = least + random.Below(3);
  while (n--) {
    const T& t = Any(random, from);
    if (std::ranges::find(out, t) == out.end()) out.push_back(t);
  }
  return out;
}

const std::vector<config::Cipher> kAeads = {{EncrId::kAesGcm16, 128}, {EncrId::kAesGcm16, 256}, {EncrId::kChaCha20Poly1305, 256}};
const std::vector<config::Cipher> kOthers = {{EncrId::kAesCbc, 128}, {EncrId::kAesCbc, 256}};
const std::vector<IntegId> kIntegs = {IntegId::kHmacSha256_128, IntegId::kHmacSha384_192, IntegId::kHmacSha512_256};
const std::vector<PrfId> kPrfs = {PrfId::kHmacSha256, PrfId::kHmacSha384};
const std::vector<KeGroup> kGroups = {KeGroup::kX25519, KeGroup::kEcp384, KeGroup::kModp2048};
const std::vector<KeGroup> kChildGroups = {KeGroup::kX25519, KeGroup::kEcp384, KeGroup::kNone};

// A proposal of the peer: mostly sound, with a mistake now and then.
Proposal RandomOffer(SeededRandom& random, IpsecProtocol protocol, uint8_t number) {
  Proposal p{.number = number, .protocol = protocol};
  auto add = [&](Type type, auto id, uint16_t bits = 0) { p.transforms.push_back({.type = type, .id = static_cast<uint16_t>(id), .key_bits = bits}); };
  const bool ike = protocol == IpsecProtocol::kIke, aead = random.Below(2);
  for (auto& c : Some(random, aead ? kAeads : kOthers, 1)) add(Type::kEncr, c.id, Find(c.id)->fixed_key ? 0 : c.key_bits);
  if (random.Below(12) == 0) add(Type::kEncr, EncrId::kAesCbc, 256);
  if (aead ? random.Below(6) == 0 : random.Below(12) != 0) {
    for (auto id : Some(random, kIntegs, 1)) add(Type::kInteg, id);
  }
  if (random.Below(5) == 0) add(Type::kInteg, IntegId::kNone);
  if (ike && random.Below(15)) for (auto id : Some(random, kPrfs, 1)) add(Type::kPrf, id);
  if (random.Below(6)) for (auto id : Some(random, ike ? kGroups : kChildGroups, 1)) add(Type::kKe, id);
  if (!ike && random.Below(12)) for (auto id : Some(random, std::vector<int>{0, 1}, 1)) add(Type::kEsn, id);
  if (random.Below(10) == 0) add(Type::kAddKe1, KeGroup::kMlKem768);
  if (random.Below(10) == 0) add(Type::kAddKe1, 0);
  if (random.Below(30) == 0) add(static_cast<Type>(random.Below(16)), random.Below(40));
  for (Transform& t : p.transforms) {
    if (random.Below(25) == 0) t.key_bits = static_cast<uint16_t>(Any(random, std::vector{0, 127, 128, 192, 256}));
    if (random.Below(40) == 0) t.unknown_attribute = true;
    if (random.Below(40) == 0) t.id = static_cast<uint16_t>(random.Below(50));
  }
  for (size_t i = p.transforms.size(); i > 1; --i) std::swap(p.transforms[i - 1], p.transforms[random.Below(static_cast<uint32_t>(i))]);
  return p;
}

// Every combination of a configured proposal, most preferred first: cipher, then integrity, PRF, group, ESN.
std::vector<Combination> Combinations(const std::vector<config::Cipher>& encrs, const std::vector<IntegId>& integs, const std::vector<PrfId>& prfs,
                                      const std::vector<KeGroup>& groups, const std::vector<int>& esn) {
  std::vector<Combination> out;
  for (auto& e : encrs)
    for (IntegId i : Find(e.id)->aead ? std::vector{IntegId::kNone} : integs)
      for (PrfId p : prfs)
        for (KeGroup g : groups)
          for (int s : esn) out.push_back({e, i, p, g, s});
  return out;
}

void CheckAnswer(const Proposal& offered, const Proposal& answer) {
  EXPECT_EQ(answer.number, offered.number);
  for (const Transform& t : answer.transforms) {
    EXPECT_EQ(std::ranges::count(answer.transforms, t.type, &Transform::type), 1) << "one of each type";
    EXPECT_TRUE(std::ranges::count(offered.transforms, t)) << "only what was offered";
  }
}

TEST(ChooserOracle, ChoosesWhatBruteForceChoosesForIke) {
  SeededRandom random(20);
  int chosen_count = 0, refused = 0;
  for (int run = 0; run < 20000; ++run) {
    std::vector<config::IkeProposal> ours(1 + random.Below(2));
    for (auto& p : ours) {
      bool aead = random.Below(2);
      p = {.encrs = Some(random, aead ? kAeads : kOthers, 1), .integs = aead ? std::vector<IntegId>{} : Some(random, kIntegs, 1),
           .prfs = Some(random, kPrfs, 1), .groups = Some(random, kGroups, 1), .additional = {}};
    }
    SaPayload offered;
    for (uint8_t n = 1; n <= 1 + random.Below(3); ++n) offered.proposals.push_back(RandomOffer(random, IpsecProtocol::kIke, n));

    const Proposal* expected_offer = nullptr;
    Combination expected{};
    for (const auto& p : ours) {
      auto combinations = Combinations(p.encrs, p.integs, p.prfs, p.groups, {-1});
      for (const Proposal& o : offered.proposals) {
        auto it = std::ranges::find_if(combinations, [&](const Combination& c) { return Allows(o, c, true); });
        if (it == combinations.end()) continue;
        expected_offer = &o;
        expected = *it;
        break;
      }
      if (expected_offer) break;
    }
    auto chosen = ChooseIke(ours, offered, {});
    ASSERT_EQ(chosen.has_value(), expected_offer != nullptr) << Describe(offered);
    (chosen ? chosen_count : refused)++;
    if (!chosen) continue;
    const IkeSuite& s = chosen->suite;
    ASSERT_EQ((Combination{{s.encr, s.encr_key_bits}, s.integ, s.prf, s.group, -1}), expected) << Describe(offered);
    CheckAnswer(*expected_offer, chosen->answer);
    auto accepted = AcceptIke(offered, {{chosen->answer}});
    ASSERT_TRUE(accepted) << "the initiator must accept: " << Describe(offered);
    ASSERT_EQ(accepted->suite, s);
  }
  EXPECT_GT(chosen_count, 2000);
  EXPECT_GT(refused, 2000);
}

TEST(ChooserOracle, ChoosesWhatBruteForceChoosesForChildren) {
  SeededRandom random(21);
  int chosen_count = 0, refused = 0;
  for (int run = 0; run < 20000; ++run) {
    const bool with_ke = random.Below(2);
    std::vector<config::EspProposal> ours(1 + random.Below(2));
    for (auto& p : ours) {
      bool aead = random.Below(2);
      p = {.encrs = Some(random, aead ? kAeads : kOthers, 1), .integs = aead ? std::vector<IntegId>{} : Some(random, kIntegs, 1),
           .groups = random.Below(3) ? Some(random, kChildGroups, 1) : std::vector<KeGroup>{},
           .esn = Some(random, std::vector{EsnId::kNo, EsnId::kYes}, 1)};
      p.accept_without_ke = !p.groups.empty() && random.Below(3) == 0;
    }
    SaPayload offered;
    for (uint8_t n = 1; n <= 1 + random.Below(3); ++n) {
      offered.proposals.push_back(RandomOffer(random, IpsecProtocol::kEsp, n));
      offered.proposals.back().spi = {1, 2, 3, n};
    }
    const Proposal* expected_offer = nullptr;
    Combination expected{};
    for (const auto& p : ours) {
      std::vector<KeGroup> groups = with_ke ? p.groups : std::vector<KeGroup>{};
      if (groups.empty() || p.accept_without_ke) groups.push_back(KeGroup::kNone);
      std::vector<int> esn;
      for (EsnId e : p.esn) esn.push_back(static_cast<int>(e));
      auto combinations = Combinations(p.encrs, p.integs, {PrfId::kNone}, groups, esn);
      for (const Proposal& o : offered.proposals) {
        auto it = std::ranges::find_if(combinations, [&](const Combination& c) { return Allows(o, c, with_ke); });
        if (it == combinations.end()) continue;
        expected_offer = &o;
        expected = *it;
        break;
      }
      if (expected_offer) break;
    }
    auto chosen = ChooseEsp(ours, offered, with_ke, 0x11223344);
    ASSERT_EQ(chosen.has_value(), expected_offer != nullptr) << Describe(offered);
    (chosen ? chosen_count : refused)++;
    if (!chosen) continue;
    const EspSuite& s = chosen->suite;
    ASSERT_EQ((Combination{{s.encr, s.encr_key_bits}, s.integ, PrfId::kNone, chosen->group, s.esn}), expected) << Describe(offered);
    ASSERT_EQ(chosen->peer_spi, 0x01020300u + expected_offer->number);
    CheckAnswer(*expected_offer, chosen->answer);
    if (!with_ke) continue;  // an initiator in IKE_AUTH that named groups gets no answer about them
    auto accepted = AcceptEsp(offered, {{chosen->answer}});
    ASSERT_TRUE(accepted) << "the initiator must accept: " << Describe(offered);
    ASSERT_EQ(accepted->suite, s);
    ASSERT_EQ(accepted->group, chosen->group);
  }
  EXPECT_GT(chosen_count, 2000);
  EXPECT_GT(refused, 2000);
}

}  // namespace
}  // namespace culvert::ike
