#pragma once

#include <memory>
#include <vector>

#include "tests/support/esp_rig.h"
#include "tests/support/gateway_rig.h"

namespace culvert::testing {

// What an SA in tunnel mode may look like from outside.
struct TunnelKind {
  const char* name;
  bool v6, ah, encap;
};
inline constexpr TunnelKind kTunnelKinds[] = {
    {"EspV4", false, false, false}, {"EspV6", true, false, false}, {"AhV4", false, true, false},
    {"AhV6", true, true, false},    {"UdpV4", false, false, true}, {"UdpV6", true, false, true}};

// A whole gateway (GatewayRig) with one SA pair, between its wan address and a peer behind the upstream router; the peer is the
// test's, by ReferenceSealAny and ReferenceOpenAny.
//
//   alice 10.1.0.2, fd01::2 ── lan [ gateway ] wan ── upstream ── peer 198.51.100.9, 2001:db8:5::9 ── 10.9.0.0/16, fd09::/64
class TunnelRig {
 public:
  struct Options {
    bool v6 = false;         // outside
    uint32_t mtu = 1500;     // of both ports
    unsigned workers = 1;
    dp::EspWorker::Options esp = {};
    offload::Engines* engines = nullptr;
    bool inline_wan = false;   // SAs go to the port where it takes them
    offload::SoftInlinePort::Offer offer = {};  // with inline_wan
    offload::InlinePorts::Clock clock = {};     // likewise
  };
  // What the SA has where a test does not say otherwise: AES-GCM with ESN in tunnel mode. Install() makes it live.
  explicit TunnelRig(Options options);
  ~TunnelRig();

  test::SaSpec& sa() { return sa_; }
  void Install();
  void Install(const TunnelKind& kind);   // whose v6 was among the options
  void Install(const test::SaSpec& s, channel::Direction d);   // one more, under the same policy
  channel::Status TryInstall(const test::SaSpec& s, channel::Direction d);
  void Remove(const test::SaSpec& s, channel::Direction d);

  // What came out of the other side: IP packets.
  std::vector<Bytes> FromAlice(ByteView ip);
  std::vector<Bytes> FromPeer(ByteView ip);
  // Several before anything runs.
  std::vector<Bytes> FromPeer(const std::vector<Bytes>& packets);
  // What went back to where the last packet came from.
  std::vector<Bytes> BackToAlice() { return Packets(GatewayRig::kLan); }
  std::vector<Bytes> BackToPeer() { return Packets(GatewayRig::kWan); }
  // Of a whole sealed packet; fails the test where it cannot be opened.
  test::ReferenceOpened Open(ByteView outer);
  Bytes Seal(ByteView inner);
  // Time of the workers' clock goes by without waiting.
  void Settle();

  channel::SaInventory inventory(channel::Direction d) const;  // likewise
  dp::SaEngine engine(channel::Direction d) const;  // of a live SA in that direction, the last there is
  std::vector<channel::Event>& events() { return events_; }
  GatewayRig& rig() { return rig_; }
  dp::Ipsec& ipsec() { return *ipsec_; }
  IpAddress alice(bool v6) const { return Ip(v6 ? "fd01::2" : "10.1.0.2"); }
  IpAddress bob(bool v6) const { return Ip(v6 ? "fd09::2" : "10.9.0.2"); }
  uint64_t next_sequence = 1;  // of Seal
  test::SealChoices choices;   // of Seal, but for sequence and IV

 private:
  std::vector<Bytes> Packets(uint16_t port);

  GatewayRig rig_;
  std::unique_ptr<offload::Engines> engines_;   // with inline_wan
  std::unique_ptr<dp::Ipsec> ipsec_;
  test::SaSpec sa_;
  std::vector<channel::Event> events_;
};

// Fragments put together by the rules of RFC 791 and RFC 8200, slowly, and with every rule checked: `mtu` octets at most each, a
// multiple of eight but the last, no gap and no overlap, one ID. Empty, with a failure of the test, where one is broken.
Bytes ReferenceReassemble(const std::vector<Bytes>& fragments, size_t mtu);
// Cut at these offsets of the data behind the IP header (multiples of eight); an IPv6 packet gets fragment headers.
std::vector<Bytes> ReferenceFragment(ByteView packet, const std::vector<size_t>& cuts, uint32_t id);

}  // namespace culvert::testing
