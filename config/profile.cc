#include "config/profile.h"

#include <algorithm>
#include <span>

namespace culvert::config {
namespace {

constexpr Cipher kGcm256{EncrId::kAesGcm16, 256}, kGcm192{EncrId::kAesGcm16, 192}, kGcm128{EncrId::kAesGcm16, 128};
constexpr Cipher kCbc256{EncrId::kAesCbc, 256}, kCbc192{EncrId::kAesCbc, 192}, kCbc128{EncrId::kAesCbc, 128};
constexpr Cipher kChaCha{EncrId::kChaCha20Poly1305, 256}, k3Des{EncrId::k3Des, 192};
constexpr auto kSha1 = IntegId::kHmacSha1_96;
constexpr auto kSha256 = IntegId::kHmacSha256_128, kSha384 = IntegId::kHmacSha384_192, kSha512 = IntegId::kHmacSha512_256;

// In order of preference. MODP-2048 comes last: accepted for old peers, never preferred.
constexpr Cipher kUsualCiphers[] = {kGcm256, kGcm128, kChaCha, kCbc256, kCbc128};
constexpr IntegId kSha2[] = {kSha256, kSha384, kSha512};
constexpr PrfId kSha2Prfs[] = {PrfId::kHmacSha256, PrfId::kHmacSha384, PrfId::kHmacSha512};
constexpr KeGroup kUsualGroups[] = {KeGroup::kEcp384,   KeGroup::kEcp256,   KeGroup::kX25519,  KeGroup::kEcp521,
                                    KeGroup::kModp4096, KeGroup::kModp3072, KeGroup::kModp2048};

constexpr Cipher kCnsaCiphers[] = {kGcm256};
constexpr PrfId kCnsaPrfs[] = {PrfId::kHmacSha384, PrfId::kHmacSha512};
constexpr KeGroup kCnsaGroups[] = {KeGroup::kEcp384, KeGroup::kModp4096, KeGroup::kModp3072};

constexpr KeGroup kCnsa2Groups[] = {KeGroup::kEcp384};
constexpr KeGroup kCnsa2Also[] = {KeGroup::kMlKem1024};

constexpr Cipher kBsiCiphers[] = {kGcm256, kGcm128, kCbc256, kCbc128};
constexpr Cipher kBsiAlso[] = {kGcm192,
                               kCbc192,
                               {EncrId::kAesGcm12, 128},
                               {EncrId::kAesGcm12, 192},
                               {EncrId::kAesGcm12, 256},
                               {EncrId::kAesCcm12, 128},
                               {EncrId::kAesCcm12, 192},
                               {EncrId::kAesCcm12, 256},
                               {EncrId::kAesCcm16, 128},
                               {EncrId::kAesCcm16, 192},
                               {EncrId::kAesCcm16, 256}};
constexpr IntegId kBsiAlsoIntegs[] = {IntegId::kAesXcbc96};
constexpr PrfId kBsiAlsoPrfs[] = {PrfId::kAesXcbc, PrfId::kAesCmac};
constexpr KeGroup kBsiGroups[] = {KeGroup::kBrainpool384, KeGroup::kEcp384,   KeGroup::kBrainpool256, KeGroup::kEcp256,
                                  KeGroup::kBrainpool512, KeGroup::kEcp521,   KeGroup::kModp4096,     KeGroup::kModp3072};
constexpr KeGroup kBsiAlsoGroups[] = {KeGroup::kModp6144, KeGroup::kModp8192};

constexpr Cipher k3gppCiphers[] = {kGcm256, kGcm128, kCbc256, kCbc128};
constexpr Cipher k3gppAlso[] = {{EncrId::kNullGmac, 128}, {EncrId::kNullGmac, 256}};
constexpr PrfId k3gppPrfs[] = {PrfId::kHmacSha256, PrfId::kHmacSha384};
constexpr KeGroup k3gppGroups[] = {KeGroup::kEcp384, KeGroup::kEcp256};

constexpr Cipher kWindowsCiphers[] = {kGcm256, kGcm128, kCbc256, kCbc192, kCbc128, k3Des};
constexpr IntegId kWindowsIntegs[] = {kSha384, kSha256, kSha1};
constexpr PrfId kWindowsPrfs[] = {PrfId::kHmacSha384, PrfId::kHmacSha256, PrfId::kHmacSha1};
constexpr KeGroup kWindowsGroups[] = {KeGroup::kEcp384, KeGroup::kEcp256, KeGroup::kModp2048, KeGroup::kModp1024};

constexpr Cipher kLegacyCiphers[] = {kCbc256, kCbc192, kCbc128, k3Des};
constexpr IntegId kLegacyIntegs[] = {kSha256, kSha384, kSha512, kSha1};
constexpr PrfId kLegacyPrfs[] = {PrfId::kHmacSha256, PrfId::kHmacSha384, PrfId::kHmacSha512, PrfId::kHmacSha1};
constexpr KeGroup kLegacyGroups[] = {KeGroup::kEcp384,   KeGroup::kEcp256,   KeGroup::kX25519,
                                     KeGroup::kEcp521,   KeGroup::kModp4096, KeGroup::kModp3072,
                                     KeGroup::kModp2048, KeGroup::kModp1536, KeGroup::kModp1024};

struct Lists {
  std::span<const Cipher> ciphers;
  std::span<const IntegId> integs;
  std::span<const PrfId> prfs;
  std::span<const KeGroup> groups;
};
// Whether anything may be written that is on neither list.
enum class Beyond : uint8_t { kNothing, kAllButLegacy, kAll };
struct Row {
  Profile id;
  std::string_view name;
  Lists offers;   // what `default` stands for
  Lists also;     // may be written besides
  Beyond beyond;
  KeGroup demanded = KeGroup::kNone;  // among the key exchanges of whatever has one: offered as an additional one
  Sha1Use sha1 = Sha1Use::kNever;
};
constexpr Row kRows[] = {
    {Profile::kDefault, "default", {kUsualCiphers, kSha2, kSha2Prfs, kUsualGroups}, {}, Beyond::kAllButLegacy},
    {Profile::kCnsa1, "cnsa1", {kCnsaCiphers, {}, kCnsaPrfs, kCnsaGroups}, {}, Beyond::kNothing},
    {Profile::kCnsa2,
     "cnsa2",
     {kCnsaCiphers, {}, kCnsaPrfs, kCnsa2Groups},
     {{}, {}, {}, kCnsa2Also},
     Beyond::kNothing,
     KeGroup::kMlKem1024},
    {Profile::kBsi,
     "bsi",
     {kBsiCiphers, kSha2, kSha2Prfs, kBsiGroups},
     {kBsiAlso, kBsiAlsoIntegs, kBsiAlsoPrfs, kBsiAlsoGroups},
     Beyond::kNothing},
    {Profile::k3gpp, "3gpp", {k3gppCiphers, kSha2, k3gppPrfs, k3gppGroups}, {k3gppAlso, {}, {}, {}}, Beyond::kNothing},
    {Profile::kWindows,
     "windows",
     {kWindowsCiphers, kWindowsIntegs, kWindowsPrfs, kWindowsGroups},
     {},
     Beyond::kNothing,
     KeGroup::kNone,
     Sha1Use::kMethod1},
    {Profile::kLegacy,
     "legacy",
     {kUsualCiphers, kSha2, kSha2Prfs, kUsualGroups},
     {},
     Beyond::kAll,
     KeGroup::kNone,
     Sha1Use::kAnywhere},
};

const Row& RowOf(Profile p) { return *std::ranges::find(kRows, p, &Row::id); }

bool IsLegacy(const Cipher& c) { return c.id == EncrId::k3Des; }
bool IsLegacy(IntegId id) { return id == IntegId::kHmacSha1_96; }
bool IsLegacy(PrfId id) { return id == PrfId::kHmacSha1; }
bool IsLegacy(KeGroup id) { return id == KeGroup::kModp1024 || id == KeGroup::kModp1536; }

// What is no algorithm of this build, a number off the wire perhaps, no profile has.
bool IsKnown(const Cipher& c) {
  const EncrInfo* info = Find(c.id);
  return info && std::ranges::count(info->key_bits, c.key_bits) != 0;
}
template <typename Id>
bool IsKnown(Id id) {
  return Find(id) != nullptr;
}

template <typename T>
bool PermitsOf(Profile p, const T& value, std::span<const T> Lists::* list) {
  if (!IsKnown(value)) return false;
  const Row& row = RowOf(p);
  if (row.beyond == Beyond::kAll) return true;
  if (row.beyond == Beyond::kAllButLegacy) return !IsLegacy(value);
  return std::ranges::count(row.offers.*list, value) != 0 || std::ranges::count(row.also.*list, value) != 0;
}

template <typename T>
std::vector<T> Copy(std::span<const T> from) {
  return {from.begin(), from.end()};
}
std::vector<Cipher> OfSort(std::span<const Cipher> ciphers, bool aead, bool for_child) {
  std::vector<Cipher> out;
  for (const Cipher& c : ciphers) {
    // No data path runs 3DES.
    if (Find(c.id)->aead == aead && !(for_child && c.id == EncrId::k3Des)) out.push_back(c);
  }
  return out;
}

// RFC 7296 3.3: AEAD and other ciphers cannot stand in one proposal.
void AddIke(const Lists& lists, KeGroup demanded, std::vector<IkeProposal>& out) {
  for (bool aead : {true, false}) {
    IkeProposal p{.encrs = OfSort(lists.ciphers, aead, false),
                  .integs = aead ? std::vector<IntegId>{} : Copy(lists.integs),
                  .prfs = Copy(lists.prfs),
                  .groups = Copy(lists.groups),
                  .additional = {}};
    if (demanded != KeGroup::kNone) p.additional[0] = {demanded};
    if (!p.encrs.empty()) out.push_back(std::move(p));
  }
}
struct Protection {
  std::vector<Cipher> encrs;
  std::vector<IntegId> integs;
};
void AddChild(Protection by, std::span<const KeGroup> groups, KeGroup demanded, std::vector<EspProposal>& out) {
  EspProposal p{.encrs = std::move(by.encrs),
                .integs = std::move(by.integs),
                .groups = Copy(groups),
                .additional = {},
                .esn = {EsnId::kYes, EsnId::kNo},
                .accept_without_ke = true};
  if (demanded == KeGroup::kNone) {
    out.push_back(std::move(p));
    return;
  }
  // All of its key exchanges or none: an additional one that may be left out could be left out alone.
  p.accept_without_ke = false;
  EspProposal without = p;
  without.groups.clear();
  p.additional[0] = {demanded};
  out.push_back(std::move(p));
  out.push_back(std::move(without));
}
void AddEsp(const Lists& lists, KeGroup demanded, std::vector<EspProposal>& out) {
  for (bool aead : {true, false}) {
    auto encrs = OfSort(lists.ciphers, aead, true);
    if (encrs.empty()) continue;
    AddChild({std::move(encrs), aead ? std::vector<IntegId>{} : Copy(lists.integs)}, lists.groups, demanded, out);
  }
}
constexpr Lists kLegacyLast = {kLegacyCiphers, kLegacyIntegs, kLegacyPrfs, kLegacyGroups};

}  // namespace

std::optional<Profile> FindProfile(std::string_view name) {
  auto* row = std::ranges::find(kRows, name, &Row::name);
  return row == std::end(kRows) ? std::nullopt : std::optional(row->id);
}
std::string_view Name(Profile p) { return RowOf(p).name; }

bool Permits(Profile p, const Cipher& cipher) { return PermitsOf(p, cipher, &Lists::ciphers); }
bool Permits(Profile p, IntegId integ) { return integ == IntegId::kNone || PermitsOf(p, integ, &Lists::integs); }
bool Permits(Profile p, PrfId prf) { return prf == PrfId::kNone || PermitsOf(p, prf, &Lists::prfs); }
KeGroup Demanded(Profile p) { return RowOf(p).demanded; }
Sha1Use Sha1In(Profile p) { return RowOf(p).sha1; }
bool Permits(Profile p, KeGroup group) { return group == KeGroup::kNone || PermitsOf(p, group, &Lists::groups); }

std::vector<IkeProposal> DefaultIkeProposals(Profile p) {
  std::vector<IkeProposal> out;
  AddIke(RowOf(p).offers, Demanded(p), out);
  if (p == Profile::kLegacy) AddIke(kLegacyLast, KeGroup::kNone, out);
  return out;
}

std::vector<EspProposal> DefaultEspProposals(Profile p) {
  std::vector<EspProposal> out;
  AddEsp(RowOf(p).offers, Demanded(p), out);
  if (p == Profile::kLegacy) AddEsp(kLegacyLast, KeGroup::kNone, out);
  return out;
}

std::vector<EspProposal> DefaultAhProposals(Profile p) {
  std::vector<EspProposal> out;
  const Lists& lists = RowOf(p).offers;
  if (!lists.integs.empty()) AddChild({{}, Copy(lists.integs)}, lists.groups, Demanded(p), out);
  if (p == Profile::kLegacy) AddChild({{}, Copy(kLegacyLast.integs)}, kLegacyLast.groups, KeGroup::kNone, out);
  return out;
}

}  // namespace culvert::config
