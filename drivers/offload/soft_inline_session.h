#pragma once

#include "drivers/offload/soft_esp.h"
#include "drivers/offload/soft_inline_port.h"

// Between DPDK's handles and the stand-in's own sessions.
namespace culvert::offload {

struct SoftInlinePort::Session {
  SoftSa sa;
  uint32_t made;   // after how many resets
  bool protocol;
  // Inline protocol:
  uint64_t userdata, soft_packets, hard_packets;  // limits: UINT64_MAX: none
  uint64_t next;           // number of the next packet; of std::atomic_ref, as the following
  uint64_t packets;
};

SoftInlinePort::Session* SessionOf(void* handle);
// Of a packet that InlinePorts::Mark has marked.
SoftInlinePort::Session* SessionIn(const rte_mbuf* m);
// What OpenedByProtocol tells of a packet. userdata 0: it has been inline crypto's.
void NoteOpened(rte_mbuf* m, const Port::OpenedPacket& opened);
Port::OpenedPacket NoteOf(const rte_mbuf* m);

}  // namespace culvert::offload
