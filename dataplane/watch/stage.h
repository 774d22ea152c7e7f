#pragma once

#include <cstddef>
#include <cstdint>

namespace culvert::dp {

// The passes of a worker, as operators see them. What a worker does is always one of them, so that their cycles add up to all
// of its time.
enum class Stage : uint8_t {
  kIdle,      // polls that find nothing, and sleep
  kTake,      // from the rings of main and other workers, and from crypto devices
  kReceive,   // from a port
  kClassify,  // headers, whose packet it is, local duties
  kOpen,      // IPsec header, SA, limits, replay window
  kVerify,    // ICV, deciphering, by the processor
  kAccept,    // window again, trailer, the SA's selectors
  kInside,    // classify again: what came out of an SA
  kPolicy,    // policy, and the route of what goes on in clear
  kRoute,     // the same of a plain router
  kSeal,      // limits, way out, headers, nonces
  kEncipher,  // and ICV, by the processor
  kCut,       // into fragments
  kTransmit,  // neighbour, Ethernet header, the port's queue
  kUpkeep,    // housekeeping
  kCount
};
inline constexpr size_t kStageCount = static_cast<size_t>(Stage::kCount);

const char* Name(Stage s);  // "receive"; static storage

}  // namespace culvert::dp
