#pragma once

#include <array>
#include <expected>
#include <string_view>

#include "control/radius/client.h"
#include "control/radius/packet.h"

// The messages of one login: an Access-Request, and what its reply says once the shared secret has proven it. Pure.
namespace culvert::radius {

inline constexpr size_t kMaxPassword = 128;   // octets (RFC 2865 5.2)

// What ties a reply to its request.
struct Exchange {
  uint8_t id = 0;
  std::array<uint8_t, kAuthenticator> authenticator{};   // of the request: unpredictable, and fresh for each (RFC 2865 3)
  ByteView secret;                                       // borrowed
};

// Whether a user and password are of lengths that RADIUS carries.
bool Fits(const Login& login);

// `login` fits. With User-Password hidden (RFC 2865 5.2), and Message-Authenticator first: an attacker who can make MD5
// collide cannot then choose what a server would answer with (CVE-2024-3596).
Bytes MakeRequest(const Login& login, const Exchange& exchange, std::string_view nas_identifier);

// Why a reply does not count. It is as if it had not come (RFC 2865 3).
enum class Discard : uint8_t {
  kMalformed,
  kOtherExchange,        // of another id
  kOtherCode,            // no answer to an Access-Request
  kUnproven,             // the response authenticator is wrong: another secret, or a forgery
  kUnsigned,             // without Message-Authenticator, or several (RFC 3579 3.2)
  kBadSignature,
};
std::string_view Name(Discard d);

std::expected<Verdict, Discard> ReadReply(ByteView datagram, const Exchange& exchange);

}  // namespace culvert::radius
