#pragma once

#include <memory>
#include <vector>

#include "dataplane/main/gateway.h"
#include "drivers/offload/soft_inline_port.h"
#include "drivers/port/ring_port.h"
#include "tests/support/fake_host.h"
#include "tests/support/frames.h"

namespace culvert::testing {

// A whole gateway on ring ports, its workers and main driven by hand in one thread: what goes in at a port, what comes out,
// and books that must balance after every step.
//
//   port 0 "wan": 192.0.2.1/24, 2001:db8::1/64      port 1 "lan": 10.1.0.1/24, fd01::1/64
//   default routes (both families) via 192.0.2.254 and 2001:db8::fe
class GatewayRig {
 public:
  struct Options {
    unsigned workers = 1;
    uint32_t mtu = 1500;
    bool addresses = true;
    bool tap = false;        // on wan
    bool inline_wan = false;  // wan offers inline IPsec, by the stand-in
    offload::SoftInlinePort::Offer offer = {};  // with inline_wan
    uint16_t vlan = 0;       // port 2 "dmz": that VLAN of lan, 10.7.0.1/24 and fd07::1/64
  };
  GatewayRig() : GatewayRig(Options()) {}
  explicit GatewayRig(Options options);
  ~GatewayRig();

  static constexpr uint16_t kWan = 0, kLan = 1, kDmz = 2;

  dp::Gateway& gateway() { return *gateway_; }
  RingPort& port(uint16_t i) { return *ports_[i]; }
  offload::SoftInlinePort& inline_wan() { return *inline_wan_; }
  FakeHost& host() { return *host_; }   // of wan; with `tap`

  // A frame on the wire, then everything it sets off, to its end.
  void Send(uint16_t port, ByteView frame);
  // Several before anything runs.
  void Feed(uint16_t port, ByteView frame);
  void Run();
  // An IP packet from `mac` to the port.
  void SendIp(uint16_t port, const rte_ether_addr& from, ByteView packet);
  // All frames sent out of a port since the last call.
  std::vector<Bytes> Sent(uint16_t port);
  // Time goes on by that much in steps of a tick.
  void Advance(Duration d);
  // A neighbour that is there: the gateway learns its MAC by asking, and answers are played.
  void AddNeighbour(uint16_t port, const IpAddress& address, const rte_ether_addr& mac);

  uint64_t drops(Drop why) const;
  uint64_t all_drops() const;
  dp::Balance balance() const { return gateway_->ReadBalance(); }
  bool Balanced() const { return balance().Holds(); }
  // Packets held by the workers that are pieces of others: given up by the workers' own clock, not by Advance.
  uint64_t fragments() const;
  Time now() const { return now_; }
  // mbufs out of the pool: 0 unless something is held. A leak shows here.
  unsigned buffers_in_use() const;
  rte_mempool* pool() { return pool_; }

 private:
  rte_mempool* pool_;
  std::vector<RingPort*> ports_;
  FakeHost* host_ = nullptr;
  offload::SoftInlinePort* inline_wan_ = nullptr;
  std::unique_ptr<dp::Gateway> gateway_;
  // Far ahead of the workers' own clock, so that their stamps of use are old until a test sets one.
  Time now_ = std::chrono::steady_clock::now() + std::chrono::hours(24);
};

rte_ether_addr Mac(uint8_t last);  // 02:00:00:00:00:last

}  // namespace culvert::testing
