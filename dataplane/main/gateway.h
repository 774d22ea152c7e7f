#pragma once

#include <rte_mempool.h>

#include <memory>
#include <string>
#include <vector>

#include "dataplane/main/event_loop.h"
#include "dataplane/main/gateway_control.h"
#include "dataplane/main/host_path.h"
#include "dataplane/main/ike_path.h"
#include "dataplane/main/neighbours.h"
#include "dataplane/main/network.h"
#include "dataplane/main/port_watchdog.h"
#include "dataplane/stage/reassemble.h"
#include "dataplane/topology.h"
#include "dataplane/worker/worker.h"
#include "drivers/port/port.h"

namespace culvert::dp {

// The gateway put together: ports, tables, rings, workers, and main's half of every conversation. Everything is used from the
// main thread, but for the workers between Start() and Stop().
class Gateway : public GatewayControl {
 public:
  struct Parts {
    std::vector<std::unique_ptr<Port>> ports;   // index() is the position
    std::vector<std::unique_ptr<HostLink>> hosts;  // by port, null where it has no TAP; or empty. As the topology has it
    Topology topology;                          // Check()ed
    rte_mempool* pool = nullptr;                // borrowed
    Worker::Options worker;
    // Tells the rings of two gateways of one process apart (tests).
    std::string name = "gw";
  };
  explicit Gateway(Parts parts);
  ~Gateway() override;

  // Before Start(). The worker's IPsec, borrowed; without one it is a plain router.
  void SetIpsec(unsigned worker, IpsecWorker* ipsec) { contexts_[worker]->ipsec = ipsec; }
  void Start();  // every worker on its lcore, 1 and up
  // Workers end after the pass they are in, and ports stop. Idempotent.
  void Stop();

  // One turn of main's duties without the event loop: empties rings from workers. True: found something.
  bool Poll(Time now);
  void Tick(Time now);  // about every 100 ms

  channel::Status AddAddress(const std::string& port, const IpPrefix& address) override;
  channel::Status RemoveAddress(const std::string& port, const IpPrefix& address) override;
  channel::Status AddRoute(const Route& route) override;
  channel::Status RemoveRoute(const Route& route) override;
  std::optional<Source> SourceFor(const IpAddress& destination) override { return network_->SourceFor(destination); }
  void Describe(const std::function<void(const channel::Event&)>& sink) override { network_->Describe(sink); }
  void Inject(const channel::DatagramInfo& info, ByteView payload) override;

  EventLoop& loop() { return loop_; }
  Network& network() { return *network_; }
  Neighbours& neighbours() { return *neighbours_; }
  IkePath& ike() { return *ike_; }
  HostPath& host() { return *host_; }
  const PortWatchdog& watchdog() const { return *watchdog_; }
  Grace& grace() { return grace_; }
  unsigned workers() const { return static_cast<unsigned>(workers_.size()); }
  Worker& worker(unsigned i) { return *workers_[i]; }
  WorkerContext& context(unsigned i) { return *contexts_[i]; }
  const WorkerContext& context(unsigned i) const { return *contexts_[i]; }
  // Of all threads, by reason.
  std::array<uint64_t, kDropReasons> ReadDrops() const;
  const Counters& main_counters() const { return counters_; }
  const std::vector<std::unique_ptr<Port>>& ports() const { return ports_; }
  Balance ReadBalance() const;
  // Whether packets are forwarded: always by a plain router, else from sync-done on.
  bool forwarding_open() const { return contexts_[0]->ipsec == nullptr || contexts_[0]->ipsec->ForwardingOpen(); }
  uint64_t injects_refused(InjectStatus why) const { return refused_[static_cast<size_t>(why)]; }

 private:
  void BuildRings(const Topology& t, const std::string& name);
  void BuildHost(Parts& parts);
  void BuildWatchdog(const Parts& parts);
  void BuildWorkers(const Parts& parts);
  bool PollRing(PacketRing& ring, uint32_t most, Time now);
  void Dispatch(const HandedOver& h, Time now);

  std::vector<std::unique_ptr<Port>> ports_;
  Bell bell_;
  EventLoop loop_;
  Counters counters_;
  Published<Forwarding> fib_;
  NeighbourTable table_;
  Grace grace_;  // behind the tables: what it still has to give back goes to them
  std::vector<std::unique_ptr<PacketRing>> rings_;
  std::vector<WorkerRings> worker_rings_;
  std::vector<std::unique_ptr<Reassembly>> reassemblies_;  // by worker
  std::vector<std::unique_ptr<WorkerContext>> contexts_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Sender> sender_;
  std::unique_ptr<Neighbours> neighbours_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<IkePath> ike_;
  std::unique_ptr<HostPath> host_;
  std::unique_ptr<PortWatchdog> watchdog_;
  uint64_t refused_[5] = {};  // by InjectStatus
  Time links_at_{};
  bool running_ = false;
};

}  // namespace culvert::dp
