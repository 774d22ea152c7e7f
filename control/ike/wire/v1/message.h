#pragma once

#include <span>

#include "control/ike/wire/v1/payloads.h"

namespace culvert::ike::v1 {

//  0                   1                   2                   3      RFC 2408 3.1
// |                          Initiator Cookie                     |   8 octets
// |                          Responder Cookie                     |   8 octets
// |  Next Payload | MjVer | MnVer | Exchange Type |     Flags     |
// |                          Message ID                           |
// |                            Length                             |
struct Header {
  uint64_t cookie_i = 0, cookie_r = 0;
  PayloadType next_payload = PayloadType::kNone;
  uint8_t major = 1, minor = 0;
  ExchangeType exchange = ExchangeType::kMain;
  bool encrypted = false;    // E: everything behind the header
  bool commit = false;       // C
  bool auth_only = false;    // A: authenticated and in clear; nobody sends it
  uint32_t message_id = 0;   // 0 in phase 1
  uint32_t length = 0;       // octets, header included
  friend bool operator==(const Header&, const Header&) = default;
};
inline constexpr size_t kHeaderSize = 28;

// Reads the fixed header only. Refuses a length that differs from the datagram's; versions are the caller's business.
[[nodiscard]] Decoded<Header> DecodeHeader(ByteView datagram);

// A payload where it lay: what HASH and SIG cover are the octets themselves.
struct Item {
  Payload payload;
  ByteView octets;           // generic header and body
  ByteView body() const { return octets.subspan(4); }
};
struct Chain {
  std::vector<Item> items;
  size_t size = 0;           // octets up to the last payload's end: padding is behind

  template <typename P>
  const P* Get() const {
    for (const Item& item : items) {
      if (auto* p = std::get_if<P>(&item.payload)) return p;
    }
    return nullptr;
  }
  // The first of that type, or nullptr.
  const Item* Find(PayloadType type) const;
};

// Pure. `octets` starts at the first payload's generic header and must outlive the result; offsets in errors count from there.
// kPadding: decrypted, so that octets may be left over, of any number and value (RFC 2409 appendix B; some senders choose both
// at random). Enforces kMaxPayloadsPerMessage, kMaxPayloadsOfOneType and kMaxCertPayloads.
enum class Tail : uint8_t { kNone, kPadding };
[[nodiscard]] Decoded<Chain> DecodeChain(PayloadType first, ByteView octets, Tail tail);

// The chain alone; the first payload's type is TypeOf(payloads[0]) or kNone.
[[nodiscard]] Bytes EncodeChain(std::span<const Payload> payloads);
// The header, its length as that of a message with `body` octets behind it.
[[nodiscard]] Bytes EncodeHeader(Header header, size_t body);
// A message in clear; header.next_payload and header.length are filled in.
[[nodiscard]] Bytes EncodeMessage(Header header, std::span<const Payload> payloads);

}  // namespace culvert::ike::v1
