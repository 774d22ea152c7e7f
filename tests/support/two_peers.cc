#include "tests/support/two_peers.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "control/ike/wire/message.h"

namespace culvert::ike {
namespace {

config::Child MakeChild(std::string name, std::string_view local, std::string_view remote) {
  config::Child c;
  c.name = std::move(name);
  c.esp_proposals = {*config::ParseEspProposal("aes128gcm16", false)};
  c.local_ts = {SelectorTs(local)};
  c.remote_ts = {SelectorTs(remote)};
  return c;
}

void Configure(SimPeer& p, const SimPeer& peer, std::string_view local_net, std::string_view remote_net) {
  config::Connection c;
  c.name = "gw";
  c.local_addrs = {p.address.ToString()};
  c.remote_addrs = {peer.address.ToString()};
  c.proposals = {*config::ParseIkeProposal("aes128gcm16-prfsha256-x25519")};
  c.mobike = false;
  c.local = {{.kind = config::AuthKind::kPsk, .auth = "psk", .id = p.name + ".example.org"}};
  c.remote = {{.kind = config::AuthKind::kPsk, .auth = "psk", .id = peer.name + ".example.org"}};
  c.children = {MakeChild("net", local_net, remote_net)};
  p.control.connections.push_back(std::move(c));
  config::Secret s;
  s.name = "ike";
  s.data = SecretBytes(AsBytes("a secret of both, and long enough"));
  p.control.secrets.push_back(std::move(s));
}

std::shared_ptr<ChildSaDirection> Copy(const ChildSaDirection& sa) {
  return std::make_shared<ChildSaDirection>(sa.spi, sa.encr_key.Clone(), sa.integ_key.Clone());
}

using SpiPairs = std::set<std::pair<uint64_t, uint64_t>>;

std::string Describe(const SpiPairs& pairs) {
  std::string out;
  for (auto [x, y] : pairs) out += " " + std::to_string(x) + "/" + std::to_string(y);
  return out.empty() ? " none" : out;
}

SpiPairs IkeSpis(const SimPeer& p) {
  SpiPairs s;
  for (const auto& v : p.Established()) s.insert({v.spi_i, v.spi_r});
  return s;
}

// Of a fragment its number and its message's total: cut anew, a message has other octets (RFC 7383 2.5.2).
std::string FragmentOf(const Bytes& datagram) {
  auto m = DecodeMessage(datagram);
  auto* skf = m ? m->Get<SkfPayload>() : nullptr;
  return skf ? " " + std::to_string(skf->number) + " of " + std::to_string(skf->total) : "";
}

// (a to b, b to a)
SpiPairs ChildSpis(const SimPeer& p, bool is_a) {
  SpiPairs s;
  for (const auto& c : p.LiveChildren()) s.insert(is_a ? std::pair{c.spi_out, c.spi_in} : std::pair{c.spi_in, c.spi_out});
  return s;
}

}  // namespace

IpAddress Address(std::string_view text) { return *IpAddress::Parse(text); }

config::Ts SelectorTs(std::string_view prefix) { return {.selector = {.addresses = IpRange::Of(*IpPrefix::Parse(prefix))}}; }

SelectorList Selectors(std::initializer_list<std::string_view> prefixes) {
  SelectorList list;
  for (auto p : prefixes) list.push_back(SelectorTs(p).selector);
  return list;
}

TwoPeers::TwoPeers(uint64_t seed)
    : network(clock, seed * 7 + 3),
      a({clock, network, seed * 7 + 1}, "a", Address("192.0.2.1")),
      b({clock, network, seed * 7 + 2}, "b", Address("192.0.2.2")) {
  network.on_send = [this](const SimPacket& p) { CheckRepeats(p); };
  Configure(a, b, "10.1.0.0/16", "10.2.0.0/16");
  Configure(b, a, "10.2.0.0/16", "10.1.0.0/16");
}

void TwoPeers::AddChild(const std::string& name, unsigned n) {
  std::string at_a = "10.101." + std::to_string(n) + ".0/24", at_b = "10.102." + std::to_string(n) + ".0/24";
  ConnectionOf(a).children.push_back(MakeChild(name, at_a, at_b));
  ConnectionOf(b).children.push_back(MakeChild(name, at_b, at_a));
}

void TwoPeers::UseTransport(SimPeer& p, size_t i) {
  config::Child& c = ChildOf(p, i);
  c.mode = config::ChildMode::kTransport;
  c.local_ts = c.remote_ts = {{.dynamic = true, .selector = {}}};
}

void TwoPeers::UseAh(SimPeer& p, const char* proposal, size_t i) {
  config::Child& c = ChildOf(p, i);
  c.ah_proposals = {*config::ParseEspProposal(proposal, true)};
  c.esp_proposals.clear();
}

void TwoPeers::Establish() {
  Start();
  RequestId r = a.Up("net");
  RunFor(std::chrono::seconds(1));
  ASSERT_TRUE(a.replies.contains(r));
  ASSERT_TRUE(a.replies[r].ok) << a.replies[r].error;
  ASSERT_EQ(Disagreement(), "");
  ASSERT_TRUE(CarriesBothWays());
}

// RFC 7296 2.1: whatever is sent twice is the same, octet by octet.
void TwoPeers::CheckRepeats(const SimPacket& packet) {
  auto h = DecodeHeader(packet.data);
  // What is not protected answers what could not be read (a damaged version octet), and is nobody's cached reply.
  if (!h || (h->next_payload != PayloadType::kSk && h->next_payload != PayloadType::kSkf)) return;
  std::string key = std::to_string(h->spi_i) + "/" + std::to_string(h->spi_r) + "/" + std::to_string(h->message_id) +
                    (h->response ? " response by " : " request by ") + (h->initiator ? "i" : "r") + FragmentOf(packet.data);
  const bool before_auth = h->exchange == ExchangeType::kIkeAuth || h->exchange == ExchangeType::kIkeIntermediate;
  if (before_auth && !h->response) {
    // Each of several answers to IKE_SA_INIT (one damaged on the way, say) is gone on with, by keys of its own.
    const SimPeer& sender = packet.from.address == b.address ? b : a;
    auto& requests = auth_requests_[key];
    requests.insert(packet.data);
    EXPECT_LE(requests.size(), 1 + sender.Counted(Count::kRivalAnswer)) << "message ID used for two messages: " << key;
    return;
  }
  auto [it, fresh] = seen_.try_emplace(key, packet.data);
  if (!fresh) {
    EXPECT_EQ(it->second, packet.data) << "message ID used for two messages: " << key;
  }
}

void TwoPeers::SendProbe(SimPeer& from, SimPeer& to, const std::string& child) {
  ++packets;
  const InstallChild* out = from.Sends(child);
  auto lose = [this, &from, now = clock.now()](const std::string& why) {
    if (lost++ == 0) first_loss = from.name + " " + why + " at " + std::to_string(ToNanos(now) / 1000000) + " ms";
  };
  if (!out) return lose("has no outbound SA");
  clock.At(clock.now() + std::chrono::milliseconds(3), [&to, lose, sealed = Copy(out->sa)] {
    if (!to.Receives(*sealed)) lose("sent on an SA that is not there");
  });
}

void TwoPeers::WatchTraffic(const std::string& child, Duration every) {
  SendProbe(a, b, child);
  SendProbe(b, a, child);
  clock.At(clock.now() + every, [this, child, every, watch = watch_] {
    if (watch == watch_) WatchTraffic(child, every);
  });
}

bool IsInClear(const Bytes& datagram) {
  constexpr size_t kVersion = 17, kFlags = 19;   // offsets in either header
  auto h = DecodeHeader(datagram);
  if (!h) return true;
  return datagram[kVersion] >> 4 == 1 ? (datagram[kFlags] & 1) == 0 : h->exchange == ExchangeType::kIkeSaInit;
}

void TellWithEveryDisturbance(const Story& s) {
  using namespace std::chrono_literals;
  auto tell = [&s](const std::string& what, uint64_t number, const Fate& fate) {
    SCOPED_TRACE(what);
    TwoPeers p;
    s.prepare(p);
    uint64_t first = p.network.sent;
    p.network.fate = [=](const SimPacket& packet) {
      if (packet.number != first + number) return Fate{};
      // Nothing authenticates what is in clear but AUTH or HASH, which then ends the call, and rightly.
      return fate.corrupt && IsInClear(packet.data) ? Fate{.arrivals = {}} : fate;
    };
    s.story(p);
    p.RunFor(120s);
    s.check(p);
    return p.network.sent - first;
  };
  constexpr uint64_t kNone = ~uint64_t{0};
  uint64_t messages = tell("undisturbed", kNone - 1000000, {});
  ASSERT_GT(messages, 0u);
  for (uint64_t n = 0; n < messages && !testing::Test::HasFailure(); ++n) {
    std::string which = "message " + std::to_string(n);
    tell(which + " lost", n, {.arrivals = {}});
    tell(which + " twice", n, {.arrivals = {5ms, 25ms}});
    tell(which + " late", n, {.arrivals = {1500ms}});
    tell(which + " corrupt", n, {.arrivals = {5ms}, .corrupt = true});
  }
}

void AnswerBeforeB(TwoPeers& p, TwoPeers& elsewhere, bool everything) {
  elsewhere.network.on_send = [&p, everything](const SimPacket& packet) {
    bool init = DecodeHeader(packet.data)->exchange == ExchangeType::kIkeSaInit;
    if (init || everything) p.a.Post(DatagramIn{packet.to, packet.from, packet.marker, packet.data});
  };
  elsewhere.b.Start();
  p.network.on_send = [&p, &elsewhere](const SimPacket& packet) {
    if (packet.from.address != p.a.address) return;
    p.clock.At(p.clock.now() + std::chrono::milliseconds(1), [&elsewhere, packet] {
      elsewhere.b.Post(DatagramIn{packet.to, packet.from, packet.marker, packet.data});
      elsewhere.clock.RunFor(std::chrono::milliseconds(1));
    });
  };
}

bool TwoPeers::Carries(SimPeer& from, SimPeer& to, const std::string& child) {
  const InstallChild* out = from.Sends(child);
  return out && to.Receives(out->sa);
}

std::string TwoPeers::Disagreement() {
  if (IkeSpis(a) != IkeSpis(b)) return "IKE SAs: a has" + Describe(IkeSpis(a)) + ", b has" + Describe(IkeSpis(b));
  if (a.core->List().size() != IkeSpis(a).size() || b.core->List().size() != IkeSpis(b).size()) return "IKE SAs that are neither up nor gone";
  if (ChildSpis(a, true) != ChildSpis(b, false)) {
    return "Child SAs: a has" + Describe(ChildSpis(a, true)) + ", b has" + Describe(ChildSpis(b, false));
  }
  for (SimPeer* p : {&a, &b}) {
    SimPeer& other = p == &a ? b : a;
    if (std::string untidy = p->Untidiness(); !untidy.empty()) return untidy;
    for (const auto& [half, sa] : p->installed) {
      if (!half.second && !other.Receives(sa.what.sa)) return p->name + "'s outbound SA has no match";
    }
  }
  return "";
}

}  // namespace culvert::ike
