#pragma once

#include <cstdint>
#include <type_traits>

#include "common/ipsec/spi.h"
#include "dataplane/worker/packet.h"
#include "drivers/crypto/suite.h"
#include "drivers/offload/lookaside.h"

namespace culvert::dp {

// What goes with a packet to a crypto device and back. The pointers outlive it: an SA's memory is its worker's until nothing of
// it is in flight.
struct Lent {
  Packet packet;
  void* sa;
  uint8_t* text;          // inbound; of a whole SA, as it was
  uint64_t sequence;      // inbound, as the next three
  uint32_t text_length;   // octets
  Spi spi;
  uint16_t esp;           // offset of the ESP header
  crypto::Suite suite;
  bool encap, seal;
  bool whole;             // the device has the SA (lookaside protocol)
  bool cut;               // is to be cut when it is back
  uint8_t tos, df;        // of a whole SA: DSCP and ECN of the outer header, to be written or as it came; DF to be written
};
static_assert(sizeof(Lent) <= offload::LookasideQueue::kContext && std::is_trivially_copyable_v<Lent>);

// In the operation's memory: until the queue's next Collect().
inline const Lent& LentOf(const offload::LookasideQueue::Result& r) { return *static_cast<const Lent*>(r.context); }

}  // namespace culvert::dp
