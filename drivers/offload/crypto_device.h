#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

struct rte_crypto_op;
struct rte_crypto_sym_xform;

namespace culvert::offload {

struct CryptoDeviceOptions {
  std::string name;            // the operator's
  std::string device;          // as DPDK's environment was started with it: a PCI address or a vdev's arguments
  uint32_t sessions = 2048;    // as many as it is asked to hold: one for each direction of an SA
  // Whole SAs (rte_security lookaside protocol): the device's, where it offers them; not; or a stand-in's before it.
  enum class Ipsec : uint8_t { kAuto, kNo, kSoftware } ipsec = Ipsec::kAuto;
};

// A device that works on crypto operations: DPDK's, or a stand-in before one. Operations of one session come back in the order
// they went. Enqueue and Dequeue on the thread that has the queue pair, the rest on the main thread.
class CryptoDevice {
 public:
  virtual ~CryptoDevice() = default;
  CryptoDevice() = default;
  CryptoDevice(const CryptoDevice&) = delete;
  CryptoDevice& operator=(const CryptoDevice&) = delete;

  // How many it took, the first ones.
  virtual uint16_t Enqueue(uint16_t pair, rte_crypto_op** ops, uint16_t n) = 0;
  virtual uint16_t Dequeue(uint16_t pair, rte_crypto_op** ops, uint16_t n) = 0;

  virtual std::string driver() const = 0;
  virtual uint32_t most_sessions() const = 0;  // 0: as many as there is memory for
  virtual bool Runs(const rte_crypto_sym_xform& x) const = 0;  // with these lengths; a chain: all of it
  // A session, or null. Nothing of it may be in flight when it goes.
  virtual void* CreateSession(const rte_crypto_sym_xform& x) = 0;
  virtual int DestroySession(void* session) = 0;  // 0, or a negative errno
  virtual void* SecurityContext() = 0;            // of rte_security; null: none
  struct Stats {
    uint64_t enqueued, dequeued, errors;  // operations
  };
  virtual Stats stats() const = 0;
};

// DPDK's, configured with a queue pair for each worker and started. After BootEal with the device in its options. `sessions`
// of the options is lowered to what the device holds.
absl::StatusOr<std::unique_ptr<CryptoDevice>> OpenCryptodev(CryptoDeviceOptions& o, unsigned workers);

}  // namespace culvert::offload
