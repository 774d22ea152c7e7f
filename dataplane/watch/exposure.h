#pragma once

#include <cstddef>

#include "dataplane/watch/path_record.h"

namespace culvert::dp {

// How many of the octets taken at a place of a packet's way may leave the worker, now that it is known how that ended.
//
//                              without clear_text               with it
//   ICV failed or not reached  headers                          headers
//   opened, as it came         whole: it is ciphertext          whole
//   opened, inside and after   nothing                          whole
//   protected, before sealing  nothing                          whole
//   sealed, as it went         whole: it is ciphertext          whole
//   both, by inline crypto     headers: here it is clear        whole
//   both, by inline protocol   nothing: it is what is inside    whole
//     ICV failed               nothing                          nothing
//   IKE, ARP, ND               whole                            whole
//   the rest, in clear         headers                          whole
//
// "Headers" are those of SeeFrame: up to ports, or to SPI and sequence number. What an SA does not encipher (AH, NULL) is for
// the caller to cut, who knows the SA.
size_t Exposed(const PathRecord& r, Place place, bool clear_text);

}  // namespace culvert::dp
