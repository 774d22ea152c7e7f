#pragma once

#include "tests/support/reference_esp.h"

// Transport mode of ESP (RFC 4303 3.1.1) and AH in both modes (RFC 4302), slow and plain, on OpenSSL; like reference_esp.h it
// shares no code with dataplane/ and drivers/.
namespace culvert::test {

// A packet cut where transport mode cuts it.
struct CutPacket {
  Bytes front;       // IP header, options, extension headers
  uint8_t next = 0;  // protocol of the rest
  Bytes rest;
};
// Before what an IPsec header is put before: behind IPv4's options, or the last hop-by-hop or routing header.
CutPacket CutToSeal(ByteView ip);
// Before the IPsec header, or the UDP header before it.
CutPacket CutAtIpsec(ByteView ip);
// Lengths, protocol and checksum are those of the whole.
Bytes Join(const CutPacket& c);

// Of any mode and protocol. In transport mode the packet goes as it is from one end to the other.
Bytes ReferenceSealAny(const ReferenceSa& sa, ByteView packet, const SealChoices& c);
// Judges as ReferenceOpen does; in transport mode `inner` is the whole packet as it was.
ReferenceOpened ReferenceOpenAny(const ReferenceSa& sa, ByteView outer, uint32_t high);

// What `sa`'s end would have sent with the same number, IV, ID, DSCP and ECN.
Bytes SealAgain(const ReferenceSa& sa, const ReferenceOpened& o);
// Flow labels are everyone's own.
Bytes WithoutLabel(Bytes packet);

}  // namespace culvert::test
