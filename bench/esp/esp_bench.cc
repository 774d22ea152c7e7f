#include "bench/esp/esp_bench.h"

#include <absl/log/check.h>
#include <absl/log/log.h>
#include <pthread.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "bench/esp/lab.h"
#include "bench/esp/raw.h"
#include "bench/esp/traffic.h"
#include "bench/support/bench_eal.h"
#include "bench/support/quiet_core.h"

namespace culvert::bench {
namespace {

struct Options {
  std::string direction = "seal", suite = "aes128gcm16", pattern = "single", pool = "cold";
  std::vector<unsigned> sizes = {64, 256, 512, 1024, 1420};
  uint32_t tunnels = 1;
  unsigned workers = 1, burst = 32, runs = 0;
  std::string device;  // of lookaside; empty: the processor
  bool json = false, no_hugepages = false;
};

struct SuiteName {
  const char* name;
  EspSuite suite;
};
constexpr SuiteName kSuites[] = {
    {"aes128gcm16", {EncrId::kAesGcm16, 128, IntegId::kNone, true}},
    {"aes256gcm16", {EncrId::kAesGcm16, 256, IntegId::kNone, true}},
    {"aes128cbc-sha256", {EncrId::kAesCbc, 128, IntegId::kHmacSha256_128, true}},
    {"chacha20poly1305", {EncrId::kChaCha20Poly1305, 256, IntegId::kNone, true}},
};

constexpr uint32_t kCold = 32768, kHot = 512;  // packets of a round; the first is far more than L2 holds
constexpr unsigned kColdRuns = 15, kHotRuns = 60;
constexpr uint16_t kDataRoom = 2048 + RTE_PKTMBUF_HEADROOM;
constexpr uint64_t kPacketMemory = 4096;  // octets: ordinary pages, of that size, have none across two of them

struct Result {
  unsigned size;
  double raw = 1e9, full = 1e9;
  double alone = 1e9;  // as `full`, where only one of the workers runs
};

// One configuration: builds the lab once and measures every size in it.
class EspBench {
 public:
  explicit EspBench(const Options& o) : o_(o), seal_(o.direction == "seal"), packets_(o.pool == "hot" ? kHot : kCold) {
    for (const auto& s : kSuites) {
      if (o.suite == s.name) suite_ = s.suite;
    }
    pool_ = rte_pktmbuf_pool_create("bench", packets_ * o.workers + 1023, 0, 0, kDataRoom, SOCKET_ID_ANY);
    CHECK(pool_ != nullptr) << "no memory for packets: " << rte_strerror(rte_errno);
    if (!o.device.empty()) {
      auto devices = offload::LookasideDevices::Open({{.name = "bench", .device = o.device}}, o.workers);
      CHECK(devices.ok()) << devices.status();
      engines_ = std::make_unique<offload::Engines>(nullptr, std::move(*devices));
    }
    lab_ = std::make_unique<Lab>(o.workers, packets_, pool_, static_cast<uint16_t>(o.burst), engines_.get());
    tunnels_ = MakeTunnels(o.tunnels, suite_, rng_);
    lab_->Install(tunnels_);
    auto suite = crypto::FindSuite(suite_.encr, suite_.encr_key_bits, suite_.integ);
    raw_ = std::make_unique<RawCrypto>(*suite, seal_ ? crypto::Use::kSeal : crypto::Use::kOpen, tunnels_,
                                       static_cast<uint16_t>(o.burst));
    pad_to_ = crypto::Info(*suite).pad_to;
    icv_ = crypto::Info(*suite).icv;
    iv_ = crypto::Info(*suite).iv;
    for (unsigned w = 0; w < o.workers; ++w) {
      std::vector<rte_mbuf*> own(packets_);
      for (auto& m : own) CHECK((m = rte_pktmbuf_alloc(pool_)) != nullptr);
      mbufs_.push_back(std::move(own));
    }
    for (unsigned w = 0; w < o.workers; ++w) chosen_.push_back(ChooseFor(w));
  }
  ~EspBench() {
    for (auto& own : mbufs_) {
      for (rte_mbuf* m : own) rte_pktmbuf_free(m);
    }
    lab_.reset();
    engines_.reset();
    rte_mempool_free(pool_);
  }

  Result Measure(unsigned size) {
    Result r{size};
    unsigned runs = o_.runs != 0 ? o_.runs : packets_ == kHot ? kHotRuns : kColdRuns;
    for (unsigned i = 0; i < runs; ++i) {
      r.full = std::min(r.full, FullRound(size, o_.workers));
      r.alone = o_.workers == 1 ? r.full : std::min(r.alone, FullRound(size, 1));
      r.raw = std::min(r.raw, RawRound(size));
    }
    return r;
  }
  const crypto::MbEngine& engine() { return lab_->esp(0).engine(); }

 private:
  // Only tunnels of this worker: what a NIC's steering brings to its queue.
  std::vector<uint32_t> ChooseFor(unsigned worker) {
    std::vector<uint32_t> own;
    for (uint32_t t = 0; t < tunnels_.size(); ++t) {
      if (tunnels_[t].worker == worker) own.push_back(t);
    }
    CHECK(!own.empty()) << "a worker without a tunnel: ask for at least as many tunnels as workers";
    auto pattern = o_.pattern == "single" ? Pattern::kSingle : o_.pattern == "uniform" ? Pattern::kUniform : Pattern::kZipf;
    auto chosen = Choose(pattern, static_cast<uint32_t>(own.size()), packets_, rng_);
    for (auto& t : chosen) t = own[t];
    return chosen;
  }

  Bytes Inner(uint32_t tunnel, unsigned size, uint32_t i) const {
    return seal_ ? MakeInner(OurHost(), HostBehind(tunnel), size, i) : MakeInner(HostBehind(tunnel), OurHost(), size, i);
  }

  // A frame in each mbuf, as the wire would bring it, and into the worker's queue.
  void Feed(unsigned worker, unsigned size) {
    RingPort& port = seal_ ? lab_->lan() : lab_->wan();
    for (uint32_t i = 0; i < packets_; ++i) {
      uint32_t t = chosen_[worker][i];
      Bytes packet = Inner(t, size, i);
      if (!seal_) {
        test::SealChoices c;
        c.sequence = tunnels_[t].next_in++;
        c.iv = Bytes(iv_, static_cast<uint8_t>(i));
        for (unsigned k = 0; k < 8; ++k) c.iv[k] = static_cast<uint8_t>(c.sequence >> (8 * k));
        packet = test::ReferenceSeal(tunnels_[t].in, packet, c);
      }
      rte_mbuf* m = mbufs_[worker][i];
      rte_pktmbuf_reset(m);
      auto* to = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(m, static_cast<uint16_t>(packet.size() + RTE_ETHER_HDR_LEN)));
      CHECK(to != nullptr);
      std::memcpy(to, port.mac.addr_bytes, 6);
      std::memset(to + 6, 2, 6);
      to[12] = 8;
      to[13] = 0;
      std::copy(packet.begin(), packet.end(), to + RTE_ETHER_HDR_LEN);
      CHECK(port.Feed(m, static_cast<uint16_t>(worker)));
    }
  }

  // Opens or compares every packet that came out, in order.
  void Verify(unsigned worker, unsigned size) {
    RingPort& port = seal_ ? lab_->wan() : lab_->lan();
    for (uint32_t i = 0; i < packets_; ++i) {
      rte_mbuf* m = port.Drain(static_cast<uint16_t>(worker));
      CHECK(m != nullptr) << i << " of " << packets_ << " came out; drops: " << lab_->DropsText();
      CHECK(m == mbufs_[worker][i]) << "out of order, or copied";
      const auto* data = rte_pktmbuf_mtod(m, const uint8_t*);
      ByteView packet{data + RTE_ETHER_HDR_LEN, rte_pktmbuf_data_len(m) - size_t{RTE_ETHER_HDR_LEN}};
      uint32_t t = chosen_[worker][i];
      Bytes got = ToBytes(packet), want = Inner(t, size, i);
      if (seal_) {
        auto o = test::ReferenceOpen(tunnels_[t].out, packet, 0);
        CHECK(o.error.empty()) << o.error;
        got = std::move(o.inner);
      }
      CHECK(got.size() == want.size());
      want[8] = got[8];  // TTL and checksum: lowered by one, and checked here
      CHECK(got[8] == 63 && test::InternetChecksum(ByteView(got).first(20)) == 0);
      want[10] = got[10], want[11] = got[11];
      CHECK(got == want) << "packet " << i << " is not what went in";
    }
  }

  // Cycles a packet from the first dequeue to the last enqueue; of several workers, the slowest.
  double FullRound(unsigned size, unsigned workers) {
    for (unsigned w = 0; w < workers; ++w) Feed(w, size);
    std::vector<uint64_t> cycles(workers);
    std::atomic<unsigned> ready{0};
    auto run = [&](unsigned w) {
      dp::Worker& worker = lab_->worker(w);
      Undisturbed whole_round;
      ready.fetch_add(1);
      while (ready.load() != workers) {}
      const uint64_t end = lab_->Forwarded(w) + packets_;
      uint64_t start = rte_rdtsc_precise();
      while (lab_->Forwarded(w) < end) worker.Pass();
      cycles[w] = rte_rdtsc_precise() - start;
    };
    if (workers == 1) {
      run(0);
    } else {
      std::vector<std::thread> threads;
      for (unsigned w = 0; w < workers; ++w) {
        threads.emplace_back([&, w] {
          cpu_set_t set;
          CPU_ZERO(&set);
          CPU_SET(w % std::thread::hardware_concurrency(), &set);
          pthread_setaffinity_np(pthread_self(), sizeof set, &set);
          run(w);
        });
      }
      for (auto& t : threads) t.join();
    }
    for (unsigned w = 0; w < workers; ++w) Verify(w, size);
    return static_cast<double>(*std::max_element(cycles.begin(), cycles.end())) / packets_;
  }

  // The same mbufs in the same order, the text where the worker has it. One core, whatever the workers.
  double RawRound(unsigned size) {
    std::vector<RawCrypto::Text> texts(packets_);
    uint32_t length = (size + 2 + pad_to_ - 1) / pad_to_ * pad_to_;
    unsigned at = RTE_PKTMBUF_HEADROOM + RTE_ETHER_HDR_LEN + (seal_ ? 0 : 28 + iv_);
    for (uint32_t i = 0; i < packets_; ++i) {
      auto* text = static_cast<uint8_t*>(mbufs_[0][i]->buf_addr) + at;
      std::memset(text, static_cast<int>(i), length + icv_);
      texts[i] = {text, chosen_[0][i]};
    }
    Undisturbed whole_round;
    return raw_->Run(texts, length);
  }

  const Options& o_;
  bool seal_;
  uint32_t packets_;
  EspSuite suite_;
  unsigned pad_to_ = 4, icv_ = 16, iv_ = 8;
  std::mt19937_64 rng_{42};
  rte_mempool* pool_;
  std::unique_ptr<offload::Engines> engines_;
  std::unique_ptr<Lab> lab_;
  std::vector<Tunnel> tunnels_;
  std::unique_ptr<RawCrypto> raw_;
  std::vector<std::vector<rte_mbuf*>> mbufs_;  // by worker, in allocation order
  std::vector<std::vector<uint32_t>> chosen_;  // by worker: tunnel of each packet
};

nlohmann::json ToJson(const Options& o, const Result& r, unsigned page_kib, const std::string& arch) {
  auto hz = static_cast<double>(rte_get_tsc_hz());
  double mpps = hz / r.full / 1e6;
  auto tenth = [](double v) { return std::round(v * 10) / 10; };
  return {{"direction", o.direction},
          {"suite", o.suite},
          {"size", r.size},
          {"tunnels", o.tunnels},
          {"pattern", o.pattern},
          {"workers", o.workers},
          {"engine", o.device.empty() ? "cpu" : o.device},
          {"pool", o.pool},
          {"raw_cycles", tenth(r.raw)},
          {"full_cycles", tenth(r.full)},
          {"overhead_cycles", tenth(r.full - r.raw)},
          {"efficiency", std::round(r.raw / r.full * 1000) / 1000},
          {"mpps", std::round(mpps * 1000) / 1000},
          {"gbps", std::round(mpps * r.size * 8) / 1000},
          {"all_mpps", std::round(mpps * o.workers * 1000) / 1000},
          {"times_one", std::round(r.alone / r.full * o.workers * 100) / 100},
          {"page_kib", page_kib},
          {"ipsec_mb", crypto::MbEngine::LibraryVersion()},
          {"arch", arch},
          {"burst", o.burst},
          {"tsc_hz", rte_get_tsc_hz()}};
}

int Run(const Options& o) {
  uint32_t packets = (o.pool == "hot" ? kHot : kCold) * o.workers + 1023;
  uint32_t mib = static_cast<uint32_t>(packets * kPacketMemory >> 20) + 48;
  std::vector<std::string> devices;
  if (!o.device.empty()) {
    devices.push_back(o.device);
    mib += offload::MemoryMib({.name = "bench", .device = o.device}, o.workers);
  }
  BenchEal eal(mib, !o.no_hugepages, devices);
  if (!eal.ok()) return 1;
  if (o.workers == 1) PinToLastCore();
  nlohmann::json all = nlohmann::json::array();
  {
    EspBench bench(o);
    std::string arch = bench.engine().arch();
    unsigned page_kib = eal.page_kib();
    if (!o.json) {
      std::printf("%s %s, %u tunnels %s, %u workers, %s pool, burst %u, %u KiB pages, IPsec-MB %s %s, TSC %.3f GHz\n",
                  o.direction.c_str(), o.suite.c_str(), o.tunnels, o.pattern.c_str(), o.workers, o.pool.c_str(), o.burst,
                  page_kib, crypto::MbEngine::LibraryVersion().c_str(), arch.c_str(),
                  static_cast<double>(rte_get_tsc_hz()) / 1e9);
      std::printf("%6s %8s %8s %9s %11s %9s %8s%s\n", "size", "raw", "full", "overhead", "efficiency", "Mpps", "Gb/s",
                  o.workers > 1 ? "  all Mpps  times one" : "");
    }
    for (unsigned size : o.sizes) {
      auto j = ToJson(o, bench.Measure(size), page_kib, arch);
      if (!o.json) {
        std::printf("%6u %8.1f %8.1f %9.1f %11.3f %9.3f %8.3f", size, j["raw_cycles"].get<double>(),
                    j["full_cycles"].get<double>(), j["overhead_cycles"].get<double>(), j["efficiency"].get<double>(),
                    j["mpps"].get<double>(), j["gbps"].get<double>());
        if (o.workers > 1) std::printf(" %9.3f %10.2f", j["all_mpps"].get<double>(), j["times_one"].get<double>());
        std::printf("\n");
        std::fflush(stdout);
      }
      all.push_back(std::move(j));
    }
  }
  if (o.json) std::cout << all.dump(1) << "\n";
  return 0;
}

}  // namespace

void AddEspBench(CLI::App& app, int& rc) {
  auto o = std::make_shared<Options>();
  auto* c = app.add_subcommand("esp",
                               "seal or open ESP: cycles a packet of the whole worker path and of IPsec-MB alone, on one core");
  c->add_option("--direction", o->direction)->check(CLI::IsMember({"seal", "open"}))->capture_default_str();
  std::vector<std::string> suites;
  for (const auto& s : kSuites) suites.emplace_back(s.name);
  c->add_option("--suite", o->suite)->check(CLI::IsMember(suites))->capture_default_str();
  c->add_option("--size", o->sizes, "octets of the inner IP packet, a list")
      ->delimiter(',')
      ->check(CLI::Range(28, 1800))
      ->capture_default_str();
  c->add_option("--tunnels", o->tunnels)->check(CLI::Range(1u, 1000000u))->capture_default_str();
  c->add_option("--pattern", o->pattern, "which tunnel a packet is of")
      ->check(CLI::IsMember({"single", "uniform", "zipf"}))
      ->capture_default_str();
  c->add_option("--workers", o->workers)->check(CLI::Range(1u, 32u))->capture_default_str();
  c->add_option("--pool", o->pool, "packets cold (32,768) or hot (512) in the caches")
      ->check(CLI::IsMember({"hot", "cold"}))
      ->capture_default_str();
  c->add_option("--device", o->device, "a crypto device that packets are lent to, as a vdev's arguments: crypto_aesni_mb0");
  c->add_option("--burst", o->burst)->check(CLI::Range(1u, 64u))->capture_default_str();
  c->add_option("--runs", o->runs, "runs of which the minimum counts; default 15 cold, 60 hot")->check(CLI::Range(5u, 100000u));
  c->add_flag("--json", o->json, "an array of objects on stdout");
  c->add_flag("--no-hugepages", o->no_hugepages, "ordinary pages, even where hugepages are to be had");
  c->callback([o, &rc] { rc = Run(*o); });
}

}  // namespace culvert::bench
