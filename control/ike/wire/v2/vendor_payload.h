#pragma once

#include "common/bytes/reader.h"
#include "common/bytes/writer.h"

namespace culvert::ike {

struct VendorIdPayload {
  ByteView data;
};

Decoded<VendorIdPayload> DecodeVendorId(Reader& body);
void Encode(const VendorIdPayload& vendor, Writer& w);

}  // namespace culvert::ike
