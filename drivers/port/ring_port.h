#pragma once

#include <memory>
#include <string>
#include <vector>

#include "drivers/port/port.h"

struct rte_ring;

namespace culvert {

// A port made of two rings of frames per queue: what is fed comes in, what is transmitted is drained. For tests and benches,
// which play the wire.
class RingPort : public Port {
 public:
  RingPort(const std::string& name, uint16_t index, uint16_t queues = 1, uint32_t slots = 1024);
  ~RingPort() override;

  uint16_t Receive(uint16_t queue, rte_mbuf** out, uint16_t n) override;
  uint16_t Transmit(uint16_t queue, rte_mbuf** packets, uint16_t n) override;
  uint16_t rx_queues() const override { return static_cast<uint16_t>(in_.size()); }
  uint16_t tx_queues() const override { return static_cast<uint16_t>(out_.size()); }
  bool link_up() const override { return up_; }
  bool is_virtual() const override { return true; }
  void Stop() override { up_ = false; }

  // The wire's side; one thread. Feed returns false, and keeps nothing, when the ring is full; Drain nullptr when empty.
  bool Feed(rte_mbuf* m, uint16_t queue = 0);
  rte_mbuf* Drain(uint16_t queue = 0);

 private:
  std::vector<rte_ring*> in_, out_;
  bool up_ = true;
};

}  // namespace culvert
