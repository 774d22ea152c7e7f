#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "drivers/crypto/mb_engine.h"
#include "drivers/offload/crypto_device.h"
#include "drivers/offload/engine.h"

struct rte_mbuf;
struct rte_mempool;

namespace culvert::offload {

// MiB of DPDK's memory that a device with these options and its queues take, before it exists: as much as the largest driver.
uint32_t MemoryMib(const CryptoDeviceOptions& o, unsigned workers);

// One worker's queue pair on one crypto device. The owning worker's thread.
//
// What is submitted is the device's until it is collected: neither the packet's octets nor what its operation names may be
// touched or freed.
class LookasideQueue {
 public:
  static constexpr uint16_t kDescriptors = 2048;
  static constexpr size_t kContext = 192;  // octets of the caller's that go with an operation

  LookasideQueue(CryptoDevice& device, uint16_t pair, rte_mempool* ops);  // borrowed
  ~LookasideQueue();
  LookasideQueue(const LookasideQueue&) = delete;
  LookasideQueue& operator=(const LookasideQueue&) = delete;

  // `op` as the engine of the processor takes it (its key is not looked at), over octets of `m`, which is one segment. Copies
  // `context`, of at most kContext octets. False: there is no room now, and nothing happened.
  [[nodiscard]] bool Submit(const void* session, const crypto::CryptoOp& op, bool seal, bool esn, rte_mbuf* m,
                            const void* context, size_t context_length);
  // Of a session of lookaside protocol: `m` begins with its IP header, of `header` octets with all that stays before ESP in
  // transport mode, and comes back sealed or opened, whatever stands before and behind it then. `iv`, of iv_length octets, is
  // the explicit one; none: of a packet to be opened, or the device makes it.
  [[nodiscard]] bool SubmitWhole(const void* session, const uint8_t* iv, size_t iv_length, uint16_t header, rte_mbuf* m,
                                 const void* context, size_t context_length);
  // Hands to the device what was submitted. Once a burst.
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
  rte_crypto_op* NewOp(rte_mbuf* m, const void* context, size_t context_length);

  CryptoDevice& device_;
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

  // On the first device that takes it, as the best that `wish` leaves: as a whole, or its packets alone. Why it is not the best
  // of the last device that there is, or kNone; `out` is left alone where none takes it.
  StepDown Create(const SessionSpec& spec, Wish wish, Session& out);
  // Nothing of this session is in flight any more.
  void Destroy(const Session& s);

  size_t size() const { return devices_.size(); }
  CryptoDevice& device(size_t i) { return *devices_[i].device; }
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
    std::unique_ptr<CryptoDevice> device;
    uint32_t sessions = 0;
    void* security = nullptr;               // of lookaside protocol; null: not offered, or not wanted
    rte_mempool* security_sessions = nullptr;
    std::vector<rte_mempool*> op_pools;                     // by worker
    std::vector<std::unique_ptr<LookasideQueue>> queues;    // by worker
  };
  static bool IsFull(const Device& d) { return d.sessions == d.options.sessions; }
  static absl::Status Start(Device& d, size_t place, unsigned workers);
  static StepDown CreateOn(Device& d, const SessionSpec& spec, Wish wish, Session& out);
  static StepDown CreateWhole(Device& d, const SessionSpec& spec, Session& out);
  static StepDown CreateCrypto(Device& d, const SessionSpec& spec, Session& out);

  std::vector<Device> devices_;
};

}  // namespace culvert::offload
