#pragma once

#include "drivers/offload/soft_inline_port.h"

// Between DPDK's handles and the stand-in's own sessions.
namespace culvert::offload {

struct SoftInlinePort::Session {
  void* key;       // expanded; of the KeyArena
  uint32_t salt;   // as it lies in the nonce
  crypto::Suite suite;
  bool udp;
};

SoftInlinePort::Session* SessionOf(void* handle);
// Of a packet that InlinePorts::Mark has marked.
const SoftInlinePort::Session* SessionIn(const rte_mbuf* m);

}  // namespace culvert::offload
