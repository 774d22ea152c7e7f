#include "control/ike/wire/v2/delete_payload.h"

#include "absl/log/check.h"

//  0                   1                   2                   3      RFC 7296 3.11
// | Protocol ID   |   SPI Size    |          Num of SPIs          |
// |              Security Parameter Index(es) (SPI)               |
namespace culvert::ike {
namespace {

constexpr size_t kSpiSize = 4;  // octets, AH and ESP

}  // namespace

Decoded<DeletePayload> DecodeDelete(Reader& body) {
  DeletePayload del;
  size_t at = body.offset();
  del.protocol = static_cast<IpsecProtocol>(body.U8());
  uint8_t spi_size = body.U8();
  uint16_t count = body.U16();
  if (!body.ok()) return std::unexpected(body.error());
  switch (del.protocol) {
    case IpsecProtocol::kIke:
      // RFC 7296 3.11: no SPI, the IKE SA is the message's own. The count then says nothing; some peers write 1.
      if (spi_size != 0) return Refuse(Malformed::kBadLength, at);
      return del;
    case IpsecProtocol::kAh:
    case IpsecProtocol::kEsp:
      if (spi_size != kSpiSize || body.remaining() != count * kSpiSize) return Refuse(Malformed::kBadLength, at);
      del.spis.reserve(count);
      for (unsigned i = 0; i < count; ++i) del.spis.push_back(body.U32());
      return del;
  }
  return Refuse(Malformed::kBadValue, at);
}

void Encode(const DeletePayload& del, Writer& w) {
  bool ike = del.protocol == IpsecProtocol::kIke;
  CHECK(!ike || del.spis.empty());
  CHECK_LE(del.spis.size(), 0xffffu);
  w.U8(static_cast<uint8_t>(del.protocol));
  w.U8(ike ? 0 : kSpiSize);
  w.U16(static_cast<uint16_t>(del.spis.size()));
  for (uint32_t spi : del.spis) w.U32(spi);
}

}  // namespace culvert::ike
