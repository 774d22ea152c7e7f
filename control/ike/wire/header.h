#pragma once

#include "common/bytes/reader.h"
#include "common/bytes/writer.h"
#include "control/ike/wire/registry.h"

namespace culvert::ike {

//  0                   1                   2                   3      RFC 7296 3.1
// |                       IKE SA Initiator's SPI                  |   8 octets
// |                       IKE SA Responder's SPI                  |   8 octets
// |  Next Payload | MjVer | MnVer | Exchange Type |     Flags     |
// |                          Message ID                           |
// |                            Length                             |
struct IkeHeader {
  uint64_t spi_i = 0, spi_r = 0;
  PayloadType next_payload = PayloadType::kNone;
  uint8_t major = 2, minor = 0;
  ExchangeType exchange = ExchangeType::kIkeSaInit;
  bool initiator = false;   // I: sent by the IKE SA's original initiator
  bool response = false;    // R
  bool higher_version = false;  // V
  uint32_t message_id = 0;
  uint32_t length = 0;      // octets, header included

  friend bool operator==(const IkeHeader&, const IkeHeader&) = default;
};
inline constexpr size_t kIkeHeaderSize = 28;
inline constexpr size_t kIkeVersionOffset = 17, kIkeLengthOffset = 24;  // octets from the header's start

// Reads the fixed header only. Refuses a length that differs from the datagram's; versions are the caller's business.
[[nodiscard]] Decoded<IkeHeader> DecodeHeader(ByteView datagram);
void Encode(const IkeHeader& h, Writer& w);

}  // namespace culvert::ike
