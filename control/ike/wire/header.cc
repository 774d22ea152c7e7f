#include "control/ike/wire/header.h"

namespace culvert::ike {
namespace {

// RFC 7296 3.1: |X|X|R|V|I|X|X|X|; the others are reserved and ignored.
constexpr uint8_t kFlagInitiator = 0x08, kFlagVersion = 0x10, kFlagResponse = 0x20;

}  // namespace

Decoded<IkeHeader> DecodeHeader(ByteView datagram) {
  Reader r(datagram);
  IkeHeader h;
  h.spi_i = r.U64();
  h.spi_r = r.U64();
  h.next_payload = static_cast<PayloadType>(r.U8());
  uint8_t version = r.U8();
  h.major = version >> 4;
  h.minor = version & 0x0f;
  h.exchange = static_cast<ExchangeType>(r.U8());
  uint8_t flags = r.U8();
  h.initiator = flags & kFlagInitiator;
  h.higher_version = flags & kFlagVersion;
  h.response = flags & kFlagResponse;
  h.message_id = r.U32();
  h.length = r.U32();
  if (!r.ok()) return std::unexpected(r.error());
  if (h.length != datagram.size()) return Refuse(Malformed::kBadLength, r.offset() - 4);
  return h;
}

void Encode(const IkeHeader& h, Writer& w) {
  w.U64(h.spi_i);
  w.U64(h.spi_r);
  w.U8(static_cast<uint8_t>(h.next_payload));
  w.U8(static_cast<uint8_t>(h.major << 4 | (h.minor & 0x0f)));
  w.U8(static_cast<uint8_t>(h.exchange));
  w.U8(static_cast<uint8_t>((h.initiator ? kFlagInitiator : 0) | (h.higher_version ? kFlagVersion : 0) |
                            (h.response ? kFlagResponse : 0)));
  w.U32(h.message_id);
  w.U32(h.length);
}

}  // namespace culvert::ike
