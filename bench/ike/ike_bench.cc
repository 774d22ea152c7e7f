#include "bench/ike/ike_bench.h"

#include <absl/log/check.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "bench/ike/initiators.h"
#include "bench/ike/responder.h"
#include "config/load.h"
#include "control/ike/crypto/random.h"

namespace culvert::bench {
namespace {

struct Options {
  Handshake handshake;
  unsigned handshakes = 2000, concurrency = 32, rekeys = 500, hold = 0;
  std::string compare;
  bool json = false;
};

struct Result {
  std::string responder;
  unsigned failed = 0;
  double seconds = 0, p50_ms = 0, p99_ms = 0, responder_cpu_us = 0, initiator_cpu_us = 0, octets_per_sa = 0;
  double rekeys_per_second = 0, rekey_responder_cpu_us = 0;
  size_t alive = 0;  // IKE SAs at the end
};

constexpr unsigned kPerSource = 16;  // initiators behind one address; each core looks through its connections by name
const IpAddress kResponder = IpAddress::V4(10, 99, 0, 1);
constexpr uint16_t kInitiatorPort = 1500;  // a responder may hold port 500 of every address
constexpr uint32_t kFirstSource = 10u << 24 | 100u << 16;
const IpPrefix kSources = *IpPrefix::Parse("10.100.0.0/14");

double OwnCpuSeconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

Time Now() { return std::chrono::steady_clock::now(); }

double Quantile(std::vector<double>& values, double q) {
  if (values.empty()) return 0;
  auto at = values.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

// One text in memory, in place of a folder of configuration.
class OneFile final : public config::FileSource {
 public:
  explicit OneFile(std::string text) : text_(std::move(text)) {}
  std::expected<config::FileText, std::string> Read(const std::string&, size_t) override {
    return config::FileText{.text = text_};
  }
  std::vector<std::string> Glob(const std::string& pattern) override { return {pattern}; }

 private:
  std::string text_;
};

// Thousands of initiators, driven by one thread. Neighbours in the order come from different addresses.
class Crowd {
 public:
  Crowd(const Handshake& h, unsigned count, unsigned concurrency) : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    // A responder lets one address have few handshakes under way at a time.
    unsigned sources = std::max((count + kPerSource - 1) / kPerSource, std::min(count, concurrency));
    const auto credentials = h.pki ? h.pki->OfInitiators() : nullptr;
    for (uint32_t i = 0; i < sources; ++i) {
      controls_.push_back(Load(InitiatorConnections(h, kResponder, i * kPerSource, kPerSource)));
      groups_.push_back(std::make_unique<Initiators>(
          *controls_.back(), credentials, Endpoint{IpAddress::V4(kFirstSource + i), kInitiatorPort}, random_));
      epoll_event e{.events = EPOLLIN, .data = {.u32 = i}};
      epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, groups_.back()->fd(), &e);
    }
  }

  using Step = void (Initiators::*)(unsigned, Initiators::Done);
  // Has each of the first `count` take the step, `concurrency` of them at a time. Returns how many failed.
  unsigned All(Step step, unsigned count, unsigned concurrency, std::vector<double>* milliseconds) {
    unsigned begun = 0, ended = 0, failed = 0;
    while (ended < count) {
      for (; begun < count && begun - ended < concurrency; ++begun) {
        Time start = Now();
        (*groups_[begun % groups_.size()].*step)(
            static_cast<unsigned>(begun / groups_.size()), [&, start](const ike::Reply& r) {
              ++ended;
              failed += !r.ok;
              if (r.ok && milliseconds) milliseconds->push_back(Milliseconds(Now() - start));
            });
      }
      Turn();
    }
    return failed;
  }

  void Hold(std::chrono::seconds how_long) {
    for (Time end = Now() + how_long; Now() < end;) Turn();
  }

  size_t Established() const {
    size_t n = 0;
    for (const auto& g : groups_) n += g->Established();
    return n;
  }

 private:
  static double Milliseconds(Duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

  static std::unique_ptr<config::Control> Load(const std::string& connections) {
    OneFile file("control {\n retransmit_timeout = 4.0\n" + connections + "}\n");
    config::Complaints complaints;
    auto control = config::LoadControl(file, "", nullptr, complaints);
    CHECK(control) << (complaints.empty() ? "" : complaints.front().text);
    for (auto& connection : control->connections) connection.local_port = kInitiatorPort;
    return std::make_unique<config::Control>(std::move(*control));
  }

  void Turn() {
    epoll_event ready[64];
    int n = epoll_wait(epoll_.get(), ready, 64, kTickMs);
    for (int i = 0; i < n; ++i) groups_[ready[i].data.u32]->Receive();
    if (Now() < next_tick_) return;
    next_tick_ = Now() + std::chrono::milliseconds(kTickMs);
    for (const auto& g : groups_) g->OnTime();
  }

  static constexpr int kTickMs = 20;  // timers of all: nothing here is due sooner than a retransmission
  ike::SystemRandom random_;
  std::vector<std::unique_ptr<config::Control>> controls_;
  std::vector<std::unique_ptr<Initiators>> groups_;
  UniqueFd epoll_;
  Time next_tick_{};
};

Result Measure(const Options& o, const std::string& program) {
  Result r{.responder = program};
  Responder responder(program, o.handshake, kResponder);
  Crowd crowd(o.handshake, o.handshakes, o.concurrency);
  std::vector<double> latencies;
  uint64_t memory = responder.ResidentOctets();
  double theirs = responder.CpuSeconds(), ours = OwnCpuSeconds();
  Time start = Now();
  r.failed = crowd.All(&Initiators::Up, o.handshakes, o.concurrency, &latencies);
  r.seconds = std::chrono::duration<double>(Now() - start).count();
  r.responder_cpu_us = (responder.CpuSeconds() - theirs) / o.handshakes * 1e6;
  r.initiator_cpu_us = (OwnCpuSeconds() - ours) / o.handshakes * 1e6;
  r.octets_per_sa = static_cast<double>(responder.ResidentOctets() - memory) / o.handshakes;
  r.p50_ms = Quantile(latencies, 0.5);
  r.p99_ms = Quantile(latencies, 0.99);
  if (unsigned rekeys = std::min(o.rekeys, o.handshakes); rekeys != 0) {
    theirs = responder.CpuSeconds();
    start = Now();
    r.failed += crowd.All(&Initiators::RekeyIke, rekeys, o.concurrency, nullptr);
    r.rekeys_per_second = rekeys / std::chrono::duration<double>(Now() - start).count();
    r.rekey_responder_cpu_us = (responder.CpuSeconds() - theirs) / rekeys * 1e6;
  }
  if (o.hold != 0) crowd.Hold(std::chrono::seconds(o.hold));
  r.alive = crowd.Established();
  return r;
}

nlohmann::json ToJson(const Options& o, const Result& r) {
  auto tenth = [](double v) { return std::round(v * 10) / 10; };
  return {{"responder", r.responder},
          {"auth", o.handshake.auth},
          {"ke", o.handshake.ke},
          {"handshakes", o.handshakes},
          {"failed", r.failed},
          {"handshakes_per_s", tenth(o.handshakes / r.seconds)},
          {"p50_ms", std::round(r.p50_ms * 1000) / 1000},
          {"p99_ms", std::round(r.p99_ms * 1000) / 1000},
          {"responder_cpu_us_per_handshake", tenth(r.responder_cpu_us)},
          {"initiator_cpu_us_per_handshake", tenth(r.initiator_cpu_us)},
          {"responder_bytes_per_sa", std::round(r.octets_per_sa)},
          {"rekeys_per_s", tenth(r.rekeys_per_second)},
          {"responder_cpu_us_per_rekey", tenth(r.rekey_responder_cpu_us)},
          {"established_at_end", r.alive}};
}

int Run(Options& o) {
  if (!o.compare.empty() && o.handshake.ke.contains("mlkem")) {
    std::cerr << "charon 6.0 has no ML-KEM: leave out --compare\n";
    return 2;
  }
  rlimit files{.rlim_cur = 65536, .rlim_max = 65536};
  (void)setrlimit(RLIMIT_NOFILE, &files);
  o.handshake.pki = MakePki(o.handshake.auth);
  EnterNamespace(kResponder, kSources);
  nlohmann::json all = nlohmann::json::array();
  std::vector<std::string> programs{"culvert-ike"};
  if (!o.compare.empty()) programs.push_back(o.compare);
  if (!o.json) {
    std::printf("%s, %s, %u handshakes, %u at a time\n", o.handshake.auth.c_str(), o.handshake.ke.c_str(), o.handshakes,
                o.concurrency);
    std::printf("%12s %10s %9s %9s %13s %13s %12s %10s %7s\n", "responder", "per s", "p50 ms", "p99 ms", "resp. CPU us",
                "init. CPU us", "octets/SA", "rekeys/s", "failed");
  }
  unsigned failed = 0;
  for (const auto& program : programs) {
    Result r = Measure(o, program);
    failed += r.failed;
    if (!o.json) {
      std::printf("%12s %10.1f %9.3f %9.3f %13.1f %13.1f %12.0f %10.1f %7u\n", program.c_str(), o.handshakes / r.seconds,
                  r.p50_ms, r.p99_ms, r.responder_cpu_us, r.initiator_cpu_us, r.octets_per_sa, r.rekeys_per_second, r.failed);
      std::fflush(stdout);
    }
    all.push_back(ToJson(o, r));
  }
  if (o.json) std::cout << all.dump(1) << "\n";
  return failed == 0 ? 0 : 1;
}

}  // namespace

void AddIkeBench(CLI::App& app, int& rc) {
  auto o = std::make_shared<Options>();
  auto* c = app.add_subcommand("ike", "handshakes a second of culvert-ike without a data plane, and what one costs both sides");
  c->add_option("--auth", o->handshake.auth, "of both sides")
      ->check(CLI::IsMember({"psk", "ecdsa-p256", "rsa-2048"}))
      ->capture_default_str();
  c->add_option("--ke", o->handshake.ke, "key exchange of the IKE SA, as in proposals, or " + std::string(kHybrid))
      ->capture_default_str();
  c->add_option("--handshakes", o->handshakes, "IKE SAs with one child each, one after the other or at once")
      ->check(CLI::Range(1u, 1000000u))
      ->capture_default_str();
  c->add_option("--concurrency", o->concurrency, "of them under way at a time")
      ->check(CLI::Range(1u, 100000u))
      ->capture_default_str();
  c->add_option("--rekeys", o->rekeys, "IKE SAs rekeyed afterwards")
      ->check(CLI::Range(0u, 1000000u))
      ->capture_default_str();
  c->add_option("--hold", o->hold, "seconds to keep them all up at the end, before they are counted")
      ->capture_default_str();
  c->add_option("--compare", o->compare, "the same against this one, in the same run")
      ->check(CLI::IsMember({"charon"}));
  c->add_flag("--json", o->json, "an array of objects on stdout");
  c->callback([o, &rc] { rc = Run(*o); });
}

}  // namespace culvert::bench
