#pragma once

#include <vector>

#include "common/bytes/reader.h"
#include "common/bytes/writer.h"

namespace culvert::ike {

struct CpAttribute {
  uint16_t type = 0;                  // 15 bits
  ByteView value;
};
struct CpPayload {
  uint8_t cfg_type = 1;               // 1 request, 2 reply, 3 set, 4 ack
  std::vector<CpAttribute> attributes;
};

Decoded<CpPayload> DecodeCp(Reader& body);
void Encode(const CpPayload& cp, Writer& w);

}  // namespace culvert::ike
