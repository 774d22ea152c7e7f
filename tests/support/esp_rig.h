#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "common/bytes/bytes.h"
#include "common/channel/sa_event.h"
#include "dataplane/fib/forwarding.h"
#include "dataplane/fib/neighbour_table.h"
#include "dataplane/ipsec.h"
#include "dataplane/worker/context.h"
#include "tests/support/reference_esp.h"

namespace culvert::test {

// Starts DPDK's environment without hugepages and devices, once per process.
void BootEalForTests();

// One SA as a test wants it; both the dataplane's install command and the reference's form follow from it.
struct SaSpec {
  Spi spi = MakeSpi(1, 5, 7);
  uint32_t sa_index = SaIndex(MakeSpi(1, 5, 7));
  EspSuite suite{EncrId::kAesGcm16, 128, IntegId::kNone, true};
  Bytes encr_key, integ_key;  // MakeKeys fills them
  uint8_t protocol = 50;
  channel::Mode mode = channel::Mode::kTunnel;
  bool encap = false;
  Endpoint gateway, peer;  // outer; ours and theirs
  std::optional<IpAddress> original_gateway, original_peer;  // in transport mode through UDP, where other than those
  uint16_t wire_port = 0;
  uint32_t window = 1024;
  uint64_t sequence = 0;
  uint16_t iv_generation = 3;
  uint32_t policy_id = 1, preference = 0;
  uint32_t if_id_in = 0, if_id_out = 0;  // the rig has tunnels 42 and 43
  bool copy_dscp = false, copy_ecn = true, copy_df = true;
  uint16_t tfc_padding = 0;  // outbound
  uint32_t dummy_packets = 0;  // likewise
  channel::WireLifetime lifetime{};
  channel::Offload offload = channel::Offload::kAuto;
  SelectorList local, remote;
  std::string connection, child;

  ReferenceSa Inbound() const;   // as the peer seals
  ReferenceSa Outbound() const;  // as the peer opens
  channel::InstallSa Install(channel::Direction d) const;
  bool ah() const { return protocol == 51; }
  bool transport() const { return mode == channel::Mode::kTransport; }
};

// The ESP half of a gateway without ports, rings or threads: workers' contexts, a table of routes, the database.
class EspRig {
 public:
  explicit EspRig(unsigned workers = 1, dp::EspWorker::Options options = {}, uint16_t mtu = 9000);
  ~EspRig();

  // Runs main's and every worker's duties until all is settled.
  void Settle();
  channel::Status Install(const SaSpec& s, channel::Direction d);
  channel::Status Remove(const SaSpec& s, channel::Direction d);
  channel::Status AddPolicy(uint32_t id, const SelectorList& local, const SelectorList& remote,
                            channel::PolicyAction action = channel::PolicyAction::kProtect, uint32_t priority = 0,
                            bool acquire = false);
  // A policy over the SA's selectors, the SA of either direction.
  void InstallBoth(const SaSpec& s);

  // A packet as the worker's loop has it after parse. Fails the test where it does not parse.
  dp::Packet& MakePacket(ByteView ip, uint16_t port = 0);
  rte_mbuf* MakeMbuf(ByteView data);
  static Bytes Contents(const dp::Packet& p);
  // Frees its packets, and forgets all that were made.
  void Free(dp::Burst& b);

  // Drops of a reason since the last call for it.
  uint64_t Drops(Drop why, unsigned worker = 0);
  uint64_t AllDrops(unsigned worker = 0) const;

  dp::WorkerContext& context(unsigned i = 0) { return *contexts_[i]; }
  dp::EspWorker& worker(unsigned i = 0) { return ipsec_->worker(i); }
  dp::WorkerDatabase& database() { return ipsec_->database(); }
  dp::Grace& grace() { return grace_; }
  const dp::Forwarding& fib() const { return *fib_; }
  std::vector<channel::Event>& events() { return events_; }
  rte_mempool* pool() { return pool_; }
  std::mt19937_64& rng() { return rng_; }
  Bytes Random(size_t n);
  void MakeKeys(SaSpec& s);

 private:
  dp::Grace grace_;
  std::unique_ptr<dp::Forwarding> fib_;
  dp::NeighbourTable neighbours_;
  rte_mempool* pool_;
  std::vector<std::unique_ptr<dp::PacketRing>> rings_;
  std::vector<dp::WorkerRings> worker_rings_;
  std::vector<std::unique_ptr<dp::WorkerContext>> contexts_;
  std::unique_ptr<dp::Ipsec> ipsec_;
  std::vector<channel::Event> events_;
  std::vector<std::array<uint64_t, kDropReasons>> seen_drops_;
  std::mt19937_64 rng_{1};
};

// Inner packets.
Bytes MakeUdp(const IpAddress& from, const IpAddress& to, uint16_t source_port, uint16_t destination_port, size_t total,
              uint8_t tos = 0, bool df = true);

}  // namespace culvert::test
