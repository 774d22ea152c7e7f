#include "control/auth/revocation/ocsp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ocsp.h>

#include "tests/support/test_pki.h"

namespace culvert::auth {
namespace {

using ike::KeyKind;
using testing::HasSubstr;

std::string Read(const OcspWish& wish, const TestCertificate& about, const TestCertificate& issuer) {
  auto answer = ReadOcsp(MakeOcsp(wish), {about.certificate(), issuer.certificate()}, kTestNow);
  if (!answer) return answer.error();
  return std::string(answer->revoked ? "revoked " : "good ") + std::to_string(answer->until - kTestNow);
}

TEST(Ocsp, AnswersByWhoIsInChargeAndNobodyElse) {
  for (KeyKind kind : {KeyKind::kEcdsa256, KeyKind::kRsa, KeyKind::kEd25519}) {
    TestCertificate root = Make(Authority("CN=root", kind)), middle = Make(Authority("CN=middle", kind), &root);
    TestCertificate peer = Make({.subject = "CN=peer"}, &middle), other = Make({.subject = "CN=other"}, &middle);
    TestCertificate delegate = Make({.subject = "CN=ocsp", .key = kind, .extended_key_usage = "OCSPSigning"}, &middle);
    TestCertificate plain = Make({.subject = "CN=ocsp", .key = kind}, &middle);
    TestCertificate elsewhere = Make({.subject = "CN=ocsp", .key = kind, .extended_key_usage = "OCSPSigning"}, &root);
    TestCertificate expired = Make({.subject = "CN=ocsp", .key = kind, .extended_key_usage = "OCSPSigning", .to = kTestNow - 1}, &middle);
    TestCertificate twin = Make(Authority("CN=middle", kind), &root);
    const struct {
      const char* about;
      OcspWish wish;
      const char* expect;
    } cases[] = {
        {"the issuer", {peer, middle, middle}, "good 86400"},
        {"revoked", {peer, middle, middle, V_OCSP_CERTSTATUS_REVOKED}, "revoked 86400"},
        {"unknown", {peer, middle, middle, V_OCSP_CERTSTATUS_UNKNOWN}, "does not know"},
        {"a delegate", {peer, middle, delegate}, "good 86400"},
        {"one who was not made a delegate", {peer, middle, plain}, "nobody in charge"},
        {"another authority's delegate", {peer, middle, elsewhere}, "nobody in charge"},
        {"a delegate no more", {peer, middle, expired}, "nobody in charge"},
        {"one of the same name", {peer, middle, twin}, "nobody in charge"},
        {"the peer itself", {peer, middle, peer}, "nobody in charge"},
        {"about another", {other, middle, middle}, "about another"},
        {"without an end", {.subject = peer, .issuer = middle, .signer = middle, .next = 0}, "good 3540"},
        {"over", {.subject = peer, .issuer = middle, .signer = middle, .from = kTestNow - 9999, .next = kTestNow - 400}, "out of date"},
        {"of long ago", {.subject = peer, .issuer = middle, .signer = middle, .from = kTestNow - 9999, .next = 0}, "out of date"},
        {"from tomorrow", {.subject = peer, .issuer = middle, .signer = middle, .from = kTestNow + 400}, "out of date"},
        {"for a year", {.subject = peer, .issuer = middle, .signer = middle, .next = kTestNow + 365 * kTestDay}, "good 86400"},
    };
    for (const auto& c : cases) EXPECT_THAT(Read(c.wish, peer, middle), HasSubstr(c.expect)) << c.about << ", " << ike::Name(kind);
    if (kind == KeyKind::kEd25519) continue;
    EXPECT_THAT(Read({.subject = peer, .issuer = middle, .signer = middle, .digest = "SHA1"}, peer, middle), HasSubstr("nobody in charge"));
  }
}

TEST(Ocsp, OctetsThatAreNoAnswer) {
  TestCertificate root = Make(Authority("CN=root")), peer = Make({.subject = "CN=peer"}, &root);
  const Issued which{peer.certificate(), root.certificate()};
  const Bytes good = MakeOcsp({peer, root, root});
  ASSERT_TRUE(ReadOcsp(good, which, kTestNow));
  for (size_t at = 0; at < good.size(); ++at) {
    Bytes bad = good;
    bad[at] ^= 0x01;
    auto answer = ReadOcsp(bad, which, kTestNow);
    // The certificate that comes along is a hint: who signed is known.
    if (answer) {
      EXPECT_FALSE(answer->revoked) << at;
    }
    EXPECT_FALSE(ReadOcsp(ByteView(good).first(at), which, kTestNow)) << at;
  }
  OCSP_RESPONSE* busy = OCSP_response_create(OCSP_RESPONSE_STATUS_TRYLATER, nullptr);
  unsigned char* der = nullptr;
  int length = i2d_OCSP_RESPONSE(busy, &der);
  EXPECT_THAT(ReadOcsp(Bytes(der, der + length), which, kTestNow).error(), HasSubstr("trylater"));
  OPENSSL_free(der);
  OCSP_RESPONSE_free(busy);
}

TEST(Ocsp, ARequestNamesTheCertificate) {
  TestCertificate root = Make(Authority("CN=root")), peer = Make({.subject = "CN=peer"}, &root);
  const Issued which{peer.certificate(), root.certificate()};
  const Bytes der = OcspRequest(which);
  const unsigned char* at = der.data();
  OCSP_REQUEST* request = d2i_OCSP_REQUEST(nullptr, &at, static_cast<long>(der.size()));
  ASSERT_TRUE(request);
  EXPECT_EQ(OCSP_request_onereq_count(request), 1);
  unsigned char* id = nullptr;
  int length = i2d_OCSP_CERTID(OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, 0)), &id);
  EXPECT_EQ(Bytes(id, id + length), OcspId(which));
  OPENSSL_free(id);
  OCSP_REQUEST_free(request);
}

}  // namespace
}  // namespace culvert::auth
