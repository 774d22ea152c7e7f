#pragma once

#include <cstdint>

#include "common/bytes/bytes.h"
#include "common/ipsec/spi.h"
#include "common/net/ip_address.h"
#include "drivers/crypto/suite.h"

// Who runs an SA's cryptography, the best first. The bytes on the wire are the same with each.
namespace culvert::offload {

enum class Engine : uint8_t {
  kInlineProtocol,     // a port has the SA (rte_security): it is given packets in clear and gives those it has opened
  kInlineCrypto,       // a port's own (rte_security): it enciphers what is transmitted and deciphers what is received
  kLookasideProtocol,  // a crypto device has the SA (rte_security): it is lent packets, and gives them back sealed or opened
  kLookaside,          // a crypto device (rte_cryptodev): it is lent packets, and gives them back enciphered or deciphered
  kCpu,                // IPsec-MB on the worker
  kCount,
};
const char* Name(Engine e);
// Whether it is a port.
constexpr bool IsInline(Engine e) { return e == Engine::kInlineProtocol || e == Engine::kInlineCrypto; }
// Whether a device has SAs as a whole, and with them the numbers of what goes out.
constexpr bool HasWhole(Engine e) { return e == Engine::kInlineProtocol || e == Engine::kLookasideProtocol; }

// Why an engine that comes before the one chosen did not take an SA.
enum class StepDown : uint8_t {
  kNone,
  kNoDevice,      // there is none
  kNotWanted,     // hw_offload = no
  kProtocol,      // AH, or ESP under it
  kSuite,         // no device runs it, or not with these lengths
  kEsn,           // no port runs it with extended sequence numbers
  kFull,          // the devices hold as many sessions as they can
  kRefused,       // a device said no
  kSlow,          // the port takes so long over its sessions that it is left alone for a while
  // Where the device would have the whole SA:
  kIv,            // it makes the IVs, and nothing says that none comes twice
  kNumbers,       // it does not tell the numbers of what it has opened, so nobody could go on after it
  kHeaders,       // it does not do what the SA wants of headers, padding or dummy packets
  // Of SAs that a device had:
  kPath,          // something of it was to go another way, or as the device does not do it
  kReset,         // the device was reset
  kCount,
};
const char* Name(StepDown s);

// A place at an engine that an SA has until it is given back; its maker alone makes it and takes it.
struct Session {
  Engine engine = Engine::kCpu;
  uint16_t device = 0;      // port or crypto device, by index
  void* handle = nullptr;   // DPDK's; null: none
  void* flow = nullptr;     // of a port, inbound
};

// Which engines an SA may go to: any; but not to a device as a whole; or to nothing but that.
enum class Wish : uint8_t { kAny, kCrypto, kProtocol };

// What a session is made from.
struct SessionSpec {
  bool seal;                          // outbound
  bool esn;
  crypto::Suite suite;
  ByteView cipher_key, integ_key;     // as crypto::ExpandKeys takes them: no salt
  ByteView salt;
  Spi spi = 0;
  bool tunnel = true, encap = false;
  Endpoint local, remote;
  // Of a whole SA alone:
  uint64_t userdata = 0;      // what the port says of packets and events of this session
  uint64_t sequence = 0;      // outbound: the last number used
  uint64_t soft_packets = 0, hard_packets = 0;  // limits from now on; 0: none
  bool copy_dscp = false, copy_ecn = false, copy_df = false;
  bool plain = true;          // no padding against traffic analysis, no dummy packets, nothing that is cut once it is sealed
};

}  // namespace culvert::offload
