#pragma once

#include <cstdint>

#include "drivers/crypto/key_arena.h"
#include "drivers/crypto/mb_engine.h"

struct rte_cryptodev_capabilities;
struct rte_security_session_conf;

// ESP as the stand-ins for devices with rte_security have it: AES-GCM with 16 octets of ICV (RFC 4303, RFC 4106). Not the
// worker's own on purpose: it is what a device would do, the other side of what is tested.
namespace culvert::offload {

inline constexpr uint32_t kSoftEspHeader = 8, kSoftIv = 8, kSoftIcv = 16;  // octets

struct SoftSa {
  void* key;       // expanded; of a KeyArena
  uint32_t salt;   // as it lies in the nonce
  crypto::Suite suite;
  bool udp, esn, tunnel, copy_dscp, copy_ecn, copy_df;
  uint8_t family;  // of the tunnel, 4 or 6
  uint32_t spi;    // host order
  uint16_t source_port, destination_port;
  uint8_t source[16], destination[16];  // as in the outer header
};

// What of it the stand-ins take: ended by RTE_CRYPTO_OP_TYPE_UNDEFINED. With `esn` also the longer AAD.
const rte_cryptodev_capabilities* SoftEspCrypto(bool esn);

// 0, or a negative errno as rte_security_ops have it. FreeSoftSa gives back what it took.
[[nodiscard]] int MakeSoftSa(const rte_security_session_conf& conf, crypto::KeyArena& keys, IMB_MGR* manager, SoftSa& out);
void FreeSoftSa(const SoftSa& s, crypto::KeyArena& keys);

// RFC 4106: salt and IV make the nonce, SPI and sequence number the AAD. `text`: octets between IV and ICV; `high`: the high
// half of an extended sequence number.
void FillSoft(crypto::CryptoOp& op, const SoftSa& s, uint8_t* esp, uint32_t text, uint32_t high = 0);

// An IP packet in a buffer.
struct SoftPacket {
  uint8_t* begin;
  uint32_t length;  // octets
};

// Takes ESP off. `header` octets of IP header stand at `ip`, the ESP header at `esp`, and `end` is behind the ICV. False: not
// genuine, or nothing that may go on came out. A dummy packet comes out with no length.
[[nodiscard]] bool OpenSoft(crypto::MbEngine& engine, const SoftSa& s, uint8_t* ip, uint32_t header, uint8_t* esp,
                            const uint8_t* end, SoftPacket& out);

// Puts ESP around a packet, in transport mode behind the first `header` octets of it. The room before and behind is the
// caller's care, as with a device that works in place. `iv`: host order.
SoftPacket SealSoft(crypto::MbEngine& engine, const SoftSa& s, SoftPacket packet, uint32_t header, uint64_t number,
                    uint64_t iv);

}  // namespace culvert::offload
