#include <cstdlib>

#include <gtest/gtest.h>

#include "tests/support/peers_v1.h"

// IKEv1 over a network that loses, doubles and reorders, from a seed: each of main mode, aggressive mode, quick mode, and XAUTH
// with mode config. When the network heals both must have the same SAs and nothing else, or both have given up; operators must
// have been answered; what is up carries traffic, and what is rekeyed did so all the time; no SPI, half of an SA or lease may be
// left over. A failing seed is printed: CULVERT_SIM_SEED=N with --gtest_filter runs it alone, with both logs.

#if defined(__SANITIZE_ADDRESS__)
constexpr uint64_t kDefaultSeeds = 60;
#else
constexpr uint64_t kDefaultSeeds = 10000;
#endif

namespace culvert::ike {
namespace {

using namespace std::chrono_literals;

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

// What all seeds of a test came to: a run in which nothing happens proves nothing.
struct Tally {
  uint64_t up = 0, retransmitted = 0, repeats = 0, rekeyed = 0;
};

class Storm {
 public:
  Storm(uint64_t seed, bool print) : random_(seed * 0x9e3779b97f4a7c15 + 11), p_(seed) {
    p_.ForBoth([&](SimPeer& peer) { peer.print = print; });
  }

  TwoPeers& peers() { return p_; }
  SeededRandom& random() { return random_; }
  bool Chance(double p) { return random_.Chance(p); }

  void Use(const SpeakV1& how) {
    UseIkev1(p_, how);
    p_.ForBoth([&](SimPeer& peer) {
      peer.job_delay = Millis(20);
      peer.install_delay = Millis(10);
      p_.ConnectionOf(peer).keyingtries = 4;
      // Deletes are not acknowledged: what one side has lost sight of goes by its lifetime, or by DPD.
      p_.ConnectionOf(peer).rekey_time = 250s;
      p_.ConnectionOf(peer).over_time = 30s;
      p_.ConnectionOf(peer).rand_time = 20s;
      for (config::Child& c : p_.ConnectionOf(peer).children) c.seconds_ = {250, 300, 20};
    });
  }
  void Break() {
    const Weather w{.drop = Chance(0.2) ? 0 : 0.3 * Uniform(), .duplicate = 0.3 * Uniform(), .corrupt = 0, .least = 1ms,
                    .most = 1ms + Millis(Chance(0.5) ? 30 : 900)};
    p_.network.fate = MakeWeather(w, random_);
  }
  void Heal() {
    p_.network.fate = nullptr;
    p_.ForBoth([](SimPeer& peer) { peer.job_delay = peer.install_delay = {}; });
  }
  void Asked(SimPeer& peer, RequestId id) { asked_.push_back({&peer, id}); }
  Duration Millis(uint64_t below) { return std::chrono::milliseconds(random_.Below(below + 1)); }

  // Up over a bad network, which then heals.
  std::string Call() {
    p_.Start();
    Break();
    Asked(p_.a, p_.a.Up("net"));
    p_.RunFor(20s + Millis(20000));
    Heal();
    return Settle();
  }
  // What is wrong after all has had its time; empty: nothing.
  std::string Settle() {
    p_.RunFor(100s);
    for (int tries = 0; tries < 60 && !Verdict().empty(); ++tries) p_.RunFor(10s);
    return Verdict();
  }
  std::string Verdict() {
    for (auto [peer, id] : asked_) {
      if (!peer->replies.contains(id)) return peer->name + " never answered request " + std::to_string(id);
    }
    if (std::string d = p_.Disagreement(); !d.empty()) return d;
    if (!p_.a.LiveChildren().empty() && !p_.CarriesBothWays()) return "what is up carries nothing";
    return p_.lost == 0 ? "" : "a gap: " + p_.first_loss;
  }
  void AddTo(Tally& t) {
    p_.ForBoth([&](SimPeer& peer) {
      t.up += !peer.LiveChildren().empty();
      t.retransmitted += peer.Counted(Count::kRetransmitted);
      t.repeats += peer.Counted(Count::kRepeatAnswered);
    });
  }

 private:
  double Uniform() { return static_cast<double>(random_.Below(1000)) / 1000; }

  SeededRandom random_;
  TwoPeers p_;
  std::vector<std::pair<SimPeer*, RequestId>> asked_;
};

void RunSeeds(const std::function<std::string(Storm&, Tally&)>& story) {
  const char* only = std::getenv("CULVERT_SIM_SEED");
  const uint64_t first = FromEnvironment("CULVERT_SIM_SEED", 1);
  const uint64_t count = only ? 1 : FromEnvironment("CULVERT_SIM_SEEDS", kDefaultSeeds);
  Tally tally;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    Storm run(seed, only != nullptr);
    const std::string verdict = story(run, tally);
    ASSERT_TRUE(verdict.empty() && !testing::Test::HasFailure()) << "CULVERT_SIM_SEED=" << seed << ": " << verdict;
    run.AddTo(tally);
  }
  if (only) return;
  EXPECT_GT(tally.up, count * 19 / 10) << "of " << 2 * count;
  EXPECT_GT(tally.retransmitted, count / 2);
  EXPECT_GT(tally.repeats, count / 4);
}

TEST(RandomV1, MainMode) {
  RunSeeds([](Storm& run, Tally&) {
    run.Use({});
    return run.Call();
  });
}

TEST(RandomV1, AggressiveMode) {
  RunSeeds([](Storm& run, Tally&) {
    run.Use({.aggressive = true});
    return run.Call();
  });
}

// Phase 1 comes up in peace; then quick modes, some at once, rekeyings and Deletes by either side in bad weather.
TEST(RandomV1, QuickMode) {
  RunSeeds([](Storm& run, Tally& tally) {
    TwoPeers& p = run.peers();
    p.AddChild("other", 1);
    run.Use({.esp = run.Chance(0.2) ? "aes128gcm16-ecp256" : "aes128gcm16"});
    p.Start();
    run.Asked(p.a, p.a.Up("net"));
    p.RunFor(1s);
    if (!p.CarriesBothWays()) return std::string("not up in peace");
    p.WatchTraffic("net", 100ms);
    run.Break();
    for (uint64_t n = 1 + run.random().Below(4); n > 0; --n) {
      SimPeer& who = run.Chance(0.5) ? p.a : p.b;
      const uint64_t dice = run.random().Below(10);
      if (dice < 5) run.Asked(who, who.RekeyChildren("net")), ++tally.rekeyed;
      else if (dice < 8) run.Asked(who, who.Up("other"));
      else run.Asked(who, who.Down("gw", "other"));
      p.RunFor(run.Millis(run.Chance(0.5) ? 50 : 8000));
    }
    p.RunFor(10s);
    p.StopTraffic();
    run.Heal();
    return run.Settle();
  });
}

TEST(RandomV1, XauthAndModeConfig) {
  RunSeeds([](Storm& run, Tally&) {
    run.Use({.aggressive = run.Chance(0.3), .xauth = run.Chance(0.8), .mode_config = true, .pull = run.Chance(0.6)});
    return run.Call();
  });
}

}  // namespace
}  // namespace culvert::ike
