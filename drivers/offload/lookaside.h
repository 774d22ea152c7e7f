#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "drivers/crypto/mb_engine.h"
#include "drivers/offload/engine.h"

struct rte_crypto_op;
struct rte_mbuf;
struct rte_mempool;

namespace culvert::offload {

struct CryptoDeviceOptions {
  std::string name;            // the operator's
  std::string device;          // as DPDK's environment was started with it: a PCI address or a vdev's arguments
  uint32_t sessions = 2048;    // as many as it is asked to hold: one for each direction of an SA
};
// MiB of DPDK's memory that a device with these options and its queues take, before it exists: as much as the largest driver.
uint32_t MemoryMib(const CryptoDeviceOptions& o, unsigned workers);

// One worker's queue pair on one crypto device. The owning worker's thread.
//
// What is submitted is the device's until it is collected: neither the packet's octets nor what its operation names may be
// touched or freed. Operations of one queue come back in the order they went, as drivers do it.
class LookasideQueue {
 public:
  static constexpr uint16_t kDescriptors = 2048;
  static constexpr size_t kContext = 192;  // octets of the caller's that go with an operation

  LookasideQueue(uint8_t device, uint16_t pair, rte_mempool* ops);
  ~LookasideQueue();
  LookasideQueue(const LookasideQueue&) = delete;
  LookasideQueue& operator=(const LookasideQueue&) = delete;

  // `op` as the engine of the processor takes it (its key is not looked at), over octets of `m`, which is one segment. Copies
  // `context`, of at most kContext octets. False: there is no room now, and nothing happened.
  [[nodiscard]] bool Submit(const void* session, const crypto::CryptoOp& op, bool seal, bool esn, rte_mbuf* m,
                            const void* context, size_t context_length);
  // Hands to the device what Submit took. Once a burst.
  void Flush();

  struct Result {
    enum Kind : uint8_t { kDone, kBadIcv, kFailed };  // kFailed: the device would not, and the text is as good as lost
    const void* context;  // until the next call
    Kind kind;
  };
  // What has come back, at most n ≤ crypto::kMaxOps.
  uint16_t Collect(Result* out, uint16_t n);
  uint32_t in_flight() const { return in_flight_; }  // submitted, and not collected

  struct Extra;  // what follows an operation in memory; lookaside_op.h

 private:
  static Extra& ExtraOf(rte_crypto_op* op);

  uint8_t device_;
  uint16_t pair_;
  rte_mempool* ops_;
  uint32_t in_flight_ = 0;
  uint16_t waiting_n_ = 0;                     // submitted, not yet with the device
  rte_crypto_op* waiting_[crypto::kMaxOps];
  uint16_t collected_n_ = 0;                   // of the last Collect
  rte_crypto_op* collected_[crypto::kMaxOps];
};

// The crypto devices of a gateway, each with a queue pair for every worker. Main thread.
class LookasideDevices {
 public:
  // Configures and starts them. After BootEal with the devices in its options.
  static absl::StatusOr<std::unique_ptr<LookasideDevices>> Open(const std::vector<CryptoDeviceOptions>& devices,
                                                                unsigned workers);
  ~LookasideDevices();  // the workers have ended, and every session is gone

  // On the first device that takes it; why the last that did not, where none does, and then `out` is left alone.
  StepDown Create(const SessionSpec& spec, Session& out);
  // Nothing of this session is in flight any more.
  void Destroy(const Session& s);

  size_t size() const { return devices_.size(); }
  bool has_protocol() const { return has_protocol_; }  // one of them would have SAs as a whole, which it is not given
  LookasideQueue& queue(unsigned worker, size_t device) { return *devices_[device].queues[worker]; }
  struct Facts {
    std::string name, driver;
    uint32_t sessions, most_sessions;
    uint64_t enqueued, dequeued, errors;       // operations, as the device counts them
  };
  Facts facts(size_t device) const;

 private:
  struct Device {
    CryptoDeviceOptions options;
    uint8_t id = 0;            // DPDK's
    bool started = false;
    uint32_t sessions = 0;
    rte_mempool* session_pool = nullptr;
    std::vector<rte_mempool*> op_pools;                     // by worker
    std::vector<std::unique_ptr<LookasideQueue>> queues;    // by worker
  };
  absl::Status Start(Device& d, unsigned workers);

  std::vector<Device> devices_;
  bool has_protocol_ = false;
};

}  // namespace culvert::offload
