#include <algorithm>

#include "common/base/limits.h"
#include "common/bytes/hex.h"
#include "config/auth_rules.h"
#include "config/connections.h"
#include "config/profile.h"
#include "config/text.h"

namespace culvert::config {
namespace {

constexpr std::string_view kOthers[] = {"eap", "bliss", "any"};  // what charon has besides

// Certificates named in a list `lists` and, each in a section of its own, by `file`; relative ones are in `folder`.
struct Place {
  std::string_view list, section, folder;
};

std::vector<CredentialFile> ReadFiles(const SectionReader& in, const Place& place, const std::string& credentials_dir) {
  std::vector<CredentialFile> files;
  auto add = [&](std::string name, std::string where) {
    if (!name.starts_with('/')) name = Cat(credentials_dir, "/", place.folder, "/", name);
    files.push_back({std::move(name), std::move(where)});
  };
  for (std::string& name : in.List(place.list)) add(std::move(name), in.Where(place.list));
  for (const Section& s : in.section().sections()) {
    if (!std::string_view(s.name).starts_with(place.section)) continue;
    SectionReader child = in.Child(s);
    if (!child.Has("file")) child.Error("file", "missing; expected a certificate's path");
    else add(child.Text("file"), child.Where("file"));
  }
  return files;
}

// `xauth` alone takes the back end that is always there.
void ReadXauth(const SectionReader& in, bool local, AuthRound& round) {
  round.kind = AuthKind::kXauth;
  if (round.auth == "xauth" || round.auth == "xauth-generic") return;
  if (round.auth == "xauth-radius" && !local) {
    round.xauth = XauthBackend::kRadius;
    return;
  }
  in.Error("auth", Cat("\"", Escape(round.auth), "\"; expected xauth-generic", local ? "" : " or xauth-radius"));
}

void ReadKind(const SectionReader& in, Profile profile, AuthRound& round) {
  if (round.auth == "psk") return;
  round.kind = AuthKind::kPubkey;
  const char* defaulted = in.Has("auth") ? "" : " (the default)";
  auto starts = [&](std::string_view word) { return std::string_view(round.auth).starts_with(word); };
  if (std::ranges::any_of(kOthers, starts)) {
    return in.Error("auth", Cat("\"", Escape(round.auth), "\"", defaulted, " is not supported yet; expected psk or pubkey"));
  }
  auto rules = ParsePubkeyRules(round.auth);
  if (!rules) return in.Error("auth", rules.error());
  round.rules = *std::move(rules);
  round.rules.sha1 = Sha1In(profile);
  constexpr unsigned kSha1Bits = 160;
  // RFC 8247 4.
  const bool by_sha1 = std::ranges::contains(round.rules.schemes, kSha1Bits, &SchemeRule::hash_bits);
  if (by_sha1 && round.rules.sha1 != Sha1Use::kAnywhere) {
    in.Error("auth", "sha1 is too weak for signatures; expected sha256, sha384 or sha512, or `profile = legacy`");
  }
}

Revocation ReadRevocation(const std::string& word) {
  if (word == "strict") return Revocation::kStrict;
  return word == "ifuri" ? Revocation::kIfUri : Revocation::kRelaxed;
}

}  // namespace

std::vector<AuthRound> ReadRounds(const SectionReader& in, std::string_view prefix, Profile profile,
                                  const std::string& credentials_dir) {
  struct Numbered {
    uint64_t round;
    AuthRound value;
  };
  std::vector<Numbered> rounds;
  for (const Section& s : in.section().sections()) {
    if (!std::string_view(s.name).starts_with(prefix)) continue;
    SectionReader reader = in.Child(s);
    AuthRound round{.kind = AuthKind::kPsk, .auth = reader.Text("auth", "pubkey"), .id = reader.Text("id")};
    if (round.auth.starts_with("xauth")) ReadXauth(reader, prefix == "local", round);
    else ReadKind(reader, profile, round);
    if (round.id.size() > kMaxIdentity) reader.Error("id", Cat("is too long; expected at most ", kMaxIdentity, " octets"));
    round.certs = ReadFiles(reader, {"certs", "cert", "x509"}, credentials_dir);
    round.cacerts = ReadFiles(reader, {"cacerts", "cacert", "x509ca"}, credentials_dir);
    round.revocation = ReadRevocation(reader.Text("revocation", "relaxed"));
    round.xauth_id = reader.Text("xauth_id");
    if (round.xauth_id.size() > kMaxIdentity) {
      reader.Error("xauth_id", Cat("is too long; expected at most ", kMaxIdentity, " octets"));
    }
    round.where = reader.Where("");
    rounds.push_back({reader.Integer("round", 0), std::move(round)});
  }
  if (rounds.empty()) in.Error(Cat("has no section ", prefix, "; expected ", prefix, " { auth = psk ... }"));
  const auto others = std::ranges::count_if(rounds, [](const Numbered& r) { return r.value.kind != AuthKind::kXauth; });
  if (others > 1) in.Error(Cat("has ", others, " sections ", prefix, ": several rounds are not supported yet"));
  std::ranges::stable_sort(rounds, {}, &Numbered::round);
  std::vector<AuthRound> out;
  for (auto& r : rounds) out.push_back(std::move(r.value));
  return out;
}

}  // namespace culvert::config
