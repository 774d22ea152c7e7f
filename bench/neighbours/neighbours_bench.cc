#include "bench/neighbours/neighbours_bench.h"

#include <absl/log/check.h>
#include <rte_cycles.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/esp/lab.h"
#include "bench/support/bench_eal.h"
#include "bench/support/quiet_core.h"
#include "dataplane/main/neighbour_messages.h"

namespace culvert::bench {
namespace {

struct Options {
  unsigned rate = 100000, runs = 9;  // packets a second of a flood; rounds
  bool json = false, no_hugepages = false;
};

constexpr uint32_t kPackets = 4096;  // of a round
constexpr uint16_t kBurst = 32, kDataRoom = 2048 + RTE_PKTMBUF_HEADROOM;
constexpr uint32_t kHeldMost = 16384;  // what neighbours that do not answer keep

enum class Kind : uint8_t { kHonest, kScan, kArp, kSolicitations };
constexpr const char* kKindNames[] = {"honest", "scan", "arp", "solicitations"};

class NeighboursBench {
 public:
  explicit NeighboursBench(const Options& o) : o_(o) {
    pool_ = rte_pktmbuf_pool_create("bench", kPackets + kHeldMost - 1, 0, 0, kDataRoom, SOCKET_ID_ANY);
    CHECK(pool_ != nullptr) << "no memory for packets";
    lab_ = std::make_unique<Lab>(1, kPackets, pool_, kBurst, nullptr);
    const IpPrefix inside{own_, 64};
    CHECK(lab_->gateway().network().AddAddress({"lan", inside}, dp::Network::Origin::kConfig) == channel::Status::kOk);
    lab_->Settle();
  }
  ~NeighboursBench() {
    lab_.reset();
    rte_mempool_free(pool_);
  }

  // Cycles of the worker a packet, the least of the rounds.
  double Measure(Kind kind) {
    double best = 1e12;
    for (unsigned i = 0; i <= o_.runs; ++i) best = std::min(best, Round(kind));
    return best;
  }

 private:
  // An address of the lan's /64 that no other packet has.
  IpAddress Stranger() {
    IpAddress a = own_;
    const uint32_t n = ++serial_ * 2654435761u;
    for (unsigned i = 0; i < 4; ++i) a.octets[8 + i] = static_cast<uint8_t>(n >> (8 * i));
    a.octets[12] = 1;
    return a;
  }
  Bytes V6Packet(const IpAddress& to) const {
    Bytes p = {0x60, 0, 0, 0, 0, 24, 17, 64, 0x20, 1, 0xd, 0xb8, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    p.insert(p.end(), to.octets.begin(), to.octets.end());
    p.resize(64);
    return p;
  }
  Bytes V4Packet() const {
    Bytes p = {0x45, 0, 0, 64, 0, 0, 0x40, 0, 64, 17, 0, 0, 198, 51, 100, 1};
    const IpAddress to = OurHost();
    p.insert(p.end(), to.octets.begin(), to.octets.begin() + 4);
    const uint16_t sum = test::InternetChecksum(p);
    p[10] = static_cast<uint8_t>(sum >> 8);
    p[11] = static_cast<uint8_t>(sum);
    p.resize(64);
    return p;
  }
  Bytes Frame(Kind kind) {
    const rte_ether_addr stranger{{2, 0, 0, 0, 9, 9}};
    if (kind == Kind::kArp) {
      const IpAddress from = IpAddress::V4(0x0a010000 + 256 + ++serial_ % 60000);
      return dp::EncodeRequest({stranger, from}, IpAddress::V4(10, 1, 0, 1), nullptr);
    }
    if (kind == Kind::kSolicitations) return dp::EncodeRequest({stranger, Stranger()}, own_, &lab_->lan().mac);
    const Bytes ip = kind == Kind::kHonest ? V4Packet() : V6Packet(Stranger());
    const uint8_t* mac = lab_->wan().mac.addr_bytes;
    Bytes frame(mac, mac + 6);
    const uint8_t rest[] = {2, 0, 0, 0, 0, 1, static_cast<uint8_t>(kind == Kind::kHonest ? 0x08 : 0x86),
                            static_cast<uint8_t>(kind == Kind::kHonest ? 0x00 : 0xdd)};
    frame.insert(frame.end(), std::begin(rest), std::end(rest));
    frame.insert(frame.end(), ip.begin(), ip.end());
    return frame;
  }

  double Round(Kind kind) {
    RingPort& port = kind == Kind::kHonest || kind == Kind::kScan ? lab_->wan() : lab_->lan();
    for (uint32_t i = 0; i < kPackets; ++i) {
      const Bytes frame = Frame(kind);
      rte_mbuf* m = rte_pktmbuf_alloc(pool_);
      CHECK(m != nullptr) << "no buffer: more is held than may be";
      std::ranges::copy(frame, reinterpret_cast<uint8_t*>(rte_pktmbuf_append(m, static_cast<uint16_t>(frame.size()))));
      CHECK(port.Feed(m, 0));
    }
    uint64_t cycles = 0;
    {
      Undisturbed whole_round;
      const uint64_t start = rte_rdtsc_precise();
      for (uint32_t left = kPackets; left > 0; left -= std::min<uint32_t>(left, kBurst)) lab_->worker(0).Pass();
      cycles = rte_rdtsc_precise() - start;
    }
    uint32_t out = 0;
    if (kind == Kind::kHonest) {
      for (; rte_mbuf* m = lab_->lan().Drain(0); ++out) rte_pktmbuf_free(m);
      CHECK_EQ(out, kPackets) << lab_->DropsText();
    }
    lab_->Settle();  // main's part, in its own time
    return static_cast<double>(cycles) / kPackets;
  }

  const Options& o_;
  const IpAddress own_ = *IpAddress::Parse("fd01::1");
  rte_mempool* pool_;
  std::unique_ptr<Lab> lab_;
  uint32_t serial_ = 0;
};

int Run(const Options& o) {
  BenchEal eal(128, !o.no_hugepages);
  if (!eal.ok()) return 1;
  PinToLastCore();
  const auto hz = static_cast<double>(rte_get_tsc_hz());
  nlohmann::json all = nlohmann::json::array();
  NeighboursBench bench(o);
  if (!o.json) {
    std::printf("TSC %.3f GHz; `share`: of one worker's time, at %u a second\n", hz / 1e9, o.rate);
    std::printf("%14s %10s %8s\n", "packets", "cycles", "share");
  }
  for (Kind kind : {Kind::kHonest, Kind::kScan, Kind::kArp, Kind::kSolicitations, Kind::kHonest}) {
    const double cycles = bench.Measure(kind), share = cycles * o.rate / hz;
    const char* name = kKindNames[static_cast<size_t>(kind)];
    if (!o.json) std::printf("%14s %10.1f %7.2f%%\n", name, cycles, 100 * share);
    const double rounded = std::round(cycles * 10) / 10;
    all.push_back({{"packets", name}, {"cycles", rounded}, {"rate", o.rate}, {"share", share}, {"tsc_hz", hz}});
  }
  if (o.json) std::cout << all.dump(1) << "\n";
  return 0;
}

}  // namespace

void AddNeighboursBench(CLI::App& app, int& rc) {
  auto o = std::make_shared<Options>();
  auto* c = app.add_subcommand("neighbours",
                               "cycles a packet of a scan of a connected /64, of ARP and ND, and of honest traffic");
  c->add_option("--rate", o->rate, "packets a second of a flood, for its share of a worker's time")->capture_default_str();
  c->add_option("--runs", o->runs, "rounds of which the minimum counts")->check(CLI::Range(1u, 100000u))->capture_default_str();
  c->add_flag("--json", o->json, "an array of objects on stdout");
  c->add_flag("--no-hugepages", o->no_hugepages, "ordinary pages, even where hugepages are to be had");
  c->callback([o, &rc] { rc = Run(*o); });
}

}  // namespace culvert::bench
