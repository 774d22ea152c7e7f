#include "control/auth/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/x509v3.h>

#include "config/auth_rules.h"
#include "tests/support/test_pki.h"

namespace culvert::auth {
namespace {

using ike::KeyKind;
using testing::HasSubstr;

const Bytes kOctets(100, 0x5a);

// What a peer with that certificate shows, the chain behind it included.
PeerProof ProofOf(const TestCertificate& peer, std::string_view id, const std::vector<const TestCertificate*>& chain = {}) {
  PeerProof proof;
  const std::vector<uint16_t> hashes{2, 3, 4, 5};
  auto how = *ike::ChooseSigning(peer.pair(), hashes, {});
  proof.method = how.method;
  proof.auth = *ike::SignAuth(how, peer.pair(), kOctets);
  proof.octets = kOctets;
  proof.certificates = {peer.der()};
  for (auto* c : chain) proof.certificates.push_back(c->der());
  proof.id = *ike::Identity::Parse(id);
  return proof;
}

std::string Verdict(const Credentials& credentials, const PeerProof& proof, const config::AuthRound& round = {}) {
  auto sent = DecodeSent(proof);
  if (!sent) return sent.error();
  auto verdict = VerifyPeer(credentials, proof, *sent, round);
  return verdict ? "good: " + verdict->how : verdict.error();
}
std::string Verdict(const TestCertificate& root, const PeerProof& proof, const config::AuthRound& round = {}) {
  return Verdict(*Holding({}, {&root}), proof, round);
}

CertificateWish Peer(KeyKind key = KeyKind::kEcdsa256) {
  return {.subject = "O=Example, CN=peer", .key = key, .alt_name = "DNS:peer.example.org,IP:192.0.2.2,email:peer@example.org"};
}

TEST(VerifyPeer, EveryKindOfKeyUnderEveryKindOfAuthority) {
  for (KeyKind ca : {KeyKind::kRsa, KeyKind::kEcdsa384, KeyKind::kEd25519}) {
    TestCertificate root = Make(Authority("CN=root", ca));
    for (KeyKind key : {KeyKind::kRsa, KeyKind::kEcdsa256, KeyKind::kEcdsa384, KeyKind::kEcdsa521, KeyKind::kEd25519, KeyKind::kEd448}) {
      TestCertificate peer = Make(Peer(key), &root);
      EXPECT_THAT(Verdict(root, ProofOf(peer, "peer.example.org")), HasSubstr("good: ")) << ike::Name(key);
    }
  }
}

TEST(VerifyPeer, TheIdentityIsInTheCertificate) {
  TestCertificate root = Make(Authority("CN=root"));
  TestCertificate peer = Make(Peer(), &root);
  for (auto* id : {"peer.example.org", "PEER.example.ORG", "192.0.2.2", "peer@example.org", "O=Example, CN=peer", "O=example, CN=PEER"}) {
    EXPECT_THAT(Verdict(root, ProofOf(peer, id)), HasSubstr("good: ")) << id;
  }
  for (auto* id : {"example.org", "xpeer.example.org", "192.0.2.3", "CN=peer", "O=Example, CN=peer2", "keyid:peer", "peer", "other@example.org",
                   "CN=peer, O=Example", "2001:db8::1", "fqdn:192.0.2.2", "keyid:"}) {
    EXPECT_THAT(Verdict(root, ProofOf(peer, id)), HasSubstr("does not prove")) << id;
  }
  const ASN1_OCTET_STRING* ski = X509_get0_subject_key_id(peer.x509.get());
  PeerProof by_key = ProofOf(peer, "peer.example.org");
  by_key.id = {ike::IdType::kKeyId, Bytes(ski->data, ski->data + ski->length)};
  EXPECT_THAT(Verdict(root, by_key), HasSubstr("good: "));
  // A wildcard in a certificate is a name like any other, and nobody's.
  CertificateWish wild = Peer();
  wild.alt_name = "DNS:*.example.org";
  EXPECT_THAT(Verdict(root, ProofOf(Make(wild, &root), "peer.example.org")), HasSubstr("does not prove"));
}

TEST(VerifyPeer, ChainsByWhatIsSentAndWhatIsKnown) {
  TestCertificate root = Make(Authority("CN=root")), one = Make(Authority("CN=one"), &root), two = Make(Authority("CN=two"), &one);
  TestCertificate peer = Make(Peer(), &two);
  EXPECT_THAT(Verdict(root, ProofOf(peer, "192.0.2.2", {&two, &one})), HasSubstr("good: "));
  EXPECT_THAT(Verdict(root, ProofOf(peer, "192.0.2.2", {&one, &two, &root})), HasSubstr("good: "));
  EXPECT_THAT(Verdict(root, ProofOf(peer, "192.0.2.2", {&two})), HasSubstr("unable to get"));
  EXPECT_THAT(Verdict(*Holding({}, {&root, &one}), ProofOf(peer, "192.0.2.2", {&two})), HasSubstr("good: "));
  // An intermediate alone anchors nothing.
  EXPECT_THAT(Verdict(*Holding({}, {&two}), ProofOf(peer, "192.0.2.2")), HasSubstr("unable to get"));
  // Nor does a root the peer brings along.
  TestCertificate other = Make(Authority("CN=root"));
  EXPECT_THAT(Verdict(other, ProofOf(peer, "192.0.2.2", {&two, &one, &root})), Not(HasSubstr("good")));
}

TEST(VerifyPeer, FaultsOfTheCertificate) {
  TestCertificate root = Make(Authority("CN=root"));
  struct Case {
    const char* about;
    void (*change)(CertificateWish&);
    const char* why;       // nullptr: none
  };
  const Case cases[] = {
      {"nothing", [](CertificateWish&) {}, nullptr},
      {"expired", [](CertificateWish& w) { w.to = kTestNow - 1; }, "expired"},
      {"not yet", [](CertificateWish& w) { w.from = kTestNow + 1; }, "not valid yet"},
      {"year 9999", [](CertificateWish& w) { w.to = 253402300799; }, nullptr},
      {"serverAuth", [](CertificateWish& w) { w.extended_key_usage = "serverAuth"; }, nullptr},
      {"ikeIntermediate", [](CertificateWish& w) { w.extended_key_usage = "codeSigning,1.3.6.1.5.5.8.2.2"; }, nullptr},
      {"ipsecIKE", [](CertificateWish& w) { w.extended_key_usage = "1.3.6.1.5.5.7.3.17"; }, nullptr},
      {"any", [](CertificateWish& w) { w.extended_key_usage = "critical,anyExtendedKeyUsage"; }, nullptr},
      {"codeSigning", [](CertificateWish& w) { w.extended_key_usage = "codeSigning"; }, "extendedKeyUsage"},
      {"mail", [](CertificateWish& w) { w.extended_key_usage = "critical,emailProtection"; }, "extendedKeyUsage"},
      {"signature", [](CertificateWish& w) { w.key_usage = "critical,digitalSignature"; }, nullptr},
      {"non-repudiation", [](CertificateWish& w) { w.key_usage = "nonRepudiation"; }, nullptr},
      {"encipherment", [](CertificateWish& w) { w.key_usage = "keyEncipherment"; }, "keyUsage"},
      {"unknown critical", [](CertificateWish& w) { w.other = "1.2.3.4=critical,DER:0500"; }, "critical extension"},
      {"unknown", [](CertificateWish& w) { w.other = "1.2.3.4=DER:0500"; }, nullptr},
      {"SHA-1", [](CertificateWish& w) { w.digest = "SHA1"; }, "too weak"},
      {"short RSA", [](CertificateWish& w) { w.key = KeyKind::kRsa; w.rsa_bits = 1024; }, "1024 bits"},
  };
  const TestCertificate signer = Make(Peer(), &root);
  for (const Case& c : cases) {
    CertificateWish wish = Peer();
    c.change(wish);
    TestCertificate peer = Make(wish, &root);
    PeerProof proof = ProofOf(wish.rsa_bits < 2048 ? signer : peer, "192.0.2.2");
    proof.certificates = {peer.der()};
    EXPECT_THAT(Verdict(root, proof), HasSubstr(c.why ? c.why : "good: ")) << c.about;
  }
}

TEST(VerifyPeer, FaultsOfTheChain) {
  auto verdict = [](const CertificateWish& root_wish, const CertificateWish& middle_wish) {
    TestCertificate root = Make(root_wish), middle = Make(middle_wish, &root), peer = Make(Peer(), &middle);
    return Verdict(root, ProofOf(peer, "192.0.2.2", {&middle}));
  };
  const CertificateWish root = Authority("CN=root"), middle = Authority("CN=middle");
  EXPECT_THAT(verdict(root, middle), HasSubstr("good: "));
  CertificateWish w = middle;
  w.basic = "CA:FALSE";
  EXPECT_THAT(verdict(root, w), Not(HasSubstr("good"))) << "no authority";
  w = middle;
  w.key_usage = "digitalSignature";
  EXPECT_THAT(verdict(root, w), Not(HasSubstr("good"))) << "may not sign certificates";
  w = middle;
  w.to = kTestNow - 1;
  EXPECT_THAT(verdict(root, w), HasSubstr("expired"));
  w = root;
  w.basic = "critical,CA:TRUE,pathlen:0";
  EXPECT_THAT(verdict(w, middle), HasSubstr("path length"));
  for (auto [constraint, good] : {std::pair{"permitted;DNS:example.org,permitted;IP:192.0.2.0/255.255.255.0", true},
                                  {"permitted;DNS:EXAMPLE.org", true},
                                  {"permitted;DNS:example.com", false},
                                  {"excluded;DNS:peer.EXAMPLE.org", false},
                                  {"permitted;IP:198.51.100.0/255.255.255.0", false},
                                  {"excluded;email:example.org", false},
                                  {"excluded;DNS:example.com", true}}) {
    w = middle;
    w.name_constraints = std::string("critical,") + constraint;
    EXPECT_EQ(verdict(root, w).contains("good: "), good) << constraint << ": " << verdict(root, w);
  }
}

TEST(VerifyPeer, LoopsAndHeapsEndSoon) {
  TestCertificate root = Make(Authority("CN=root"));
  // Two that name each other as issuer.
  TestCertificate a = Make(Authority("CN=a")), b = Make(Authority("CN=b"), &a), a2 = Make(Authority("CN=a"), &b);
  TestCertificate peer = Make(Peer(), &a2);
  EXPECT_THAT(Verdict(root, ProofOf(peer, "192.0.2.2", {&a2, &b, &a2, &b})), Not(HasSubstr("good")));
  std::vector<const TestCertificate*> heap(8, &b);
  EXPECT_THAT(Verdict(root, ProofOf(peer, "192.0.2.2", heap)), HasSubstr("too many"));
  PeerProof long_proof = ProofOf(peer, "192.0.2.2");
  long_proof.certificates.push_back(Bytes(65536));
  EXPECT_THAT(Verdict(root, long_proof), HasSubstr("too many"));
}

// A certificate by the same name as its issuer, whose key and signature are `bits` of nothing.
Bytes Bomb(const TestCertificate& form, int bits, int exponent_bits) {
  BIGNUM *n = BN_new(), *e = BN_new();
  BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
  BN_rand(e, exponent_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
  OSSL_PARAM_BLD* build = OSSL_PARAM_BLD_new();
  OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
  OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e);
  OSSL_PARAM* params = OSSL_PARAM_BLD_to_param(build);
  EVP_PKEY_CTX* ctx = EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
  EVP_PKEY* key = nullptr;
  EXPECT_EQ(EVP_PKEY_fromdata_init(ctx), 1);
  EXPECT_EQ(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
  X509* x = X509_dup(form.x509.get());
  EXPECT_EQ(X509_set_pubkey(x, key), 1);
  const ASN1_BIT_STRING* signature = nullptr;
  const X509_ALGOR* algorithm = nullptr;
  X509_get0_signature(&signature, &algorithm, x);
  const Bytes noise(static_cast<size_t>(bits) / 8, 0x5a);
  ASN1_STRING_set(const_cast<ASN1_BIT_STRING*>(signature), noise.data(), static_cast<int>(noise.size()));
  unsigned char* der = nullptr;
  int size = i2d_re_X509_tbs(x, nullptr) > 0 ? i2d_X509(x, &der) : 0;
  EXPECT_GT(size, bits / 8);
  Bytes out(der, der + size);
  OPENSSL_free(der);
  X509_free(x);
  EVP_PKEY_free(key);
  EVP_PKEY_CTX_free(ctx);
  OSSL_PARAM_free(params);
  OSSL_PARAM_BLD_free(build);
  BN_free(n);
  BN_free(e);
  return out;
}

double CpuSeconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

// D11: at most 50 ms of a processor; the bound here is as loose as sanitizers and a busy machine need.
TEST(VerifyPeer, BombsCostLittle) {
  TestCertificate root = Make(Authority("CN=root", KeyKind::kRsa));
  CertificateWish form = Peer(KeyKind::kRsa);
  form.subject = "CN=root";
  TestCertificate peer = Make(form);
  for (auto [bits, exponent_bits] : {std::pair{8192, 64}, {3072, 3072}, {16384, 64}, {512, 17}, {65536, 17}}) {
    PeerProof proof = ProofOf(peer, "192.0.2.2");
    const size_t most = bits > 20000 ? 3 : 8;
    proof.certificates.assign(most, Bomb(peer, bits, exponent_bits));
    const double before = CpuSeconds();
    EXPECT_THAT(Verdict(root, proof), Not(HasSubstr("good"))) << bits;
    const double spent = CpuSeconds() - before;
    RecordProperty("cpu_us_of_" + std::to_string(bits), static_cast<int>(spent * 1e6));
    EXPECT_LT(spent, 1.0) << bits;
  }
}

TEST(VerifyPeer, OctetsThatAreNoCertificate) {
  TestCertificate root = Make(Authority("CN=root")), peer = Make(Peer(), &root);
  PeerProof proof = ProofOf(peer, "192.0.2.2");
  const Bytes der = proof.certificates[0];
  for (const Bytes& bad : {Bytes{}, Bytes{0x30}, Bytes(100), [&] { Bytes b = der; b.push_back(0); return b; }(),
                           [&] { Bytes b = der; b.pop_back(); return b; }()}) {
    proof.certificates = {bad};
    EXPECT_THAT(Verdict(root, proof), HasSubstr("no certificate"));
  }
  for (size_t at = 0; at < der.size(); at += 3) {
    Bytes b = der;
    b[at] ^= 0x01;
    proof.certificates = {b};
    EXPECT_THAT(Verdict(root, proof), Not(HasSubstr("good: "))) << "octet " << at;
  }
}

TEST(VerifyPeer, AuthIsByTheKeyOfTheCertificate) {
  TestCertificate root = Make(Authority("CN=root")), peer = Make(Peer(), &root), other = Make(Peer(), &root);
  PeerProof proof = ProofOf(other, "192.0.2.2");
  proof.certificates = {peer.der()};
  EXPECT_THAT(Verdict(root, proof), HasSubstr("signature is wrong"));
  proof = ProofOf(peer, "192.0.2.2");
  proof.octets.back() ^= 1;
  EXPECT_THAT(Verdict(root, proof), HasSubstr("signature is wrong"));
  // B56: a trusted certificate behind the attacker's own is no help.
  TestCertificate stranger_root = Make(Authority("CN=stranger")), stranger = Make(Peer(), &stranger_root);
  EXPECT_THAT(Verdict(root, ProofOf(stranger, "192.0.2.2", {&peer})), Not(HasSubstr("good: ")));
  // R12, B34.
  EXPECT_THAT(Verdict(*Holding({&peer}, {&root}), ProofOf(peer, "192.0.2.2")), HasSubstr("our own"));
}

config::AuthRound Taking(config::Sha1Use sha1, const char* auth = "pubkey") {
  config::AuthRound round{.kind = config::AuthKind::kPubkey, .auth = auth, .rules = *config::ParsePubkeyRules(auth)};
  round.rules.sha1 = sha1;
  return round;
}

// RFC 8247 4: SHA-1 in AUTH only where the connection's profile takes it; MD5 nowhere.
TEST(VerifyPeer, AuthBySha1) {
  using enum config::Sha1Use;
  const ike::SignatureScheme rsa{KeyKind::kRsa, ike::HashAlgorithm::kSha1}, ecdsa{KeyKind::kEcdsa256, ike::HashAlgorithm::kSha1};
  TestCertificate root = Make(Authority("CN=root"));
  struct {
    ike::SigningChoice how;
    config::AuthRound round;
    const char* why;
  } rows[] = {
      {{ike::AuthMethod::kRsa, rsa}, Taking(kNever), "its signature is by SHA-1, which only profile legacy takes"},
      {{ike::AuthMethod::kRsa, rsa}, Taking(kMethod1), "good: RSA with SHA-1 of "},
      {{ike::AuthMethod::kRsa, rsa}, Taking(kAnywhere), "good: RSA with SHA-1 of "},
      {{ike::AuthMethod::kDigitalSignature, rsa}, Taking(kNever), "its signature is by SHA-1"},
      {{ike::AuthMethod::kDigitalSignature, rsa}, Taking(kMethod1), "its signature is by SHA-1"},
      {{ike::AuthMethod::kDigitalSignature, rsa}, Taking(kAnywhere), "good: RSA with SHA-1 of "},
      {{ike::AuthMethod::kDigitalSignature, ecdsa}, Taking(kNever), "its signature is by SHA-1"},
      {{ike::AuthMethod::kDigitalSignature, ecdsa}, Taking(kAnywhere), "good: ECDSA-256 with SHA-1 of "},
      // What `auth` names goes beyond the profile.
      {{ike::AuthMethod::kRsa, rsa}, Taking(kAnywhere, "ike:rsa-sha256"), "does not admit RSA with SHA-1"},
      {{ike::AuthMethod::kRsa, rsa}, Taking(kAnywhere, "ike:rsa-sha1"), "good: "},
  };
  for (const auto& row : rows) {
    TestCertificate peer = Make(Peer(row.how.scheme.key), &root);
    PeerProof proof = ProofOf(peer, "192.0.2.2");
    proof.method = row.how.method;
    proof.auth = *ike::SignAuth(row.how, peer.pair(), kOctets);
    EXPECT_THAT(Verdict(root, proof, row.round), HasSubstr(row.why));
    proof.octets.back() ^= 1;
    EXPECT_THAT(Verdict(root, proof, row.round), Not(HasSubstr("good: ")));
  }
}

TEST(VerifyPeer, CertificatesSignedBySha1) {
  using enum config::Sha1Use;
  auto verdict = [](const config::AuthRound& round, const char* root_digest, const char* middle, const char* leaf) {
    CertificateWish wish = Authority("CN=root", KeyKind::kRsa);
    wish.digest = root_digest;
    TestCertificate root = Make(wish);
    wish = Authority("CN=middle", KeyKind::kRsa);
    wish.digest = middle;
    TestCertificate issuer = Make(wish, &root);
    wish = Peer();
    wish.digest = leaf;
    TestCertificate peer = Make(wish, &issuer);
    return Verdict(root, ProofOf(peer, "192.0.2.2", {&issuer}), round);
  };
  EXPECT_THAT(verdict(Taking(kAnywhere), nullptr, "SHA1", nullptr), HasSubstr("good: "));
  EXPECT_THAT(verdict(Taking(kAnywhere), nullptr, nullptr, "SHA1"), HasSubstr("good: "));
  EXPECT_THAT(verdict(Taking(kAnywhere), "SHA1", "SHA1", "SHA1"), HasSubstr("good: "));
  for (auto sha1 : {kNever, kMethod1}) {
    // A root's own signature says nothing.
    EXPECT_THAT(verdict(Taking(sha1), "SHA1", nullptr, nullptr), HasSubstr("good: "));
    EXPECT_THAT(verdict(Taking(sha1), nullptr, "SHA1", nullptr), HasSubstr("(CN=middle): SHA-1 is for profile legacy alone"));
    EXPECT_THAT(verdict(Taking(sha1), nullptr, nullptr, "SHA1"), HasSubstr("CN=peer): SHA-1 is for profile legacy alone"));
  }
  // What is weaker still stays out.
  EXPECT_THAT(verdict(Taking(kAnywhere), nullptr, "MD5", nullptr), HasSubstr("too weak"));
  EXPECT_THAT(verdict(Taking(kAnywhere), nullptr, nullptr, "MD5"), HasSubstr("too weak"));
  EXPECT_THAT(verdict(Taking(kAnywhere, "pubkey-sha256"), nullptr, "SHA1", nullptr), HasSubstr("how a certificate is signed"));
}

TEST(VerifyPeer, MethodOneByAnyHash) {
  TestCertificate root = Make(Authority("CN=root")), peer = Make(Peer(KeyKind::kRsa), &root);
  for (auto [digest, why] : {std::pair{EVP_sha1(), "by SHA-1"}, {EVP_sha256(), "good: "}, {EVP_sha512(), "good: "}, {EVP_md5(), "is wrong"}}) {
    PeerProof proof = ProofOf(peer, "192.0.2.2");
    ike::MdCtxPtr ctx(EVP_MD_CTX_new());
    size_t size = proof.auth.size();
    ASSERT_EQ(EVP_DigestSignInit(ctx.get(), nullptr, digest, nullptr, peer.key.get()), 1);
    ASSERT_EQ(EVP_DigestSign(ctx.get(), proof.auth.data(), &size, kOctets.data(), kOctets.size()), 1);
    proof.auth.resize(size);
    proof.method = ike::AuthMethod::kRsa;
    EXPECT_THAT(Verdict(root, proof), HasSubstr(why));
    proof.method = ike::AuthMethod::kDigitalSignature;
    EXPECT_THAT(Verdict(root, proof), Not(HasSubstr("good: ")));
  }
}

TEST(VerifyPeer, RulesOfTheConnection) {
  TestCertificate root = Make(Authority("CN=root", KeyKind::kRsa)), rsa = Make(Peer(KeyKind::kRsa), &root), ec = Make(Peer(), &root);
  struct Case {
    const char* auth;
    const TestCertificate* peer;
    const char* why;
  };
  const Case cases[] = {
      {"pubkey", &rsa, nullptr},          {"pubkey", &ec, nullptr},
      {"rsa", &rsa, nullptr},             {"rsa", &ec, "ECDSA-256 of 256 bits"},
      {"ecdsa", &rsa, "RSA of 2048"},     {"ecdsa-256", &ec, nullptr},
      {"ecdsa-384", &ec, "of 256 bits"},  {"rsa-3072", &rsa, "RSA of 2048 bits"},
      {"rsa/pss", &rsa, "how a certificate is signed"},  // its issuer used PKCS#1 v1.5
      {"ike:rsa/pss", &rsa, nullptr},
      {"ike:rsa-sha256", &rsa, "RSA-PSS with SHA2-256"}, // it signs by PSS
      {"ike:pubkey-sha384", &rsa, "RSA-PSS with SHA2-256"},
      {"pubkey-sha256", &rsa, nullptr},   {"ed25519", &ec, "ECDSA-256"},
      {"ike:ecdsa-sha256", &ec, nullptr}, {"ecdsa-sha256", &ec, "how a certificate is signed"},
  };
  for (const Case& c : cases) {
    config::AuthRound round{.kind = config::AuthKind::kPubkey, .auth = c.auth, .rules = *config::ParsePubkeyRules(c.auth)};
    EXPECT_THAT(Verdict(root, ProofOf(*c.peer, "192.0.2.2"), round), HasSubstr(c.why ? c.why : "good: ")) << c.auth;
  }
}

TEST(VerifyPeer, NamedAuthoritiesAndCertificates) {
  TestCertificate root = Make(Authority("CN=root")), middle = Make(Authority("CN=middle"), &root), other = Make(Authority("CN=other"));
  TestCertificate peer = Make(Peer(), &middle), twin = Make(Peer(), &middle), stranger = Make(Peer());
  auto credentials = std::make_shared<Credentials>([] { return kTestNow; });
  for (auto [path, c] : {std::pair{"root", &root}, {"middle", &middle}, {"other", &other}}) credentials->AddAuthority(c->certificate(), path);
  credentials->AddCertificate(peer.certificate(), "peer");
  credentials->AddCertificate(stranger.certificate(), "stranger");
  credentials->Finish();
  auto verdict = [&](std::vector<config::CredentialFile> cacerts, std::vector<config::CredentialFile> certs, const TestCertificate& who) {
    return Verdict(*credentials, ProofOf(who, "192.0.2.2"), {.certs = std::move(certs), .cacerts = std::move(cacerts)});
  };
  EXPECT_THAT(verdict({}, {}, peer), HasSubstr("good: "));
  EXPECT_THAT(verdict({{"root", ""}}, {}, peer), HasSubstr("good: "));
  EXPECT_THAT(verdict({{"middle", ""}}, {}, peer), HasSubstr("good: "));
  EXPECT_THAT(verdict({{"other", ""}}, {}, peer), HasSubstr("none of cacerts"));
  EXPECT_THAT(verdict({}, {{"peer", ""}}, peer), HasSubstr("good: "));
  EXPECT_THAT(verdict({}, {{"peer", ""}}, twin), HasSubstr("none of certs"));
  EXPECT_THAT(verdict({}, {{"stranger", ""}}, stranger), HasSubstr("good: ")) << "self-signed and named";
  EXPECT_THAT(verdict({}, {}, stranger), Not(HasSubstr("good: "))) << "self-signed and not named";
  EXPECT_THAT(verdict({{"root", ""}}, {{"stranger", ""}}, stranger), Not(HasSubstr("good: ")));
  // A peer that sends none is looked for here.
  PeerProof silent = ProofOf(peer, "peer.example.org");
  silent.certificates.clear();
  EXPECT_THAT(Verdict(*credentials, silent, {}), HasSubstr("good: "));
  silent.id = *ike::Identity::Parse("nobody.example.org");
  EXPECT_THAT(Verdict(*credentials, silent, {}), HasSubstr("no certificate, and none"));
  // B36: what it says is elsewhere is not looked for there.
  silent.by_url = true;
  EXPECT_THAT(Verdict(*credentials, silent, {}), HasSubstr("hash and URL, which is not fetched"));
  silent.id = *ike::Identity::Parse("peer.example.org");
  EXPECT_THAT(Verdict(*credentials, silent, {}), HasSubstr("good: ")) << "it is known here";
}

TEST(VerifyPeer, Revocation) {
  TestCertificate root = Make(Authority("CN=root")), middle = Make(Authority("CN=middle"), &root);
  CertificateWish wish = Peer();
  TestCertificate silent = Make(wish, &root), under = Make(wish, &middle), gone = Make(wish, &root);
  wish.crl_point = "URI:http://127.0.0.1:1/crl";
  TestCertificate pointing = Make(wish, &root);
  TestCertificate false_root = Make(Authority("CN=root"));
  enum List { kNone, kFresh, kStale, kFalse, kOfMiddleToo, kMiddleRevoked };
  auto verdict = [&](List list, config::Revocation revocation, const TestCertificate& peer) {
    std::vector<CrlPtr> crls;
    if (list == kFalse) crls.push_back(MakeCrl(false_root, {&silent}));
    else if (list == kMiddleRevoked) crls.push_back(MakeCrl(root, {&middle}));
    else if (list != kNone) crls.push_back(MakeCrl(root, {&gone}, list == kStale ? kTestNow - 1 : kTestNow + 1));
    if (list == kOfMiddleToo) crls.push_back(MakeCrl(middle, {}));
    std::vector<const TestCertificate*> chain;
    if (&peer == &under) chain = {&middle};
    return Verdict(*Holding({}, {&root}, std::move(crls)), ProofOf(peer, "192.0.2.2", chain), {.revocation = revocation}).contains("good: ");
  };
  using enum config::Revocation;
  const struct {
    List list;
    const TestCertificate* peer;
    bool relaxed, ifuri, strict;
  } cases[] = {
      {kNone, &silent, true, true, false},    {kNone, &pointing, true, false, false},  {kFresh, &silent, true, true, true},
      {kFresh, &pointing, true, true, true},  {kFresh, &gone, false, false, false},    {kStale, &silent, true, true, false},
      {kStale, &pointing, true, false, false}, {kStale, &gone, false, false, false},   {kFalse, &silent, false, false, false},
      {kFresh, &under, true, true, false},    {kOfMiddleToo, &under, true, true, true}, {kMiddleRevoked, &under, false, false, false},
  };
  for (const auto& c : cases) {
    const auto number = &c - cases;
    EXPECT_EQ(verdict(c.list, kRelaxed, *c.peer), c.relaxed) << "relaxed, case " << number;
    EXPECT_EQ(verdict(c.list, kIfUri, *c.peer), c.ifuri) << "ifuri, case " << number;
    EXPECT_EQ(verdict(c.list, kStrict, *c.peer), c.strict) << "strict, case " << number;
  }
}

}  // namespace
}  // namespace culvert::auth
