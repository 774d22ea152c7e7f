#include "control/ike/negotiate/proposal.h"

#include <algorithm>
#include <span>

#include "absl/log/check.h"
#include "common/bytes/reader.h"
#include "common/bytes/writer.h"
#include "common/ipsec/spi.h"
#include "control/ike/negotiate/offer.h"

namespace culvert::ike {
namespace {

using Type = TransformType;
constexpr size_t kIkeSpiSize = 8, kChildSpiSize = 4;  // octets
constexpr uint16_t kNone = 0;                          // of INTEG, KE and the additional key exchanges

// The transform types a protocol may name (RFC 7296 3.3.3, RFC 9370 2.2.1), in the order they are decided.
constexpr Type kIkeTypes[] = {Type::kEncr,   Type::kPrf,    Type::kInteg,  Type::kKe,     Type::kAddKe1, Type::kAddKe2,
                              Type::kAddKe3, Type::kAddKe4, Type::kAddKe5, Type::kAddKe6, Type::kAddKe7};
constexpr Type kEspTypes[] = {Type::kEncr,   Type::kInteg,  Type::kKe,     Type::kEsn,    Type::kAddKe1, Type::kAddKe2,
                              Type::kAddKe3, Type::kAddKe4, Type::kAddKe5, Type::kAddKe6, Type::kAddKe7};
constexpr Type kAhTypes[] = {Type::kInteg,  Type::kKe,     Type::kEsn,    Type::kAddKe1, Type::kAddKe2,
                             Type::kAddKe3, Type::kAddKe4, Type::kAddKe5, Type::kAddKe6, Type::kAddKe7};

std::span<const Type> TypesOf(IpsecProtocol protocol) {
  switch (protocol) {
    case IpsecProtocol::kIke: return kIkeTypes;
    case IpsecProtocol::kEsp: return kEspTypes;
    case IpsecProtocol::kAh: return kAhTypes;
  }
  return {};
}

bool IsKeyExchange(Type type) { return type == Type::kKe || (type >= Type::kAddKe1 && type <= Type::kAddKe7); }

// Leaving it out says the same as NONE. Whether NONE will do is the other side's list to say.
bool AbsentMeansNone(Type type) { return type == Type::kInteg || IsKeyExchange(type); }

// RFC 7296 3.3.6: an unknown attribute makes a transform unusable, so equality is the whole of it.
bool Contains(const std::vector<Transform>& transforms, const Transform& wanted) {
  return std::ranges::find(transforms, wanted) != transforms.end();
}
bool Contains(const Proposal& p, const Transform& wanted) { return Contains(p.transforms, wanted); }

bool Names(const Proposal& p, Type type) {
  return std::ranges::any_of(p.transforms, [type](const Transform& t) { return t.type == type; });
}

// The transforms of `type` that `ours` has, in its order, and `theirs` has too.
std::vector<Transform> CommonOf(const Proposal& ours, const Proposal& theirs, Type type) {
  const Transform none{.type = type, .id = kNone};
  const bool they_accept_none = AbsentMeansNone(type) && (!Names(theirs, type) || Contains(theirs, none));
  std::vector<Transform> common;
  for (const Transform& t : ours.transforms) {
    if (t.type != type) continue;
    if (Contains(theirs, t) || (t == none && they_accept_none)) common.push_back(t);
  }
  if (AbsentMeansNone(type) && !Names(ours, type) && they_accept_none) common.push_back(none);
  return common;
}

std::optional<Transform> PickFirst(const Proposal& ours, const Proposal& theirs, Type type) {
  auto common = CommonOf(ours, theirs, type);
  return common.empty() ? std::nullopt : std::optional(common.front());
}

bool IsAead(const Transform& encr) {
  const EncrInfo* row = Find(static_cast<EncrId>(encr.id));
  return row && row->aead;
}

// The integrity that goes with a cipher: none with an AEAD, some with every other (RFC 5282 8, RFC 8221 4).
std::optional<Transform> PickInteg(const Proposal& ours, const Proposal& theirs, bool aead) {
  if (!aead) {
    auto integ = PickFirst(ours, theirs, Type::kInteg);
    return integ && integ->id != kNone ? integ : std::nullopt;
  }
  const Transform none{.type = Type::kInteg, .id = kNone};
  auto allows_none = [&none](const Proposal& p) { return !Names(p, Type::kInteg) || Contains(p, none); };
  return allows_none(ours) && allows_none(theirs) ? std::optional(none) : std::nullopt;
}

// Cipher and integrity are decided together: a cipher whose integrity cannot be had is passed over.
bool PickProtection(const Proposal& ours, const Proposal& theirs, std::vector<Transform>& picked) {
  if (ours.protocol == IpsecProtocol::kAh) {
    auto integ = PickInteg(ours, theirs, /*aead=*/false);
    if (integ) picked.push_back(*integ);
    return integ.has_value();
  }
  for (const Transform& encr : ours.transforms) {
    if (encr.type != Type::kEncr || !Contains(theirs, encr)) continue;
    auto integ = PickInteg(ours, theirs, IsAead(encr));
    if (!integ) continue;
    picked.push_back(encr);
    picked.push_back(*integ);
    return true;
  }
  return false;
}

// The key exchanges, from types[at] on, in order of our preference; all that are not NONE differ (RFC 9370 2.2.1), and there is
// no additional one without a first.
bool PickKeyExchanges(const Proposal& ours, const Proposal& theirs, std::span<const Type> types,
                      std::vector<Transform>& picked) {
  if (types.empty()) return true;
  const Type type = types.front();
  if (!IsKeyExchange(type)) return PickKeyExchanges(ours, theirs, types.subspan(1), picked);
  for (const Transform& t : CommonOf(ours, theirs, type)) {
    auto same = [&t](const Transform& other) { return IsKeyExchange(other.type) && other.id == t.id; };
    if (t.id != kNone && std::ranges::any_of(picked, same)) continue;
    if (t.id != kNone && type != Type::kKe && Contains(picked, {.type = Type::kKe})) continue;
    picked.push_back(t);
    if (PickKeyExchanges(ours, theirs, types.subspan(1), picked)) return true;
    picked.pop_back();
  }
  return false;
}

// One transform of each type both sides agree on; NONE among them. nullopt where a type has none, or `theirs` names a type
// that the protocol does not have.
std::optional<std::vector<Transform>> Match(const Proposal& ours, const Proposal& theirs) {
  if (ours.protocol != theirs.protocol) return std::nullopt;
  const auto types = TypesOf(ours.protocol);
  // RFC 7296 3.3.6: a transform type that is not understood makes the whole proposal unacceptable.
  for (const Transform& t : theirs.transforms) {
    if (std::ranges::find(types, t.type) == types.end()) return std::nullopt;
  }
  std::vector<Transform> picked;
  if (!PickProtection(ours, theirs, picked)) return std::nullopt;
  for (Type type : types) {
    if (type == Type::kEncr || type == Type::kInteg || IsKeyExchange(type)) continue;
    auto t = PickFirst(ours, theirs, type);
    if (!t) return std::nullopt;
    picked.push_back(*t);
  }
  if (!PickKeyExchanges(ours, theirs, types, picked)) return std::nullopt;
  return picked;
}

const Transform* PickedOf(const std::vector<Transform>& picked, Type type) {
  auto it = std::ranges::find(picked, type, &Transform::type);
  return it == picked.end() ? nullptr : &*it;
}

template <typename Id>
Id IdOf(const std::vector<Transform>& picked, Type type) {
  const Transform* t = PickedOf(picked, type);
  return static_cast<Id>(t ? t->id : kNone);
}

AdditionalGroups AdditionalOf(const std::vector<Transform>& picked) {
  AdditionalGroups groups{};
  for (unsigned i = 0; i < groups.size(); ++i) {
    groups[i] = IdOf<KeGroup>(picked, static_cast<Type>(static_cast<unsigned>(Type::kAddKe1) + i));
  }
  return groups;
}

uint16_t KeyBits(const Transform& encr) {
  const EncrInfo* row = Find(static_cast<EncrId>(encr.id));
  return row->fixed_key ? row->key_bits[0] : encr.key_bits;
}

IkeSuite ToIkeSuite(const std::vector<Transform>& picked) {
  return {.encr = IdOf<EncrId>(picked, Type::kEncr),
          .encr_key_bits = KeyBits(*PickedOf(picked, Type::kEncr)),
          .integ = IdOf<IntegId>(picked, Type::kInteg),
          .prf = IdOf<PrfId>(picked, Type::kPrf),
          .group = IdOf<KeGroup>(picked, Type::kKe),
          .additional = AdditionalOf(picked)};
}

EspSuite ToEspSuite(const std::vector<Transform>& picked) {
  const Transform* encr = PickedOf(picked, Type::kEncr);
  EspSuite suite{.integ = IdOf<IntegId>(picked, Type::kInteg), .esn = IdOf<EsnId>(picked, Type::kEsn) == EsnId::kYes};
  if (encr) {
    suite.encr = static_cast<EncrId>(encr->id);
    suite.encr_key_bits = KeyBits(*encr);
  }
  return suite;
}

// RFC 7296 3.3: one transform for each type the initiator named; a NONE only where it was written out.
Proposal Answer(const Proposal& theirs, const std::vector<Transform>& picked, ByteView our_spi) {
  Proposal out{.number = theirs.number, .protocol = theirs.protocol, .spi = ToBytes(our_spi)};
  std::ranges::copy_if(picked, std::back_inserter(out.transforms), [&](const Transform& t) { return Contains(theirs, t); });
  std::ranges::stable_sort(out.transforms, {}, &Transform::type);
  return out;
}

bool IsIkeSpi(ByteView spi, size_t size) {
  return spi.size() == size && (size == 0 || std::ranges::any_of(spi, [](uint8_t b) { return b != 0; }));
}

std::optional<uint32_t> ChildSpi(ByteView spi) {
  Reader r(spi);
  uint32_t value = r.U32();
  // RFC 4303 2.1, RFC 4302 2.4: 0 to 255 are reserved.
  if (spi.size() != kChildSpiSize || value < kFirstSpi) return std::nullopt;
  return value;
}

// In IKE_AUTH no key exchange can be had, whatever the peer names (RFC 7296 1.2); a NONE written out may be answered.
Proposal WithoutGroups(const Proposal& p) {
  Proposal out = p;
  std::erase_if(out.transforms, [](const Transform& t) { return IsKeyExchange(t.type) && t != Transform{.type = t.type}; });
  return out;
}

// The proposal of ours that the peer's single answer is about, or nullptr.
const Proposal* Answered(const SaPayload& offered_by_us, const SaPayload& answer) {
  if (answer.proposals.size() != 1) return nullptr;
  auto it = std::ranges::find(offered_by_us.proposals, answer.proposals[0].number, &Proposal::number);
  return it == offered_by_us.proposals.end() ? nullptr : &*it;
}

// RFC 7296 3.3: the answer holds exactly one transform of each type, each of them offered. It is matched as if it were the
// preference and our offer the choice, so that the two sides follow one set of rules.
std::optional<std::vector<Transform>> Verify(const Proposal& offer, const Proposal& answer) {
  for (const Transform& t : answer.transforms) {
    if (std::ranges::count(answer.transforms, t.type, &Transform::type) != 1) return std::nullopt;
    bool none = AbsentMeansNone(t.type) && t == Transform{.type = t.type};
    if (!Contains(offer, t) && !none) return std::nullopt;
  }
  return Match(answer, offer);
}

}  // namespace

std::optional<ChosenIke> ChooseIke(const std::vector<config::IkeProposal>& configured, const SaPayload& offered,
                                   ByteView our_spi) {
  CHECK(our_spi.empty() || our_spi.size() == kIkeSpiSize);
  for (const Proposal& ours : IkeToWire(configured)) {
    for (const Proposal& theirs : offered.proposals) {
      if (!IsIkeSpi(theirs.spi, our_spi.size())) continue;
      auto picked = Match(ours, theirs);
      if (!picked) continue;
      return ChosenIke{ToIkeSuite(*picked), Answer(theirs, *picked, our_spi), theirs.spi};
    }
  }
  return std::nullopt;
}

std::optional<ChosenEsp> ChooseEsp(const std::vector<config::EspProposal>& configured, const SaPayload& offered, bool with_ke,
                                   uint32_t our_spi) {
  Writer spi;
  spi.U32(our_spi);
  for (const Proposal& ours : EspToWire(configured, with_ke)) {
    for (const Proposal& as_offered : offered.proposals) {
      auto peer_spi = ChildSpi(as_offered.spi);
      if (!peer_spi) continue;
      const Proposal theirs = with_ke ? as_offered : WithoutGroups(as_offered);
      auto picked = Match(ours, theirs);
      if (!picked) continue;
      return ChosenEsp{.suite = ToEspSuite(*picked),
                       .group = IdOf<KeGroup>(*picked, Type::kKe),
                       .additional = AdditionalOf(*picked),
                       .protocol = theirs.protocol,
                       .peer_spi = *peer_spi,
                       .answer = Answer(theirs, *picked, spi.view())};
    }
  }
  return std::nullopt;
}

std::optional<ChosenIke> AcceptIke(const SaPayload& offered_by_us, const SaPayload& answer) {
  const Proposal* offer = Answered(offered_by_us, answer);
  if (!offer || offer->protocol != IpsecProtocol::kIke) return std::nullopt;
  const Proposal& theirs = answer.proposals[0];
  if (!IsIkeSpi(theirs.spi, offer->spi.size())) return std::nullopt;
  auto picked = Verify(*offer, theirs);
  if (!picked) return std::nullopt;
  return ChosenIke{ToIkeSuite(*picked), theirs, theirs.spi};
}

std::optional<ChosenEsp> AcceptEsp(const SaPayload& offered_by_us, const SaPayload& answer) {
  const Proposal* offer = Answered(offered_by_us, answer);
  if (!offer || offer->protocol == IpsecProtocol::kIke) return std::nullopt;
  const Proposal& theirs = answer.proposals[0];
  auto peer_spi = ChildSpi(theirs.spi);
  if (!peer_spi) return std::nullopt;
  auto picked = Verify(*offer, theirs);
  if (!picked) return std::nullopt;
  return ChosenEsp{.suite = ToEspSuite(*picked),
                   .group = IdOf<KeGroup>(*picked, Type::kKe),
                   .additional = AdditionalOf(*picked),
                   .protocol = theirs.protocol,
                   .peer_spi = *peer_spi,
                   .answer = theirs};
}

}  // namespace culvert::ike
