#pragma once

#include "common/bytes/reader.h"
#include "common/bytes/writer.h"

namespace culvert::ike {

struct CertPayload {
  uint8_t encoding = 0;
  ByteView data;
};
struct CertReqPayload {
  uint8_t encoding = 0;
  ByteView data;
};

Decoded<CertPayload> DecodeCert(Reader& body);
void Encode(const CertPayload& cert, Writer& w);
Decoded<CertReqPayload> DecodeCertReq(Reader& body);
void Encode(const CertReqPayload& req, Writer& w);

}  // namespace culvert::ike
