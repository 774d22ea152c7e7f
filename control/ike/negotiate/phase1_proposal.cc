#include "control/ike/negotiate/phase1_proposal.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "absl/log/check.h"
#include "config/profile.h"
#include "control/ike/cat.h"
#include "control/ike/crypto/cbc.h"
#include "control/ike/crypto/key_exchange.h"
#include "control/ike/wire/v1/payloads.h"

namespace culvert::ike::v1 {
namespace {

constexpr uint8_t kKeyIke = 1;            // RFC 2407 4.4.2
constexpr size_t kLongest = 1000;         // characters of a description

struct CipherRow {
  EncrId encr;
  Cipher cipher;
};
constexpr CipherRow kCiphers[] = {{EncrId::kAesCbc, Cipher::kAesCbc}, {EncrId::k3Des, Cipher::k3Des}};
struct HashRow {
  PrfId prf;
  Hash hash;
  IntegId integ;                          // that the profile's rules know it by
};
constexpr HashRow kHashes[] = {{PrfId::kHmacSha1, Hash::kSha1, IntegId::kHmacSha1_96},
                               {PrfId::kHmacSha256, Hash::kSha256, IntegId::kHmacSha256_128},
                               {PrfId::kHmacSha384, Hash::kSha384, IntegId::kHmacSha384_192},
                               {PrfId::kHmacSha512, Hash::kSha512, IntegId::kHmacSha512_256}};
// Groups of RFC 2409 have IKEv2's numbers where both have them; the others of IKEv2 are none here.
constexpr KeGroup kGroups[] = {KeGroup::kModp1024, KeGroup::kModp1536, KeGroup::kModp2048, KeGroup::kModp3072,
                               KeGroup::kModp4096, KeGroup::kModp6144, KeGroup::kModp8192, KeGroup::kEcp256,
                               KeGroup::kEcp384,   KeGroup::kEcp521};

const CipherRow* Row(EncrId encr) {
  auto it = std::ranges::find(kCiphers, encr, &CipherRow::encr);
  return it == std::end(kCiphers) ? nullptr : it;
}
const HashRow* Row(PrfId prf) {
  auto it = std::ranges::find(kHashes, prf, &HashRow::prf);
  return it == std::end(kHashes) ? nullptr : it;
}
bool Usable(KeGroup group) { return std::ranges::contains(kGroups, group) && KeyExchange::Supports(group); }

// What this build can compute of a configured proposal, in its order.
struct Parts {
  std::vector<config::Cipher> encrs;
  std::vector<PrfId> prfs;
  std::vector<KeGroup> groups;
};
Parts PartsOf(const config::IkeProposal& p, KeGroup only) {
  Parts out;
  for (const config::Cipher& c : p.encrs) {
    if (Row(c.id) && CbcCipher::KeySize(c.id, c.key_bits) != 0) out.encrs.push_back(c);
  }
  for (PrfId prf : p.prfs) {
    if (Row(prf)) out.prfs.push_back(prf);
  }
  for (KeGroup g : p.groups) {
    if (Usable(g) && (only == KeGroup::kNone || g == only)) out.groups.push_back(g);
  }
  return out;
}

IkeSuite SuiteOf(const config::Cipher& c, PrfId prf, KeGroup group) {
  return {.encr = c.id, .encr_key_bits = c.key_bits, .integ = IntegId::kNone, .prf = prf, .group = group, .additional = {}};
}

// Every suite of the wish with its method, in order of preference, until `visit` returns true.
template <typename F>
void ForEach(const Phase1Wish& wish, F visit) {
  for (const config::IkeProposal& p : wish.proposals) {
    const Parts parts = PartsOf(p, wish.only);
    for (const config::Cipher& c : parts.encrs) {
      for (PrfId prf : parts.prfs) {
        for (KeGroup g : parts.groups) {
          for (AuthMethod m : wish.methods) {
            // How many of its lists' first ones it is made of: those go first where not all fit.
            const int firsts = (c == parts.encrs[0]) + (prf == parts.prfs[0]) + (g == parts.groups[0]);
            if (visit(Phase1Suite{SuiteOf(c, prf, g), m, wish.life_seconds}, firsts)) return;
          }
        }
      }
    }
  }
}

// Those to be offered: all, or where they are too many first the favourites and what brings each other algorithm in once.
std::vector<Phase1Suite> Offered(const Phase1Wish& wish) {
  struct Entry {
    Phase1Suite suite;
    int firsts;
    size_t position;
  };
  std::vector<Entry> all;
  ForEach(wish, [&](const Phase1Suite& s, int firsts) {
    if (!std::ranges::contains(all, s, &Entry::suite)) all.push_back({s, firsts, all.size()});
    return false;
  });
  if (all.size() > kMaxTransformsOffered) {
    std::ranges::stable_sort(all, std::ranges::greater{}, &Entry::firsts);
    all.resize(kMaxTransformsOffered);
    std::ranges::sort(all, {}, &Entry::position);
  }
  std::vector<Phase1Suite> out;
  for (const Entry& e : all) out.push_back(e.suite);
  return out;
}

// Attributes being made, and the octets they borrow.
class AttributeList {
 public:
  void Add(IkeAttribute type, uint64_t value) {
    Bytes& octets = kept_[used_++];
    const bool basic = value <= 0xffff;
    for (int shift = basic ? 8 : 24; shift >= 0; shift -= 8) octets.push_back(static_cast<uint8_t>(value >> shift));
    list_.push_back({static_cast<uint16_t>(type), basic, octets});
  }
  const Attributes& view() const { return list_; }

 private:
  std::array<Bytes, 7> kept_;
  size_t used_ = 0;
  Attributes list_;
};

void AddAttributes(const Phase1Suite& s, AttributeList& list) {
  list.Add(IkeAttribute::kEncryption, static_cast<uint16_t>(Row(s.suite.encr)->cipher));
  if (!Find(s.suite.encr)->fixed_key) list.Add(IkeAttribute::kKeyLength, s.suite.encr_key_bits);
  list.Add(IkeAttribute::kHash, static_cast<uint16_t>(Row(s.suite.prf)->hash));
  list.Add(IkeAttribute::kGroup, static_cast<uint16_t>(s.suite.group));
  list.Add(IkeAttribute::kAuthMethod, static_cast<uint16_t>(s.method));
  if (s.life_seconds == 0) return;
  list.Add(IkeAttribute::kLifeType, static_cast<uint16_t>(LifeType::kSeconds));
  list.Add(IkeAttribute::kLifeDuration, std::min<uint64_t>(s.life_seconds, 0xffffffff));
}

Bytes BodyOf(const SaPayload& sa) {
  Writer w;
  EncodeBody(sa, w);
  return w.Release();
}

// The attributes of a transform by number; nullopt where it has one that is not taken.
class Numbers {
 public:
  static std::optional<Numbers> Of(const Attributes& attributes);
  std::optional<uint64_t> operator[](IkeAttribute type) const { return values_[static_cast<size_t>(type)]; }
  uint64_t seconds() const { return seconds_; }

 private:
  bool TakeLife(LifeType type, uint64_t value);

  std::array<std::optional<uint64_t>, 15> values_{};
  uint64_t seconds_ = 0;
};

bool Numbers::TakeLife(LifeType type, uint64_t value) {
  // RFC 2409 appendix A: SAs of a number of kilobytes are not ours to count; the seconds hold.
  if (type == LifeType::kSeconds) seconds_ = std::min<uint64_t>(value, 0xffffffff);
  return value != 0 && (type == LifeType::kSeconds || type == LifeType::kKilobytes);
}

std::optional<Numbers> Numbers::Of(const Attributes& attributes) {
  using enum IkeAttribute;
  constexpr IkeAttribute kKnown[] = {kEncryption, kHash, kAuthMethod, kGroup, kKeyLength};
  Numbers out;
  std::optional<LifeType> life;
  for (const Attribute& a : attributes) {
    const auto type = static_cast<IkeAttribute>(a.type);
    const auto number = a.Number();
    if (!number) return std::nullopt;
    if (type == kLifeType && !life) {
      life = static_cast<LifeType>(std::min<uint64_t>(*number, 0xffff));
    } else if (type == kLifeDuration && life) {
      if (!out.TakeLife(*std::exchange(life, std::nullopt), *number)) return std::nullopt;
    } else if (std::ranges::contains(kKnown, type) && !out[type]) {
      out.values_[a.type] = number;
    } else {
      return std::nullopt;
    }
  }
  return life ? std::nullopt : std::optional(out);
}

// What a transform means; nullopt: nothing to us.
std::optional<Phase1Suite> Read(const Transform& t) {
  auto n = t.id == kKeyIke ? Numbers::Of(t.attributes) : std::nullopt;
  if (!n) return std::nullopt;
  const auto encryption = (*n)[IkeAttribute::kEncryption], hash = (*n)[IkeAttribute::kHash], group = (*n)[IkeAttribute::kGroup],
             method = (*n)[IkeAttribute::kAuthMethod], bits = (*n)[IkeAttribute::kKeyLength];
  if (!encryption || !hash || !group || !method) return std::nullopt;
  auto cipher = std::ranges::find(kCiphers, *encryption, [](const CipherRow& r) { return static_cast<uint64_t>(r.cipher); });
  auto row = std::ranges::find(kHashes, *hash, [](const HashRow& r) { return static_cast<uint64_t>(r.hash); });
  auto kind = std::ranges::find(kGroups, *group, [](KeGroup g) { return static_cast<uint64_t>(g); });
  if (cipher == std::end(kCiphers) || row == std::end(kHashes) || kind == std::end(kGroups)) return std::nullopt;
  const EncrInfo& info = *Find(cipher->encr);
  if (bits.has_value() == info.fixed_key || *method > 0xffff) return std::nullopt;
  const uint64_t key_bits = info.fixed_key ? info.key_bits[0] : *bits;
  if (key_bits > 0xffff || CbcCipher::KeySize(cipher->encr, static_cast<uint16_t>(key_bits)) == 0) return std::nullopt;
  const config::Cipher c{cipher->encr, static_cast<uint16_t>(key_bits)};
  return Phase1Suite{SuiteOf(c, row->prf, *kind), static_cast<AuthMethod>(*method), n->seconds()};
}

bool SameButLife(const Phase1Suite& a, const Phase1Suite& b) { return a.suite == b.suite && a.method == b.method; }

// RFC 2409 5: one proposal of ISAKMP alone. Such that are to be used together with another protocol mean nothing.
bool StandsAlone(const SaPayload& sa, const Proposal& p) {
  return p.protocol == ProtocolId::kIsakmp && std::ranges::count(sa.proposals, p.number, &Proposal::number) == 1;
}

}  // namespace

Bytes OfferPhase1(const Phase1Wish& wish) {
  const std::vector<Phase1Suite> suites = Offered(wish);
  if (suites.empty()) return {};
  std::vector<AttributeList> attributes(suites.size());
  Proposal p{.number = 1, .protocol = ProtocolId::kIsakmp, .spi = {}, .transforms = {}};
  for (size_t i = 0; i < suites.size(); ++i) {
    AddAttributes(suites[i], attributes[i]);
    p.transforms.push_back({static_cast<uint8_t>(i + 1), kKeyIke, attributes[i].view()});
  }
  return BodyOf({.proposals = {std::move(p)}});
}

KeGroup FirstGroup(const std::vector<config::IkeProposal>& proposals) {
  for (const config::IkeProposal& p : proposals) {
    const Parts parts = PartsOf(p, KeGroup::kNone);
    if (!parts.encrs.empty() && !parts.prfs.empty() && !parts.groups.empty()) return parts.groups.front();
  }
  return KeGroup::kNone;
}

std::optional<ChosenPhase1> ChoosePhase1(const Phase1Wish& wish, const SaPayload& offered) {
  struct Entry {
    Phase1Suite suite;
    const Proposal* proposal;
    const Transform* transform;
  };
  std::vector<Entry> theirs;
  for (const Proposal& p : offered.proposals) {
    if (!StandsAlone(offered, p)) continue;
    for (const Transform& t : p.transforms) {
      if (auto suite = Read(t)) theirs.push_back({*suite, &p, &t});
    }
  }
  std::optional<ChosenPhase1> chosen;
  ForEach(wish, [&](const Phase1Suite& ours, int) {
    auto it = std::ranges::find_if(theirs, [&](const Entry& e) { return SameButLife(e.suite, ours); });
    if (it == theirs.end()) return false;
    Proposal answer{it->proposal->number, ProtocolId::kIsakmp, {}, {*it->transform}};
    chosen = ChosenPhase1{it->suite, BodyOf({.proposals = {std::move(answer)}})};
    return true;
  });
  return chosen;
}

bool AdmitsPhase1(const std::vector<config::IkeProposal>& proposals, const Phase1Suite& suite) {
  bool admits = false;
  ForEach({proposals, {&suite.method, 1}}, [&](const Phase1Suite& s, int) { return admits = SameButLife(s, suite); });
  return admits;
}

std::optional<Phase1Suite> AcceptPhase1(ByteView offer, const SaPayload& answer) {
  Reader r(offer);
  auto offered = DecodeSa(r);
  CHECK(offered && offered->proposals.size() == 1);
  const bool one = answer.proposals.size() == 1 && answer.proposals[0].transforms.size() == 1;
  auto suite = one && StandsAlone(answer, answer.proposals[0]) ? Read(answer.proposals[0].transforms[0]) : std::nullopt;
  const bool known = suite && std::ranges::any_of(offered->proposals[0].transforms, [&](const Transform& t) {
    auto ours = Read(t);
    return ours && SameButLife(*ours, *suite);
  });
  return known ? suite : std::nullopt;
}

std::string BelowPhase1Floor(config::Profile floor, const Phase1Suite& s) {
  const HashRow* row = Row(s.suite.prf);
  CHECK(row);
  const KeGroup demanded = config::Demanded(floor);
  const bool above = config::Permits(floor, config::Cipher{s.suite.encr, s.suite.encr_key_bits}) &&
                     config::Permits(floor, row->integ) && config::Permits(floor, row->prf) &&
                     config::Permits(floor, s.suite.group) && (demanded == KeGroup::kNone || demanded == s.suite.group);
  return above ? "" : Cat(Name(s.suite), " is below profile ", config::Name(floor));
}

std::string DescribePhase1(const SaPayload& sa) {
  std::string out;
  for (const Proposal& p : sa.proposals) {
    for (const Transform& t : p.transforms) {
      if (out.size() > kLongest) return out + ", ...";
      auto suite = p.protocol == ProtocolId::kIsakmp ? Read(t) : std::nullopt;
      out += out.empty() ? "" : ", ";
      out += suite ? Cat(Name(suite->suite), " by ", Name(suite->method)) : Cat("transform ", t.number, ", which is unknown");
    }
  }
  return out.empty() ? "nothing" : out;
}

std::string DescribePhase1(const Phase1Wish& wish) {
  std::string out;
  ForEach(wish, [&](const Phase1Suite& s, int) {
    const bool full = out.size() > kLongest;
    out += Cat(out.empty() ? "" : ", ", full ? "..." : Cat(Name(s.suite), " by ", Name(s.method)));
    return full;
  });
  return out.empty() ? "nothing" : out;
}

}  // namespace culvert::ike::v1
