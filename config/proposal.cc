#include "config/proposal.h"

#include <algorithm>
#include <utility>

#include "common/bytes/hex.h"
#include "config/profile.h"
#include "config/proposal_tokens.h"
#include "config/text.h"

namespace culvert::config {
namespace {

using Error = std::unexpected<std::string>;

// A proposal of any protocol as its words say it; what a protocol demands of it is checked after.
struct Parts {
  std::vector<Cipher> encrs;
  std::vector<IntegId> integs;
  std::vector<PrfId> prfs;
  std::vector<KeGroup> groups;
  std::vector<KeGroup> additional[7];
  std::vector<EsnId> esn;
  std::string_view aead, classic, integ_word;  // the first word of each sort, to name in an error
};

// A word written twice says nothing new, and RFC 7296 3.3.6 has no use for two equal transforms.
template <typename T>
void AddOnce(std::vector<T>& to, T value) {
  if (std::ranges::find(to, value) == to.end()) to.push_back(value);
}

// Who the proposal is for: IKE or a child, and under which profile.
struct Reading {
  TokenScope side;  // kIke or kChild
  Profile profile;
};

bool Permits(Profile p, const Token& t) {
  switch (t.kind) {
    case TokenKind::kEncr: return Permits(p, Cipher{static_cast<EncrId>(t.id), t.key_bits});
    case TokenKind::kIntegrity: return Permits(p, static_cast<IntegId>(t.id));
    case TokenKind::kPrf: return Permits(p, static_cast<PrfId>(t.id));
    case TokenKind::kKe: return Permits(p, static_cast<KeGroup>(t.id));
    case TokenKind::kEsn: return true;
  }
  return false;
}

std::expected<const Token*, std::string> UsableToken(std::string_view word, std::string_view bare, const Reading& how) {
  const Token* token = FindToken(bare);
  if (!token) return Error(Cat("\"", Escape(word), "\" is no algorithm of a proposal", SuggestToken(bare)));
  switch (token->use) {
    case TokenUse::kLegacy:
    case TokenUse::kWorks:
      if (!Permits(how.profile, *token) && token->use == TokenUse::kLegacy) {
        return Error(Cat("\"", word, "\" is a legacy algorithm; expected another, or `profile = legacy`"));
      }
      if (!Permits(how.profile, *token)) return Error(Cat("\"", word, "\" is below the floor of profile ", Name(how.profile)));
      if (token->scope == TokenScope::kBoth || token->scope == how.side) return token;
      if (how.side == TokenScope::kIke) return Error(Cat("\"", word, "\" does not encrypt, and IKE always does"));
      return Error(Cat("\"", word, "\" is for IKE alone: the data path does not run it"));
    case TokenUse::kNotYet: return Error(Cat("\"", word, "\" is not supported yet"));
    case TokenUse::kForbidden: break;
  }
  return Error(Cat("\"", word, "\" is broken or withdrawn and not built in; expected an algorithm of RFC 8247 or RFC 8221"));
}

// "ke1_x25519" is 1 and "x25519"; a word without such a prefix is 0 and itself.
std::pair<unsigned, std::string_view> SplitKePrefix(std::string_view word) {
  bool prefixed = word.size() > 4 && word.starts_with("ke") && word[2] >= '1' && word[2] <= '7' && word[3] == '_';
  return prefixed ? std::pair{static_cast<unsigned>(word[2] - '0'), word.substr(4)} : std::pair{0u, word};
}

void AddCipher(const Token& token, std::string_view word, Parts& parts) {
  auto id = static_cast<EncrId>(token.id);
  AddOnce(parts.encrs, Cipher{id, token.key_bits});
  auto& first = Find(id)->aead ? parts.aead : parts.classic;
  if (first.empty()) first = word;
}

std::expected<void, std::string> AddWord(std::string_view word, const Reading& how, Parts& parts) {
  auto [ke, bare] = SplitKePrefix(word);
  auto token = UsableToken(word, bare, how);
  if (!token) return Error(token.error());
  const Token& t = **token;
  if (ke) {
    if (t.kind != TokenKind::kKe) return Error(Cat("\"", word, "\": after ke", ke, "_ expected a key exchange method"));
    AddOnce(parts.additional[ke - 1], static_cast<KeGroup>(t.id));
    return {};
  }
  switch (t.kind) {
    case TokenKind::kEncr: AddCipher(t, word, parts); break;
    case TokenKind::kIntegrity:
      AddOnce(parts.integs, static_cast<IntegId>(t.id));
      if (parts.integ_word.empty()) parts.integ_word = word;
      break;
    case TokenKind::kPrf: AddOnce(parts.prfs, static_cast<PrfId>(t.id)); break;
    case TokenKind::kKe: AddOnce(parts.groups, static_cast<KeGroup>(t.id)); break;
    case TokenKind::kEsn: AddOnce(parts.esn, static_cast<EsnId>(t.id)); break;
  }
  return {};
}

// What a profile demands of the key exchanges may be left to no choice: one of them must offer nothing else.
std::expected<void, std::string> CheckDemanded(const Parts& parts, Profile profile) {
  const std::vector<KeGroup> demanded = {Demanded(profile)};
  const bool none = parts.groups.empty() || parts.groups == std::vector{KeGroup::kNone};
  if (none || demanded[0] == KeGroup::kNone || parts.groups == demanded) return {};
  if (std::ranges::find(parts.additional, demanded) != std::end(parts.additional)) return {};
  const char* token = Find(demanded[0])->token;
  return Error(Cat("a key exchange without \"", token, "\", which profile ", Name(profile), " demands; expected ke1_", token));
}

std::expected<Parts, std::string> ReadWords(std::string_view text, const Reading& how) {
  if (text.empty()) return Error("an empty proposal; expected algorithms joined by dashes");
  Parts parts;
  for (std::string_view word : Split(text, '-')) {
    if (word.empty()) return Error("an empty word between dashes; expected algorithms joined by single dashes");
    if (auto ok = AddWord(word, how, parts); !ok) return Error(ok.error());
  }
  if (auto ok = CheckDemanded(parts, how.profile); !ok) return Error(ok.error());
  return parts;
}

// What IKE and ESP share about encryption beside integrity.
std::expected<void, std::string> CheckCiphers(const Parts& parts) {
  if (parts.encrs.empty()) return Error("no encryption algorithm; expected one such as aes256gcm16");
  // RFC 7296 3.3: a combined-mode cipher and one that needs integrity cannot stand in one proposal.
  if (!parts.aead.empty() && !parts.classic.empty()) {
    return Error(Cat("\"", parts.aead, "\" is an AEAD and \"", parts.classic, "\" is not; expected two proposals"));
  }
  // RFC 5282 8, RFC 8221 4: the tag of an AEAD is the integrity.
  if (!parts.aead.empty() && !parts.integs.empty()) {
    bool sha2 = parts.integ_word.starts_with("sha");
    return Error(Cat("integrity \"", parts.integ_word, "\" beside the AEAD \"", parts.aead, "\"; expected none",
                     sha2 ? " (a PRF is written prfsha256, prfsha384 or prfsha512)" : ""));
  }
  if (parts.aead.empty() && parts.integs.empty()) {
    return Error(Cat("\"", parts.classic, "\" without integrity; expected one such as sha256, or an AEAD such as aes256gcm16"));
  }
  return {};
}

PrfId PrfOf(IntegId id) {
  switch (id) {
    case IntegId::kHmacSha1_96: return PrfId::kHmacSha1;
    case IntegId::kAesXcbc96: return PrfId::kAesXcbc;
    case IntegId::kAesCmac96: return PrfId::kAesCmac;
    case IntegId::kHmacSha256_128: return PrfId::kHmacSha256;
    case IntegId::kHmacSha384_192: return PrfId::kHmacSha384;
    case IntegId::kHmacSha512_256: return PrfId::kHmacSha512;
    case IntegId::kAesGmac128:
    case IntegId::kAesGmac192:
    case IntegId::kAesGmac256:
    case IntegId::kNone: break;
  }
  return PrfId::kNone;
}

}  // namespace

// RFC 4543 5.4: what is a cipher among ESP's is an integrity algorithm of AH.
IntegId GmacOf(const Cipher& c) {
  if (c.id != EncrId::kNullGmac) return IntegId::kNone;
  return c.key_bits == 128 ? IntegId::kAesGmac128 : c.key_bits == 192 ? IntegId::kAesGmac192 : IntegId::kAesGmac256;
}

std::expected<void, std::string> CheckAh(Parts& parts, Profile profile) {
  for (const Cipher& c : std::exchange(parts.encrs, {})) {
    IntegId gmac = GmacOf(c);
    if (gmac == IntegId::kNone) return Error("encryption in an AH proposal; expected integrity algorithms alone");
    if (!Permits(profile, gmac)) return Error(Cat(Name(gmac), " is below the floor of profile ", Name(profile)));
    AddOnce(parts.integs, gmac);
  }
  if (parts.integs.empty()) return Error("no integrity algorithm; expected one such as sha256");
  return {};
}

std::expected<IkeProposal, std::string> ParseIkeProposal(std::string_view text, Profile profile) {
  auto parts = ReadWords(text, {TokenScope::kIke, profile});
  if (!parts) return Error(parts.error());
  if (auto ok = CheckCiphers(*parts); !ok) return Error(ok.error());
  if (!parts->esn.empty()) return Error("esn and noesn belong to ESP and AH; expected neither in an IKE proposal");
  if (parts->groups.empty()) return Error("no key exchange method; expected one such as x25519");
  if (std::ranges::find(parts->groups, KeGroup::kNone) != parts->groups.end()) {
    return Error("\"none\" among the key exchange methods; IKE cannot do without one (RFC 7296 1.2)");
  }
  if (parts->prfs.empty()) {
    for (IntegId id : parts->integs) AddOnce(parts->prfs, PrfOf(id));
  }
  if (parts->prfs.empty()) return Error(Cat("no PRF beside the AEAD \"", parts->aead, "\"; expected one such as prfsha256"));
  IkeProposal out{.encrs = std::move(parts->encrs),
                  .integs = std::move(parts->integs),
                  .prfs = std::move(parts->prfs),
                  .groups = std::move(parts->groups),
                  .additional = {}};
  std::ranges::move(parts->additional, out.additional);
  return out;
}

std::expected<EspProposal, std::string> ParseEspProposal(std::string_view text, bool ah, Profile profile) {
  auto parts = ReadWords(text, {TokenScope::kChild, profile});
  if (!parts) return Error(parts.error());
  if (!parts->prfs.empty()) return Error("a PRF in a child's proposal; expected none (the IKE SA's is used)");
  if (ah) {
    if (auto ok = CheckAh(*parts, profile); !ok) return Error(ok.error());
  } else if (auto ok = CheckCiphers(*parts); !ok) {
    return Error(ok.error());
  }
  // Nothing but `none` offers no choice: the same as naming no method.
  if (parts->groups == std::vector{KeGroup::kNone}) parts->groups.clear();
  // RFC 9370 2.2.4: what follows up CREATE_CHILD_SA's own key exchange cannot be without it.
  bool additional = std::ranges::any_of(parts->additional, [](const auto& round) { return !round.empty(); });
  if (additional && parts->groups.empty()) {
    return Error("additional key exchanges without a first one; expected one such as x25519");
  }
  // As charon reads it: a proposal that does not speak of ESN means 32-bit sequence numbers.
  if (parts->esn.empty()) parts->esn = {EsnId::kNo};
  EspProposal out{.encrs = std::move(parts->encrs),
                  .integs = std::move(parts->integs),
                  .groups = std::move(parts->groups),
                  .additional = {},
                  .esn = std::move(parts->esn)};
  std::ranges::move(parts->additional, out.additional);
  return out;
}

}  // namespace culvert::config
