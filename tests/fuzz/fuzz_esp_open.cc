// Z04: ESP and AH towards a whole gateway of two workers, from a peer that has the keys and from one that has not. What the peer
// seals may be anything, and anything may happen to it on the way: what was sealed well comes out as it was or, in transport
// mode, is answered once and sealed; what was changed comes out never, every packet is accounted for and every buffer given
// back. All of an input, up to 64 packets of up to eight segments each, is there before anything runs.
// Input: records of six octets (SA, choices, segments, lie, length of the inner packet, big-endian), the inner packet where
// the choice is the input's, three octets of damage (offset, big-endian, and what to flip) where the choice is damage, and one
// of length (up to 127 octets less, or of 128 and above, so many more; odd: the IP header says so) where the choice is length.
#include <rte_cycles.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "common/bytes/reader.h"
#include "drivers/eal/boot.h"
#include "tests/support/esp_rig.h"
#include "tests/support/gateway_rig.h"
#include "tests/support/reference_transport.h"

using namespace culvert;
using culvert::testing::GatewayRig;

namespace {

constexpr unsigned kSas = 16, kWorkers = 2;
constexpr size_t kEthernet = 14, kMost = 64;

enum Choice : uint8_t {
  kRawInner = 1,     // the inner packet is the input's
  kDamage = 2,       // after sealing
  kOldSequence = 4,  // at or below the highest one sealed so far
  kLie = 8,          // about padding, pad length or next header
  kJump = 16,        // ahead of the highest one by more than one
  kLength = 32,      // after sealing
  kTight = 64,       // in buffers without room before the data, which somebody else holds too
};

struct Peer {
  test::SaSpec sa;
  uint64_t highest = 0;
};

[[noreturn]] void Broken(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

// A gateway with one SA of every kind; for the process's life, as the environment cannot be started twice.
class Secured {
 public:
  Secured() : rig_({.workers = kWorkers}) {
    rig_.gateway().ike().SetSink([](const channel::DatagramInfo&, ByteView) { return true; });
    MeetNeighbours();
    auto made = dp::Ipsec::Create(kWorkers, rig_.gateway().grace(), {.tsc_hz = rte_get_tsc_hz()}, {});
    if (!made.ok()) Broken("no IPsec");
    ipsec_ = std::move(*made);
    for (unsigned w = 0; w < kWorkers; ++w) rig_.gateway().SetIpsec(w, &ipsec_->worker(w));
    for (unsigned i = 0; i < kSas; ++i) Install(i);
    ipsec_->database().OpenForwarding();
    Settle();
  }

  GatewayRig& rig() { return rig_; }
  Peer& peer(unsigned i) { return peers_[i % kSas]; }
  void Settle() {
    for (int i = 0; i < 6; ++i) {
      rig_.Run();
      ipsec_->database().Poll([](const channel::Event&) {});
    }
  }
  // What waits for neighbours that nobody is has to be given back in the end.
  void LetGo() {
    if (rig_.balance().held - rig_.fragments() > 512) {
      for (int i = 0; i < 200; ++i) rig_.Advance(dp::kRequestInterval);
      rig_.Sent(GatewayRig::kWan);
      rig_.Sent(GatewayRig::kLan);
      MeetNeighbours();
      if (rig_.balance().held != rig_.fragments()) Broken("a packet is held for ever");
    }
    if (rig_.balance().held == rig_.fragments() && rig_.buffers_in_use() != rig_.fragments()) Broken("a buffer was leaked");
  }

 private:
  void MeetNeighbours() {
    for (const char* host : {"192.0.2.254", "2001:db8::fe"}) rig_.AddNeighbour(GatewayRig::kWan, testing::Ip(host), testing::Mac(9));
    for (const char* host : {"10.1.0.2", "fd01::2"}) rig_.AddNeighbour(GatewayRig::kLan, testing::Ip(host), testing::Mac(2));
  }
  void Install(unsigned i) {
    constexpr EspSuite kSuites[] = {{EncrId::kAesGcm16, 128, IntegId::kNone, true},
                                    {EncrId::kAesGcm16, 256, IntegId::kNone, false},
                                    {EncrId::kChaCha20Poly1305, 256, IntegId::kNone, true},
                                    {EncrId::kAesCbc, 256, IntegId::kHmacSha256_128, true},
                                    {EncrId::kAesCbc, 128, IntegId::kHmacSha512_256, false},
                                    {EncrId::kNullGmac, 256, IntegId::kNone, true},
                                    {EncrId::kAesCcm8, 128, IntegId::kNone, true},
                                    {EncrId::kAesCtr, 256, IntegId::kAesXcbc96, false},
                                    {EncrId::kNone, 0, IntegId::kHmacSha256_128, true},
                                    {EncrId::kNone, 0, IntegId::kHmacSha384_192, false},
                                    {EncrId::kNone, 0, IntegId::kAesCmac96, false},
                                    {EncrId::kNone, 0, IntegId::kHmacSha512_256, true},
                                    {EncrId::kAesGcm16, 128, IntegId::kNone, true},
                                    {EncrId::kAesCbc, 128, IntegId::kHmacSha256_128, true},
                                    {EncrId::kAesGcm8, 256, IntegId::kNone, false},
                                    {EncrId::kChaCha20Poly1305, 256, IntegId::kNone, false}};
    static_assert(std::size(kSuites) == kSas);
    test::SaSpec& s = peers_[i].sa;
    s.spi = MakeSpi(static_cast<uint8_t>(i + 1), i, i);
    s.sa_index = SaIndex(s.spi);
    s.suite = kSuites[i];
    s.protocol = s.suite.encr == EncrId::kNone ? 51 : 50;
    s.mode = i < 10 ? channel::Mode::kTunnel : channel::Mode::kTransport;
    s.encap = !s.ah() && i % 3 == 2;
    bool v6 = i % 2 != 0;
    s.gateway = {testing::Ip(v6 ? "2001:db8::1" : "192.0.2.1"), 4500, 0};
    s.peer = {testing::Ip(((v6 ? "2001:db8:5::" : "198.51.100.") + std::to_string(10 + i)).c_str()), 4500, 0};
    s.window = i % 4 == 0 ? 64 : 1024;
    s.policy_id = i + 1;
    s.local = {{*IpRange::Parse("10.1.0.0/24")}, {*IpRange::Parse("fd01::/64")}};
    s.remote = {{*IpRange::Parse("10.9.0.0/16")}, {*IpRange::Parse("fd09::/64")}};
    if (s.transport()) {
      s.local = {{{s.gateway.address, s.gateway.address}}};
      s.remote = {{{s.peer.address, s.peer.address}}};
    }
    s.encr_key.assign(s.suite.encr_keymat(), static_cast<uint8_t>(i + 1));
    s.integ_key.assign(s.suite.integ_keymat(), static_cast<uint8_t>(i + 100));
    channel::AddPolicy policy{};
    policy.policy_id = s.policy_id;
    policy.priority = i;
    policy.action = channel::PolicyAction::kProtect;
    if (ipsec_->database().AddPolicy(policy, s.local, s.remote) != channel::Status::kOk) Broken("policy refused");
    for (auto direction : {channel::Direction::kInbound, channel::Direction::kOutbound}) {
      bool ok = false;
      ipsec_->database().Install(s.Install(direction), s.local, s.remote,
                                 [&](const channel::Ack& a) { ok = a.status == channel::Status::kOk; });
      Settle();
      if (!ok) Broken("SA refused");
    }
  }

  GatewayRig rig_;
  std::unique_ptr<dp::Ipsec> ipsec_;
  Peer peers_[kSas];
};

Secured& Gate() {
  static Secured* gate = [] {
    auto eal = BootEal({.worker_cores = {},
                        .pages = EalOptions::Pages::kNo,
                        .memory_mib = 128,
                        .devices = {},
                        .file_prefix = "culvert-fuzz-" + std::to_string(getpid())});
    if (!eal.ok()) Broken("no environment");
    return new Secured();
  }();
  return *gate;
}

// In `segments` pieces, as a NIC that scatters would deliver it.
rte_mbuf* Feed(GatewayRig& rig, ByteView frame, unsigned segments, bool tight) {
  size_t piece = frame.size() / segments + 1;
  rte_mbuf* head = nullptr;
  for (size_t at = 0; at < frame.size(); at += piece) {
    rte_mbuf* m = rte_pktmbuf_alloc(rig.pool());
    if (m == nullptr) Broken("buffers ran out");
    if (tight) m->data_off = 0;
    ByteView part = frame.subspan(at, std::min(piece, frame.size() - at));
    std::copy(part.begin(), part.end(), reinterpret_cast<uint8_t*>(rte_pktmbuf_append(m, static_cast<uint16_t>(part.size()))));
    if (head == nullptr) {
      head = m;
    } else if (rte_pktmbuf_chain(head, m) != 0) {
      Broken("too many segments");
    }
  }
  if (tight) rte_pktmbuf_refcnt_update(head, 1);
  if (!rig.port(GatewayRig::kWan).Feed(head)) Broken("the wire is full");
  return tight ? head : nullptr;
}

// Whoever else held it finds it as it was.
void LetGo(rte_mbuf* m, ByteView frame) {
  if (m == nullptr) return;
  Bytes now(rte_pktmbuf_pkt_len(m));
  const void* from = rte_pktmbuf_read(m, 0, static_cast<uint32_t>(now.size()), now.data());
  if (from != nullptr && from != now.data()) std::memcpy(now.data(), from, now.size());
  if (!std::ranges::equal(now, frame)) Broken("what somebody else holds was written to");
  rte_pktmbuf_free(m);
}

// `serial` makes it unlike every other.
Bytes UsualInner(bool v6, size_t size, uint16_t serial) {
  IpAddress from = testing::Ip(v6 ? "fd09::7" : "10.9.0.7"), to = testing::Ip(v6 ? "fd01::2" : "10.1.0.2");
  return test::MakeUdp(from, to, serial, 4000, size);
}

// RFC 792, RFC 4443 4: what the gateway itself answers.
Bytes Echo(const IpAddress& from, const IpAddress& to, size_t size, uint16_t serial, bool request) {
  bool v6 = from.family == Family::kV6;
  Bytes ip = test::MakeUdp(from, to, 0, 0, std::max<size_t>(size, 60));
  size_t head = v6 ? 40 : 20;
  ip[v6 ? 6 : 9] = v6 ? 58 : 1;
  ip[v6 ? 7 : 8] = 64;
  if (!v6) {
    ip[10] = ip[11] = 0;
    uint16_t sum = test::InternetChecksum(ByteView(ip).first(20));
    ip[10] = static_cast<uint8_t>(sum >> 8);
    ip[11] = static_cast<uint8_t>(sum);
  }
  ip[head] = v6 ? (request ? 128 : 129) : (request ? 8 : 0);
  ip[head + 1] = ip[head + 2] = ip[head + 3] = 0;
  ip[head + 4] = static_cast<uint8_t>(serial >> 8);
  ip[head + 5] = static_cast<uint8_t>(serial);
  ip[head + 6] = ip[head + 7] = 0;
  uint32_t pseudo = 0;
  if (v6) {
    pseudo = 58 + static_cast<uint32_t>(ip.size() - head);
    for (size_t i = 8; i < 40; i += 2) pseudo += static_cast<uint32_t>(ip[i]) << 8 | ip[i + 1];
  }
  uint16_t sum = test::InternetChecksum(ByteView(ip).subspan(head), pseudo);
  ip[head + 2] = static_cast<uint8_t>(sum >> 8);
  ip[head + 3] = static_cast<uint8_t>(sum);
  return ip;
}

// The IP header says how long it is now (RFC 791 3.1, RFC 8200 3).
void MendLength(Bytes& ip) {
  const bool v4 = ip[0] >> 4 == 4;
  const size_t said = v4 ? ip.size() : ip.size() - 40, at = v4 ? 2 : 4;
  ip[at] = static_cast<uint8_t>(said >> 8);
  ip[at + 1] = static_cast<uint8_t>(said);
  if (!v4) return;
  ip[10] = ip[11] = 0;
  const uint16_t sum = test::InternetChecksum(ByteView(ip).first(20));
  ip[10] = static_cast<uint8_t>(sum >> 8);
  ip[11] = static_cast<uint8_t>(sum);
}

// What the host behind us is to see of it: one hop on.
Bytes Forwarded(const Bytes& inner) {
  Bytes out = inner;
  if (inner[0] >> 4 == 6) {
    --out[7];
    return out;
  }
  --out[8];
  out[10] = out[11] = 0;
  uint16_t sum = test::InternetChecksum(ByteView(out).first(20));
  out[10] = static_cast<uint8_t>(sum >> 8);
  out[11] = static_cast<uint8_t>(sum);
  return out;
}

struct Sealing {
  Bytes frame, inner;
  Bytes answer;  // transport mode: what is to come back, before it is sealed
  test::ReferenceSa back;
  unsigned segments = 1;
  bool tight = false;
  rte_mbuf* held = nullptr;
  bool must_open = false, must_not_open = false;
};

Sealing Seal(Peer& peer, Reader& r, uint16_t serial) {
  uint8_t choice = r.U8();
  Sealing out;
  out.segments = 1 + r.U8() % 8;
  uint8_t lie = r.U8();
  size_t size = r.U16() % 1400;
  uint8_t raw_protocol = 0;
  const IpAddress &from = peer.sa.peer.address, &to = peer.sa.gateway.address;
  if (peer.sa.transport()) {
    out.inner = Echo(from, to, size, serial, true);
    out.back = peer.sa.Outbound();
    out.answer = Echo(to, from, size, serial, false);
    if (choice & kRawInner) {  // behind the addresses
      size_t head = from.family == Family::kV6 ? 40 : 20;
      Bytes rest = ToBytes(r.Take(std::min(size, r.remaining())));
      out.inner = test::Join({Bytes(out.inner.begin(), out.inner.begin() + static_cast<long>(head)), 253, rest});
      raw_protocol = lie;
    }
  } else if (choice & kRawInner) {
    out.inner = ToBytes(r.Take(std::min(size, r.remaining())));
  } else {
    out.inner = UsualInner(lie & 1, size, serial);
  }
  test::SealChoices c;
  bool old = (choice & kOldSequence) && peer.highest > 0;
  c.sequence = old ? peer.highest - std::min<uint64_t>(peer.highest - 1, lie) : peer.highest + 1 + ((choice & kJump) ? lie : 0);
  peer.highest = std::max(peer.highest, c.sequence);
  c.iv.assign(peer.sa.ah() ? 0 : Find(peer.sa.suite.encr)->iv, static_cast<uint8_t>(serial));
  c.next_header = raw_protocol;
  if (choice & kLie) {
    c.extra_pad = lie & 7;
    if (lie & 8) c.spoil_pad = lie >> 4;
    if (lie & 16) c.pad_length = lie;
    if (lie & 32) c.next_header = lie;
  }
  if (out.inner.empty()) c.next_header = 59;
  Bytes outer = test::ReferenceSealAny(peer.sa.Inbound(), out.inner, c);
  Bytes sealed = outer;
  size_t esp = (peer.sa.gateway.address.family == Family::kV4 ? 20u : 40u) + (peer.sa.encap ? 8u : 0u);
  if (choice & kDamage) {
    size_t at = r.U16() % outer.size();
    outer[at] ^= r.U8();
  }
  bool longer = false;
  if (choice & kLength) {
    const uint8_t by = r.U8();
    longer = by >= 128;
    outer.resize(longer ? outer.size() + by - 127 : outer.size() - std::min<size_t>(by, outer.size() - esp));
    if (by & 1) MendLength(outer);
  }
  out.tight = choice & kTight;
  bool whole = outer == sealed;
  out.must_open = whole && !old && !(choice & (kRawInner | kLie));
  // Octets that no header speaks of are nobody's, behind a packet that is whole.
  out.must_not_open = !longer && !std::ranges::equal(ByteView(outer).subspan(esp), ByteView(sealed).subspan(esp));
  bool v6 = peer.sa.gateway.address.family == Family::kV6;
  out.frame = testing::Ethernet(Gate().rig().port(GatewayRig::kWan).mac, testing::Mac(9), v6 ? 0x86dd : 0x0800, outer);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Secured& gate = Gate();
  GatewayRig& rig = gate.rig();
  Reader r({data, size});
  static uint16_t serial = 0;
  std::vector<Sealing> sent;
  while (r.remaining() >= 6 && sent.size() < kMost) {
    Peer& peer = gate.peer(r.U8());
    sent.push_back(Seal(peer, r, ++serial));
    sent.back().held = Feed(rig, sent.back().frame, sent.back().segments, sent.back().tight);
  }
  gate.Settle();
  for (const Sealing& s : sent) LetGo(s.held, s.frame);
  std::vector<Bytes> came = rig.Sent(GatewayRig::kLan);
  std::vector<Bytes> back = rig.Sent(GatewayRig::kWan);
  for (const Sealing& s : sent) {
    if (!s.must_open) continue;
    if (!s.answer.empty()) {
      auto answers = [&s](const Bytes& f) {
        return ReferenceOpenAny(s.back, ByteView(f).subspan(kEthernet), 0).inner == s.answer;
      };
      if (std::ranges::count_if(back, answers) != 1) Broken("a good packet was not answered once");
      continue;
    }
    Bytes wanted = Forwarded(s.inner);
    if (std::ranges::count_if(came, [&](const Bytes& f) { return std::ranges::equal(ByteView(f).subspan(kEthernet), wanted); }) != 1) {
      Broken("a good packet did not come out once, and as it was");
    }
  }
  // Beside packets, each of which may ask for one neighbour, nothing comes out behind us.
  if (came.size() > static_cast<size_t>(std::ranges::count(sent, false, &Sealing::must_not_open))) {
    Broken("more came out than was sealed well");
  }
  if (!rig.Balanced()) Broken("the books do not balance");
  gate.LetGo();
  return 0;
}
