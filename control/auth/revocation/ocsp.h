#pragma once

#include <ctime>
#include <expected>
#include <string>

#include "control/auth/certificate.h"

// OCSP (RFC 6960, in the profile of RFC 5019: one certificate, no nonce, answers that may be cached). Pure.
namespace culvert::auth {

// A certificate and the one that issued it: who is asked about, and of whom.
struct Issued {
  Certificate subject, issuer;
  bool own = false;      // it is ours, and peers want to see what its responder says
};
// Octets of a response that is worth sending on, or taking from a peer.
inline constexpr size_t kMaxOcspResponse = 16384;

// Names the certificate by its issuer and serial number: what goes into a request, and the key of a cache.
Bytes OcspId(const Issued& which);
Bytes OcspRequest(const Issued& which);

struct OcspAnswer {
  bool revoked = false;
  time_t until = 0;      // when to ask again at the latest
};
// What a response says of that certificate; or why it says nothing: not signed by the issuer or one it delegated this to
// (RFC 6960 4.2.2.2), by SHA-1, out of date, about another, "unknown".
std::expected<OcspAnswer, std::string> ReadOcsp(ByteView response, const Issued& which, time_t now);

}  // namespace culvert::auth
