#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <optional>
#include <set>

#include "common/bytes/hex.h"
#include "common/bytes/writer.h"
#include "tests/support/esp_rig.h"
#include "tests/support/random_packets.h"
#include "tests/support/reference_transport.h"

// The data path against the references, ESP and AH in both modes at once, on random SAs, bursts, packets, orders and damage. How
// many packets each direction: CULVERT_ESP_PACKETS, 20,000 without it; from which seed: CULVERT_SEED, 1 without it.
namespace culvert::test {
namespace {

using channel::Direction;
using channel::Status;

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* s = std::getenv(name);
  return s != nullptr ? std::strtoul(s, nullptr, 10) : otherwise;
}

size_t PacketsWanted() {
  size_t wanted = FromEnvironment("CULVERT_ESP_PACKETS", 20000);
#if defined(__SANITIZE_ADDRESS__)
  wanted /= 10;  // each takes so much longer
#endif
  return wanted;
}

// Every suite the data path has, the everyday ones more than once.
std::vector<EspSuite> AllSuites() {
  std::vector<EspSuite> all;
  for (uint16_t bits : {uint16_t{128}, uint16_t{192}, uint16_t{256}}) {
    for (EncrId aead : {EncrId::kAesGcm16, EncrId::kAesGcm16, EncrId::kAesGcm12, EncrId::kAesGcm8, EncrId::kNullGmac}) {
      all.push_back({aead, bits, IntegId::kNone});
    }
    for (EncrId ccm : {EncrId::kAesCcm8, EncrId::kAesCcm12, EncrId::kAesCcm16}) {
      if (bits != 192) all.push_back({ccm, bits, IntegId::kNone});
    }
  }
  all.insert(all.end(), 4, {EncrId::kChaCha20Poly1305, 256, IntegId::kNone});
  for (IntegId mac : {IntegId::kHmacSha1_96, IntegId::kHmacSha256_128, IntegId::kHmacSha384_192, IntegId::kHmacSha512_256,
                      IntegId::kAesXcbc96, IntegId::kAesCmac96}) {
    for (uint16_t bits : {uint16_t{128}, uint16_t{192}, uint16_t{256}}) {
      all.push_back({EncrId::kAesCbc, bits, mac});
      all.push_back({EncrId::kAesCtr, bits, mac});
    }
    all.push_back({EncrId::kNull, 0, mac});
    all.insert(all.end(), 3, {EncrId::kNone, 0, mac});  // AH
  }
  for (IntegId mac : {IntegId::kAesGmac128, IntegId::kAesGmac192, IntegId::kAesGmac256}) all.push_back({EncrId::kNone, 0, mac});
  return all;
}
const std::vector<EspSuite> kSuites = AllSuites();
size_t IvSize(const EspSuite& s) {
  if (s.encr == EncrId::kAesCbc) return 16;
  const bool no_cipher = s.encr == EncrId::kNull || s.encr == EncrId::kNone;
  return no_cipher && !IsGmac(s.integ) ? 0 : 8;
}
constexpr unsigned kSas = 6;  // at once
constexpr unsigned kPacketsPerSet = 600;  // so that 20,000 packets are enough SAs for every suite with and without ESN

IpAddress V6(uint16_t site, uint32_t host) {
  Writer w;
  w.U16(0xfd00);
  w.U16(site);
  w.U64(0);
  w.U32(host);
  return *IpAddress::FromBytes(w.view());
}
IpAddress V4(unsigned site, uint32_t host) { return IpAddress::V4(10u << 24 | site << 16 | (host & 0xffff)); }

// What the receiver is to have accepted, packet by packet, with no bitmap.
struct Seen {
  uint32_t window;
  uint64_t edge;
  bool full_below;
  std::set<uint64_t> numbers;
  bool Accept(uint64_t seq) {
    if (seq == 0 || (seq <= edge && edge - seq >= window)) return false;
    if (full_below && seq <= first_edge) return false;
    if (!numbers.insert(seq).second) return false;
    edge = std::max(edge, seq);
    return true;
  }
  uint64_t first_edge = 0;
};

struct LiveSa {
  SaSpec spec;
  unsigned site;  // local 10.site/16 and fd00:site::/32, remote 10.(site + 100)/16 and fd00:(site + 100)::/32
  uint64_t next_out;
  std::optional<uint16_t> id_base;  // of outer IPv4 IDs, once one was seen
  Seen seen;
  std::vector<std::pair<uint64_t, Bytes>> sent;  // recent genuine packets towards us
};

class EspReference : public ::testing::Test {
 protected:
  EspReference() { rig_.rng().seed(FromEnvironment("CULVERT_SEED", 1)); }
  uint64_t Roll(uint64_t n) { return rig_.rng()() % n; }

  uint64_t RandomStart(bool esn, uint32_t window) {
    constexpr uint64_t k32 = uint64_t{1} << 32;
    uint64_t any[] = {
        0, 0, 1 + Roll(3 * window), k32 - 5000 + Roll(3000), k32 - 1 - Roll(1000), 3 * k32 + Roll(100), 7 * k32 - Roll(2000)};
    uint64_t s = any[Roll(esn ? std::size(any) : 4)];
    return esn ? s : std::min(s, k32 - 5000);
  }

  LiveSa MakeSa(unsigned i) {
    LiveSa live;
    SaSpec& s = live.spec;
    live.site = i + 1;
    s.suite = kSuites[next_suite_++ % kSuites.size()];
    s.suite.esn = (next_suite_ - 1) / kSuites.size() % 2 != 0;
    s.spi = MakeSpi(static_cast<uint8_t>(Roll(255) + 1), static_cast<uint32_t>(Roll(1024)),
                    static_cast<uint32_t>(Roll(kSlotsPerBucket / kSas) * kSas + i));
    s.sa_index = SaIndex(s.spi);
    s.protocol = s.suite.encr == EncrId::kNone ? 51 : 50;
    s.mode = Roll(2) ? channel::Mode::kTransport : channel::Mode::kTunnel;
    if (!s.ah() && !s.transport() && Roll(4) == 0) s.tfc_padding = static_cast<uint16_t>(1 + Roll(2000));
    s.encap = !s.ah() && Roll(3) == 0;
    bool v6 = Roll(2) != 0;
    s.gateway = {v6 ? *IpAddress::Parse("2001:db8::1") : *IpAddress::Parse("192.0.2.1"), 4500, 0};
    s.peer = {*IpAddress::Parse((v6 ? "2001:db8:5::" : "198.51.100.") + std::to_string(10 + i)),
              static_cast<uint16_t>(4500 + Roll(2) * 1000), 0};
    s.window = 64u << Roll(11);
    s.sequence = RandomStart(s.suite.esn, s.window);
    s.iv_generation = static_cast<uint16_t>(Roll(kMaxIvGeneration + 1));
    s.policy_id = i + 1;
    s.copy_dscp = Roll(2) != 0;
    s.copy_ecn = Roll(4) != 0;
    s.copy_df = Roll(4) != 0;
    auto range = [](const char* p) { return TrafficSelector{*IpRange::Parse(p)}; };
    auto v4 = [&](unsigned site) { return range(("10." + std::to_string(site) + ".0.0/16").c_str()); };
    auto v6ts = [](unsigned site) {
      return TrafficSelector{{V6(static_cast<uint16_t>(site), 0), V6(static_cast<uint16_t>(site), 0xffffffff)}};
    };
    s.local = {v4(live.site), v6ts(live.site)};
    s.remote = {v4(live.site + 100), v6ts(live.site + 100)};
    if (s.transport()) {  // what the SA is used for is between its two ends, whatever is written
      bool wide = Roll(2) != 0;
      IpRange own = {s.gateway.address, s.gateway.address};
      s.local = {{wide ? IpRange::All(s.gateway.address.family) : own}};
      s.remote = {{{s.peer.address, s.peer.address}}};
    }
    rig_.MakeKeys(s);
    live.next_out = s.sequence + 1;
    live.seen = {s.window, s.sequence, s.sequence != 0, {}, s.sequence};
    return live;
  }

  void MakeSet() {
    for (unsigned i = 0; i < kSas; ++i) {
      sas_.push_back(MakeSa(i));
      rig_.InstallBoth(sas_.back().spec);
    }
  }
  void DropSet() {
    for (LiveSa& live : sas_) {
      EXPECT_EQ(rig_.Remove(live.spec, Direction::kInbound), Status::kOk);
      EXPECT_EQ(rig_.Remove(live.spec, Direction::kOutbound), Status::kOk);
      EXPECT_EQ(rig_.database().RemovePolicy(live.spec.policy_id), Status::kOk);
    }
    rig_.Settle();
    rig_.events().clear();  // of alarms and of peers that move: a night has millions
    sas_.clear();
    EXPECT_EQ(rig_.database().sas(), 0u);
    EXPECT_EQ(rig_.database().keys_in_use(), 0u);
  }

  size_t RandomSize() {
    switch (Roll(8)) {
      case 0: return 28 + Roll(40);
      case 1: return 1400 + Roll(100);
      case 2: return Roll(16) == 0 ? 8000 : 64;
      default: return 28 + Roll(1472);
    }
  }
  // Towards `to_site`, from `from_site`.
  Bytes RandomInner(unsigned from_site, unsigned to_site) {
    auto tos = static_cast<uint8_t>(Roll(4) == 0 ? Roll(256) : 0);
    auto host = static_cast<uint32_t>(rig_.rng()());
    if (Roll(2)) return MakeUdp(V4(from_site, host), V4(to_site, ~host), 1000, 2000, RandomSize(), tos, Roll(2) != 0);
    return MakeUdp(V6(static_cast<uint16_t>(from_site), host), V6(static_cast<uint16_t>(to_site), ~host), 1000, 2000,
                   RandomSize(), tos);
  }

  // As the SA carries it, out or in.
  Bytes RandomFor(const LiveSa& live, bool out) {
    const SaSpec& s = live.spec;
    const IpAddress &ours = s.gateway.address, &theirs = s.peer.address;
    if (s.transport()) return RandomPacket(rig_.rng(), out ? ours : theirs, out ? theirs : ours, RandomSize());
    return out ? RandomInner(live.site, live.site + 100) : RandomInner(live.site + 100, live.site);
  }

  void SealBurst(size_t n);
  void OpenBurst(size_t n);
  bool MakeArrival(LiveSa& live, Bytes& outer, Bytes& expected);

  EspRig rig_;
  std::vector<LiveSa> sas_;
  size_t next_suite_ = 0;  // in turn, so that a short run too meets each, in company that chance gives it
};

// Hex only where it is to be read: the run through a night is one of comparing.
::testing::AssertionResult SameBytes(const char* left, const char* right, ByteView a, ByteView b) {
  if (Equal(a, b)) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << left << ": " << ToHex(a) << "\n" << right << ": " << ToHex(b);
}

std::string Describe(const SaSpec& s) {
  return Name(s.suite) + (s.ah() ? " AH" : " ESP") + (s.transport() ? " transport" : " tunnel") + (s.encap ? " in UDP" : "");
}

uint8_t TosOf(ByteView ip) { return ip[0] >> 4 == 4 ? ip[1] : static_cast<uint8_t>(ip[0] << 4 | ip[1] >> 4); }

// RFC 6040 figure 4, rows by the inner field and columns by the outer one; -1 drops. And DSCP where the SA copies it in.
bool Decapsulate(Bytes& inner, uint8_t outer_tos, const SaSpec& s) {
  constexpr int kEcn[4][4] = {{0, 0, 0, -1}, {1, 1, 1, 3}, {2, 1, 2, 3}, {3, 3, 3, 3}};
  uint8_t tos = TosOf(inner);
  int ecn = s.copy_ecn ? kEcn[tos & 3][outer_tos & 3] : tos & 3;
  if (ecn < 0) return false;
  tos = static_cast<uint8_t>(((s.copy_dscp ? outer_tos : tos) & 0xfc) | ecn);
  if (inner[0] >> 4 == 4) {
    inner[1] = tos;
    inner[10] = inner[11] = 0;
    uint16_t sum = InternetChecksum(ByteView(inner).first(20));
    inner[10] = static_cast<uint8_t>(sum >> 8);
    inner[11] = static_cast<uint8_t>(sum);
  } else {
    inner[0] = static_cast<uint8_t>(0x60 | tos >> 4);
    inner[1] = static_cast<uint8_t>((inner[1] & 0x0f) | tos << 4);
  }
  return true;
}

void EspReference::SealBurst(size_t n) {
  dp::Burst plain, forward, seal, sealed;
  std::map<const dp::Packet*, std::pair<LiveSa*, Bytes>> want;
  for (size_t i = 0; i < n; ++i) {
    LiveSa& live = sas_[Roll(sas_.size())];
    Bytes inner = RandomFor(live, true);
    dp::Packet& p = rig_.MakePacket(inner);
    plain.Add(p);
    want[&p] = {&live, inner};
  }
  rig_.worker().ApplyPolicy(rig_.context(), plain, forward, seal);
  ASSERT_EQ(forward.n, 0);
  ASSERT_EQ(seal.n, n);
  rig_.worker().Seal(rig_.context(), seal, sealed);
  ASSERT_EQ(sealed.n, n);
  for (size_t i = 0; i < n; ++i) {
    auto& [live, inner] = want.at(sealed.p[i]);
    const SaSpec& s = live->spec;
    Bytes outer = EspRig::Contents(*sealed.p[i]);
    uint64_t sequence = live->next_out++;
    ReferenceOpened o = ReferenceOpenAny(s.Outbound(), outer, static_cast<uint32_t>(sequence >> 32));
    ASSERT_EQ(o.error, "") << Describe(s) << " inner " << ToHex(inner);
    if (inner.size() < s.tfc_padding) inner.resize(s.tfc_padding);  // RFC 4303 2.7
    ASSERT_PRED_FORMAT2(SameBytes, o.inner, inner) << Describe(s);
    ASSERT_EQ(o.sequence, sequence);
    if (!s.transport()) {
      ASSERT_EQ(o.next_header, inner[0] >> 4 == 4 ? 4 : 41);
      uint8_t tos = TosOf(inner);
      ASSERT_EQ(o.tos, (s.copy_dscp ? tos & 0xfc : 0) | (s.copy_ecn ? tos & 3 : 0));
      bool over_v4 = s.gateway.address.family == Family::kV4, df = s.copy_df && (inner[0] >> 4 == 6 || (inner[6] & 0x40) != 0);
      ASSERT_EQ(o.df, over_v4 && df);
      if (!over_v4 || (df && !s.ah())) {
        ASSERT_EQ(o.id, 0);
      } else {
        auto base = static_cast<uint16_t>(o.id - sequence);
        if (!live->id_base) live->id_base = base;
        ASSERT_EQ(base, *live->id_base);
      }
      ASSERT_EQ(o.flow_label != 0, !over_v4);
    }
    if (IvSize(s.suite) == 8) {
      Writer iv;
      iv.U64(uint64_t{s.iv_generation} << 48 | sequence);
      ASSERT_PRED_FORMAT2(SameBytes, o.iv, iv.view());
    }
    ASSERT_EQ(sealed.p[i]->length, outer.size());
    ASSERT_NE(sealed.p[i]->next_hop, 0u);
  }
  rig_.Free(sealed);
}

// One packet towards us: usually genuine. True where it must come out, as `expected`.
bool EspReference::MakeArrival(LiveSa& live, Bytes& outer, Bytes& expected) {
  const SaSpec& s = live.spec;
  uint64_t sequence;
  if (!live.sent.empty() && Roll(10) == 0) {  // again what was sent before
    auto& [old, bytes] = live.sent[Roll(live.sent.size())];
    outer = bytes;
    bool fresh = live.seen.Accept(old);  // it may never have arrived
    if (!fresh) return false;
    ADD_FAILURE() << "a sent packet was not seen";
    return false;
  }
  switch (Roll(8)) {
    case 0: sequence = live.seen.edge + 1 + Roll(2 * uint64_t{s.window}); break;
    case 1: sequence = live.seen.edge - std::min(live.seen.edge, Roll(s.window + s.window / 4)); break;
    default: sequence = live.seen.edge + 1; break;
  }
  if (!s.suite.esn && sequence > UINT32_MAX) return false;
  SealChoices c;
  c.sequence = sequence;
  c.iv = rig_.Random(IvSize(s.suite));
  c.extra_pad = Roll(4) == 0 ? static_cast<unsigned>(Roll(8)) : 0;
  c.udp_checksum = Roll(2) != 0;
  c.tos = static_cast<uint8_t>(Roll(3) == 0 ? Roll(256) : 0);
  c.wide_ah = Roll(3) == 0;
  bool genuine = true, good = true;
  Bytes inner = RandomFor(live, false);
  uint64_t lie = Roll(40);
  if (s.transport() && lie == 4)
    inner = RandomPacket(rig_.rng(), s.gateway.address.family == Family::kV4 ? V4(9, 9) : V6(9, 9), s.gateway.address, 40);
  else if (s.transport() ? lie != 2 : false)
    lie = 40;
  if (s.ah() && lie < 2) lie = 40;
  switch (lie) {
    case 0:
      c.spoil_pad = static_cast<int>(Roll(3));
      c.extra_pad = 1;
      good = false;
      break;
    case 1:
      c.pad_length = 255;
      good = false;
      break;
    case 2:
      c.next_header = 59;
      good = false;
      break;
    case 3:
      c.next_header = 6;
      good = false;
      break;
    case 4:
      if (!s.transport()) inner = RandomInner(live.site, live.site + 100);
      good = false;
      break;  // outside the selectors
    case 5:
      inner[0] = static_cast<uint8_t>(inner[0] + 0x10);
      c.next_header = 4;
      good = false;
      break;
    case 6:
      inner.resize(inner.size() - 1);
      good = false;
      break;                                        // shorter than it says
    case 7: Append(inner, rig_.Random(20)); break;  // TFC padding behind the packet
    default: break;
  }
  outer = ReferenceSealAny(s.Inbound(), inner, c);
  const size_t front = CutAtIpsec(outer).front.size(), head = front + (s.encap ? 8 : 0), spi = head + (s.ah() ? 4 : 0);
  if (Roll(2)) Travel(rig_.rng(), outer, front);
  switch (Roll(20)) {
    case 0:
      outer[spi + 4 + Roll(outer.size() - spi - 4)] ^= static_cast<uint8_t>(1 << Roll(8));
      genuine = false;
      break;
    case 1:
      outer[spi + Roll(4)] ^= static_cast<uint8_t>(1 << Roll(8));
      genuine = false;
      break;  // SPI
    default: break;
  }
  if (!genuine) return false;
  bool fresh = live.seen.Accept(sequence);
  if (fresh) live.sent.emplace_back(sequence, outer);
  if (live.sent.size() > 64) live.sent.erase(live.sent.begin());
  expected = inner;
  if (!s.transport()) return Decapsulate(expected, TosOf(outer), s) && fresh && good;
  CutPacket cut = CutToSeal(inner);
  cut.front = CutAtIpsec(outer).front;
  expected = Join(cut);
  return fresh && good;
}

void EspReference::OpenBurst(size_t n) {
  dp::Burst esp, opened;
  std::map<const dp::Packet*, Bytes> want;
  for (size_t i = 0; i < n; ++i) {
    LiveSa& live = sas_[Roll(sas_.size())];
    Bytes outer, inner;
    bool accepted = MakeArrival(live, outer, inner);
    if (outer.empty()) continue;
    dp::Packet& p = rig_.MakePacket(outer);
    esp.Add(p);
    if (accepted) {
      // What is behind the inner packet's own length is cut (RFC 4303 2.7).
      size_t length = inner[0] >> 4 == 4 ? inner[2] << 8 | inner[3] : 40 + (inner[4] << 8 | inner[5]);
      inner.resize(length);
      want[&p] = inner;
    }
  }
  uint16_t arrived = esp.n;
  uint64_t before = rig_.AllDrops() + rig_.context().counters.consumed.get();
  rig_.worker().Open(rig_.context(), esp, opened);
  ASSERT_EQ(opened.n, want.size());
  ASSERT_EQ(rig_.AllDrops() + rig_.context().counters.consumed.get() - before, arrived - opened.n);
  for (uint16_t i = 0; i < opened.n; ++i) {
    const Bytes& wanted = want.at(opened.p[i]);
    ASSERT_PRED_FORMAT2(SameBytes, EspRig::Contents(*opened.p[i]), wanted);
    ASSERT_TRUE(opened.p[i]->opened);
    ASSERT_EQ(opened.p[i]->length, wanted.size());
  }
  rig_.Free(opened);
}

TEST_F(EspReference, Seals) {
  for (size_t done = 0; done < PacketsWanted();) {
    ASSERT_NO_FATAL_FAILURE(MakeSet());
    for (size_t in_set = 0; in_set < kPacketsPerSet;) {
      size_t n = 1 + Roll(dp::kBurstMax);
      ASSERT_NO_FATAL_FAILURE(SealBurst(n));
      in_set += n;
      done += n;
    }
    DropSet();
  }
  EXPECT_EQ(rig_.AllDrops(), 0u);
}

TEST_F(EspReference, Opens) {
  for (size_t done = 0; done < PacketsWanted();) {
    ASSERT_NO_FATAL_FAILURE(MakeSet());
    for (size_t in_set = 0; in_set < kPacketsPerSet;) {
      size_t n = 1 + Roll(dp::kBurstMax);
      ASSERT_NO_FATAL_FAILURE(OpenBurst(n));
      in_set += n;
      done += n;
    }
    DropSet();
  }
  // Every way of going wrong was met.
  for (Drop why : {Drop::kReplayed, Drop::kBadIcv, Drop::kBadPad, Drop::kInnerMismatch, Drop::kUnknownSpi, Drop::kRunt,
                   Drop::kBadHeader, Drop::kEcn}) {
    EXPECT_GT(rig_.Drops(why), 0u) << Name(why);
  }
  EXPECT_GT(rig_.context().counters.consumed.get(), 0u);
}

}  // namespace
}  // namespace culvert::test
