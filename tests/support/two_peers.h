#pragma once

#include "tests/support/sim_peer.h"

namespace culvert::ike {

// Gateways a (192.0.2.1, net 10.1.0.0/16) and b (192.0.2.2, net 10.2.0.0/16) with a connection "gw" of one child "net" on
// either side, a pre-shared key, X25519 and AES-GCM, without MOBIKE. What a test wants otherwise it changes before Start().
class TwoPeers {
 public:
  explicit TwoPeers(uint64_t seed = 1);

  void Start() {
    a.Start();
    b.Start();
  }
  // Start(), and `net` up from a; fails the test where it does not come up.
  void Establish();
  void RunFor(Duration d) { clock.RunFor(d); }

  config::Connection& ConnectionOf(SimPeer& p) { return p.control.connections.front(); }
  config::Child& ChildOf(SimPeer& p, size_t i = 0) { return ConnectionOf(p).children.at(i); }
  void ForBoth(const std::function<void(SimPeer&)>& f) {
    f(a);
    f(b);
  }
  // A further child of the connection on both sides: nets 10.1.N.0/24 and 10.2.N.0/24 outside the first child's.
  void AddChild(const std::string& name, unsigned n);
  // Transport mode between the two gateways themselves; AH in the place of ESP.
  void UseTransport(SimPeer& p, size_t i = 0);
  void UseAh(SimPeer& p, const char* proposal = "sha256-esn", size_t i = 0);

  // Whether a packet of that child, sent now, gets through.
  bool Carries(SimPeer& from, SimPeer& to, const std::string& child = "net");
  bool CarriesBothWays(const std::string& child = "net") { return Carries(a, b, child) && Carries(b, a, child); }

  // From now on a packet each way on that child, again and again, each arriving 3 ms later; counts those that find no SA to go
  // out on or to be opened by. The first such is described in `first_loss`.
  void WatchTraffic(const std::string& child = "net", Duration every = std::chrono::milliseconds(1));
  void StopTraffic() { ++watch_; }
  uint64_t packets = 0, lost = 0;
  std::string first_loss;

  // Both sides have the same IKE SAs and Child SAs, installed with matching SPIs and keys, and nothing else; otherwise what
  // differs, for a failure message.
  std::string Disagreement();

  SimClock clock;
  SimNetwork network;
  SimPeer a, b;

 private:
  void CheckRepeats(const SimPacket& packet);
  void SendProbe(SimPeer& from, SimPeer& to, const std::string& child);

  uint64_t watch_ = 0;
  std::map<std::string, Bytes> seen_;   // every protected message, by who sent it, SPIs, exchange, R and message ID
  std::map<std::string, std::set<Bytes>> auth_requests_;
};

// Runs a story undisturbed, then once for each of its messages and each of: lost, sent twice, late by 1.5 s (and so overtaken
// by its own repetition), one octet changed. `story` gets peers already prepared by `prepare`; `check` follows 120 s later.
struct Story {
  std::function<void(TwoPeers&)> prepare, story, check;
};
void TellWithEveryDisturbance(const Story& story);
// Anybody on the way can read and change it: IKE_SA_INIT, and of IKEv1 what is not encrypted.
bool IsInClear(const Bytes& datagram);

// From now on `elsewhere`'s b, an impostor at the same address, hears what a of `p` sends and answers 1 ms later, before b can:
// IKE_SA_INIT alone, or everything. Call it before p.Start(); `elsewhere` outlives what happens in `p`.
void AnswerBeforeB(TwoPeers& p, TwoPeers& elsewhere, bool everything);

IpAddress Address(std::string_view text);
SelectorList Selectors(std::initializer_list<std::string_view> prefixes);
config::Ts SelectorTs(std::string_view prefix);

}  // namespace culvert::ike
