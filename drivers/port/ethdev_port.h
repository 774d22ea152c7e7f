#pragma once

#include <absl/status/statusor.h>
#include <rte_mempool.h>

#include <atomic>
#include <memory>

#include "drivers/port/port.h"

struct rte_eth_dev_info;

namespace culvert {

struct EthdevOptions {
  std::string name;           // the operator's
  std::string device;         // as configured
  uint16_t index = 0;
  uint32_t mtu = 1500;
  unsigned workers = 1;       // as many queues as the device has, up to this
};

// The arguments a vdev is started with: what the operator wrote, and the ring sizes a millisecond's sleep needs where
// the operator said nothing (af_packet).
std::string CompleteDevice(const std::string& device, uint32_t mtu);

// What a port asks of the packet pool, known before the device exists.
struct PortMemory {
  uint32_t descriptors = 0;   // of all its queues; each may hold a packet
  uint32_t buffer = 0;        // octets behind the mbuf's head room that its driver wants for one frame
};
PortMemory MemoryOf(const std::string& device, uint32_t mtu, unsigned workers);

// A DPDK ethdev: a NIC by PCI address, or an af_xdp, af_packet, tap, memif or ring vdev.
class EthdevPort : public Port {
 public:
  // Configures and starts the device. After BootEal with the device in its options; packets are received into `pool`.
  static absl::StatusOr<std::unique_ptr<EthdevPort>> Open(const EthdevOptions& options, rte_mempool* pool);
  ~EthdevPort() override { Close(); }

  uint16_t Receive(uint16_t queue, rte_mbuf** out, uint16_t n) override;
  uint16_t Transmit(uint16_t queue, rte_mbuf** packets, uint16_t n) override;
  uint16_t rx_queues() const override { return queues_; }
  uint16_t tx_queues() const override { return queues_; }
  bool link_up() const override;
  bool is_virtual() const override { return virtual_; }
  void Stop() override;
  void Rest(bool on) override { resting_.store(on, std::memory_order_release); }
  absl::Status Restart() override;
  bool AsksReset() const override { return asks_reset_.load(std::memory_order_acquire); }
  absl::Status ResetDevice() override;
  Stats stats() const override;
  void* SecurityContext() override;
  void* CreateFlow(const SecurityFlow& flow) override;
  void DestroyFlow(void* flow) override;
  ProtocolFacts protocol_facts() const override { return facts_; }
  bool OpenedByProtocol(rte_mbuf* m, OpenedPacket& out) override;
  void OnIpsecEvent(std::function<void(const IpsecEvent&)> sink) override;
  uint16_t dpdk_id() const { return id_; }

 private:
  EthdevPort(const EthdevOptions& o, uint16_t id, rte_mempool* pool)
      : Port(o.name, o.index), options_(o), pool_(pool), id_(id) {}
  absl::Status Configure();
  absl::Status SetMtu(const rte_eth_dev_info& info);
  void Close();  // nothing of its security context is used any more
  void ListenForReset(bool on);
  // ethdev_restart.cc
  absl::Status Rebuild();
  absl::Status GiveMacBack();
  bool RestartQueues();
  Stats DeviceStats() const;
  void ReadSecurity();

  const EthdevOptions options_;
  rte_mempool* const pool_;
  uint16_t id_;
  uint16_t queues_ = 1;
  bool virtual_ = false;
  bool open_ = false, running_ = false;  // to be closed; started
  bool security_ = false;  // has inline IPsec both ways
  std::atomic<bool> resting_{false};
  std::atomic<bool> asks_reset_{false};
  Stats before_;           // of the devices that were here before this one
  bool protocol_ = false;  // has inline protocol among it
  ProtocolFacts facts_;
  std::function<void(const IpsecEvent&)> ipsec_sink_;
  friend struct EthdevEvents;
};

}  // namespace culvert
