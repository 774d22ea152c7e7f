#pragma once

#include <cstdint>

#include "common/bytes/bytes.h"
#include "common/ipsec/spi.h"
#include "common/net/ip_address.h"
#include "drivers/crypto/suite.h"

// Who runs an SA's cryptography, the best first. The bytes on the wire are the same with each.
namespace culvert::offload {

enum class Engine : uint8_t {
  kInlineCrypto,  // the port's own (rte_security): it enciphers what is transmitted and deciphers what is received
  kLookaside,     // a crypto device (rte_cryptodev) that the worker lends packets to
  kCpu,           // IPsec-MB on the worker
  kCount,
};
const char* Name(Engine e);

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
};

}  // namespace culvert::offload
