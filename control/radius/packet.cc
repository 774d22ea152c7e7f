#include "control/radius/packet.h"

#include <algorithm>

#include "common/bytes/reader.h"

namespace culvert::radius {

size_t Packet::Count(Type t) const {
  return static_cast<size_t>(std::ranges::count(attributes, static_cast<uint8_t>(t), &Attribute::type));
}

const Attribute* Packet::Find(Type t) const {
  auto found = std::ranges::find(attributes, static_cast<uint8_t>(t), &Attribute::type);
  return found == attributes.end() ? nullptr : &*found;
}

Decoded<Packet> Decode(ByteView datagram) {
  Reader r(datagram);
  Packet p;
  p.code = r.U8();
  p.id = r.U8();
  const size_t length = r.U16();
  p.authenticator = r.Take(kAuthenticator);
  if (!r.ok()) return std::unexpected(r.error());
  if (length < kHeader || length > kMaxPacket) return std::unexpected(r.error(Malformed::kBadLength));
  Reader body = r.Sub(length - kHeader);
  if (!r.ok()) return std::unexpected(r.error());
  p.octets = datagram.first(length);
  while (!body.done()) {
    Attribute a;
    a.type = body.U8();
    const size_t size = body.U8();
    constexpr size_t kFixed = 2;
    if (!body.ok() || size < kFixed) return std::unexpected(body.error(Malformed::kBadLength));
    a.at = body.offset();
    a.value = body.Take(size - kFixed);
    if (!body.ok()) return std::unexpected(body.error());
    p.attributes.push_back(a);
  }
  return p;
}

}  // namespace culvert::radius
