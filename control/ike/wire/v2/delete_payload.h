#pragma once

#include <vector>

#include "common/bytes/reader.h"
#include "common/bytes/writer.h"
#include "common/ipsec/algorithm.h"

namespace culvert::ike {

struct DeletePayload {
  IpsecProtocol protocol = IpsecProtocol::kIke;
  std::vector<uint32_t> spis;         // host byte order; empty for kIke. May repeat and may name others' SAs
};

Decoded<DeletePayload> DecodeDelete(Reader& body);
void Encode(const DeletePayload& del, Writer& w);

}  // namespace culvert::ike
