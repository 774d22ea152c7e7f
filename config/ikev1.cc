#include "config/ikev1.h"

#include <algorithm>
#include <utility>

#include "config/profile.h"
#include "config/text.h"

namespace culvert::config {
namespace {

constexpr KeGroup kGroups[] = {KeGroup::kModp1024, KeGroup::kModp1536, KeGroup::kModp2048, KeGroup::kModp3072,
                               KeGroup::kModp4096, KeGroup::kModp6144, KeGroup::kModp8192, KeGroup::kEcp256,
                               KeGroup::kEcp384,   KeGroup::kEcp521};
constexpr std::pair<IntegId, PrfId> kHashes[] = {{IntegId::kHmacSha1_96, PrfId::kHmacSha1},
                                                 {IntegId::kHmacSha256_128, PrfId::kHmacSha256},
                                                 {IntegId::kHmacSha384_192, PrfId::kHmacSha384},
                                                 {IntegId::kHmacSha512_256, PrfId::kHmacSha512}};

bool HasGroup(KeGroup g) { return std::ranges::contains(kGroups, g); }
bool HasHash(IntegId id) { return std::ranges::contains(kHashes, id, &std::pair<IntegId, PrfId>::first); }
bool EncryptsIke(const Cipher& c) { return c.id == EncrId::kAesCbc || c.id == EncrId::k3Des; }
bool EncryptsChild(const Cipher& c) { return c.id == EncrId::kAesCbc || c.id == EncrId::kAesGcm16; }

std::vector<PrfId> PrfsOf(const std::vector<IntegId>& hashes) {
  std::vector<PrfId> out;
  for (auto [integ, prf] : kHashes) {
    if (std::ranges::contains(hashes, integ)) out.push_back(prf);
  }
  return out;
}

template <typename Proposal>
bool HasAdditional(const Proposal& p) {
  return std::ranges::any_of(p.additional, [](const auto& round) { return !round.empty(); });
}

// The first of them that IKEv1 lacks.
template <typename T, typename Has>
std::string Lacking(const std::vector<T>& all, Has has, std::string_view expected) {
  for (const T& one : all) {
    if (has(one)) continue;
    if constexpr (std::is_same_v<T, Cipher>) return Cat("IKEv1 has no ", Name(one.id), " here; expected ", expected);
    else return Cat("IKEv1 has no ", Name(one), " here; expected ", expected);
  }
  return "";
}

constexpr std::string_view kWantGroup = "a MODP group or ecp256, ecp384 or ecp521", kWantHash = "sha256, sha384 or sha512";

template <typename Proposal>
std::string ProblemOfKeyExchange(const Proposal& p) {
  if (HasAdditional(p)) return "IKEv1 has no additional key exchanges; expected one";
  auto has = [](KeGroup g) { return g == KeGroup::kNone || HasGroup(g); };
  return Lacking(p.groups, has, kWantGroup);
}

std::optional<IkeProposal> Part(IkeProposal p) {
  std::erase_if(p.encrs, [](const Cipher& c) { return !EncryptsIke(c); });
  std::erase_if(p.integs, [](IntegId id) { return !HasHash(id); });
  std::erase_if(p.groups, [](KeGroup g) { return !HasGroup(g); });
  // A PRF of its own that is not the hash's would be another algorithm than was asked for.
  std::erase_if(p.integs, [&](IntegId id) {
    auto* row = std::ranges::find(kHashes, id, &std::pair<IntegId, PrfId>::first);
    return !std::ranges::contains(p.prfs, row->second);
  });
  p.prfs = PrfsOf(p.integs);
  const bool nothing = p.encrs.empty() || p.integs.empty() || p.groups.empty() || HasAdditional(p);
  return nothing ? std::nullopt : std::optional(std::move(p));
}

std::optional<EspProposal> Part(EspProposal p, bool ah) {
  const bool hashed = !p.integs.empty(), exchanged = !p.groups.empty();
  std::erase_if(p.encrs, [](const Cipher& c) { return !EncryptsChild(c); });
  std::erase_if(p.integs, [](IntegId id) { return !HasHash(id); });
  std::erase_if(p.groups, [](KeGroup g) { return g != KeGroup::kNone && !HasGroup(g); });
  std::erase(p.esn, EsnId::kYes);
  if ((!ah && p.encrs.empty()) || (hashed && p.integs.empty()) || (exchanged && p.groups.empty())) return std::nullopt;
  if (p.esn.empty() || HasAdditional(p)) return std::nullopt;
  if (std::exchange(p.accept_without_ke, false)) p.groups.insert(p.groups.begin(), KeGroup::kNone);
  return p;
}

std::vector<EspProposal> Parts(const std::vector<EspProposal>& all, bool ah) {
  std::vector<EspProposal> out;
  for (const EspProposal& p : all) {
    if (auto part = Part(p, ah)) out.push_back(*std::move(part));
  }
  return out;
}

// RFC 2409 5.1 and 3279's kinds: RSA in PKCS#1's padding, and ECDSA (RFC 4754).
std::string ProblemOfSignatures(const PubkeyRules& rules) {
  auto edwards = [](KeyType t) { return t == KeyType::kEd25519 || t == KeyType::kEd448; };
  auto useless = [&](const SchemeRule& s) { return s.pss || edwards(s.type); };
  const bool no_key = !rules.keys.empty() && std::ranges::all_of(rules.keys, edwards, &KeyRule::type);
  const bool no_scheme = rules.chain && !rules.schemes.empty() && std::ranges::all_of(rules.schemes, useless);
  return no_key || no_scheme ? "IKEv1 signs by PKCS#1 v1.5 or ECDSA alone; expected pubkey, rsa or ecdsa" : "";
}

bool IsXauth(const AuthRound& r) { return r.kind == AuthKind::kXauth; }
bool OnlyXauth(const std::vector<AuthRound>& side) { return side.size() == 1 && IsXauth(side.front()); }

void CheckXauth(const SectionReader& in, const Connection& conn) {
  const auto local = std::ranges::count_if(conn.local, IsXauth), remote = std::ranges::count_if(conn.remote, IsXauth);
  if (local + remote > 1) in.Error(Cat("has ", local + remote, " rounds of XAUTH; expected one, on one side"));
  for (const auto* side : {&conn.local, &conn.remote}) {
    if (side->size() > 1 && IsXauth(side->front())) in.Error("XAUTH comes before another round; expected it in the last");
  }
  const bool hybrid_local = OnlyXauth(conn.local), hybrid_remote = OnlyXauth(conn.remote);
  if (!hybrid_local && !hybrid_remote) return;
  const auto& other = hybrid_local ? conn.remote : conn.local;
  if (other.size() == 1 && other.front().kind == AuthKind::kPubkey) return;
  in.Error("hybrid authentication, XAUTH alone on one side, needs `auth = pubkey` on the other");
}

// Phase 1 authenticates both sides in one way.
void CheckPhase1(const SectionReader& in, Connection& conn) {
  if (conn.local.empty() || conn.remote.empty()) return;
  const AuthRound &a = conn.local.front(), &b = conn.remote.front();
  std::string problem;
  if (!IsXauth(a) && !IsXauth(b) && a.kind != b.kind) {
    problem = "IKEv1 authenticates both sides in one way; expected psk or pubkey on both";
  }
  for (const AuthRound* r : {&a, &b}) {
    if (problem.empty() && r->kind == AuthKind::kPubkey) problem = ProblemOfSignatures(r->rules);
  }
  if (problem.empty()) return;
  if (conn.version == 1) in.Error(problem);
  else in.Warn(Cat("is IKEv2's alone: ", problem));
  if (conn.version == 0) conn.version = 2;
}

void CheckAggressive(const SectionReader& in, const ControlSettings& settings, const Connection& conn) {
  auto psk = [](const AuthRound& r) { return r.kind == AuthKind::kPsk; };
  if (!conn.aggressive || (!std::ranges::any_of(conn.local, psk) && !std::ranges::any_of(conn.remote, psk))) return;
  constexpr std::string_view kRisk = "whoever sees aggressive mode has a hash of the pre-shared key, and may search it offline";
  if (settings.aggressive_psk) return in.Warn("aggressive", kRisk);
  in.Error("aggressive", Cat(kRisk, "; expected main mode, certificates, or "
                             "control.i_dont_care_about_security_and_use_aggressive_mode_psk = yes"));
}

void WarnOfIkev1Keys(const SectionReader& in, const Connection& conn) {
  if (conn.aggressive) in.Warn("aggressive", "has no effect: IKEv1 only");
  if (!conn.pull) in.Warn("pull", "has no effect: IKEv1 only");
  if (in.Seconds("dpd_timeout", std::chrono::seconds(0)) != std::chrono::seconds(0)) {
    in.Warn("dpd_timeout", "has no effect: IKEv1 only; IKEv2 gives up after its retransmissions");
  }
  if (conn.fragmentation == Fragmentation::kForce) in.Warn("fragmentation", "has no effect: `force` is IKEv1's");
}

// `problem_of` knows none of what does not parse: that has been reported.
template <typename Problem>
void CheckEach(const SectionReader& in, std::string_view key, Problem problem_of) {
  for (const std::string& text : in.List(key)) {
    const std::string problem = text == "default" ? "" : problem_of(text);
    if (!problem.empty()) in.Error(key, Cat("proposal \"", text, "\": ", problem));
  }
}

void CheckAny(const SectionReader& in, std::string_view key, const Connection& conn, bool any) {
  if (any) return;
  constexpr std::string_view kNothing = "nothing of it is IKEv1's; expected AES-CBC with SHA-2 and a MODP or ECP group";
  if (conn.version == 1) in.Error(key, kNothing);
  else in.Warn(key, kNothing);
}

}  // namespace

std::string Ikev1Problem(const IkeProposal& p) {
  if (auto problem = Lacking(p.encrs, EncryptsIke, "aes128, aes192 or aes256"); !problem.empty()) return problem;
  if (auto problem = Lacking(p.integs, HasHash, kWantHash); !problem.empty()) return problem;
  const auto prfs = PrfsOf(p.integs);
  if (!std::ranges::is_permutation(prfs, p.prfs)) return "the PRF of IKEv1 is its hash's; expected none of its own";
  return ProblemOfKeyExchange(p);
}

std::string Ikev1Problem(const EspProposal& p, bool ah) {
  auto lacking = ah ? std::string() : Lacking(p.encrs, EncryptsChild, "AES-GCM with a tag of 16 octets, or AES-CBC");
  if (!lacking.empty()) return lacking;
  if (auto problem = Lacking(p.integs, HasHash, kWantHash); !problem.empty()) return problem;
  if (std::ranges::contains(p.esn, EsnId::kYes)) return "IKEv1 negotiates no esn here; expected none";
  return ProblemOfKeyExchange(p);
}

void DeriveIkev1Proposals(Connection& conn) {
  conn.proposals_v1.clear();
  for (const IkeProposal& p : conn.proposals) {
    if (conn.version == 2) break;
    if (auto part = Part(p)) conn.proposals_v1.push_back(*std::move(part));
  }
  for (Child& child : conn.children) {
    child.esp_proposals_v1 = conn.version == 2 ? std::vector<EspProposal>{} : Parts(child.esp_proposals, false);
    child.ah_proposals_v1 = conn.version == 2 ? std::vector<EspProposal>{} : Parts(child.ah_proposals, true);
  }
}

void CheckVersion(const SectionReader& in, const ControlSettings& settings, Connection& conn) {
  const bool xauth = std::ranges::any_of(conn.local, IsXauth) || std::ranges::any_of(conn.remote, IsXauth);
  if (xauth && conn.version == 2) in.Error("XAUTH is IKEv1's; expected `version = 1`");
  if (xauth && conn.version == 0) {
    in.Warn("version", "0 admits IKEv1 alone here: XAUTH is not IKEv2's");
    conn.version = 1;
  }
  if (conn.version == 2) {
    WarnOfIkev1Keys(in, conn);
  } else {
    CheckXauth(in, conn);
    CheckPhase1(in, conn);
    CheckAggressive(in, settings, conn);
  }
  auto asks = [](const AuthRound& r) { return IsXauth(r) && r.xauth == XauthBackend::kRadius; };
  if (std::ranges::contains(conn.pools, "radius") && std::ranges::none_of(conn.remote, asks)) {
    in.Error("pools", "\"radius\" tells the addresses of users it has let in; expected `auth = xauth-radius` in remote");
  }
  if (conn.version == 1 && conn.ppk_required) in.Error("ppk_required", "post-quantum keys are IKEv2's");
}

void CheckIkev1Proposals(const SectionReader& in, const Connection& conn) {
  if (conn.version == 2) return;
  if (conn.version == 1) {
    CheckEach(in, "proposals", [&](const std::string& text) {
      auto p = ParseIkeProposal(text, conn.profile);
      return p ? Ikev1Problem(*p) : std::string();
    });
  }
  CheckAny(in, "proposals", conn, !conn.proposals_v1.empty());
  const Section* children = in.section().FindSection("children");
  for (const Child& child : conn.children) {
    const SectionReader child_in = in.Child(*children).Child(*children->FindSection(child.name));
    for (bool ah : {false, true}) {
      if (conn.version == 0) break;
      CheckEach(child_in, ah ? "ah_proposals" : "esp_proposals", [&](const std::string& text) {
        auto p = ParseEspProposal(text, ah, conn.profile);
        return p ? Ikev1Problem(*p, ah) : std::string();
      });
    }
    CheckAny(child_in, "esp_proposals", conn, !child.esp_proposals_v1.empty() || !child.ah_proposals_v1.empty());
  }
}

}  // namespace culvert::config
