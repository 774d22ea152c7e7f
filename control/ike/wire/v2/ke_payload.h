#pragma once

#include "common/bytes/reader.h"
#include "common/bytes/writer.h"
#include "common/ipsec/algorithm.h"

namespace culvert::ike {

struct KePayload {
  KeGroup group{};
  ByteView data;                      // any length: what fits the group is the key exchange's business
};

Decoded<KePayload> DecodeKe(Reader& body);
void Encode(const KePayload& ke, Writer& w);

}  // namespace culvert::ike
