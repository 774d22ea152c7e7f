#include "control/auth/revocation/ocsp.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509_vfy.h>

#include <algorithm>

#include "absl/log/check.h"

namespace culvert::auth {
namespace {

using IdPtr = std::unique_ptr<OCSP_CERTID, ike::OpensslFree<OCSP_CERTID_free>>;
using RequestPtr = std::unique_ptr<OCSP_REQUEST, ike::OpensslFree<OCSP_REQUEST_free>>;
using ResponsePtr = std::unique_ptr<OCSP_RESPONSE, ike::OpensslFree<OCSP_RESPONSE_free>>;
using BasicPtr = std::unique_ptr<OCSP_BASICRESP, ike::OpensslFree<OCSP_BASICRESP_free>>;
using StorePtr = std::unique_ptr<X509_STORE, ike::OpensslFree<X509_STORE_free>>;
using StackPtr = std::unique_ptr<STACK_OF(X509), decltype([](STACK_OF(X509)* s) { sk_X509_free(s); })>;

constexpr time_t kSkew = 300;                 // seconds our clock and a responder's may differ by
constexpr time_t kLongest = 86400, kIfOpen = 3600;  // how long an answer is believed, and one that does not say
constexpr int kAuthLevel = 2;                 // as of chains

struct ErrorQueue {
  ~ErrorQueue() { ERR_clear_error(); }
};

// RFC 5019 2.1.1 wants SHA-1 here: it names, it protects nothing.
IdPtr IdOf(const Issued& which) {
  IdPtr id(OCSP_cert_to_id(EVP_sha1(), which.subject.get(), which.issuer.get()));
  CHECK(id);
  return id;
}

template <typename T>
Bytes Encode(int (*encode)(const T*, unsigned char**), const T* value) {
  unsigned char* der = nullptr;
  int length = encode(value, &der);
  CHECK_GT(length, 0);
  Bytes out(der, der + length);
  OPENSSL_free(der);
  return out;
}

bool IsStrong(const OCSP_BASICRESP* basic) {
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, OCSP_resp_get0_tbs_sigalg(basic));
  int nid = OBJ_obj2nid(object), digest = NID_undef, key = NID_undef;
  if (OBJ_find_sigid_algs(nid, &digest, &key) != 1) return false;
  return digest != NID_sha1 && digest != NID_md5 && digest != NID_md4 && digest != NID_ripemd160;
}

// By the issuer itself, or by whom it gave a certificate for OCSP signing.
bool IsByIssuer(OCSP_BASICRESP* basic, const Certificate& issuer, time_t now) {
  StorePtr store(X509_STORE_new());
  StackPtr signers(sk_X509_new_null());
  CHECK(store && signers);
  CHECK_EQ(X509_STORE_add_cert(store.get(), issuer.get()), 1);
  CHECK_GT(sk_X509_push(signers.get(), issuer.get()), 0);
  X509_VERIFY_PARAM* param = X509_STORE_get0_param(store.get());
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_time(param, now);
  X509_VERIFY_PARAM_set_auth_level(param, kAuthLevel);
  return OCSP_basic_verify(basic, signers.get(), store.get(), 0) == 1;
}

std::optional<time_t> TimeOf(const ASN1_GENERALIZEDTIME* t) {
  struct tm parts {};
  if (!t || ASN1_TIME_to_tm(t, &parts) != 1) return std::nullopt;
  return timegm(&parts);
}

}  // namespace

Bytes OcspId(const Issued& which) { return Encode(i2d_OCSP_CERTID, IdOf(which).get()); }

Bytes OcspRequest(const Issued& which) {
  RequestPtr request(OCSP_REQUEST_new());
  CHECK(request && OCSP_request_add0_id(request.get(), IdOf(which).release()));
  return Encode(i2d_OCSP_REQUEST, request.get());
}

std::expected<OcspAnswer, std::string> ReadOcsp(ByteView response, const Issued& which, time_t now) {
  ErrorQueue queue;
  auto no = [](const char* why) { return std::unexpected(std::string(why)); };
  const unsigned char* at = response.data();
  ResponsePtr outer(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(response.size())));
  if (!outer) return no("it is no OCSP response");
  if (int status = OCSP_response_status(outer.get()); status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return no(OCSP_response_status_str(status));
  }
  BasicPtr basic(OCSP_response_get1_basic(outer.get()));
  if (!basic) return no("it is no basic OCSP response");
  int status = 0, reason = 0;
  ASN1_GENERALIZEDTIME *revoked_at = nullptr, *from = nullptr, *next = nullptr;
  if (OCSP_resp_find_status(basic.get(), IdOf(which).get(), &status, &reason, &revoked_at, &from, &next) != 1) {
    return no("it is about another certificate");
  }
  if (!IsStrong(basic.get()) || !IsByIssuer(basic.get(), which.issuer, now)) return no("nobody in charge has signed it");
  auto since = TimeOf(from), until = TimeOf(next);
  if (!since || (next && !until)) return no("its dates cannot be read");
  if (*since > now + kSkew || (until && *until < now - kSkew)) return no("it is out of date");
  if (!until && *since + kIfOpen < now) return no("it is out of date");
  if (status == V_OCSP_CERTSTATUS_UNKNOWN) return no("the responder does not know the certificate");
  return OcspAnswer{status == V_OCSP_CERTSTATUS_REVOKED, std::min(until.value_or(*since + kIfOpen), now + kLongest)};
}

}  // namespace culvert::auth
