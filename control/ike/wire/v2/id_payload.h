#pragma once

#include "common/bytes/reader.h"
#include "common/bytes/writer.h"
#include "control/ike/wire/registry.h"

namespace culvert::ike {

struct IdPayload {                    // IDi and IDr, told apart by `type`
  PayloadType type = PayloadType::kIdI;
  IdType id_type{};
  ByteView data;
  ByteView body;                      // as received, without the generic header: what AUTH covers (RFC 7296 2.15)
};

// `type` is kIdI or kIdR. Refuses more than kMaxIdentity octets of identification data.
Decoded<IdPayload> DecodeId(PayloadType type, Reader& body);
void Encode(const IdPayload& id, Writer& w);
// Our own identity as AUTH covers it: the payload as encoded, without the generic header.
Bytes EncodeBody(const IdPayload& id);

}  // namespace culvert::ike
