#include "control/auth/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "config/auth_rules.h"
#include "control/auth/key_file.h"
#include "tests/config/memory_files.h"
#include "tests/support/test_pki.h"

namespace culvert::auth {
namespace {

using ike::KeyKind;
using testing::HasSubstr;

std::string FromBio(const std::function<int(BIO*)>& write) {
  BIO* bio = BIO_new(BIO_s_mem());
  EXPECT_EQ(write(bio), 1);
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  std::string out(data, static_cast<size_t>(size));
  BIO_free(bio);
  return out;
}

const SecretBytes& Passphrase() {
  static const SecretBytes secret(AsBytes("swordfish"));
  return secret;
}

TEST(ReadPrivateKey, EveryFormOfAFile) {
  for (KeyKind kind : {KeyKind::kRsa, KeyKind::kEcdsa256, KeyKind::kEcdsa521, KeyKind::kEd25519, KeyKind::kEd448}) {
    TestCertificate c = Make({.key = kind});
    EVP_PKEY* key = c.key.get();
    auto encrypted = [&](BIO* b) {
      return i2d_PKCS8PrivateKey_bio(b, key, EVP_aes_256_cbc(), "swordfish", 9, nullptr, nullptr);
    };
    std::vector<std::pair<std::string, bool>> files = {
        {c.key_pem(), false},
        {c.key_pem("swordfish"), true},
        {FromBio([&](BIO* b) { return i2d_PKCS8PrivateKey_bio(b, key, nullptr, nullptr, 0, nullptr, nullptr); }), false},
        {FromBio(encrypted), true},
    };
    if (kind == KeyKind::kRsa || kind == KeyKind::kEcdsa256) {
      auto* pass = reinterpret_cast<const unsigned char*>("swordfish");
      files.push_back({FromBio([&](BIO* b) { return PEM_write_bio_PrivateKey_traditional(b, key, nullptr, nullptr, 0, nullptr, nullptr); }), false});
      files.push_back({FromBio([&](BIO* b) { return PEM_write_bio_PrivateKey_traditional(b, key, EVP_aes_128_cbc(), pass, 9, nullptr, nullptr); }), true});
    }
    for (const auto& [text, locked] : files) {
      const size_t n = static_cast<size_t>(&text - &files[0].first);
      auto read = ReadPrivateKey(AsBytes(text), locked ? &Passphrase() : nullptr);
      ASSERT_TRUE(read) << ike::Name(kind) << ": " << read.error() << n;
      EXPECT_TRUE(read->SamePublicKey(c.pair()));
      if (!locked) continue;
      SecretBytes wrong(AsBytes("catfish"));
      EXPECT_THAT(ReadPrivateKey(AsBytes(text), nullptr).error(), HasSubstr("expected a section in secrets"));
      EXPECT_THAT(ReadPrivateKey(AsBytes(text), &wrong).error(), HasSubstr("not with the passphrase"));
    }
  }
}

TEST(ReadPrivateKey, WhatIsNone) {
  TestCertificate c = Make({});
  for (const std::string& text : {std::string(), std::string("nonsense"), c.pem(), std::string("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")}) {
    EXPECT_FALSE(ReadPrivateKey(AsBytes(text), &Passphrase())) << text;
  }
  TestCertificate weak = Make({.key = KeyKind::kRsa, .rsa_bits = 1024});
  EXPECT_THAT(ReadPrivateKey(AsBytes(weak.key_pem()), nullptr).error(), HasSubstr("1024 bits"));
}

std::string ContainerOf(const TestCertificate& c, const TestCertificate& issuer) {
  STACK_OF(X509)* others = sk_X509_new_null();
  sk_X509_push(others, issuer.x509.get());
  PKCS12* p12 = PKCS12_create("swordfish", "name", c.key.get(), c.x509.get(), others, 0, 0, 0, 0, 0);
  sk_X509_free(others);
  EXPECT_TRUE(p12);
  std::string out = FromBio([&](BIO* b) { return i2d_PKCS12_bio(b, p12); });
  PKCS12_free(p12);
  return out;
}

TEST(ReadContainer, KeyAndCertificates) {
  TestCertificate root = Make(Authority("CN=root")), c = Make({}, &root);
  std::string file = ContainerOf(c, root);
  auto read = ReadContainer(AsBytes(file), &Passphrase());
  ASSERT_TRUE(read) << read.error();
  EXPECT_TRUE(read->key.SamePublicKey(c.pair()));
  ASSERT_EQ(read->certificates.size(), 2u);
  EXPECT_EQ(read->certificates[0], c.certificate());
  EXPECT_THAT(ReadContainer(AsBytes(file), nullptr).error(), HasSubstr("is encrypted"));
  EXPECT_THAT(ReadContainer(AsBytes("nonsense"), &Passphrase()).error(), HasSubstr("no PKCS#12"));
}

// A gateway's folders in memory.
struct Folders {
  Folders() : root(Make(Authority("CN=root"))), own(Make({.subject = "CN=a", .alt_name = "DNS:a.example.org"}, &root)) {
    Put("x509ca/root.pem", root.pem());
    Put("x509/a.pem", own.pem());
    Put("private/a.pem", own.key_pem());
    control.credentials_dir = "/etc/d/swanctl";
    config::Connection c;
    c.name = "gw";
    c.local = {{.kind = config::AuthKind::kPubkey, .auth = "pubkey", .id = "a.example.org", .certs = {Ref("x509/a.pem")}, .where = "f:1: local"}};
    c.remote = {{.kind = config::AuthKind::kPubkey, .auth = "pubkey", .where = "f:2: remote"}};
    control.connections.push_back(std::move(c));
  }
  void Put(const std::string& path, const std::string& text, bool world_readable = false) {
    files.files["/etc/d/swanctl/" + path] = {text, world_readable};
  }
  static config::CredentialFile Ref(const std::string& path) { return {"/etc/d/swanctl/" + path, "f:9: " + path}; }
  // Every complaint, "E text" or "W text", joined by '|'.
  std::string Load() {
    config::Complaints complaints;
    loaded = Credentials::Load(control, files, complaints, [] { return kTestNow; });
    std::string out;
    for (const auto& c : complaints) out += (out.empty() ? "" : "|") + std::string(c.level == config::Complaint::Level::kError ? "E " : "W ") + c.text;
    return out;
  }
  config::AuthRound& local() { return control.connections[0].local[0]; }
  config::AuthRound& remote() { return control.connections[0].remote[0]; }

  TestCertificate root, own;
  config::MemoryFiles files;
  config::Control control;
  std::shared_ptr<const Credentials> loaded;
};

TEST(Credentials, OfWhatLiesInTheFolders) {
  Folders f;
  EXPECT_EQ(f.Load(), "");
  const std::vector<uint16_t> hashes{2};
  auto choice = f.loaded->ChooseOwn({f.local(), {}, hashes});
  ASSERT_TRUE(choice) << choice.error();
  EXPECT_EQ(choice->own->certificate, f.own.certificate());
  EXPECT_EQ(choice->id.ToString(), "a.example.org");
  ASSERT_EQ(f.loaded->RequestedBy(f.remote()).size(), 1u);
  EXPECT_EQ(f.loaded->RequestedBy(f.remote())[0], f.root.certificate().key_hash());
  ASSERT_EQ(choice->own->authorities.size(), 1u);
  EXPECT_EQ(choice->own->authorities[0], f.root.certificate().key_hash());
  // Without naming it.
  f.local().certs.clear();
  EXPECT_EQ(f.Load(), "");
  EXPECT_TRUE(f.loaded->ChooseOwn({f.local(), {}, hashes}));
}

TEST(Credentials, ComplaintsSayWhichFile) {
  struct Case {
    const char* about;
    std::function<void(Folders&)> change;
    std::string expect;
  };
  const Case cases[] = {
      {"a key for everybody", [](Folders& f) { f.Put("private/a.pem", f.own.key_pem(), true); },
       "E private/a.pem: holds a private key and everybody may read it; expected mode 0640 or stricter|"
       "E f:9: x509/a.pem: none of the private keys belongs to x509/a.pem"},
      {"an empty key", [](Folders& f) { f.Put("private/b.pem", ""); }, "E private/b.pem: is empty"},
      {"a locked key", [](Folders& f) { f.Put("ecdsa/b.pem", f.own.key_pem("swordfish")); },
       "E ecdsa/b.pem: is encrypted; expected a section in secrets { } with its file and passphrase"},
      {"another's key", [](Folders& f) { f.Put("private/a.pem", Make({}).key_pem()); },
       "E f:9: x509/a.pem: none of the private keys belongs to x509/a.pem"},
      {"no such certificate", [](Folders& f) { f.local().certs = {Folders::Ref("x509/c.pem")}; },
       "E f:9: x509/c.pem: x509/c.pem cannot be opened: No such file or directory"},
      {"nothing that fits", [](Folders& f) { f.local().certs.clear(); f.local().id = "b.example.org"; },
       "E f:1: local: no certificate with a private key for b.example.org"},
      {"an id it does not prove", [](Folders& f) { f.local().id = "b.example.org"; },
       "W f:9: x509/a.pem: x509/a.pem does not prove the id b.example.org; its subject is used instead: CN=a"},
      {"expired", [](Folders& f) {
         TestCertificate old = Make({.subject = "CN=a", .alt_name = "DNS:a.example.org", .to = kTestNow - 1}, &f.root);
         f.Put("x509/a.pem", old.pem());
         f.Put("private/a.pem", old.key_pem());
       }, "E f:9: x509/a.pem: x509/a.pem has expired"},
      {"expires soon", [](Folders& f) {
         TestCertificate old = Make({.subject = "CN=a", .alt_name = "DNS:a.example.org", .to = kTestNow + kTestDay}, &f.root);
         f.Put("x509/a.pem", old.pem());
         f.Put("private/a.pem", old.key_pem());
       }, "W f:9: x509/a.pem: x509/a.pem expires within 30 days"},
      {"no authority", [](Folders& f) { f.files.files.erase("/etc/d/swanctl/x509ca/root.pem"); },
       "W f:2: remote: no authority in x509ca/: whatever certificate the peer has, it is refused"},
      {"an authority that is none", [](Folders& f) { f.Put("x509ca/b.pem", f.own.pem()); },
       "W x509ca/b.pem: x509ca/b.pem is no authority's certificate: CN=a (a.example.org)"},
      {"nonsense", [](Folders& f) { f.Put("x509/b.pem", "nonsense"); f.Put("x509crl/b.crl", "nonsense"); },
       "W x509/b.pem: x509/b.pem is no certificate: not one X.509 certificate in DER|"
       "W x509crl/b.crl: is no certificate revocation list"},
      {"not by that key", [](Folders& f) { f.local().certs.clear(); f.local().auth = "rsa"; f.local().rules = *config::ParsePubkeyRules("rsa"); },
       "E f:1: local: the peer and auth = rsa leave no way to sign with ECDSA-256"},
  };
  for (const Case& c : cases) {
    Folders f;
    c.change(f);
    EXPECT_EQ(f.Load(), c.expect) << c.about;
  }
}

TEST(Credentials, LockedFilesOpenWithTheirPassphrase) {
  Folders f;
  f.Put("private/a.pem", f.own.key_pem("swordfish"));
  TestCertificate other = Make({.subject = "CN=b"}, &f.root);
  f.Put("pkcs12/b.p12", ContainerOf(other, f.root));
  for (const char* path : {"private/a.pem", "pkcs12/b.p12"}) {
    f.control.secrets.push_back({.name = "key", .kind = config::Secret::Kind::kKeyFile, .data = Passphrase().Clone(), .file = Folders::Ref(path)});
  }
  EXPECT_EQ(f.Load(), "");
  EXPECT_TRUE(f.loaded->OwnOf(f.own.certificate()));
  EXPECT_TRUE(f.loaded->OwnOf(other.certificate()));
}

TEST(Credentials, TheOneThatThePeerAskedFor) {
  TestCertificate r1 = Make(Authority("CN=r1")), r2 = Make(Authority("CN=r2")), middle = Make(Authority("CN=middle"), &r2);
  CertificateWish wish{.subject = "CN=a", .alt_name = "DNS:a.example.org"};
  TestCertificate one = Make(wish, &r1), two = Make(wish, &middle);
  wish.key = KeyKind::kEd25519;
  TestCertificate three = Make(wish, &middle);
  auto credentials = Holding({&one, &two, &three}, {&r1, &r2, &middle});
  config::AuthRound round{.kind = config::AuthKind::kPubkey, .auth = "pubkey", .id = "a.example.org"};
  auto chosen = [&](std::vector<const TestCertificate*> asked, std::vector<uint16_t> hashes) {
    std::vector<KeyHash> requested;
    for (auto* a : asked) requested.push_back(a->certificate().key_hash());
    auto choice = credentials->ChooseOwn({round, requested, hashes});
    if (!choice) return "none: " + choice.error();
    const Certificate& c = choice->own->certificate;
    return std::string(c == one.certificate() ? "one" : c == two.certificate() ? "two" : "three") + " " + std::to_string(choice->own->chain.size());
  };
  EXPECT_EQ(chosen({}, {2, 5}), "one 0");
  EXPECT_EQ(chosen({&r1}, {2, 5}), "one 0");
  EXPECT_EQ(chosen({&r2}, {2, 5}), "two 1") << "its chain goes along, without the root";
  EXPECT_EQ(chosen({&middle}, {2}), "two 1");
  EXPECT_EQ(chosen({&middle}, {5}), "three 1") << "the peer takes no ECDSA";
  EXPECT_EQ(chosen({&r1}, {5}), "three 1") << "a wish that cannot be met";
  EXPECT_THAT(chosen({}, {1}), HasSubstr("none: "));
  round.rules = *config::ParsePubkeyRules("ed25519");
  EXPECT_EQ(chosen({&r1}, {2, 5}), "three 1");
  round.id = "CN=nobody";
  EXPECT_THAT(chosen({}, {2, 5}), HasSubstr("none: no certificate"));
}

TEST(Credentials, ABundleOfAuthorities) {
  Folders f;
  TestCertificate more = Make(Authority("CN=more"));
  f.Put("x509ca/root.pem", f.root.pem() + more.pem());
  EXPECT_EQ(f.Load(), "");
  EXPECT_EQ(f.loaded->RequestedBy(f.remote()).size(), 2u);
  f.remote().cacerts = {Folders::Ref("x509ca/root.pem")};
  EXPECT_EQ(f.loaded->RequestedBy(f.remote()).size(), 1u) << "a name is its first";
}

}  // namespace
}  // namespace culvert::auth
