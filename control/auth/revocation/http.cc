#include "control/auth/revocation/http.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/http.h>

#include <algorithm>
#include <memory>

#include "config/text.h"
#include "control/ike/crypto/openssl_ptr.h"

namespace culvert::auth {
namespace {

using BioPtr = std::unique_ptr<BIO, ike::OpensslFree<BIO_free_all>>;
using TextPtr = std::unique_ptr<char, decltype([](char* s) { OPENSSL_free(s); })>;

constexpr std::string_view kScheme = "http://";
constexpr size_t kMaxUrl = 1024;

// OpenSSL's first complaint is the one that says why.
std::string Trouble() {
  unsigned long code = ERR_get_error();
  const char* reason = code ? ERR_reason_error_string(code) : nullptr;
  ERR_clear_error();
  return reason ? reason : "no answer";
}

}  // namespace

bool IsHttpUrl(const std::string& url) {
  return url.size() > kScheme.size() && url.size() <= kMaxUrl &&
         config::EqualIgnoringCase(std::string_view(url).substr(0, kScheme.size()), kScheme) &&
         std::ranges::all_of(url, [](char c) { return c > 0x20 && c < 0x7f; });
}

std::expected<Bytes, std::string> AskByHttp(const std::string& url, ByteView query, const HttpLimits& limits) {
  ERR_clear_error();
  if (!IsHttpUrl(url)) return std::unexpected(std::string("not by HTTP"));
  char *host = nullptr, *port = nullptr, *path = nullptr;
  if (OSSL_HTTP_parse_url(url.c_str(), nullptr, nullptr, &host, &port, nullptr, &path, nullptr, nullptr) != 1) {
    return std::unexpected(Trouble());
  }
  TextPtr free_host(host), free_port(port), free_path(path);
  const bool posts = !query.empty();
  BioPtr body(posts ? BIO_new_mem_buf(query.data(), static_cast<int>(query.size())) : nullptr);
  const char* type = posts ? "application/ocsp-request" : nullptr;
  const auto timeout = static_cast<int>(limits.timeout.count());
  BioPtr answer(OSSL_HTTP_transfer(nullptr, host, port, path, /*use_ssl=*/0, /*proxy=*/nullptr, /*no_proxy=*/nullptr,
                                   /*bio=*/nullptr, /*rbio=*/nullptr, /*bio_update_fn=*/nullptr, /*arg=*/nullptr,
                                   /*buf_size=*/0, /*headers=*/nullptr, type, body.get(), /*expected_content_type=*/nullptr,
                                   /*expect_asn1=*/1, limits.octets, timeout, /*keep_alive=*/0));
  if (!answer) return std::unexpected(Trouble());
  Bytes out;
  uint8_t piece[4096];
  for (int n = 0; (n = BIO_read(answer.get(), piece, sizeof piece)) > 0;) {
    Append(out, ByteView(piece, static_cast<size_t>(n)));
    if (out.size() > limits.octets) return std::unexpected(std::string("longer than is taken"));
  }
  ERR_clear_error();
  if (out.empty()) return std::unexpected(std::string("an empty answer"));
  return out;
}

}  // namespace culvert::auth
