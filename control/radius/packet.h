#pragma once

#include <cstdint>
#include <vector>

#include "common/base/decoded.h"
#include "common/bytes/bytes.h"

// RADIUS on the wire (RFC 2865 3 and 5), as far as a client that authenticates users needs it. Pure.
namespace culvert::radius {

enum class Code : uint8_t { kAccessRequest = 1, kAccessAccept = 2, kAccessReject = 3, kAccessChallenge = 11 };

enum class Type : uint8_t {
  kUserName = 1, kUserPassword = 2, kNasIpAddress = 4, kServiceType = 6, kFramedIpAddress = 8, kFramedIpNetmask = 9,
  kReplyMessage = 18, kState = 24, kClass = 25, kSessionTimeout = 27, kCallingStationId = 31, kNasIdentifier = 32,
  kNasPortType = 61, kMessageAuthenticator = 80,   // RFC 3579 3.2
  kNasIpv6Address = 95,                            // RFC 3162 2.1
};

inline constexpr size_t kHeader = 20, kMaxPacket = 4096;   // octets
inline constexpr size_t kAuthenticator = 16;               // of the header's and of Message-Authenticator
inline constexpr size_t kAuthenticatorAt = 4;              // where the header has its own
inline constexpr size_t kMaxValue = 253;                   // of one attribute

struct Attribute {
  uint8_t type = 0;
  ByteView value;             // borrows the datagram
  size_t at = 0;              // of the value, in octets from the packet's start
};
struct Packet {
  uint8_t code = 0, id = 0;
  ByteView authenticator;     // these borrow the datagram too
  ByteView octets;            // without what follows the packet's own length
  std::vector<Attribute> attributes;

  // How often there is one of that type, and the first.
  size_t Count(Type t) const;
  const Attribute* Find(Type t) const;
};

// RFC 2865 3: octets behind the packet's length are padding; a datagram shorter than that is no packet.
Decoded<Packet> Decode(ByteView datagram);

}  // namespace culvert::radius
