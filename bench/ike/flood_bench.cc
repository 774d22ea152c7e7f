#include "bench/ike/flood_bench.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "bench/ike/crowd.h"
#include "bench/ike/flooder.h"

namespace culvert::bench {
namespace {

struct Options {
  std::string kind = "spoofed";
  double rate = 0, factor = 10;
  unsigned peers = 300, attackers = 256;
  bool json = false;
};

const std::map<std::string, Flood> kKinds{
    {"spoofed", Flood::kSpoofed}, {"cookies", Flood::kCookies}, {"junk-auth", Flood::kJunkAuth}};

constexpr double kSoon = 10'000;   // milliseconds in which a peer should be up (hostile.md D01)
constexpr auto kLead = std::chrono::seconds(3);   // of the flood, before the first peer calls

struct Phase {
  unsigned failed = 0;
  double seconds = 0, p50_ms = 0, p99_ms = 0, soon = 0;   // soon: the share of all that were up within kSoon
};

Phase CallAll(Crowd& crowd, unsigned count) {
  Phase p;
  std::vector<double> milliseconds;
  const auto start = std::chrono::steady_clock::now();
  p.failed = crowd.All(&Initiators::Up, &milliseconds);
  p.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  p.soon = static_cast<double>(std::ranges::count_if(milliseconds, [](double ms) { return ms <= kSoon; })) / count;
  p.p50_ms = Quantile(milliseconds, 0.5);
  p.p99_ms = Quantile(milliseconds, 0.99);
  return p;
}

nlohmann::json ToJson(const Phase& p, unsigned count) {
  return {{"handshakes_per_s", std::round(count / p.seconds)}, {"failed", p.failed}, {"up_within_10_s", p.soon},
          {"p50_ms", p.p50_ms}, {"p99_ms", p.p99_ms}};
}

double Share(uint64_t octets, uint64_t answers, size_t request) {
  return answers == 0 ? 0 : static_cast<double>(octets) / static_cast<double>(answers * request);
}

int Run(const Options& o) {
  EnterNamespace(kResponder, kSources);
  const Handshake handshake;
  Responder responder("culvert-ike", handshake, kResponder);
  Crowd before(handshake, {.count = o.peers, .retransmit_timeout = "1.0"});
  Crowd during(handshake, {.count = o.peers, .first = before.end(), .retransmit_timeout = "1.0"});
  const Phase quiet = CallAll(before, o.peers);
  const double rate = o.rate != 0 ? o.rate : o.factor * o.peers / quiet.seconds;
  const uint64_t memory = responder.ResidentOctets();

  Flooder::Plan plan{.kind = kKinds.at(o.kind), .per_second = rate, .target = {kResponder, 500, 0},
                     .first_source = kFirstStranger, .sources = kStrangers, .proposal = ProposalOf(handshake)};
  if (plan.kind != Flood::kSpoofed) plan.sources = o.attackers;
  Flooder flooder(plan);
  before.Hold(kLead);
  const Phase flooded = CallAll(during, o.peers);
  const Flooder::Tally t = flooder.tally();
  const double grown = static_cast<double>(responder.ResidentOctets()) - static_cast<double>(memory);
  before.Hold(std::chrono::seconds(1));
  const size_t kept = before.Established();

  const nlohmann::json all{
      {"kind", o.kind}, {"peers", o.peers}, {"flood_per_s", std::round(rate)}, {"flood_sent", t.sent},
      {"quiet", ToJson(quiet, o.peers)}, {"flooded", ToJson(flooded, o.peers)}, {"established_before_and_kept", kept},
      {"responder_grew_octets", grown}, {"cookies_asked", t.cookies}, {"half_open", t.half_open}, {"other_answers", t.other},
      {"cookie_amplification", Share(t.cookie_octets, t.cookies, flooder.request_octets())},
      {"init_amplification", Share(t.half_open_octets, t.half_open, flooder.request_octets())}};
  if (o.json) {
    std::cout << all.dump(1) << "\n";
  } else {
    std::printf("%s flood, %.0f a second, %lu sent: %lu cookies asked (x%.2f), %lu half-open (x%.2f)\n", o.kind.c_str(), rate,
                t.sent, t.cookies, all["cookie_amplification"].get<double>(), t.half_open,
                all["init_amplification"].get<double>());
    for (const auto& [name, p] : {std::pair{"quiet", quiet}, std::pair{"flooded", flooded}}) {
      std::printf("%8s: %u peers, %.0f handshakes/s, %.1f %% up within 10 s, p50 %.1f ms, p99 %.1f ms, %u failed\n", name,
                  o.peers, o.peers / p.seconds, p.soon * 100, p.p50_ms, p.p99_ms, p.failed);
    }
    std::printf("%zu of %u peers kept, responder grew by %.1f MiB\n", kept, o.peers, grown / (1 << 20));
  }
  return flooded.failed == 0 && kept == o.peers ? 0 : 1;
}

}  // namespace

void AddFloodBench(CLI::App& app, int& rc) {
  auto o = std::make_shared<Options>();
  auto* c = app.add_subcommand("ike-flood", "how peers fare at culvert-ike while strangers flood it");
  c->add_option("--kind", o->kind,
                "spoofed: IKE_SA_INIT from addresses that hear nothing; cookies: from a few that return their cookies;\n"
                "junk-auth: and then IKE_AUTH that does not open")
      ->check(CLI::IsMember({"spoofed", "cookies", "junk-auth"}))
      ->capture_default_str();
  c->add_option("--factor", o->factor, "datagrams for each handshake that is done in quiet")->capture_default_str();
  c->add_option("--rate", o->rate, "datagrams a second, in place of --factor");
  c->add_option("--peers", o->peers, "that connect before, and as many during the flood")
      ->check(CLI::Range(1u, 10000u))
      ->capture_default_str();
  c->add_option("--attackers", o->attackers, "addresses of those who return cookies")
      ->check(CLI::Range(1u, kStrangers))
      ->capture_default_str();
  c->add_flag("--json", o->json, "an object on stdout");
  c->callback([o, &rc] { rc = Run(*o); });
}

}  // namespace culvert::bench
