#include "tests/support/peers_v1.h"

#include "tests/support/test_pki.h"

namespace culvert::ike {
namespace {

using By = SpeakV1::By;
using config::AuthKind;

constexpr const char* kUser = "alice";

config::AuthRound Round(AuthKind kind, const std::string& id) {
  const char* name = kind == AuthKind::kPsk ? "psk" : kind == AuthKind::kPubkey ? "pubkey" : "xauth";
  config::AuthRound r{.kind = kind, .auth = name, .id = id};
  if (kind == AuthKind::kXauth) r.xauth_id = kUser;
  return r;
}

std::vector<config::AuthRound> RoundsOfClient(const SpeakV1& how, const std::string& id) {
  if (how.by == By::kHybrid) return {Round(AuthKind::kXauth, id)};
  std::vector<config::AuthRound> rounds{Round(how.by == By::kPsk ? AuthKind::kPsk : AuthKind::kPubkey, id)};
  if (how.xauth) rounds.push_back(Round(AuthKind::kXauth, ""));
  return rounds;
}

std::vector<config::AuthRound> RoundsOfServer(const SpeakV1& how, const std::string& id) {
  return {Round(how.by == By::kPsk ? AuthKind::kPsk : AuthKind::kPubkey, id)};
}

void Certify(TwoPeers& p, KeyKind kind) {
  // Keys of RSA take long to make, and the many runs of a test need no others.
  static std::map<KeyKind, std::array<auth::TestCertificate, 3>> made;
  auto& [root, of_a, of_b] = made[kind];
  if (!root.x509) {
    root = auth::Make(auth::Authority("CN=root"));
    of_a = auth::Make({.subject = "CN=a", .key = kind, .alt_name = "DNS:a.example.org"}, &root);
    of_b = auth::Make({.subject = "CN=b", .key = kind, .alt_name = "DNS:b.example.org"}, &root);
  }
  p.a.credentials = auth::Holding({&of_a}, {&root});
  p.b.credentials = auth::Holding({&of_b}, {&root});
}

void LeaseAddresses(TwoPeers& p) {
  p.ConnectionOf(p.a).vips = {Address("0.0.0.0")};
  p.ConnectionOf(p.b).pools = {"clients"};
  p.b.control.pools.push_back({.name = "clients", .addrs = *IpRange::Parse("10.9.0.1-10.9.0.200"), .attributes = {}});
  p.ChildOf(p.a).local_ts = p.ChildOf(p.b).remote_ts = {{.dynamic = true, .selector = {}}};
}

}  // namespace

void UseIkev1(TwoPeers& p, const SpeakV1& how) {
  p.ForBoth([&](SimPeer& peer) {
    config::Connection& c = p.ConnectionOf(peer);
    c.version = 1;
    c.aggressive = how.aggressive;
    c.pull = how.pull;
    c.fragmentation = config::Fragmentation::kForce;
    c.dpd_delay = std::chrono::seconds(10);
    c.dpd_timeout = std::chrono::seconds(60);
    c.proposals = {*config::ParseIkeProposal(how.ike, how.profile)};
    for (config::Child& child : c.children) child.esp_proposals = {*config::ParseEspProposal(how.esp, false, how.profile)};
    c.profile = how.profile;
    peer.control.settings.aggressive_psk = true;
    if (!how.asks_user()) return;
    config::Secret s{.name = "xauth", .kind = config::Secret::Kind::kXauth, .owners = {kUser}};
    s.data = SecretBytes(AsBytes("what alice knows"));
    peer.control.secrets.push_back(std::move(s));
  });
  config::Connection &a = p.ConnectionOf(p.a), &b = p.ConnectionOf(p.b);
  a.local = b.remote = RoundsOfClient(how, "a.example.org");
  a.remote = b.local = RoundsOfServer(how, "b.example.org");
  if (how.by != By::kPsk) Certify(p, how.key);
  if (how.mode_config) LeaseAddresses(p);
}

}  // namespace culvert::ike
