#include "control/ike/wire/v2/cert_payload.h"

//  0                   1                   2                   3      RFC 7296 3.6
// | Cert Encoding |                                               |
// |                       Certificate Data                        |
//                                                                     RFC 7296 3.7
// | Cert Encoding |                                               |
// |                    Certification Authority                    |
namespace culvert::ike {

Decoded<CertPayload> DecodeCert(Reader& body) {
  CertPayload cert;
  cert.encoding = body.U8();
  cert.data = body.Rest();
  if (!body.ok()) return std::unexpected(body.error());
  return cert;
}

void Encode(const CertPayload& cert, Writer& w) {
  w.U8(cert.encoding);
  w.Put(cert.data);
}

Decoded<CertReqPayload> DecodeCertReq(Reader& body) {
  CertReqPayload req;
  req.encoding = body.U8();
  req.data = body.Rest();
  if (!body.ok()) return std::unexpected(body.error());
  return req;
}

void Encode(const CertReqPayload& req, Writer& w) {
  w.U8(req.encoding);
  w.Put(req.data);
}

}  // namespace culvert::ike
