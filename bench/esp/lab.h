#pragma once

#include <memory>
#include <vector>

#include "bench/esp/traffic.h"
#include "dataplane/ipsec.h"
#include "dataplane/main/gateway.h"
#include "drivers/port/ring_port.h"

namespace culvert::bench {

// A whole gateway on two ports in memory, with its tunnels up. Workers are driven by the bench; each has a queue of its own
// on both ports.
class Lab {
 public:
  // `slots`: packets one queue holds; a power of two. `engines`: beside the processor; borrowed; may be null.
  Lab(unsigned workers, uint32_t slots, rte_mempool* pool, uint16_t burst, offload::Engines* engines);
  ~Lab();

  // Installs policy and both SAs of each tunnel, ESN on and a window of 1,024, and notes which worker owns them.
  void Install(std::vector<Tunnel>& tunnels);

  RingPort& wan() { return *ports_[0]; }
  RingPort& lan() { return *ports_[1]; }
  dp::Gateway& gateway() { return *gateway_; }
  dp::Worker& worker(unsigned i) { return gateway_->worker(i); }
  uint64_t Forwarded(unsigned worker) const { return gateway_->context(worker).counters.forwarded.get(); }
  dp::EspWorker& esp(unsigned i) { return ipsec_->worker(i); }
  dp::WorkerDatabase& database() { return ipsec_->database(); }
  uint64_t Dropped() const { return gateway_->ReadBalance().dropped; }
  std::string DropsText() const;
  // A pass of every worker and of main, until nothing moves.
  void Settle();

 private:
  void Introduce(RingPort& port, const IpAddress& host, const IpAddress& gateway);

  rte_mempool* pool_;
  std::vector<RingPort*> ports_;
  std::unique_ptr<dp::Gateway> gateway_;
  std::unique_ptr<dp::Ipsec> ipsec_;
};

}  // namespace culvert::bench
