#include <algorithm>
#include <cstdlib>

#include <gtest/gtest.h>

#include "tests/support/test_pki.h"
#include "tests/support/two_peers.h"

// Two gateways that both do what they like over a network that does what it likes, from a seed. When the network heals they
// must agree on which IKE SAs and Child SAs exist, or both have given up; operators must all have been answered; no SPI or
// half of an SA may be left over. A failing seed is printed: CULVERT_SIM_SEED=N runs it alone, with both logs.

#if defined(__SANITIZE_ADDRESS__)
constexpr uint64_t kDefaultSeeds = 100;
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

// What one seed stands for.
class RandomRun {
 public:
  RandomRun(uint64_t seed, bool print) : random_(seed * 0x9e3779b97f4a7c15 + 1), p_(seed) {
    p_.AddChild("other", 1);
    bool pfs = random_.Chance(0.5);
    bool cut = random_.Chance(0.3), several = random_.Chance(0.15);
    p_.ForBoth([&](SimPeer& peer) {
      peer.print = print;
      if (cut) peer.control.settings.fragment_size_v4 = static_cast<uint16_t>(150 + random_.Below(300));
      peer.job_delay = Millis(20);
      peer.install_delay = Millis(10);
      p_.ConnectionOf(peer).dpd_delay = 10s;
      if (several) p_.ConnectionOf(peer).proposals = {*config::ParseIkeProposal("aes128gcm16-prfsha256-x25519-ke1_ecp256")};
      p_.ConnectionOf(peer).unique = static_cast<config::Unique>(random_.Below(4));
      for (auto& c : p_.ConnectionOf(peer).children) {
        if (pfs) c.esp_proposals = {*config::ParseEspProposal(several ? "aes128gcm16-x25519-ke2_ecp256" : "aes128gcm16-x25519", false)};
        c.close_action = random_.Chance(0.3) ? config::CloseAction::kStart : config::CloseAction::kNone;
        c.dpd_action = random_.Chance(0.3) ? config::DpdAction::kRestart : config::DpdAction::kClear;
        if (random_.Chance(0.3)) c.seconds_ = {60 + random_.Below(60), 0, 20};
      }
      if (random_.Chance(0.3)) p_.ConnectionOf(peer).rekey_time = std::chrono::seconds(30 + random_.Below(60));
      if (random_.Chance(0.2)) p_.ConnectionOf(peer).reauth_time = std::chrono::seconds(40 + random_.Below(60));
      p_.ConnectionOf(peer).rand_time = 20s;
    });
    if (random_.Chance(0.3)) UseCertificates();
    const bool transport = random_.Chance(0.2);
    if (transport) p_.ForBoth([this](SimPeer& peer) { p_.UseTransport(peer); });
    // RFC 4555 1.2: with transport mode nobody moves.
    if (random_.Chance(0.3) && !transport) MayMove();
    const bool hidden = random_.Chance(0.3);
    if (!hidden && random_.Chance(0.2)) {
      p_.ForBoth([&](SimPeer& peer) { p_.UseAh(peer, pfs ? "sha256-x25519" : "sha256"); });
    }
    if (hidden) {
      nat_ = {.inside = p_.a.address, .outside = Address("198.51.100.7"), .mapped = {}};
      p_.network.nat = &nat_;
      p_.ConnectionOf(p_.b).remote_addrs = {"%any"};
    }
  }

  std::string Run() {
    p_.Start();
    p_.a.Up("net");
    Weather w{.drop = random_.Chance(0.2) ? 0 : 0.3 * Uniform(), .duplicate = 0.1 * Uniform(), .corrupt = 0.02 * Uniform(),
              .least = 1ms, .most = 1ms + Millis(random_.Chance(0.5) ? 30 : 600)};
    p_.network.fate = MakeWeather(w, random_);
    for (uint64_t n = 5 + random_.Below(25); n > 0; --n) {
      p_.RunFor(Millis(random_.Chance(0.5) ? 100 : 6000));
      Operate();
    }
    // Lifetimes that still run are made long: the two may agree only while nothing is under way.
    p_.network.fate = nullptr;
    p_.ForBoth([](SimPeer& peer) {
      if (!std::ranges::contains(peer.addresses, peer.address)) peer.AddAddress(peer.address);
    });
    p_.ForBoth([](SimPeer& peer) { peer.job_delay = peer.install_delay = {}; });
    p_.RunFor(400s);
    for (int tries = 0; tries < 400 && !Verdict().empty(); ++tries) p_.RunFor(500ms);
    return Verdict();
  }

  TwoPeers& peers() { return p_; }

 private:
  // One side or both authenticate by certificates.
  void UseCertificates() {
    static const auth::TestCertificate root = auth::Make(auth::Authority("CN=root"));
    static const auth::TestCertificate of_a = auth::Make({.subject = "CN=a", .alt_name = "DNS:a.example.org"}, &root);
    static const auth::TestCertificate of_b = auth::Make({.subject = "CN=b", .alt_name = "DNS:b.example.org"}, &root);
    p_.a.credentials = auth::Holding({&of_a}, {&root});
    p_.b.credentials = auth::Holding({&of_b}, {&root});
    bool a_signs = random_.Chance(0.7), b_signs = !a_signs || random_.Chance(0.7);
    auto& a = p_.ConnectionOf(p_.a);
    auto& b = p_.ConnectionOf(p_.b);
    if (a_signs) a.local[0].kind = b.remote[0].kind = config::AuthKind::kPubkey;
    if (b_signs) a.remote[0].kind = b.local[0].kind = config::AuthKind::kPubkey;
  }

  // MOBIKE, and a second address for either to go to.
  void MayMove() {
    mobile_ = true;
    p_.ForBoth([this](SimPeer& peer) {
      p_.ConnectionOf(peer).mobike = true;
      p_.ConnectionOf(peer).local_addrs = {"%any"};
    });
    p_.ConnectionOf(p_.b).remote_addrs = {"%any"};
  }

  // An address comes, or one of two goes.
  void ChangeAddresses(SimPeer& peer) {
    const IpAddress second = Address(&peer == &p_.a ? "198.51.100.1" : "198.51.100.2");
    const bool first_there = std::ranges::contains(peer.addresses, peer.address);
    if (peer.addresses.size() > 1) peer.RemoveAddress(random_.Chance(0.5) ? second : peer.address);
    else peer.AddAddress(first_there ? second : peer.address);
  }

  double Uniform() { return static_cast<double>(random_.Below(1000)) / 1000; }
  Duration Millis(uint64_t below) { return std::chrono::milliseconds(random_.Below(below + 1)); }

  void Operate() {
    SimPeer& peer = random_.Chance(0.5) ? p_.a : p_.b;
    // The peer behind a NAT is not to be reached from outside.
    bool may_call = !p_.network.nat || &peer == &p_.a;
    const char* child = random_.Chance(0.7) ? "net" : "other";
    uint64_t dice = random_.Below(100);
    if (mobile_ && random_.Chance(0.2)) return ChangeAddresses(peer);
    if (dice < 20) {
      if (may_call || !peer.Established().empty()) Asked(peer, peer.Up(child));
    } else if (dice < 50) {
      BothPerhaps(peer, [&](SimPeer& who) { Asked(who, who.RekeyChildren(child)); });
    } else if (dice < 80) {
      BothPerhaps(peer, [&](SimPeer& who) { Asked(who, who.RekeyIke("gw")); });
    } else if (dice < 92) {
      BothPerhaps(peer, [&](SimPeer& who) { Asked(who, who.Down("", child)); });
    } else if (dice < 95) {
      Asked(peer, peer.Down("gw"));
    } else if (p_.network.nat) {
      nat_.Rebind();
    }
  }

  // Simultaneous deeds are what collides.
  void BothPerhaps(SimPeer& peer, const std::function<void(SimPeer&)>& deed) {
    deed(peer);
    if (!random_.Chance(0.5)) return;
    p_.RunFor(Millis(40));
    deed(&peer == &p_.a ? p_.b : p_.a);
  }

  void Asked(SimPeer& peer, RequestId id) { asked_.push_back({&peer, id}); }

  std::string Verdict() {
    for (auto [peer, id] : asked_) {
      if (!peer->replies.contains(id)) return peer->name + " never answered request " + std::to_string(id);
    }
    return p_.Disagreement();
  }

  SeededRandom random_;
  SimNat nat_;
  bool mobile_ = false;
  TwoPeers p_;
  std::vector<std::pair<SimPeer*, RequestId>> asked_;
};

TEST(Random, EveryRunEndsInAgreement) {
  const char* only = std::getenv("CULVERT_SIM_SEED");
  uint64_t first = FromEnvironment("CULVERT_SIM_SEED", 1);
  uint64_t count = only ? 1 : FromEnvironment("CULVERT_SIM_SEEDS", kDefaultSeeds);
  uint64_t established = 0, collisions = 0, retransmitted = 0, reassembled = 0;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    RandomRun run(seed, only != nullptr);
    std::string verdict = run.Run();
    ASSERT_TRUE(verdict.empty() && !HasFailure()) << "CULVERT_SIM_SEED=" << seed << ": " << verdict;
    run.peers().ForBoth([&](SimPeer& p) {
      established += !p.Established().empty();
      collisions += p.Counted(Count::kChildCollision) + p.Counted(Count::kIkeCollision);
      retransmitted += p.Counted(Count::kRetransmitted);
      reassembled += p.Counted(Count::kReassembled);
    });
  }
  if (only) return;
  // A run in which nothing happens proves nothing.
  EXPECT_GT(established, count / 2);
  EXPECT_GT(collisions, count / 10);
  EXPECT_GT(retransmitted, count);
  EXPECT_GT(reassembled, count);
}

}  // namespace
}  // namespace culvert::ike
