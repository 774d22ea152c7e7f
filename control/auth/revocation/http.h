#pragma once

#include <chrono>
#include <expected>
#include <string>

#include "common/bytes/bytes.h"

namespace culvert::auth {

// One exchange of HTTP, in clear: what revocation lists and OCSP answers say is protected by their own signatures. No
// redirections are followed. Blocks for `timeout` at most, and for as long as the resolver takes. Any thread.
struct HttpLimits {
  std::chrono::seconds timeout{5};
  size_t octets = 20 << 20;   // of the answer's body
};

// Whether it is one that is asked: "http://" and at most 1,024 printable characters (hostile.md B36).
bool IsHttpUrl(const std::string& url);

// The body, which must be DER, of a GET or, with `query`, of a POST of an OCSP request; or what went wrong.
std::expected<Bytes, std::string> AskByHttp(const std::string& url, ByteView query, const HttpLimits& limits);

}  // namespace culvert::auth
