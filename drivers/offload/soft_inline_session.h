#pragma once

#include "drivers/offload/soft_inline_port.h"

// Between DPDK's handles and the stand-in's own sessions.
namespace culvert::offload {

inline constexpr uint32_t kSoftEspHeader = 8, kSoftIv = 8, kSoftIcv = 16;  // octets

struct SoftInlinePort::Session {
  void* key;       // expanded; of the KeyArena
  uint32_t salt;   // as it lies in the nonce
  crypto::Suite suite;
  bool udp;
  uint32_t made;   // after how many resets
  // Inline protocol:
  bool protocol, tunnel, copy_dscp, copy_ecn, copy_df;
  uint8_t family;          // of the tunnel, 4 or 6
  uint32_t spi;            // host order
  uint16_t source_port, destination_port;
  uint8_t source[16], destination[16];  // as in the outer header
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

// RFC 4106: salt and IV make the nonce, SPI and sequence number the AAD. `text`: octets between IV and ICV.
void FillSoft(crypto::CryptoOp& op, const SoftInlinePort::Session& s, uint8_t* esp, uint32_t text);

}  // namespace culvert::offload
