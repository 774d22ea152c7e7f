#include "control/ike/wire/v2/notify_payload.h"

#include "absl/log/check.h"

//  0                   1                   2                   3      RFC 7296 3.10
// |  Protocol ID  |   SPI Size    |      Notify Message Type      |
// |                Security Parameter Index (SPI)                 |
// |                       Notification Data                       |
namespace culvert::ike {

Decoded<NotifyPayload> DecodeNotify(Reader& body) {
  NotifyPayload n;
  n.protocol = static_cast<IpsecProtocol>(body.U8());
  uint8_t spi_size = body.U8();
  n.type = static_cast<NotifyType>(body.U16());
  n.spi = body.Take(spi_size);
  n.data = body.Rest();
  if (!body.ok()) return std::unexpected(body.error());
  return n;
}

void Encode(const NotifyPayload& n, Writer& w) {
  CHECK_LE(n.spi.size(), 0xffu);
  w.U8(static_cast<uint8_t>(n.protocol));
  w.U8(static_cast<uint8_t>(n.spi.size()));
  w.U16(static_cast<uint16_t>(n.type));
  w.Put(n.spi);
  w.Put(n.data);
}

}  // namespace culvert::ike
