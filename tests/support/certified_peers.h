#pragma once

#include <gtest/gtest.h>

#include "tests/support/test_pki.h"
#include "tests/support/two_peers.h"

namespace culvert::ike {

// Two peers with certificates of one authority; `net` as in TwoPeers.
struct Certified {
  explicit Certified(KeyKind of_a = KeyKind::kEcdsa256, KeyKind of_b = KeyKind::kEcdsa256)
      : root(auth::Make(auth::Authority("CN=root"))),
        a(auth::Make({.subject = "CN=a", .key = of_a, .alt_name = "DNS:a.example.org"}, &root)),
        b(auth::Make({.subject = "CN=b", .key = of_b, .alt_name = "DNS:b.example.org"}, &root)) {
    p.a.credentials = auth::Holding({&a}, {&root});
    p.b.credentials = auth::Holding({&b}, {&root});
    p.ForBoth([&](SimPeer& peer) {
      auto& c = p.ConnectionOf(peer);
      c.local[0].kind = c.remote[0].kind = config::AuthKind::kPubkey;
      c.local[0].auth = c.remote[0].auth = "pubkey";
    });
  }
  config::AuthRound& local(SimPeer& peer) { return p.ConnectionOf(peer).local[0]; }
  config::AuthRound& remote(SimPeer& peer) { return p.ConnectionOf(peer).remote[0]; }
  // What `a` is told when it initiates.
  std::string Outcome() {
    p.Start();
    return Again();
  }
  std::string Again() {
    RequestId r = p.a.Up("net");
    p.RunFor(std::chrono::seconds(70));
    if (!p.a.replies.contains(r)) return "never answered";
    return p.a.replies[r].ok ? "ok" : p.a.replies[r].error;
  }
  // `a` calls, and some time later hangs up or crashes.
  void ExpectTidyAfterHangUp(Duration after, bool crashes) {
    p.Start();
    p.a.Up("net");
    p.RunFor(after);
    if (crashes) p.a.Crash();
    else p.a.Down("gw");
    p.RunFor(std::chrono::seconds(400));
    // An initiator that hangs up between IKE_AUTH and its answer leaves the responder with an SA; nobody else has one.
    if (!crashes) {
      EXPECT_TRUE(p.a.core->List().empty()) << after;
    }
    EXPECT_LE(p.b.core->List().size(), 1u) << after;
    EXPECT_EQ(p.b.core->List().size(), p.b.Established().size()) << after;
  }
  void ExpectNothingLeft() {
    p.RunFor(std::chrono::seconds(120));
    p.ForBoth([](SimPeer& peer) {
      EXPECT_TRUE(peer.core->List().empty()) << peer.name;
      EXPECT_TRUE(peer.installed.empty()) << peer.name;
      EXPECT_TRUE(peer.spis.drawn.empty()) << peer.name;
    });
  }

  auth::TestCertificate root, a, b;
  TwoPeers p;
};

}  // namespace culvert::ike
