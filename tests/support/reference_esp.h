#pragma once

#include <optional>
#include <string>

#include "common/bytes/bytes.h"
#include "common/bytes/reader.h"
#include "common/ipsec/algorithm.h"
#include "common/net/ip_address.h"

// ESP in tunnel mode as RFC 4303 writes it, slow and plain, on OpenSSL. The one deliberate duplicate of the data path: it
// shares no code with dataplane/ and drivers/, so that what both get wrong is not the same thing.
namespace culvert::test {

struct ReferenceSa {
  uint32_t spi = 0;
  EspSuite suite;
  Bytes encr_key;  // cipher key, then salt
  Bytes integ_key;
  bool encap = false;
  Endpoint source, destination;  // outer
  bool transport = false, ah = false;  // for ReferenceSeal and ReferenceOpen below: neither
};

// What a sender may choose.
struct SealChoices {
  uint64_t sequence = 1;
  Bytes iv;                   // of the suite's length
  unsigned extra_pad = 0;     // whole granules beyond what is needed, where the pad length's octet allows
  uint8_t next_header = 0;    // 0: what the inner packet is
  uint8_t tos = 0;            // of the outer header
  uint16_t id = 0;            // of an outer IPv4 header, which has DF set all the same
  bool udp_checksum = false;  // over IPv4 too
  int spoil_pad = -1;         // padding octet to spoil, before sealing
  int pad_length = -1;        // the pad length octet, if it is to lie
  bool wide_ah = false;       // AH over IPv4 padded to 64 bits
};

// A whole outer IP packet.
Bytes ReferenceSeal(const ReferenceSa& sa, ByteView inner, const SealChoices& c);

struct ReferenceOpened {
  std::string error;  // why not; empty: opened
  uint64_t sequence = 0;
  uint8_t next_header = 0, tos = 0;
  bool df = false;          // of an outer IPv4 header
  uint16_t id = 0;          // likewise
  uint32_t flow_label = 0;  // of an outer IPv6 header
  Bytes iv, inner;
};
// Judges every octet of the outer packet as a strict receiver would that expects a whole packet and TTL 64. `high` is the half of
// the extended sequence number that is not sent.
ReferenceOpened ReferenceOpen(const ReferenceSa& sa, ByteView outer, uint32_t high);

// Parts of these, for the references of transport mode and AH. The protocol of `text` is c.next_header.
Bytes EspPacket(const ReferenceSa& sa, ByteView text, const SealChoices& c);
void OpenEsp(const ReferenceSa& sa, ByteView esp, uint32_t high, ReferenceOpened& out);
Bytes WrapUdp(const ReferenceSa& sa, Bytes esp, bool checksum);
bool UnwrapUdp(const ReferenceSa& sa, Reader& r, ReferenceOpened& out);
Bytes WrapIp(const ReferenceSa& sa, ByteView payload, uint8_t protocol, const SealChoices& c);
bool UnwrapIp(const ReferenceSa& sa, Reader& r, ByteView outer, ReferenceOpened& out);
// `iv`: of AES-GMAC, whose key ends in its salt.
Bytes ReferenceMac(IntegId integ, ByteView key, ByteView data, ByteView iv = {});

// RFC 1071, over whole and odd octets; the complement, in host order.
uint16_t InternetChecksum(ByteView data, uint32_t start = 0);

}  // namespace culvert::test
