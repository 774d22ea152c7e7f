#include <algorithm>
#include <string_view>

#include "config/text.h"
#include "control/auth/credentials.h"
#include "control/auth/key_file.h"

namespace culvert::auth {
namespace {

using config::Cat;
using Level = config::Complaint::Level;

constexpr size_t kMaxFile = 1 << 20;          // octets of a certificate or key file
constexpr size_t kMaxCrlFile = 20 << 20;      // of a revocation list (hostile.md D10)
constexpr time_t kWarnBefore = 30 * 86400;    // seconds before one of ours expires (F20)

class Loader {
 public:
  Loader(const config::Control& control, config::FileSource& files, config::Complaints& complaints, Credentials::Clock clock)
      : control_(control), files_(files), complaints_(complaints), now_(clock()), out_(std::make_shared<Credentials>(clock)) {}

  std::shared_ptr<Credentials> Load() {
    if (!control_.credentials_dir.empty()) ReadFolders();
    for (const auto& connection : control_.connections) {
      for (const auto& round : connection.local) ReadNamed(round.certs, false);
      for (const auto& round : connection.remote) {
        ReadNamed(round.certs, false);
        ReadNamed(round.cacerts, true);
      }
    }
    out_->Finish();
    for (const auto& connection : control_.connections) {
      for (const auto& round : connection.local) CheckOwn(round);
      for (const auto& round : connection.remote) CheckPeers(round);
    }
    return out_;
  }

 private:
  void Complain(Level level, std::string_view where, std::string_view problem) {
    complaints_.push_back({level, Cat(where, ": ", problem)});
  }

  // "x509/a.pem" rather than the whole path.
  std::string Short(const std::string& path) const {
    std::string prefix = control_.credentials_dir + "/";
    return path.starts_with(prefix) ? path.substr(prefix.size()) : path;
  }

  std::vector<std::string> FilesIn(std::string_view folder) {
    return files_.Glob(Cat(control_.credentials_dir, "/", folder, "/*"));
  }

  void ReadFolders() {
    for (const char* folder : {"x509ca", "x509aa"}) {
      for (const auto& path : FilesIn(folder)) ReadAuthorities(path, Level::kWarning, Short(path));
    }
    for (const auto& path : FilesIn("x509")) ReadCertificateFile(path, Level::kWarning, Short(path));
    for (const auto& path : FilesIn("x509crl")) ReadCrlFile(path);
    for (const char* folder : {"private", "rsa", "ecdsa", "pkcs8"}) {
      for (const auto& path : FilesIn(folder)) ReadKeyFile(path);
    }
    for (const auto& path : FilesIn("pkcs12")) ReadContainerFile(path);
  }

  std::expected<std::vector<Certificate>, std::string> Read(const std::string& path) {
    auto file = files_.Read(path, kMaxFile);
    if (!file) return std::unexpected(file.error());
    return ReadCertificates(AsBytes(file->text));
  }

  void ReadAuthorities(const std::string& path, Level level, const std::string& where) {
    auto read = Read(path);
    if (!read) return Complain(level, where, Cat(Short(path), " ", read.error()));
    bool first = true;
    for (Certificate& c : *read) {
      if (!c.is_authority()) {
        Complain(level, where, Cat(Short(path), " is no authority's certificate: ", c.ToString()));
        continue;
      }
      if (c.not_after() < now_) Complain(Level::kWarning, where, Cat(Short(path), " has expired: ", c.ToString()));
      out_->AddAuthority(std::move(c), std::exchange(first, false) ? path : "");
    }
  }

  void ReadCertificateFile(const std::string& path, Level level, const std::string& where) {
    auto read = Read(path);
    if (!read) return Complain(level, where, Cat(Short(path), " ", read.error()));
    bool first = true;
    for (Certificate& c : *read) out_->AddCertificate(std::move(c), std::exchange(first, false) ? path : "");
  }

  void ReadNamed(const std::vector<config::CredentialFile>& named, bool authorities) {
    for (const config::CredentialFile& file : named) {
      if (out_->Named(file.path)) continue;
      if (authorities) ReadAuthorities(file.path, Level::kError, file.where);
      else ReadCertificateFile(file.path, Level::kError, file.where);
    }
  }

  void ReadCrlFile(const std::string& path) {
    auto file = files_.Read(path, kMaxCrlFile);
    if (!file) return Complain(Level::kWarning, Short(path), file.error());
    auto crl = ReadCrl(AsBytes(file->text));
    if (!crl) return Complain(Level::kWarning, Short(path), crl.error());
    out_->AddCrl(*std::move(crl));
  }

  const SecretBytes* PassphraseOf(const std::string& path) const {
    for (const config::Secret& s : control_.secrets) {
      if (s.kind == config::Secret::Kind::kKeyFile && s.file.path == path) return &s.data;
    }
    return nullptr;
  }

  // The text of a file with a private key, or nullopt with the complaint made.
  std::optional<SecretBytes> ReadSecretFile(const std::string& path) {
    auto file = files_.Read(path, kMaxFile);
    if (!file) {
      Complain(Level::kError, Short(path), file.error());
      return std::nullopt;
    }
    SecretBytes octets(AsBytes(file->text));
    WipeBytes({reinterpret_cast<uint8_t*>(file->text.data()), file->text.size()});
    if (file->world_readable) {
      Complain(Level::kError, Short(path), "holds a private key and everybody may read it; expected mode 0640 or stricter");
      return std::nullopt;
    }
    return octets;
  }

  void ReadKeyFile(const std::string& path) {
    auto octets = ReadSecretFile(path);
    if (!octets) return;
    auto key = ReadPrivateKey(octets->view(), PassphraseOf(path));
    if (!key) return Complain(Level::kError, Short(path), key.error());
    out_->AddKey(*std::move(key));
  }

  void ReadContainerFile(const std::string& path) {
    auto octets = ReadSecretFile(path);
    if (!octets) return;
    auto container = ReadContainer(octets->view(), PassphraseOf(path));
    if (!container) return Complain(Level::kError, Short(path), container.error());
    out_->AddKey(std::move(container->key));
    out_->AddCertificate(std::move(container->certificates.front()), path);
    for (Certificate& c : std::span(container->certificates).subspan(1)) {
      if (c.is_authority()) out_->AddAuthority(std::move(c));
    }
  }

  void CheckOwn(const config::AuthRound& round) {
    if (round.kind != config::AuthKind::kPubkey) return;
    auto id = ike::Identity::Parse(round.id);
    for (const config::CredentialFile& file : round.certs) {
      const Certificate* named = out_->Named(file.path);
      if (!named) continue;  // complained of
      std::string name = Short(file.path);
      if (!named->key()) Complain(Level::kError, file.where, Cat(name, " cannot be signed with: ", named->why_no_key()));
      else if (!out_->OwnOf(*named)) Complain(Level::kError, file.where, Cat("none of the private keys belongs to ", name));
      if (named->not_after() < now_) {
        Complain(Level::kError, file.where, Cat(name, " has expired"));
      } else if (named->not_after() < now_ + kWarnBefore) {
        Complain(Level::kWarning, file.where, Cat(name, " expires within 30 days"));
      }
      if (id && !named->Proves(*id)) {
        std::string subject = named->subject().ToString();
        Complain(Level::kWarning, file.where,
                 Cat(name, " does not prove the id ", id->ToString(), "; its subject is used instead: ", subject));
      }
    }
    auto choice = out_->ChooseOwn({round, {}, kEveryHash});
    if (!choice && round.certs.empty()) Complain(Level::kError, round.where, choice.error());
  }

  void CheckPeers(const config::AuthRound& round) {
    if (round.kind != config::AuthKind::kPubkey) return;
    for (const config::CredentialFile& file : round.cacerts) {
      const Certificate* named = out_->Named(file.path);
      bool wrong = named && !named->is_authority();
      if (wrong) Complain(Level::kError, file.where, Cat(Short(file.path), " is no authority's certificate"));
    }
    if (round.certs.empty() && out_->RequestedBy(round).empty()) {
      Complain(Level::kWarning, round.where, "no authority in x509ca/: whatever certificate the peer has, it is refused");
    }
  }

  static constexpr uint16_t kEveryHash[] = {2, 3, 4, 5};

  const config::Control& control_;
  config::FileSource& files_;
  config::Complaints& complaints_;
  time_t now_;
  std::shared_ptr<Credentials> out_;
};

}  // namespace

std::shared_ptr<const Credentials> Credentials::Load(const config::Control& control, config::FileSource& files,
                                                     config::Complaints& complaints, Clock clock) {
  return Loader(control, files, complaints, clock).Load();
}

std::shared_ptr<const Credentials> Credentials::Load(const config::Control& control, config::Complaints& complaints,
                                                     std::shared_ptr<Revocation> revocation) {
  config::DiskFiles files;
  auto out = Loader(control, files, complaints, [] { return time(nullptr); }).Load();
  out->set_revocation(std::move(revocation));
  return out;
}

}  // namespace culvert::auth
