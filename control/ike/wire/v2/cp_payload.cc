#include "control/ike/wire/v2/cp_payload.h"

#include "absl/log/check.h"

//  0                   1                   2                   3      RFC 7296 3.15
// |   CFG Type    |                    RESERVED                   |
// |                   Configuration Attributes                    |
//
// Attribute (3.15.1)
// |R|         Attribute Type      |            Length             |
// |                             Value                             |
namespace culvert::ike {
namespace {

constexpr uint16_t kTypeMask = 0x7fff;  // without the reserved bit

}  // namespace

Decoded<CpPayload> DecodeCp(Reader& body) {
  CpPayload cp;
  cp.cfg_type = body.U8();
  body.Skip(3);
  while (!body.done()) {
    CpAttribute a;
    a.type = body.U16() & kTypeMask;
    uint16_t length = body.U16();
    a.value = body.Take(length);
    cp.attributes.push_back(a);
  }
  if (!body.ok()) return std::unexpected(body.error());
  return cp;
}

void Encode(const CpPayload& cp, Writer& w) {
  w.U8(cp.cfg_type);
  w.Zeros(3);
  for (const auto& a : cp.attributes) {
    CHECK_LE(a.value.size(), 0xffffu);
    w.U16(a.type & kTypeMask);
    w.U16(static_cast<uint16_t>(a.value.size()));
    w.Put(a.value);
  }
}

}  // namespace culvert::ike
