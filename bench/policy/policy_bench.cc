#include "bench/policy/policy_bench.h"

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
#include "common/bytes/writer.h"

namespace culvert::bench {
namespace {

struct Options {
  std::vector<uint32_t> rules = {1, 100, 10000};
  std::string shape = "prefixes";
  unsigned size = 64, runs = 9;
  bool json = false, no_hugepages = false;
};

constexpr uint32_t kPackets = 4096;  // of a round: what caches hold, for memory is not what is measured
constexpr uint32_t kManyFlows = 4096;
constexpr uint16_t kBurst = 32, kDataRoom = 2048 + RTE_PKTMBUF_HEADROOM;
constexpr uint32_t kPortRange = 60000;

enum class Flows : uint8_t { kOne, kMany, kNew };
constexpr const char* kFlowNames[] = {"one", "many", "new"};

// One set of rules in a gateway of its own. Rule r lets pass what goes to HostBehind(r) or, of the shape `ports`, to one host's
// port r; every packet of a round goes by some rule, and out in clear.
class PolicyBench {
 public:
  PolicyBench(const Options& o, uint32_t rules) : o_(o), rules_(rules) {
    pool_ = rte_pktmbuf_pool_create("bench", kPackets + 1023, 0, 0, kDataRoom, SOCKET_ID_ANY);
    CHECK(pool_ != nullptr) << "no memory for packets";
    lab_ = std::make_unique<Lab>(1, kPackets, pool_, kBurst, nullptr);
    for (uint32_t r = 0; r < rules; ++r) AddRule(r);
    lab_->Settle();
    mbufs_.resize(kPackets);
    for (auto& m : mbufs_) CHECK((m = rte_pktmbuf_alloc(pool_)) != nullptr);
  }
  ~PolicyBench() {
    for (rte_mbuf* m : mbufs_) rte_pktmbuf_free(m);
    lab_.reset();
    rte_mempool_free(pool_);
  }

  // Cycles a packet, the least of the rounds; the first one, in which known flows become known, does not count.
  double Measure(Flows flows) {
    double best = 1e12;
    for (unsigned i = 0; i <= o_.runs; ++i) {
      const double round = Round(flows);
      if (i > 0) best = std::min(best, round);
    }
    return best;
  }

 private:
  bool by_ports() const { return o_.shape == "ports"; }

  void AddRule(uint32_t r) {
    channel::AddPolicy policy{};
    policy.policy_id = r + 1;
    policy.action = channel::PolicyAction::kBypass;
    const IpAddress host = HostBehind(by_ports() ? 0 : r);
    TrafficSelector remote{.addresses = {host, host}};
    if (by_ports()) {
      remote.protocol = 17;
      remote.port_first = remote.port_last = static_cast<uint16_t>(1 + r % kPortRange);
    }
    SelectorList local{{.addresses = *IpRange::Parse("10.1.0.0/16")}};
    CHECK(lab_->database().AddPolicy(policy, local, {remote}) == channel::Status::kOk);
    if (r % 256 == 255) lab_->Settle();
  }

  // A UDP packet that tells its flow apart by source address and port.
  Bytes Packet(uint32_t flow) const {
    const uint32_t rule = flow * 2654435761u % rules_;  // spread, so that neighbours in a burst ask for different rules
    Writer w;
    w.U8(0x45);
    w.U8(0);
    w.U16(static_cast<uint16_t>(o_.size));
    w.U32(0x4000);
    w.U8(64);
    w.U8(17);
    w.U16(0);
    w.U32(10u << 24 | 1u << 16 | (256 + flow % 60000));
    w.Put(HostBehind(by_ports() ? 0 : rule).bytes());
    w.PatchU16(10, test::InternetChecksum(w.view()));
    w.U16(static_cast<uint16_t>(1024 + flow / 60000));
    w.U16(static_cast<uint16_t>(by_ports() ? 1 + rule % kPortRange : 5001));
    w.U16(static_cast<uint16_t>(o_.size - 20));
    w.U16(0);
    while (w.size() < o_.size) w.U8(0);
    return w.Release();
  }

  void Feed(Flows flows) {
    RingPort& port = lab_->lan();
    for (uint32_t i = 0; i < kPackets; ++i) {
      const uint32_t flow = flows == Flows::kOne ? 0 : flows == Flows::kMany ? i % kManyFlows : kManyFlows + next_flow_++;
      const Bytes packet = Packet(flow);
      rte_mbuf* m = mbufs_[i];
      rte_pktmbuf_reset(m);
      auto* to = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(m, static_cast<uint16_t>(packet.size() + RTE_ETHER_HDR_LEN)));
      CHECK(to != nullptr);
      std::memcpy(to, port.mac.addr_bytes, 6);
      std::memset(to + 6, 2, 6);
      to[12] = 8;
      to[13] = 0;
      std::copy(packet.begin(), packet.end(), to + RTE_ETHER_HDR_LEN);
      CHECK(port.Feed(m, 0));
    }
  }

  double Round(Flows flows) {
    Feed(flows);
    uint64_t cycles = 0;
    {
      Undisturbed whole_round;
      const uint64_t start = rte_rdtsc_precise();
      for (uint32_t left = kPackets; left > 0; left -= std::min<uint32_t>(left, kBurst)) lab_->worker(0).Pass();
      cycles = rte_rdtsc_precise() - start;
    }
    for (uint32_t i = 0; i < kPackets; ++i) {
      CHECK(lab_->wan().Drain(0) == mbufs_[i]) << i << " of " << kPackets << " came out; drops: " << lab_->DropsText();
    }
    return static_cast<double>(cycles) / kPackets;
  }

  const Options& o_;
  const uint32_t rules_;
  rte_mempool* pool_;
  std::unique_ptr<Lab> lab_;
  std::vector<rte_mbuf*> mbufs_;
  uint32_t next_flow_ = 0;
};

int Run(const Options& o) {
  BenchEal eal(64, !o.no_hugepages);
  if (!eal.ok()) return 1;
  PinToLastCore();
  nlohmann::json all = nlohmann::json::array();
  if (!o.json) {
    std::printf("rules of shape %s, %u octets, %u KiB pages, TSC %.3f GHz; cycles a packet\n", o.shape.c_str(), o.size,
                eal.page_kib(), static_cast<double>(rte_get_tsc_hz()) / 1e9);
    std::printf("%8s %10s %10s %10s\n", "rules", "one flow", "many", "new");
  }
  for (uint32_t rules : o.rules) {
    PolicyBench bench(o, rules);
    nlohmann::json row = {{"rules", rules}, {"shape", o.shape}, {"size", o.size}, {"page_kib", eal.page_kib()},
                          {"tsc_hz", rte_get_tsc_hz()}};
    for (Flows flows : {Flows::kOne, Flows::kMany, Flows::kNew}) {
      row[std::string(kFlowNames[static_cast<size_t>(flows)]) + "_cycles"] = std::round(bench.Measure(flows) * 10) / 10;
    }
    if (!o.json) {
      std::printf("%8u %10.1f %10.1f %10.1f\n", rules, row["one_cycles"].get<double>(), row["many_cycles"].get<double>(),
                  row["new_cycles"].get<double>());
      std::fflush(stdout);
    }
    all.push_back(std::move(row));
  }
  if (o.json) std::cout << all.dump(1) << "\n";
  return 0;
}

}  // namespace

void AddPolicyBench(CLI::App& app, int& rc) {
  auto o = std::make_shared<Options>();
  auto* c = app.add_subcommand("policy",
                               "forward by 1, 100, 10,000 policies: cycles a packet of the whole worker path, on one core");
  c->add_option("--rules", o->rules, "how many policies, a list")
      ->delimiter(',')
      ->check(CLI::Range(1u, 50000u))
      ->capture_default_str();
  c->add_option("--shape", o->shape, "what tells the rules apart: remote prefixes, or ports of one host")
      ->check(CLI::IsMember({"prefixes", "ports"}))
      ->capture_default_str();
  c->add_option("--size", o->size, "octets of the IP packet")->check(CLI::Range(28, 1800))->capture_default_str();
  c->add_option("--runs", o->runs, "rounds of which the minimum counts")->check(CLI::Range(1u, 100000u))->capture_default_str();
  c->add_flag("--json", o->json, "an array of objects on stdout");
  c->add_flag("--no-hugepages", o->no_hugepages, "ordinary pages, even where hugepages are to be had");
  c->callback([o, &rc] { rc = Run(*o); });
}

}  // namespace culvert::bench
