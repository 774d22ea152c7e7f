#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "drivers/crypto/key_arena.h"
#include "drivers/crypto/mb_engine.h"
#include "drivers/offload/crypto_device.h"

struct rte_security_capability;
struct rte_security_ctx;
struct rte_security_session;
struct rte_security_session_conf;

namespace culvert::offload {

// A crypto device that has SAs as a whole (rte_security lookaside protocol), and seals and opens their packets itself: for labs
// without such a device, and for tests, which can make it as bad as devices get. Stands before another device, whose other
// operations it passes on. What it offers: AES-GCM with 16 octets of ICV, tunnel and transport, over IPv4 and IPv6, in UDP or
// not, extended sequence numbers and IVs given with the packets on the way out. Sessions and operations are DPDK's. It has no
// window.
class SoftSecurityDevice final : public CryptoDevice {
 public:
  static absl::StatusOr<std::unique_ptr<SoftSecurityDevice>> Wrap(std::unique_ptr<CryptoDevice> device, uint16_t pairs);
  ~SoftSecurityDevice() override;

  uint16_t Enqueue(uint16_t pair, rte_crypto_op** ops, uint16_t n) override;
  uint16_t Dequeue(uint16_t pair, rte_crypto_op** ops, uint16_t n) override;
  std::string driver() const override { return device_->driver(); }
  uint32_t most_sessions() const override { return device_->most_sessions(); }
  bool Runs(const rte_crypto_sym_xform& x) const override { return device_->Runs(x); }
  void* CreateSession(const rte_crypto_sym_xform& x) override { return device_->CreateSession(x); }
  int DestroySession(void* session) override { return device_->DestroySession(session); }
  void* SecurityContext() override;
  Stats stats() const override;

  // What a bad device does; from the next operation on. Between bursts.
  struct Faults {
    bool refuses = false;      // no new session
    bool holds = false;        // gives nothing back
    uint16_t room = kRoom;     // operations a queue pair takes before some are taken back
    uint32_t fail_every = 0;   // each n-th operation is given back undone; 0: none
  };
  void Set(const Faults& faults) { faults_ = faults; }
  uint32_t sessions() const { return sessions_; }

 private:
  static constexpr uint16_t kRoom = 2048;
  struct Pair {
    std::unique_ptr<crypto::MbEngine> engine;
    std::deque<rte_crypto_op*> done;
    std::atomic<uint64_t> enqueued{0}, dequeued{0}, errors{0};
  };
  struct Session;

  explicit SoftSecurityDevice(std::unique_ptr<CryptoDevice> device);
  void Work(Pair& pair, rte_crypto_op* op);
  static void Seal(crypto::MbEngine& engine, Session& s, rte_crypto_op* op);
  static bool Open(crypto::MbEngine& engine, Session& s, rte_crypto_op* op);

  std::unique_ptr<CryptoDevice> device_;
  std::unique_ptr<rte_security_ctx> context_;
  std::unique_ptr<crypto::MbEngine> main_engine_;  // for expanding keys
  crypto::KeyArena keys_;
  std::vector<std::unique_ptr<Pair>> pairs_;
  uint32_t sessions_ = 0;
  Faults faults_;

  friend struct SoftSecurityOps;
};

}  // namespace culvert::offload
