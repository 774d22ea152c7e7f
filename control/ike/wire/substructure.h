#pragma once

#include "absl/log/check.h"
#include "common/bytes/reader.h"
#include "common/bytes/writer.h"

// Proposals and transforms, of IKEv1 and IKEv2 alike, lie in substructures with one header (RFC 7296 3.3.1, 3.3.2; RFC 2408
// 3.5, 3.6, where it is the generic payload header):
//  0                   1                   2                   3
// | Last / next   |   RESERVED    |            Length             |   length in octets, header included
namespace culvert::ike {

// The first octet of each but the last, whose is 0.
inline constexpr uint8_t kMoreProposals = 2, kMoreTransforms = 3;

// Steps over the next one's header in a list of them; returns a cursor fenced to the rest of it. Refuses a first octet that is
// not 0 in the last and `more` in every other.
Decoded<Reader> NextSubstructure(Reader& list, uint8_t more);

// Writes one: header, what `body` appends, and the length that makes, 65,535 octets at most (CHECKed: what is in it is ours).
template <typename Body>
void EncodeSubstructure(uint8_t first, Writer& w, const Body& body) {
  const size_t start = w.size();
  w.U8(first);
  w.U8(0);
  w.U16(0);
  body();
  CHECK_LE(w.size() - start, 0xffffu);
  w.PatchU16(start + 2, static_cast<uint16_t>(w.size() - start));
}

}  // namespace culvert::ike
