#include "control/ike/negotiate/floor.h"

#include <algorithm>

namespace culvert::ike {
namespace {

using config::Profile;
using Type = TransformType;

constexpr size_t kMaxNamed = 4;  // of proposals, and of the transforms of one type: a peer may send thousands

bool IsKeyExchange(Type t) { return t == Type::kKe || (t >= Type::kAddKe1 && t <= Type::kAddKe7); }

bool Permits(Profile floor, EncrId encr, uint16_t key_bits) {
  return config::Permits(floor, config::Cipher{encr, key_bits});
}

bool PermitsAll(Profile floor, KeGroup group, const AdditionalGroups& additional) {
  const KeGroup demanded = config::Demanded(floor);
  const bool holds = demanded == KeGroup::kNone || group == demanded ||
                     std::ranges::find(additional, demanded) != additional.end();
  return holds && config::Permits(floor, group) &&
         std::ranges::all_of(additional, [floor](KeGroup g) { return config::Permits(floor, g); });
}

bool IsAbove(Profile floor, const ChosenIke& chosen) {
  const IkeSuite& s = chosen.suite;
  return Permits(floor, s.encr, s.encr_key_bits) && config::Permits(floor, s.integ) && config::Permits(floor, s.prf) &&
         s.group != KeGroup::kNone && PermitsAll(floor, s.group, s.additional);
}

bool IsAbove(Profile floor, const ChosenEsp& chosen) {
  const EspSuite& s = chosen.suite;
  const bool encr = chosen.protocol == IpsecProtocol::kAh || Permits(floor, s.encr, s.encr_key_bits);
  // Without one of its own a child has its key from the IKE SA's, which was looked at when that came up.
  const bool ke = chosen.group == KeGroup::kNone ? !Any(chosen.additional) : PermitsAll(floor, chosen.group, chosen.additional);
  return encr && ke && config::Permits(floor, s.integ);
}

bool Permits(Profile floor, const Transform& t) {
  switch (t.type) {
    case Type::kEncr: {
      const EncrInfo* row = Find(static_cast<EncrId>(t.id));
      return row && Permits(floor, row->id, row->fixed_key ? row->key_bits[0] : t.key_bits);
    }
    case Type::kPrf: return config::Permits(floor, static_cast<PrfId>(t.id));
    case Type::kInteg: return config::Permits(floor, static_cast<IntegId>(t.id));
    default: return !IsKeyExchange(t.type) || config::Permits(floor, static_cast<KeGroup>(t.id));
  }
}

const char* WordFor(Type t) {
  switch (t) {
    case Type::kEncr: return "cipher ";
    case Type::kInteg: return "integrity ";
    case Type::kPrf: return "";  // its names say so
    default: return "key exchange ";
  }
}

// The transforms of one type, where none of them will do; empty otherwise.
std::string MissedOf(Profile floor, const Proposal& p, Type type) {
  std::string names;
  size_t named = 0;
  for (const Transform& t : p.transforms) {
    if (t.type != type) continue;
    if (Permits(floor, t)) return "";
    if (++named <= kMaxNamed) names += (names.empty() ? "" : ", ") + Name(t);
  }
  if (names.empty()) return "";
  return WordFor(type) + names + (named > kMaxNamed ? ", ..." : "");
}

// The rules a proposal misses whatever is chosen of it; empty where it misses none.
std::string MissedBy(Profile floor, const Proposal& p, bool with_ke) {
  constexpr Type kTypes[] = {Type::kEncr,   Type::kPrf,    Type::kInteg,  Type::kKe,     Type::kAddKe1, Type::kAddKe2,
                             Type::kAddKe3, Type::kAddKe4, Type::kAddKe5, Type::kAddKe6, Type::kAddKe7};
  std::string out;
  auto add = [&out](const std::string& rule) { out += (out.empty() || rule.empty() ? "" : "; ") + rule; };
  for (Type type : kTypes) {
    if (with_ke || !IsKeyExchange(type)) add(MissedOf(floor, p, type));
  }
  const KeGroup demanded = config::Demanded(floor);
  if (!with_ke || demanded == KeGroup::kNone) return out;
  auto exchanges = [](const Transform& t) { return IsKeyExchange(t.type) && t.id != 0; };
  auto is_demanded = [&](const Transform& t) { return exchanges(t) && static_cast<KeGroup>(t.id) == demanded; };
  if (std::ranges::any_of(p.transforms, exchanges) && std::ranges::none_of(p.transforms, is_demanded)) {
    add("no key exchange " + Name(demanded));
  }
  return out;
}

template <typename Chosen>
std::expected<Chosen, BelowFloor> Judge(Profile floor, std::optional<Chosen> chosen) {
  if (!chosen) return std::unexpected(BelowFloor(floor, std::nullopt));
  if (!IsAbove(floor, *chosen)) return std::unexpected(BelowFloor(floor, std::move(chosen->answer)));
  return *std::move(chosen);
}

}  // namespace

std::string BelowFloor::ToString(const SaPayload& theirs, bool with_ke) const {
  const std::string below = ", below profile " + std::string(config::Name(floor_));
  if (chosen_) return below + " (" + MissedBy(floor_, *chosen_, with_ke) + ")";
  std::string rules;
  size_t named = 0;
  for (const Proposal& p : theirs.proposals) {
    const std::string missed = MissedBy(floor_, p, with_ke);
    if (missed.empty()) return "";
    if (++named <= kMaxNamed) rules += (named == 1 ? "" : " | ") + missed;
  }
  return named == 0 ? "" : below + " (" + rules + (named > kMaxNamed ? " | ..." : "") + ")";
}

std::expected<ChosenIke, BelowFloor> AboveFloor(Profile floor, std::optional<ChosenIke> chosen) {
  return Judge(floor, std::move(chosen));
}

std::expected<ChosenEsp, BelowFloor> AboveFloor(Profile floor, std::optional<ChosenEsp> chosen) {
  return Judge(floor, std::move(chosen));
}

}  // namespace culvert::ike
