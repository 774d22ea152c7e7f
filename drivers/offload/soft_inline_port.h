#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "drivers/crypto/key_arena.h"
#include "drivers/crypto/mb_engine.h"
#include "drivers/port/port.h"

struct rte_security_ctx;

namespace culvert::offload {

// A port that offers inline crypto as a NIC does, and does it itself: for labs without such a NIC, and for tests, which can
// make it as bad as NICs get. Stands before another port. What it offers: AES-GCM with 16 octets of ICV, tunnel and transport,
// in UDP or not, no extended sequence numbers. Sessions, metadata and mbuf flags are DPDK's.
//
// Receive and Transmit on the queue's thread, the rest on the main thread.
class SoftInlinePort : public Port {
 public:
  static absl::StatusOr<std::unique_ptr<SoftInlinePort>> Wrap(std::unique_ptr<Port> port);
  ~SoftInlinePort() override;

  uint16_t Receive(uint16_t queue, rte_mbuf** out, uint16_t n) override;
  uint16_t Transmit(uint16_t queue, rte_mbuf** packets, uint16_t n) override;
  uint16_t rx_queues() const override { return port_->rx_queues(); }
  uint16_t tx_queues() const override { return port_->tx_queues(); }
  bool link_up() const override { return port_->link_up(); }
  bool is_virtual() const override { return port_->is_virtual(); }
  void Stop() override { port_->Stop(); }
  Stats stats() const override { return port_->stats(); }
  void Rest(bool on) override { port_->Rest(on); }
  absl::Status Restart() override { return port_->Restart(); }
  void* SecurityContext() override;
  void* CreateFlow(const SecurityFlow& flow) override;
  void DestroyFlow(void* flow) override;

  // What a bad NIC does; from the next packet on. Main thread.
  struct Faults {
    uint32_t flows = 0;        // no more than that many; 0: as many as there is room for
    uint32_t miss_every = 0;   // each n-th packet that has a flow is passed on as it came; 0: none
    bool refuses = false;      // no new session
  };
  void Set(const Faults& faults);
  uint32_t sessions() const { return sessions_; }
  uint64_t sealed() const { return sealed_; }  // packets, of all queues; for tests, between bursts
  uint64_t opened() const { return opened_; }

  struct Session;  // what is behind an rte_security_session

 private:
  explicit SoftInlinePort(std::unique_ptr<Port> port);
  struct Flow {
    SecurityFlow key;
    Session* session;
  };
  // An ESP header found in a frame.
  struct Esp {
    uint16_t at;   // octets from the begin of the frame
    uint16_t end;  // of the IP packet
  };
  struct Queue {
    std::unique_ptr<crypto::MbEngine> engine;
    uint32_t hits = 0;
    std::atomic<uint64_t> turn{0};  // odd: in a burst
  };
  static bool FindEsp(const rte_mbuf* m, Esp& esp, SecurityFlow& key);
  void WaitForQueues() const;
  const Flow* Match(const SecurityFlow& key) const;
  void Open(Queue& queue, rte_mbuf* m);
  void Seal(Queue& queue, rte_mbuf* m);

  static constexpr size_t kSlots = 4096;  // of the table of flows; each leads to one, or to where the next may be

  std::unique_ptr<Port> port_;
  std::unique_ptr<rte_security_ctx> context_;
  std::unique_ptr<crypto::MbEngine> main_engine_;   // for expanding keys
  crypto::KeyArena keys_;
  std::vector<std::unique_ptr<Queue>> queues_;
  std::array<std::atomic<Flow*>, kSlots> flows_{};  // written by main, read by workers
  uint32_t flow_count_ = 0, sessions_ = 0;
  Faults faults_;
  std::atomic<uint32_t> miss_every_{0};
  std::atomic<uint64_t> sealed_{0}, opened_{0};

  friend struct SoftInlineOps;
};

}  // namespace culvert::offload
