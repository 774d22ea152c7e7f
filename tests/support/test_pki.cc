#include "tests/support/test_pki.h"

#include <gtest/gtest.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

namespace culvert::auth {
namespace {

using BioPtr = std::unique_ptr<BIO, ike::OpensslFree<BIO_free_all>>;

EVP_PKEY* Generate(const CertificateWish& w) {
  switch (w.key) {
    case ike::KeyKind::kRsa: return EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", size_t{w.rsa_bits});
    case ike::KeyKind::kEcdsa256: return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
    case ike::KeyKind::kEcdsa384: return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384");
    case ike::KeyKind::kEcdsa521: return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-521");
    case ike::KeyKind::kEd25519: return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    case ike::KeyKind::kEd448: break;
  }
  return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448");
}

// RSA keys take long to make: tests share a few.
std::shared_ptr<EVP_PKEY> KeyFor(const CertificateWish& w) {
  static std::map<std::pair<unsigned, size_t>, std::shared_ptr<EVP_PKEY>> rsa;
  static size_t next = 0;
  if (w.key != ike::KeyKind::kRsa) return {Generate(w), EVP_PKEY_free};
  auto& slot = rsa[{w.rsa_bits, next++ % 4}];
  if (!slot) slot = {Generate(w), EVP_PKEY_free};
  return slot;
}

void SetName(X509_NAME* name, const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find(", ", at), text.size());
    std::string part = text.substr(at, end - at);
    size_t equals = part.find('=');
    EXPECT_EQ(X509_NAME_add_entry_by_txt(name, part.substr(0, equals).c_str(), MBSTRING_UTF8,
                                         reinterpret_cast<const unsigned char*>(part.c_str() + equals + 1), -1, -1, 0), 1);
    at = end + 2;
  }
}

void AddExtension(X509* x509, X509* issuer, const char* name, const std::string& value) {
  if (value.empty()) return;
  X509V3_CTX ctx;
  X509V3_set_ctx(&ctx, issuer, x509, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf(nullptr, &ctx, name, value.c_str());
  ASSERT_TRUE(extension) << name << " = " << value;
  EXPECT_EQ(X509_add_ext(x509, extension, -1), 1);
  X509_EXTENSION_free(extension);
}

const EVP_MD* DigestFor(EVP_PKEY* key, const char* digest) {
  if (EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448")) return nullptr;
  return EVP_get_digestbyname(digest ? digest : "SHA256");
}

std::string Text(BIO* bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<size_t>(size));
}

}  // namespace

CertificateWish Authority(std::string subject, ike::KeyKind key) {
  return {.subject = std::move(subject), .key = key, .basic = "critical,CA:TRUE", .key_usage = "critical,keyCertSign,cRLSign"};
}

Certificate TestCertificate::certificate() const {
  std::string why;
  X509_up_ref(x509.get());
  auto c = Certificate::From(X509Ptr(x509.get()), why);
  EXPECT_TRUE(c) << why;
  return *c;
}

ike::SignatureKey TestCertificate::pair() const {
  std::string why;
  EVP_PKEY_up_ref(key.get());
  auto k = ike::SignatureKey::From(ike::PkeyPtr(key.get()), why);
  EXPECT_TRUE(k) << why;
  return *k;
}

std::string TestCertificate::pem() const {
  BioPtr bio(BIO_new(BIO_s_mem()));
  EXPECT_EQ(PEM_write_bio_X509(bio.get(), x509.get()), 1);
  return Text(bio.get());
}

std::string TestCertificate::key_pem(const std::string& passphrase) const {
  BioPtr bio(BIO_new(BIO_s_mem()));
  EXPECT_EQ(PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), passphrase.empty() ? nullptr : EVP_aes_256_cbc(), passphrase.data(),
                                          static_cast<int>(passphrase.size()), nullptr, nullptr), 1);
  return Text(bio.get());
}

TestCertificate Make(const CertificateWish& w, const TestCertificate* issuer) {
  static long serial = 1;
  TestCertificate out{X509Ptr(X509_new()), KeyFor(w)};
  X509* x = out.x509.get();
  X509* by = issuer ? issuer->x509.get() : x;
  X509_set_version(x, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
  ASN1_TIME_set(X509_getm_notBefore(x), w.from);
  ASN1_TIME_set(X509_getm_notAfter(x), w.to);
  X509_set_pubkey(x, out.key.get());
  SetName(X509_get_subject_name(x), w.subject);
  X509_set_issuer_name(x, X509_get_subject_name(by));
  AddExtension(x, by, "basicConstraints", w.basic);
  AddExtension(x, by, "subjectKeyIdentifier", "hash");
  AddExtension(x, by, "authorityKeyIdentifier", issuer ? "keyid" : "");
  AddExtension(x, by, "keyUsage", w.key_usage);
  AddExtension(x, by, "extendedKeyUsage", w.extended_key_usage);
  AddExtension(x, by, "subjectAltName", w.alt_name);
  AddExtension(x, by, "nameConstraints", w.name_constraints);
  AddExtension(x, by, "crlDistributionPoints", w.crl_point);
  AddExtension(x, by, "authorityInfoAccess", w.ocsp_point);
  if (size_t equals = w.other.find('='); equals != w.other.npos) {
    AddExtension(x, by, w.other.substr(0, equals).c_str(), w.other.substr(equals + 1));
  }
  EVP_PKEY* key = issuer ? issuer->key.get() : out.key.get();
  ike::MdCtxPtr ctx(EVP_MD_CTX_new());
  EVP_PKEY_CTX* pkey_ctx = nullptr;
  EXPECT_EQ(EVP_DigestSignInit(ctx.get(), &pkey_ctx, DigestFor(key, w.digest), nullptr, key), 1);
  if (w.pss) {
    EVP_PKEY_CTX_set_rsa_padding(pkey_ctx, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey_ctx, RSA_PSS_SALTLEN_DIGEST);
  }
  EXPECT_GT(X509_sign_ctx(x, ctx.get()), 0) << w.subject;
  return out;
}

CrlPtr MakeCrl(const TestCertificate& issuer, const std::vector<const TestCertificate*>& revoked, time_t next) {
  CrlPtr crl(X509_CRL_new());
  X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(issuer.x509.get()));
  ASN1_TIME* at = ASN1_TIME_set(nullptr, kTestNow - 10 * kTestDay);
  X509_CRL_set1_lastUpdate(crl.get(), at);
  for (const TestCertificate* r : revoked) {
    X509_REVOKED* entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(r->x509.get()));
    X509_REVOKED_set_revocationDate(entry, at);
    X509_CRL_add0_revoked(crl.get(), entry);
  }
  ASN1_TIME_set(at, next);
  X509_CRL_set1_nextUpdate(crl.get(), at);
  ASN1_TIME_free(at);
  X509_CRL_sort(crl.get());
  EXPECT_GT(X509_CRL_sign(crl.get(), issuer.key.get(), DigestFor(issuer.key.get(), nullptr)), 0);
  return crl;
}

Bytes MakeOcsp(const OcspWish& w) {
  OCSP_BASICRESP* basic = OCSP_BASICRESP_new();
  OCSP_CERTID* id = OCSP_cert_to_id(EVP_sha1(), w.subject.x509.get(), w.issuer.x509.get());
  ASN1_TIME* from = ASN1_TIME_set(nullptr, w.from);
  ASN1_TIME* next = w.next ? ASN1_TIME_set(nullptr, w.next) : nullptr;
  for (ASN1_TIME** t : {&from, &next}) {
    if (!*t) continue;
    ASN1_GENERALIZEDTIME* general = ASN1_TIME_to_generalizedtime(*t, nullptr);
    ASN1_TIME_free(*t);
    *t = general;
  }
  EXPECT_TRUE(OCSP_basic_add1_status(basic, id, w.status, 0, w.status == V_OCSP_CERTSTATUS_REVOKED ? from : nullptr, from, next));
  EXPECT_EQ(OCSP_basic_sign(basic, w.signer.x509.get(), w.signer.key.get(), DigestFor(w.signer.key.get(), w.digest), nullptr, 0), 1);
  OCSP_RESPONSE* response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
  unsigned char* der = nullptr;
  int length = i2d_OCSP_RESPONSE(response, &der);
  Bytes out(der, der + length);
  OPENSSL_free(der);
  OCSP_RESPONSE_free(response);
  OCSP_BASICRESP_free(basic);
  OCSP_CERTID_free(id);
  ASN1_TIME_free(from);
  ASN1_TIME_free(next);
  return out;
}

std::shared_ptr<const Credentials> Holding(const std::vector<const TestCertificate*>& own,
                                           const std::vector<const TestCertificate*>& authorities, std::vector<CrlPtr> crls) {
  auto out = std::make_shared<Credentials>([] { return kTestNow; });
  for (const TestCertificate* a : authorities) out->AddAuthority(a->certificate());
  for (const TestCertificate* o : own) {
    out->AddCertificate(o->certificate());
    out->AddKey(o->pair());
  }
  for (CrlPtr& crl : crls) out->AddCrl(std::move(crl));
  out->Finish();
  return out;
}

}  // namespace culvert::auth
