#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "drivers/crypto/key_arena.h"
#include "drivers/crypto/mb_engine.h"
#include "drivers/port/port.h"

struct rte_security_ctx;

namespace culvert::offload {

// A port that offers inline crypto and inline protocol as NICs do, and does it itself: for labs without such a NIC, and for
// tests, which can make it as bad as NICs get. Stands before another port. What it offers: AES-GCM with 16 octets of ICV,
// tunnel and transport, over IPv4 in UDP or not, no extended sequence numbers. Sessions, metadata and mbuf flags are DPDK's.
//
// As inline protocol it makes and reads the outer headers (TTL 64; DF, DSCP and ECN as its options say), takes the number as
// the IV, tells the numbers of what it opens, and has no window of its own. What it does not open comes as it came: other
// sources than the session's, fragments, headers that are not plain.
//
// Receive and Transmit on the queue's thread, the rest on the main thread.
class SoftInlinePort : public Port {
 public:
  struct Offer {
    bool crypto = true, protocol = true;
  };
  static absl::StatusOr<std::unique_ptr<SoftInlinePort>> Wrap(std::unique_ptr<Port> port, Offer offer);
  ~SoftInlinePort() override;

  uint16_t Receive(uint16_t queue, rte_mbuf** out, uint16_t n) override;
  uint16_t Transmit(uint16_t queue, rte_mbuf** packets, uint16_t n) override;
  uint16_t rx_queues() const override { return port_->rx_queues(); }
  uint16_t tx_queues() const override { return port_->tx_queues(); }
  bool link_up() const override { return !resting_.load(std::memory_order_acquire) && port_->link_up(); }
  bool is_virtual() const override { return port_->is_virtual(); }
  void Stop() override { port_->Stop(); }
  Stats stats() const override;
  void Rest(bool on) override;
  absl::Status Restart() override { return port_->Restart(); }
  bool AsksReset() const override { return asks_reset_.load(std::memory_order_acquire) || port_->AsksReset(); }
  absl::Status ResetDevice() override;
  void* SecurityContext() override;
  void* CreateFlow(const SecurityFlow& flow) override;
  void DestroyFlow(void* flow) override;
  ProtocolFacts protocol_facts() const override;
  bool OpenedByProtocol(rte_mbuf* m, OpenedPacket& out) override;
  void OnIpsecEvent(std::function<void(const IpsecEvent&)> sink) override { sink_ = std::move(sink); }

  // What a bad NIC does; from the next packet on. Main thread.
  struct Faults {
    uint32_t flows = 0;        // no more than that many; 0: as many as there is room for
    uint32_t miss_every = 0;   // each n-th packet that has a flow is passed on as it came; 0: none
    bool refuses = false;      // no new session
    std::function<void()> on_create = {};  // called while a session is made: what takes its time there
    uint64_t soft_at = 0, hard_at = 0;     // packets of a session of inline protocol, after which it says so; 0: never
    bool disorder = false;     // received packets come backwards, and the last one of a burst after the burst behind it
  };
  void Set(const Faults& faults);
  // The device goes down as NICs do and asks for a reset: it has no session any more, and what is to be sealed by one is lost.
  // Unlike theirs, its queues go on.
  void Reset();
  uint32_t sessions() const { return sessions_; }
  uint64_t sealed() const { return sealed_; }  // packets, of all queues; for tests, between bursts
  uint64_t opened() const { return opened_; }

  struct Session;  // what is behind an rte_security_session

 private:
  SoftInlinePort(std::unique_ptr<Port> port, Offer offer);
  struct Flow {
    SecurityFlow key;
    Session* session;
  };
  struct Queue {
    std::unique_ptr<crypto::MbEngine> engine;
    uint32_t hits = 0;
    std::atomic<uint64_t> turn{0};  // odd: in a burst
    rte_mbuf* late = nullptr;       // Faults::disorder
  };
  // An ESP header found in a frame.
  struct Esp {
    uint16_t ip;   // octets of the IP header
    uint16_t at;   // from the begin of the frame
    uint16_t end;  // of the IP packet, likewise
  };
  static bool FindEsp(const rte_mbuf* m, Esp& esp, SecurityFlow& key);
  void WaitForQueues() const;
  const Flow* Match(const SecurityFlow& key) const;
  void Open(Queue& queue, rte_mbuf* m);
  bool Seal(Queue& queue, rte_mbuf* m);
  uint16_t Disorder(Queue& queue, rte_mbuf** frames, uint16_t n, uint16_t room);
  // soft_inline_protocol.cc
  void OpenProtocol(Queue& queue, rte_mbuf* m, Session& s, const Esp& esp);
  void SealProtocol(Queue& queue, rte_mbuf* m, Session& s);
  void CountUse(Session& s);

  static constexpr size_t kSlots = 4096;  // of the table of flows; each leads to one, or to where the next may be

  std::unique_ptr<Port> port_;
  const Offer offer_;
  std::unique_ptr<rte_security_ctx> context_;
  std::unique_ptr<crypto::MbEngine> main_engine_;   // for expanding keys
  crypto::KeyArena keys_;
  std::vector<std::unique_ptr<Queue>> queues_;
  std::array<std::atomic<Flow*>, kSlots> flows_{};  // written by main, read by workers
  uint32_t flow_count_ = 0, sessions_ = 0;
  Faults faults_;
  std::function<void(const IpsecEvent&)> sink_;
  std::atomic<uint32_t> miss_every_{0}, resets_{0};
  std::atomic<uint64_t> soft_at_{0}, hard_at_{0};
  std::atomic<bool> disorder_{false}, asks_reset_{false}, resting_{false};
  std::atomic<uint64_t> sealed_{0}, opened_{0}, lost_{0};

  friend struct SoftInlineOps;
};

}  // namespace culvert::offload
