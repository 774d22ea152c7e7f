#include "tests/support/chooser_oracle.h"

#include <algorithm>
#include <tuple>

#include "control/ike/negotiate/proposal.h"

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
const T& Any(const Draw& draw, const std::vector<T>& from) {
  return from[draw(static_cast<uint32_t>(from.size()))];
}

template <typename T>
std::vector<T> Some(const Draw& draw, const std::vector<T>& from, size_t least) {
  std::vector<T> out;
  size_t n = least + draw(3);
  while (n--) {
    const T& t = Any(draw, from);
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
Proposal RandomOffer(const Draw& draw, IpsecProtocol protocol, uint8_t number) {
  Proposal p{.number = number, .protocol = protocol};
  auto add = [&](Type type, auto id, uint16_t bits = 0) { p.transforms.push_back({.type = type, .id = static_cast<uint16_t>(id), .key_bits = bits}); };
  const bool ike = protocol == IpsecProtocol::kIke, aead = draw(2);
  for (auto& c : Some(draw, aead ? kAeads : kOthers, 1)) add(Type::kEncr, c.id, Find(c.id)->fixed_key ? 0 : c.key_bits);
  if (draw(12) == 0) add(Type::kEncr, EncrId::kAesCbc, 256);
  if (aead ? draw(6) == 0 : draw(12) != 0) {
    for (auto id : Some(draw, kIntegs, 1)) add(Type::kInteg, id);
  }
  if (draw(5) == 0) add(Type::kInteg, IntegId::kNone);
  if (ike && draw(15)) for (auto id : Some(draw, kPrfs, 1)) add(Type::kPrf, id);
  if (draw(6)) for (auto id : Some(draw, ike ? kGroups : kChildGroups, 1)) add(Type::kKe, id);
  if (!ike && draw(12)) for (auto id : Some(draw, std::vector<int>{0, 1}, 1)) add(Type::kEsn, id);
  if (draw(10) == 0) add(Type::kAddKe1, KeGroup::kMlKem768);
  if (draw(10) == 0) add(Type::kAddKe1, 0);
  if (draw(30) == 0) add(static_cast<Type>(draw(16)), draw(40));
  for (Transform& t : p.transforms) {
    if (draw(25) == 0) t.key_bits = static_cast<uint16_t>(Any(draw, std::vector{0, 127, 128, 192, 256}));
    if (draw(40) == 0) t.unknown_attribute = true;
    if (draw(40) == 0) t.id = static_cast<uint16_t>(draw(50));
  }
  for (size_t i = p.transforms.size(); i > 1; --i) std::swap(p.transforms[i - 1], p.transforms[draw(static_cast<uint32_t>(i))]);
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

// What is wrong with an answer to that proposal; empty: nothing.
std::string WrongWith(const Proposal& answer, const Proposal& offered) {
  if (answer.number != offered.number) return "answers another proposal";
  for (const Transform& t : answer.transforms) {
    if (std::ranges::count(answer.transforms, t.type, &Transform::type) != 1) return "has two of one type";
    if (!std::ranges::count(offered.transforms, t)) return "has what was not offered";
  }
  return "";
}

// The first combination, by our order, that one of the peer's proposals allows.
struct Expected {
  const Proposal* offer = nullptr;
  Combination combination{};
};
Expected FirstAllowed(const std::vector<std::vector<Combination>>& ours, const SaPayload& offered, bool with_ke) {
  for (const auto& combinations : ours) {
    for (const Proposal& o : offered.proposals) {
      auto it = std::ranges::find_if(combinations, [&](const Combination& c) { return Allows(o, c, with_ke); });
      if (it != combinations.end()) return {&o, *it};
    }
  }
  return {};
}

Round Disagrees(const SaPayload& offered, const std::string& how) { return {.chosen = false, .disagreement = how + ": " + Describe(offered)}; }

}  // namespace

Round CompareIkeChoice(const Draw& draw) {
  std::vector<config::IkeProposal> ours(1 + draw(2));
  std::vector<std::vector<Combination>> combinations;
  for (auto& p : ours) {
    const bool aead = draw(2);
    p.encrs = Some(draw, aead ? kAeads : kOthers, 1);
    if (!aead) p.integs = Some(draw, kIntegs, 1);
    p.prfs = Some(draw, kPrfs, 1);
    p.groups = Some(draw, kGroups, 1);
    combinations.push_back(Combinations(p.encrs, p.integs, p.prfs, p.groups, {-1}));
  }
  SaPayload offered;
  const uint32_t proposals = 1 + draw(3);
  for (uint8_t n = 1; n <= proposals; ++n) offered.proposals.push_back(RandomOffer(draw, IpsecProtocol::kIke, n));

  const Expected expected = FirstAllowed(combinations, offered, /*with_ke=*/true);
  auto chosen = ChooseIke(ours, offered, {});
  if (chosen.has_value() != (expected.offer != nullptr)) return Disagrees(offered, chosen ? "nothing is allowed" : "something is allowed");
  if (!chosen) return {};
  const IkeSuite& s = chosen->suite;
  if (Combination{{s.encr, s.encr_key_bits}, s.integ, s.prf, s.group, -1} != expected.combination) return Disagrees(offered, "another is preferred");
  if (std::string wrong = WrongWith(chosen->answer, *expected.offer); !wrong.empty()) return Disagrees(offered, "the answer " + wrong);
  auto accepted = AcceptIke(offered, {{chosen->answer}});
  if (!accepted || accepted->suite != s) return Disagrees(offered, "the initiator must accept");
  return {.chosen = true, .disagreement = {}};
}

Round CompareEspChoice(const Draw& draw) {
  const bool with_ke = draw(2);
  std::vector<config::EspProposal> ours(1 + draw(2));
  std::vector<std::vector<Combination>> combinations;
  for (auto& p : ours) {
    const bool aead = draw(2);
    p.encrs = Some(draw, aead ? kAeads : kOthers, 1);
    if (!aead) p.integs = Some(draw, kIntegs, 1);
    if (draw(3)) p.groups = Some(draw, kChildGroups, 1);
    p.esn = Some(draw, std::vector{EsnId::kNo, EsnId::kYes}, 1);
    p.accept_without_ke = !p.groups.empty() && draw(3) == 0;
    std::vector<KeGroup> groups = with_ke ? p.groups : std::vector<KeGroup>{};
    if (groups.empty() || p.accept_without_ke) groups.push_back(KeGroup::kNone);
    std::vector<int> esn;
    for (EsnId e : p.esn) esn.push_back(static_cast<int>(e));
    combinations.push_back(Combinations(p.encrs, p.integs, {PrfId::kNone}, groups, esn));
  }
  SaPayload offered;
  const uint32_t proposals = 1 + draw(3);
  for (uint8_t n = 1; n <= proposals; ++n) {
    offered.proposals.push_back(RandomOffer(draw, IpsecProtocol::kEsp, n));
    offered.proposals.back().spi = {1, 2, 3, n};
  }
  const Expected expected = FirstAllowed(combinations, offered, with_ke);
  auto chosen = ChooseEsp(ours, offered, with_ke, 0x11223344);
  if (chosen.has_value() != (expected.offer != nullptr)) return Disagrees(offered, chosen ? "nothing is allowed" : "something is allowed");
  if (!chosen) return {};
  const EspSuite& s = chosen->suite;
  if (Combination{{s.encr, s.encr_key_bits}, s.integ, PrfId::kNone, chosen->group, s.esn} != expected.combination) {
    return Disagrees(offered, "another is preferred");
  }
  if (chosen->peer_spi != 0x01020300u + expected.offer->number) return Disagrees(offered, "the SPI is another proposal's");
  if (std::string wrong = WrongWith(chosen->answer, *expected.offer); !wrong.empty()) return Disagrees(offered, "the answer " + wrong);
  if (!with_ke) return {.chosen = true, .disagreement = {}};   // an initiator in IKE_AUTH that named groups gets no answer about them
  auto accepted = AcceptEsp(offered, {{chosen->answer}});
  if (!accepted || accepted->suite != s || accepted->group != chosen->group) return Disagrees(offered, "the initiator must accept");
  return {.chosen = true, .disagreement = {}};
}

}  // namespace culvert::ike
