#include "control/auth/revocation/revocation.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "common/bytes/hex.h"
#include "config/text.h"
#include "control/auth/revocation/http.h"

namespace culvert::auth {
namespace {

using config::Cat;
using PointsPtr = std::unique_ptr<CRL_DIST_POINTS, ike::OpensslFree<CRL_DIST_POINTS_free>>;

constexpr time_t kAgain = 60, kLongestWait = 3600;   // seconds before one that failed is asked again; doubles in between
constexpr time_t kLongest = 86400, kIfOpen = 3600;   // how long a list is believed, and one that names no end
constexpr size_t kMaxLists = 256, kMaxAnswers = 4096, kMaxAsked = 8192, kMaxResponses = 64;

std::string TextOf(const ASN1_IA5STRING* s) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(s)), static_cast<size_t>(ASN1_STRING_length(s))};
}

void AddUrl(std::vector<std::string>& urls, std::string url) {
  if (urls.size() < kMaxUrls && IsHttpUrl(url) && !std::ranges::contains(urls, url)) urls.push_back(std::move(url));
}

time_t EndOf(const X509_CRL* crl, time_t now) {
  struct tm parts {};
  const ASN1_TIME* next = X509_CRL_get0_nextUpdate(crl);
  if (!next) return now + kIfOpen;
  return ASN1_TIME_to_tm(next, &parts) == 1 ? std::min(timegm(&parts), now + kLongest) : now;
}

std::string WhatOf(const std::string& url, const Issued& which) { return url + "#" + ToHex(OcspId(which)); }

// Makes room for one more: what has ended first goes first.
template <typename Map, typename End>
void MakeRoom(Map& map, size_t most, End end) {
  while (map.size() >= most) map.erase(std::ranges::min_element(map, {}, [&](const auto& entry) { return end(entry.second); }));
}

}  // namespace

std::vector<std::string> ResponderUrls(const Certificate& c) {
  std::vector<std::string> urls;
  STACK_OF(OPENSSL_STRING)* found = X509_get1_ocsp(c.get());
  for (int i = 0; i < sk_OPENSSL_STRING_num(found); ++i) AddUrl(urls, sk_OPENSSL_STRING_value(found, i));
  X509_email_free(found);
  ERR_clear_error();
  return urls;
}

std::vector<std::string> ListUrls(const Certificate& c) {
  std::vector<std::string> urls;
  PointsPtr points(static_cast<CRL_DIST_POINTS*>(X509_get_ext_d2i(c.get(), NID_crl_distribution_points, nullptr, nullptr)));
  for (int i = 0; points && i < sk_DIST_POINT_num(points.get()); ++i) {
    const DIST_POINT* point = sk_DIST_POINT_value(points.get(), i);
    // RFC 5280 4.2.1.13: one that another issuer keeps is not looked at.
    if (point->CRLissuer || !point->distpoint || point->distpoint->type != 0) continue;
    const GENERAL_NAMES* names = point->distpoint->name.fullname;
    for (int j = 0; j < sk_GENERAL_NAME_num(names); ++j) {
      const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, j);
      if (name->type == GEN_URI) AddUrl(urls, TextOf(name->d.uniformResourceIdentifier));
    }
  }
  ERR_clear_error();
  return urls;
}

std::vector<std::shared_ptr<X509_CRL>> Revocation::Lists() const {
  const time_t now = clock_();
  std::vector<std::shared_ptr<X509_CRL>> out;
  std::lock_guard lock(mutex_);
  for (const auto& [url, list] : lists_) {
    if (list.until > now) out.push_back(list.crl);
  }
  return out;
}

std::optional<bool> Revocation::Revoked(const Issued& which) const {
  const Bytes id = OcspId(which);
  std::lock_guard lock(mutex_);
  auto it = answers_.find(id);
  return it != answers_.end() && it->second.until > clock_() ? std::optional(it->second.revoked) : std::nullopt;
}

Bytes Revocation::ResponseAbout(const Issued& own) const {
  const Bytes id = OcspId(own);
  std::lock_guard lock(mutex_);
  auto it = responses_.find(id);
  return it != responses_.end() && it->second.until > clock_() ? it->second.der : Bytes{};
}

bool Revocation::HasList(const std::string& url) const {
  std::lock_guard lock(mutex_);
  auto it = lists_.find(url);
  return it != lists_.end() && it->second.until > clock_();
}

bool Revocation::IsDue(const std::string& url) const {
  auto it = asked_.find(url);
  return it == asked_.end() || it->second.busy || it->second.next <= clock_();
}

bool Revocation::MayAsk(const Issued& which) const {
  std::vector<std::string> what;
  if (!which.own) what = ListUrls(which.subject);
  for (const std::string& url : ResponderUrls(which.subject)) what.push_back(WhatOf(url, which));
  std::lock_guard lock(mutex_);
  return std::ranges::any_of(what, [this](const std::string& one) { return IsDue(one); });
}

bool Revocation::Begin(const std::string& what) {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [&] {
    auto it = asked_.find(what);
    return it == asked_.end() || !it->second.busy;
  });
  if (!IsDue(what)) return false;
  MakeRoom(asked_, kMaxAsked, [](const Asked& a) { return a.next; });
  Asked& asked = asked_[what];
  asked.next = clock_() + kAgain;
  asked.busy = true;
  return true;
}

void Revocation::Ended(const std::string& what, bool well) {
  std::lock_guard lock(mutex_);
  Asked& asked = asked_[what];
  asked.busy = false;
  ended_.notify_all();
  asked.failures = well ? 0 : std::min(asked.failures + 1, 16u);
  asked.next = clock_() + (well ? kAgain : std::min(kAgain << (asked.failures - 1), kLongestWait));
}

std::expected<std::string, std::string> Revocation::AskResponder(const std::string& url, const Issued& which) {
  auto response = transport_(url, OcspRequest(which));
  if (!response) return std::unexpected(response.error());
  auto answer = ReadOcsp(*response, which, clock_());
  if (!answer) return std::unexpected(answer.error());
  if (answer->until <= clock_()) return std::unexpected(std::string("it is out of date"));
  std::lock_guard lock(mutex_);
  MakeRoom(answers_, kMaxAnswers, [](const OcspAnswer& a) { return a.until; });
  answers_[OcspId(which)] = *answer;
  if (which.own && response->size() <= kMaxOcspResponse) {
    MakeRoom(responses_, kMaxResponses, [](const Response& r) { return r.until; });
    responses_[OcspId(which)] = {*std::move(response), answer->until};
  }
  return answer->revoked ? "revoked" : "not revoked";
}

std::expected<std::string, std::string> Revocation::FetchList(const std::string& url, const Issued& which) {
  auto der = transport_(url, {});
  if (!der) return std::unexpected(der.error());
  const unsigned char* at = der->data();
  std::shared_ptr<X509_CRL> crl(d2i_X509_CRL(nullptr, &at, static_cast<long>(der->size())), X509_CRL_free);
  auto no = [](const char* why) {
    ERR_clear_error();
    return std::unexpected(std::string(why));
  };
  if (!crl) return no("it is no certificate revocation list");
  // Nothing that came in clear may push aside what is good: only what its issuer has signed is kept.
  EVP_PKEY* key = X509_get0_pubkey(which.issuer.get());
  const bool by_issuer = X509_NAME_cmp(X509_CRL_get_issuer(crl.get()), X509_get_subject_name(which.issuer.get())) == 0;
  if (!by_issuer || !key || X509_CRL_verify(crl.get(), key) != 1) return no("the certificate's issuer has not signed it");
  const time_t now = clock_(), end = EndOf(crl.get(), now);
  if (end <= now) return no("it is out of date");
  std::lock_guard lock(mutex_);
  MakeRoom(lists_, kMaxLists, [](const List& l) { return l.until; });
  lists_[url] = {std::move(crl), end};
  return std::string("a list");
}

std::shared_ptr<Revocation> RevocationByHttp() {
  return std::make_shared<Revocation>([](const std::string& url, ByteView query) { return AskByHttp(url, query, {}); });
}

std::vector<Revocation::Learnt> Revocation::Ask(const Issued& which, std::chrono::steady_clock::time_point until) {
  std::vector<Learnt> learnt;
  const std::string who = which.subject.subject().ToString();
  // True where it is known now, or there is no time to know more.
  auto ask = [&](const std::string& url, const std::string& what, auto how) {
    if (closed_ || std::chrono::steady_clock::now() >= until) return true;
    if (!Begin(what)) return Revoked(which).has_value() || HasList(url);
    auto answer = how(url, which);
    Ended(what, answer.has_value());
    learnt.push_back({answer.has_value(), Cat("revocation of ", who, ": ", url, ": ", answer ? *answer : answer.error())});
    return answer.has_value();
  };
  for (const std::string& url : ResponderUrls(which.subject)) {
    if (ask(url, WhatOf(url, which), std::bind_front(&Revocation::AskResponder, this))) return learnt;
  }
  if (which.own) return learnt;
  for (const std::string& url : ListUrls(which.subject)) {
    if (ask(url, url, std::bind_front(&Revocation::FetchList, this))) return learnt;
  }
  return learnt;
}

}  // namespace culvert::auth
