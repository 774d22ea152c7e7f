#pragma once

#include "drivers/port/port.h"

namespace culvert {

// One VLAN of another port (IEEE 802.1Q): has a number, a name and addresses of its own, and shares the parent's MAC, queues
// and link. Nothing is received here: frames come in by the parent, tagged, and whoever takes them there sorts them by their
// tag; whoever transmits here has put the tag in. The parent is borrowed and outlives this.
class VlanPort : public Port {
 public:
  VlanPort(std::string name, uint16_t index, Port& parent, uint16_t vid);

  uint16_t Receive(uint16_t, rte_mbuf**, uint16_t) override { return 0; }
  uint16_t Transmit(uint16_t queue, rte_mbuf** packets, uint16_t n) override { return parent_.Transmit(queue, packets, n); }
  uint16_t rx_queues() const override { return 0; }
  uint16_t tx_queues() const override { return parent_.tx_queues(); }
  bool link_up() const override { return parent_.link_up(); }
  bool is_virtual() const override { return parent_.is_virtual(); }
  void Stop() override {}

 private:
  Port& parent_;
};

}  // namespace culvert
