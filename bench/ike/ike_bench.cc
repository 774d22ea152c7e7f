#include "bench/ike/ike_bench.h"

#include <time.h>

#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "bench/ike/crowd.h"
#include "bench/ike/responder.h"

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

double OwnCpuSeconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

Time Now() { return std::chrono::steady_clock::now(); }

Result Measure(const Options& o, const std::string& program) {
  Result r{.responder = program};
  Responder responder(program, o.handshake, kResponder);
  Crowd crowd(o.handshake, {.count = o.handshakes, .concurrency = o.concurrency});
  std::vector<double> latencies;
  uint64_t memory = responder.ResidentOctets();
  double theirs = responder.CpuSeconds(), ours = OwnCpuSeconds();
  Time start = Now();
  r.failed = crowd.All(&Initiators::Up, &latencies);
  r.seconds = std::chrono::duration<double>(Now() - start).count();
  r.responder_cpu_us = (responder.CpuSeconds() - theirs) / o.handshakes * 1e6;
  r.initiator_cpu_us = (OwnCpuSeconds() - ours) / o.handshakes * 1e6;
  r.octets_per_sa = static_cast<double>(responder.ResidentOctets() - memory) / o.handshakes;
  r.p50_ms = Quantile(latencies, 0.5);
  r.p99_ms = Quantile(latencies, 0.99);
  if (unsigned rekeys = std::min(o.rekeys, o.handshakes); rekeys != 0) {
    theirs = responder.CpuSeconds();
    start = Now();
    r.failed += crowd.All(&Initiators::RekeyIke, rekeys, nullptr);
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
  c->add_option("--memory", o->handshake.memory, "MiB of data culvert-ike may have (RLIMIT_DATA); 0: as much as there is")
      ->capture_default_str();
  c->add_option("--compare", o->compare, "the same against this one, in the same run")
      ->check(CLI::IsMember({"charon"}));
  c->add_flag("--json", o->json, "an array of objects on stdout");
  c->callback([o, &rc] { rc = Run(*o); });
}

}  // namespace culvert::bench
