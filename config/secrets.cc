#include <algorithm>
#include <string>

#include "config/connections.h"
#include "config/text.h"

namespace culvert::config {
namespace {

constexpr size_t kShortSecret = 16;  // octets; below, a captured handshake may be searched for the key
constexpr size_t kShortPpk = 32;     // octets; RFC 8784 6: 256 bits, for a quantum computer halves them

// Wildcards and spellings with a type prefix are for the IKE process to compare: here they may belong to anybody.
bool MayBe(const std::string& owner, const std::string& id) {
  bool plain = owner.find_first_of("*%:") == std::string::npos && id.find_first_of("*%:") == std::string::npos;
  return !plain || id.empty() || std::ranges::equal(owner, id, {}, Lower, Lower);
}

bool MayBelong(const Secret& secret, const Connection& conn) {
  auto either = [&](const std::string& owner) {
    auto is = [&](const AuthRound& round) { return MayBe(owner, round.id); };
    return std::ranges::any_of(conn.local, is) || std::ranges::any_of(conn.remote, is);
  };
  return secret.kind == Secret::Kind::kIke && (secret.owners.empty() || std::ranges::any_of(secret.owners, either));
}

// Sections whose secret opens a file, by the folder that file is in.
constexpr std::string_view kKeyFolders[] = {"private", "rsa", "ecdsa", "pkcs8", "pkcs12"};

std::string_view KeyFolderOf(std::string_view section) {
  // "pkcs12-x" and "private-x", but not "priv".
  for (std::string_view folder : kKeyFolders) {
    if (section.starts_with(folder)) return folder;
  }
  return "";
}

std::optional<Secret> ReadPassphrase(const SectionReader& in, std::string_view folder, const std::string& credentials_dir) {
  std::string file = in.Text("file");
  if (file.empty()) in.Error("file", Cat("missing; expected the name of a file in ", folder, "/"));
  const Value* value = in.section().FindValue("secret");
  if (!value) in.Error("secret", "missing; expected the passphrase");
  if (file.empty() || !value) return std::nullopt;
  auto data = ParseSecret(value->text);
  if (!data) return std::nullopt;
  if (!file.starts_with('/')) file = Cat(credentials_dir, "/", folder, "/", file);
  return Secret{.name = in.section().name, .kind = Secret::Kind::kKeyFile, .data = std::move(*data), .owners = {},
                .file = {std::move(file), in.Where("file")}};
}

// Any spelling but the plain ones may mean another's octets.
bool MayBeNamed(const Secret& secret, const std::string& ppk_id) {
  auto names = [&](const std::string& owner) { return MayBe(owner, ppk_id); };
  return secret.kind == Secret::Kind::kPpk && (secret.owners.empty() || std::ranges::any_of(secret.owners, names));
}

// As charon has it, what an eap section holds serves XAUTH too.
bool IsPassword(const Secret& s) { return s.kind == Secret::Kind::kEap || s.kind == Secret::Kind::kXauth; }

// Octets below which a search for the secret is within reach. A password is only ever tried against a peer that can count.
size_t Least(Secret::Kind kind) {
  if (kind == Secret::Kind::kEap || kind == Secret::Kind::kXauth) return 0;
  return kind == Secret::Kind::kPpk ? kShortPpk : kShortSecret;
}

// The secret of an ike, a ppk, an eap or an xauth section.
std::optional<Secret> ReadShared(const SectionReader& in, Secret::Kind kind) {
  const Section& section = in.section();
  const Value* value = section.FindValue("secret");
  if (!value) {
    in.Error("secret", "missing; expected text, 0x and hexadecimal, or 0s and base64");
    return std::nullopt;
  }
  auto data = ParseSecret(value->text);
  if (!data) return std::nullopt;  // reported by type already
  const size_t least = Least(kind);
  if (data->size() < least) {
    in.Warn("secret", Cat("is only ", data->size(), " octets long and may be guessed; expected at least ", least));
  }
  Secret secret{.name = section.name, .kind = kind, .data = std::move(*data), .owners = {}, .file = {}};
  for (const Value& v : section.values()) {
    if (v.name.starts_with("id")) secret.owners.push_back(v.text);
  }
  return secret;
}

}  // namespace

void WarnOfMissingSecrets(const Control& control, const SectionReader& connections) {
  auto is_psk = [](const AuthRound& round) { return round.kind == AuthKind::kPsk; };
  for (const Connection& conn : control.connections) {
    const Section* section = connections.section().FindSection(conn.name);
    if (!section) continue;
    const bool wants = std::ranges::any_of(conn.local, is_psk) || std::ranges::any_of(conn.remote, is_psk);
    if (wants && !std::ranges::any_of(control.secrets, [&](const Secret& s) { return MayBelong(s, conn); })) {
      connections.Child(*section).Warn(
          "no pre-shared key in these files belongs to its identities; expected a section in secrets { }");
    }
    auto tells = [](const AuthRound& r) { return r.kind == AuthKind::kXauth && r.xauth == XauthBackend::kGeneric; };
    const bool passwords = std::ranges::any_of(conn.local, tells) || std::ranges::any_of(conn.remote, tells);
    if (passwords && std::ranges::none_of(control.secrets, IsPassword)) {
      connections.Child(*section).Warn("no password for XAUTH in these files; expected sections xauth or eap in secrets { }");
    }
    auto named = [&](const Secret& s) { return MayBeNamed(s, conn.ppk_id); };
    if (!conn.ppk_id.empty() && std::ranges::none_of(control.secrets, named)) {
      connections.Child(*section).Warn("ppk_id",
                                       "no post-quantum key in these files has it; expected a section in secrets { }");
    }
  }
}

void CheckHidden(const SectionReader& in, std::string_view key) {
  const Tree& tree = in.report().tree();
  const Value* value = in.section().FindValue(key);
  const bool exposed = value && value->origin.file < tree.world_readable.size() && tree.world_readable[value->origin.file];
  if (exposed) in.Error(key, "stands in a file that everybody may read; expected mode 0640 or stricter");
}

std::optional<Secret> ReadSecret(const SectionReader& in, const std::string& credentials_dir) {
  const Section& section = in.section();
  for (const char* key : {"secret", "pin"}) CheckHidden(in, key);
  if (std::string_view folder = KeyFolderOf(section.name); !folder.empty()) return ReadPassphrase(in, folder, credentials_dir);
  if (section.name.starts_with("ppk")) return ReadShared(in, Secret::Kind::kPpk);
  if (section.name.starts_with("eap")) return ReadShared(in, Secret::Kind::kEap);
  if (section.name.starts_with("xauth")) return ReadShared(in, Secret::Kind::kXauth);
  return section.name.starts_with("ike") ? ReadShared(in, Secret::Kind::kIke) : std::nullopt;
}

}  // namespace culvert::config
