#include <gtest/gtest.h>

#include "common/bytes/writer.h"
#include "tests/support/esp_rig.h"
#include "tests/support/random_packets.h"
#include "tests/support/reference_transport.h"

// Transport mode and AH where they must say no, and how long a packet may be. That they say yes is in esp_reference_test.cc.
namespace culvert::test {
namespace {

using channel::Direction;
using channel::Mode;
using channel::Status;

constexpr uint16_t kMtu = 1400;
constexpr uint8_t kHop = 0, kRouting = 43, kFragment = 44, kDestination = 60;

struct Form {
  uint8_t protocol;
  Mode mode;
  bool v6, encap;
};
std::string Name(const Form& f) {
  return std::string(f.protocol == 51 ? "AH " : "ESP ") + (f.mode == Mode::kTransport ? "transport" : "tunnel") +
         (f.v6 ? " over IPv6" : " over IPv4") + (f.encap ? " in UDP" : "");
}

class TransportTest : public ::testing::Test {
 protected:
  TransportTest() : rig_(1, {}, kMtu) {}

  SaSpec Make(const Form& f) {
    SaSpec s;
    s.protocol = f.protocol;
    s.mode = f.mode;
    s.encap = f.encap;
    s.suite = f.protocol == 51 ? EspSuite{EncrId::kNone, 0, IntegId::kHmacSha256_128, true}
                               : EspSuite{EncrId::kAesCbc, 256, IntegId::kHmacSha384_192, true};
    s.gateway = {*IpAddress::Parse(f.v6 ? "2001:db8::1" : "192.0.2.1"), 4500, 0};
    s.peer = {*IpAddress::Parse(f.v6 ? "2001:db8:5::9" : "198.51.100.9"), 4500, 0};
    s.local = {{*IpRange::Parse(f.v6 ? "2001:db8::/64" : "192.0.2.0/24")}};
    s.remote = {{*IpRange::Parse(f.v6 ? "2001:db8:5::/64" : "198.51.100.0/24")}};
    rig_.MakeKeys(s);
    return s;
  }
  Status Install(const SaSpec& s) {
    if (rig_.AddPolicy(s.policy_id, s.local, s.remote) != Status::kOk) return Status::kMalformed;
    if (Status in = rig_.Install(s, Direction::kInbound); in != Status::kOk) return in;
    return rig_.Install(s, Direction::kOutbound);
  }
  void Remove(const SaSpec& s) {
    EXPECT_EQ(rig_.Remove(s, Direction::kInbound), Status::kOk);
    EXPECT_EQ(rig_.Remove(s, Direction::kOutbound), Status::kOk);
    EXPECT_EQ(rig_.database().RemovePolicy(s.policy_id), Status::kOk);
    rig_.Settle();
  }
  // Of one packet out; empty where it did not go sealed.
  Bytes Send(ByteView ip) {
    dp::Burst plain, forward, seal, sealed;
    plain.Add(rig_.MakePacket(ip));
    rig_.worker().ApplyPolicy(rig_.context(), plain, forward, seal);
    rig_.worker().Seal(rig_.context(), seal, sealed);
    Bytes out = sealed.n != 0 ? EspRig::Contents(*sealed.p[0]) : Bytes{};
    EXPECT_EQ(forward.n, 0) << "in clear";
    rig_.Free(sealed);
    rig_.Free(forward);
    return out;
  }
  Bytes Receive(ByteView outer) {
    dp::Burst ipsec, opened;
    ipsec.Add(rig_.MakePacket(outer));
    rig_.worker().Open(rig_.context(), ipsec, opened);
    Bytes out = opened.n != 0 ? EspRig::Contents(*opened.p[0]) : Bytes{};
    rig_.Free(opened);
    return out;
  }
  SealChoices Choices(const SaSpec& s) {
    SealChoices c;
    c.sequence = ++sequence_;
    c.iv.assign(s.ah() ? 0 : 16, 7);
    return c;
  }
  static Bytes Udp(const SaSpec& s, bool out, size_t size) {
    return out ? MakeUdp(s.gateway.address, s.peer.address, 1000, 2000, size)
               : MakeUdp(s.peer.address, s.gateway.address, 1000, 2000, size);
  }

  EspRig rig_;
  uint64_t sequence_ = 0;
};

// An IPv6 packet behind extension headers of eight octets, each with these octets behind its length.
Bytes Extended(const SaSpec& s, bool out, std::vector<std::pair<uint8_t, Bytes>> headers) {
  Bytes chain;
  for (size_t i = 0; i < headers.size(); ++i) {
    Bytes h{i + 1 < headers.size() ? headers[i + 1].first : uint8_t{17}, 0};
    Append(h, headers[i].second);
    h.resize((h.size() + 7) / 8 * 8);
    h[1] = static_cast<uint8_t>(headers[i].first == kFragment ? 0 : h.size() / 8 - 1);
    Append(chain, h);
  }
  const IpAddress &ours = s.gateway.address, &theirs = s.peer.address;
  Bytes udp = MakeUdp(out ? ours : theirs, out ? theirs : ours, 1, 2, 100);
  Bytes ip(udp.begin(), udp.begin() + 40);
  ip[6] = headers[0].first;
  ip[4] = static_cast<uint8_t>((60 + chain.size()) >> 8);
  ip[5] = static_cast<uint8_t>(60 + chain.size());
  Append(ip, chain);
  Append(ip, ByteView(udp).subspan(40));
  return ip;
}

const Form kTransports[] = {{50, Mode::kTransport, false, false}, {50, Mode::kTransport, true, false},
                            {50, Mode::kTransport, false, true},  {50, Mode::kTransport, true, true},
                            {51, Mode::kTransport, false, false}, {51, Mode::kTransport, true, false}};

// RFC 4301 8.2.1: the length that is told fits exactly.
TEST_F(TransportTest, SaysWhichLengthFits) {
  std::vector<Form> forms(std::begin(kTransports), std::end(kTransports));
  for (bool v6 : {false, true}) forms.push_back({51, Mode::kTunnel, v6, false});
  for (const Form& f : forms) {
    SCOPED_TRACE(Name(f));
    SaSpec s = Make(f);
    ASSERT_EQ(Install(s), Status::kOk);
    ASSERT_TRUE(Send(Udp(s, true, kMtu)).empty());
    EXPECT_EQ(rig_.Drops(Drop::kTooBig), 1u);
    dp::Burst& made = rig_.context().originated;
    ASSERT_EQ(made.n, 1);
    Bytes icmp = EspRig::Contents(*made.p[0]);
    rig_.Free(made);
    size_t at = f.v6 ? 40 : 20;
    ASSERT_EQ(icmp[at], f.v6 ? 2 : 3);
    size_t fits = static_cast<size_t>(icmp[at + 6] << 8 | icmp[at + 7]);
    Bytes sealed = Send(Udp(s, true, fits));
    EXPECT_FALSE(sealed.empty());
    EXPECT_LE(sealed.size(), kMtu);
    EXPECT_TRUE(Send(Udp(s, true, fits + 1)).empty());
    rig_.Free(made);
    EXPECT_EQ(rig_.Drops(Drop::kTooBig), 1u);
    Remove(s);
  }
}

TEST_F(TransportTest, SealsNoFragments) {
  for (const Form& f : kTransports) {
    SCOPED_TRACE(Name(f));
    SaSpec s = Make(f);
    ASSERT_EQ(Install(s), Status::kOk);
    std::vector<Bytes> fragments;
    if (f.v6) {
      // First, later, and the atomic one, which is whole but would have to stay before AH.
      for (uint8_t offset : {uint8_t{1}, uint8_t{8}, uint8_t{0}}) {
        fragments.push_back(Extended(s, true, {{kFragment, {0, offset, 1, 2, 3, 4}}}));
      }
    } else {
      for (unsigned bits : {0x2000u, 0x0010u, 0x2010u}) {
        fragments.push_back(Udp(s, true, 100));
        Bytes& ip = fragments.back();
        ip[6] = static_cast<uint8_t>(bits >> 8);
        ip[7] = static_cast<uint8_t>(bits);
        ip[10] = ip[11] = 0;
        uint16_t sum = InternetChecksum(ByteView(ip).first(20));
        ip[10] = static_cast<uint8_t>(sum >> 8);
        ip[11] = static_cast<uint8_t>(sum);
      }
    }
    for (const Bytes& ip : fragments) EXPECT_TRUE(Send(ip).empty());
    EXPECT_EQ(rig_.Drops(Drop::kTransportFragment), 3u);
    Remove(s);
  }
}

// RFC 4303 3.1.1: what a sealed packet may not hide is a fragment either.
TEST_F(TransportTest, LetsNoFragmentsOut) {
  for (const Form& f : kTransports) {
    if (!f.v6) continue;
    SCOPED_TRACE(Name(f));
    SaSpec s = Make(f);
    ASSERT_EQ(Install(s), Status::kOk);
    Bytes hidden = Extended(s, false, {{kDestination, {1, 0}}, {kFragment, {0, 1, 1, 2, 3, 4}}});
    EXPECT_TRUE(Receive(ReferenceSealAny(s.Inbound(), hidden, Choices(s))).empty());
    EXPECT_EQ(rig_.Drops(Drop::kTransportFragment), 1u);
    Remove(s);
  }
}

TEST_F(TransportTest, SealsNoSourceRoutes) {
  for (const Form& f : kTransports) {
    if (!f.v6) continue;
    SCOPED_TRACE(Name(f));
    SaSpec s = Make(f);
    ASSERT_EQ(Install(s), Status::kOk);
    Bytes route(22, 9);
    route[0] = 0;  // of type 0
    route[1] = 1;  // segments left
    EXPECT_TRUE(Send(Extended(s, true, {{kRouting, route}})).empty());
    EXPECT_EQ(rig_.Drops(Drop::kMartian), 1u);
    Remove(s);
  }
}

// RFC 4301 4.1: its selectors may say what they like, such an SA is between its two ends.
TEST_F(TransportTest, SealsOnlyBetweenItsEnds) {
  for (const Form& f : kTransports) {
    SCOPED_TRACE(Name(f));
    SaSpec s = Make(f);
    ASSERT_EQ(Install(s), Status::kOk);
    IpAddress ours = *IpAddress::Parse(f.v6 ? "2001:db8::77" : "192.0.2.77"),
              theirs = *IpAddress::Parse(f.v6 ? "2001:db8:5::77" : "198.51.100.77");
    EXPECT_TRUE(Send(MakeUdp(s.gateway.address, theirs, 1, 2, 100)).empty());
    EXPECT_TRUE(Send(MakeUdp(ours, s.peer.address, 1, 2, 100)).empty());
    EXPECT_EQ(rig_.Drops(Drop::kNoSa), 2u);
    EXPECT_FALSE(Send(Udp(s, true, 100)).empty());
    Remove(s);
  }
}

// The peer's own keys, but another's address: a move is told, as for a tunnel, and the packet goes no further.
TEST_F(TransportTest, OpensOnlyBetweenItsEnds) {
  for (const Form& f : kTransports) {
    SCOPED_TRACE(Name(f));
    SaSpec s = Make(f);
    ASSERT_EQ(Install(s), Status::kOk);
    IpAddress other = *IpAddress::Parse(f.v6 ? "2001:db8:5::77" : "198.51.100.77");
    rig_.context().now = rte_rdtsc();
    rig_.events().clear();
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(Receive(ReferenceSealAny(s.Inbound(), MakeUdp(other, s.gateway.address, 1, 2, 100), Choices(s))).empty());
    }
    EXPECT_EQ(rig_.Drops(Drop::kInnerMismatch), 3u);
    rig_.Settle();
    size_t moves = 0;
    for (const auto& e : rig_.events()) moves += e.type == channel::EventType::kPeerMoved;
    EXPECT_EQ(moves, 1u);
    EXPECT_FALSE(Receive(ReferenceSealAny(s.Inbound(), Udp(s, false, 100), Choices(s))).empty());
    Remove(s);
  }
}

TEST_F(TransportTest, TellsProtocolsApart) {
  for (Mode mode : {Mode::kTunnel, Mode::kTransport}) {
    for (uint8_t protocol : {uint8_t{50}, uint8_t{51}}) {
      SaSpec s = Make({protocol, mode, false, false}), lie = Make({static_cast<uint8_t>(101 - protocol), mode, false, false});
      ASSERT_EQ(Install(s), Status::kOk);
      EXPECT_TRUE(Receive(ReferenceSealAny(lie.Inbound(), Udp(s, false, 100), Choices(lie))).empty());
      EXPECT_EQ(rig_.Drops(Drop::kWrongProtocol), 1u);
      Remove(s);
    }
  }
}

TEST_F(TransportTest, NoNextHeaderEndsHere) {
  for (const Form& f : kTransports) {
    SCOPED_TRACE(Name(f));
    SaSpec s = Make(f);
    ASSERT_EQ(Install(s), Status::kOk);
    uint64_t before = rig_.context().counters.consumed.get();
    SealChoices c = Choices(s);
    c.next_header = 59;
    EXPECT_TRUE(Receive(ReferenceSealAny(s.Inbound(), Udp(s, false, 100), c)).empty());
    EXPECT_EQ(rig_.context().counters.consumed.get() - before, 1u);
    Remove(s);
  }
}

TEST_F(TransportTest, RefusesAhOfOtherLengths) {
  SaSpec s = Make({51, Mode::kTransport, false, false});
  ASSERT_EQ(Install(s), Status::kOk);
  const Bytes good = ReferenceSealAny(s.Inbound(), Udp(s, false, 100), Choices(s));
  ASSERT_EQ(good[21], 5) << "28 octets";
  for (int length = 0; length < 256; ++length) {
    if (length == 5) continue;
    Bytes outer = good;
    outer[21] = static_cast<uint8_t>(length);
    EXPECT_TRUE(Receive(outer).empty()) << length;
  }
  // 32 octets: as long as padding to 64 bits would make it, so here the ICV decides.
  EXPECT_EQ(rig_.Drops(Drop::kBadHeader), 254u);
  EXPECT_EQ(rig_.Drops(Drop::kBadIcv), 1u);
  for (size_t size = 21; size < good.size(); ++size) {
    auto at = good.begin() + 20, end = good.begin() + static_cast<long>(size);
    Bytes cut = Join({Bytes(good.begin(), at), 51, Bytes(at, end)});
    EXPECT_TRUE(Receive(cut).empty()) << size;
  }
  EXPECT_EQ(rig_.Drops(Drop::kRunt), 27u);
  EXPECT_FALSE(Receive(good).empty());
}

// Options that run over their header, a front longer than is kept, a fragment header before AH: dropped, in and out.
TEST_F(TransportTest, RefusesFrontsThatCannotBeCovered) {
  SaSpec s = Make({51, Mode::kTransport, true, false});
  ASSERT_EQ(Install(s), Status::kOk);
  std::pair<uint8_t, Bytes> over{kHop, {5, 5, 0, 0, 0, 0}}, edge{kHop, {0, 0, 0, 0, 0, 5}};
  Bytes padded{1, 246};
  padded.resize(248);
  std::pair<uint8_t, Bytes> longest{kHop, padded};
  for (const auto& header : {over, edge, longest}) {
    Bytes out = Extended(s, true, {header}), in = Extended(s, false, {header});
    EXPECT_TRUE(Send(out).empty());
    Bytes ah(44, 0);
    ah[0] = 17;
    ah[1] = 6;
    for (int i = 0; i < 4; ++i) ah[static_cast<size_t>(4 + i)] = static_cast<uint8_t>(s.spi >> (24 - 8 * i));
    ah[11] = 1;
    EXPECT_TRUE(Receive(Join({CutToSeal(in).front, 51, ah})).empty());
  }
  EXPECT_EQ(rig_.Drops(Drop::kBadHeader), 6u);
  SealChoices c = Choices(s);
  Bytes good = ReferenceSealAny(s.Inbound(), Udp(s, false, 100), c);
  Bytes atomic(good.begin(), good.begin() + 40);
  atomic[6] = kFragment;
  atomic[5] = static_cast<uint8_t>(atomic[5] + 8);
  Append(atomic, Bytes{51, 0, 0, 0, 1, 2, 3, 4});
  Append(atomic, ByteView(good).subspan(40));
  EXPECT_TRUE(Receive(atomic).empty());
  EXPECT_EQ(rig_.Drops(Drop::kBadHeader), 1u);
  EXPECT_FALSE(Receive(good).empty());
}

TEST_F(TransportTest, RefusesWhatCannotBe) {
  SaSpec s = Make({51, Mode::kTransport, false, false});
  s.encap = true;
  EXPECT_EQ(rig_.Install(s, Direction::kInbound), Status::kMalformed) << "AH in UDP";
  s = Make({51, Mode::kTunnel, false, false});
  s.suite = {EncrId::kNull, 0, IntegId::kHmacSha256_128, true};
  EXPECT_EQ(rig_.Install(s, Direction::kInbound), Status::kMalformed) << "AH with a cipher";
  s.suite = {EncrId::kNone, 0, IntegId::kNone, true};
  rig_.MakeKeys(s);
  EXPECT_EQ(rig_.Install(s, Direction::kInbound), Status::kUnsupported) << "AH without a MAC";
  s = Make({50, Mode::kTransport, false, false});
  s.suite = {EncrId::kNone, 0, IntegId::kHmacSha256_128, true};
  EXPECT_EQ(rig_.Install(s, Direction::kInbound), Status::kUnsupported) << "ESP without a cipher's name";
  s = Make({50, Mode::kTransport, false, false});
  s.remote = {{*IpRange::Parse("10.0.0.0/8")}};
  EXPECT_EQ(rig_.Install(s, Direction::kInbound), Status::kMalformed) << "its own end is not among its selectors";
}

// Of the upper-layer header: protocol, where its checksum is, and the least it takes.
struct Checksummed {
  uint8_t protocol;
  size_t at;
};

// RFC 768, RFC 9293 3.1, RFC 4443 2.3: with the addresses it is said to have been made over.
void PutChecksum(Bytes& upper, const Checksummed& c, const IpAddress& from, const IpAddress& to) {
  upper[c.at] = upper[c.at + 1] = 0;
  uint32_t pseudo = c.protocol + static_cast<uint32_t>(upper.size());
  for (const IpAddress* a : {&from, &to}) {
    for (size_t i = 0; i < a->size(); i += 2) pseudo += static_cast<uint32_t>(a->octets[i]) << 8 | a->octets[i + 1];
  }
  uint16_t sum = InternetChecksum(upper, pseudo);
  if (c.protocol == 17 && sum == 0) sum = 0xffff;
  upper[c.at] = static_cast<uint8_t>(sum >> 8);
  upper[c.at + 1] = static_cast<uint8_t>(sum);
}

// RFC 3948 3.1.2: checksums made over the addresses before the NAT come out as if made over those behind it.
TEST_F(TransportTest, MendsChecksumsThatANatSpoilt) {
  constexpr Checksummed kKinds[] = {{6, 16}, {17, 6}, {136, 6}, {33, 6}, {58, 2}};
  auto random = [this](bool v6) { return *IpAddress::FromBytes(rig_.Random(v6 ? 16 : 4)); };
  for (int round = 0; round < 200; ++round) {
    SaSpec s = Make({50, Mode::kTransport, round % 2 != 0, true});
    const bool v6 = round % 2 != 0;
    s.original_peer = random(v6);
    if (round % 4 < 2) s.original_gateway = random(v6);
    const IpAddress from = *s.original_peer, to = s.original_gateway.value_or(s.gateway.address);
    ASSERT_EQ(Install(s), Status::kOk);
    for (const Checksummed& c : kKinds) {
      if (c.protocol == 58 && !v6) continue;
      Bytes ip = Udp(s, false, v6 ? 40 : 20), upper = rig_.Random(24 + rig_.rng()() % 40);
      // An upper-layer sum that is zero is where the two zeros differ.
      if (round % 3 == 0) upper.assign(upper.size(), 0);
      CutPacket cut = CutToSeal(ip);
      cut.next = c.protocol;
      Bytes want = upper;
      PutChecksum(upper, c, from, to);
      PutChecksum(want, c, s.peer.address, s.gateway.address);
      cut.rest = upper;
      Bytes opened = Receive(ReferenceSealAny(s.Inbound(), Join(cut), Choices(s)));
      cut.rest = want;
      ASSERT_EQ(opened, Join(cut)) << "protocol " << int{c.protocol};
      // What was wrong stays wrong, and a UDP checksum that was not made is not made here.
      upper[upper.size() - 1] ^= 1;
      want[want.size() - 1] ^= 1;
      if (c.protocol == 17 && !v6) upper[6] = upper[7] = want[6] = want[7] = 0;
      cut.rest = upper;
      opened = Receive(ReferenceSealAny(s.Inbound(), Join(cut), Choices(s)));
      cut.rest = want;
      ASSERT_EQ(opened, Join(cut)) << "protocol " << int{c.protocol};
    }
    // Too short for a checksum: as it came.
    CutPacket runt = CutToSeal(Udp(s, false, v6 ? 40 : 20));
    runt.next = 6;
    runt.rest = rig_.Random(17);
    EXPECT_EQ(Receive(ReferenceSealAny(s.Inbound(), Join(runt), Choices(s))), Join(runt));
    Remove(s);
  }
}

// RFC 3948 5.2: of clients of one NAT that speak from one port, the host sees each at a port of its own.
TEST_F(TransportTest, TheHostSeesAnotherPortThanThePeerWrites) {
  constexpr Checksummed kUdp = {17, 6};
  constexpr uint16_t kWire = 1701, kHost = 30627, kOurs = 1702;
  for (bool v6 : {false, true}) {
    SaSpec s = Make({50, Mode::kTransport, v6, true});
    s.local = {{s.local[0].addresses, 17, kOurs, kOurs}};
    s.remote = {{s.remote[0].addresses, 17, kHost, kHost}};
    s.original_peer = *IpAddress::Parse(v6 ? "fd00::77" : "10.0.0.77");
    s.wire_port = kWire;
    ASSERT_EQ(Install(s), Status::kOk);
    const IpAddress &ours = s.gateway.address, &theirs = s.peer.address;
    const size_t header = v6 ? 40 : 20;
    auto with_sum = [&](Bytes ip, const IpAddress& from, const IpAddress& to) {
      Bytes upper(ip.begin() + header, ip.end());
      PutChecksum(upper, kUdp, from, to);
      std::ranges::copy(upper, ip.begin() + header);
      return ip;
    };
    for (size_t size = header + 8; size < header + 60; ++size) {
      CutPacket cut = CutToSeal(with_sum(MakeUdp(theirs, ours, kWire, kOurs, size), *s.original_peer, ours));
      EXPECT_EQ(Receive(ReferenceSealAny(s.Inbound(), Join(cut), Choices(s))),
                with_sum(MakeUdp(theirs, ours, kHost, kOurs, size), theirs, ours));
      // The peer mends for its own NAT.
      const Bytes sealed = Send(with_sum(MakeUdp(ours, theirs, kOurs, kHost, size), ours, theirs));
      auto opened = ReferenceOpenAny(s.Outbound(), sealed, 0);
      EXPECT_EQ(opened.inner, with_sum(MakeUdp(ours, theirs, kOurs, kWire, size), ours, theirs));
    }
    // A port that is neither its own nor anybody's, and the host's: not of this SA.
    for (uint16_t port : {uint16_t{1703}, kHost}) {
      CutPacket cut = CutToSeal(MakeUdp(theirs, ours, port, kOurs, 100));
      EXPECT_TRUE(Receive(ReferenceSealAny(s.Inbound(), Join(cut), Choices(s))).empty());
      EXPECT_EQ(rig_.Drops(Drop::kInnerMismatch), 1u);
    }
    Remove(s);
  }
}

TEST_F(TransportTest, AWirePortIsOfOneUdpPortInUdp) {
  SaSpec good = Make({50, Mode::kTransport, false, true});
  good.remote = {{good.remote[0].addresses, 17, 9, 9}};
  good.wire_port = 1701;
  const struct { const char* why; void (*change)(SaSpec&); } kRows[] = {
    {"any port", [](SaSpec& s) { s.remote[0].port_first = 0, s.remote[0].port_last = 65535; }},
    {"two ports", [](SaSpec& s) { s.remote[0].port_last = 10; }},
    {"TCP", [](SaSpec& s) { s.remote[0].protocol = 6; }},
    {"not in UDP", [](SaSpec& s) { s.encap = false; }},
    {"a tunnel", [](SaSpec& s) { s.mode = Mode::kTunnel; }},
  };
  for (const auto& row : kRows) {
    SaSpec s = good;
    row.change(s);
    EXPECT_EQ(rig_.Install(s, Direction::kInbound), Status::kMalformed) << row.why;
  }
  EXPECT_EQ(rig_.Install(good, Direction::kInbound), Status::kOk);
}

// RFC 768: a sum that comes to zero is sent as all ones, as zero would say that there is none.
TEST_F(TransportTest, MendsAChecksumToTheOtherZero) {
  for (bool v6 : {false, true}) {
    SaSpec s = Make({50, Mode::kTransport, v6, true});
    s.original_peer = *IpAddress::Parse(v6 ? "fd00::77" : "10.0.0.77");
    ASSERT_EQ(Install(s), Status::kOk);
    constexpr Checksummed kUdp = {17, 6};
    CutPacket cut = CutToSeal(Udp(s, false, v6 ? 40 : 20));
    cut.next = 17;
    Bytes want(24, 1);
    for (unsigned word = 0; word < 0x10000; ++word) {
      want[10] = static_cast<uint8_t>(word >> 8);
      want[11] = static_cast<uint8_t>(word);
      PutChecksum(want, kUdp, s.peer.address, s.gateway.address);
      if (want[6] == 0xff && want[7] == 0xff) break;
    }
    ASSERT_EQ(want[6] & want[7], 0xff);
    cut.rest = want;
    PutChecksum(cut.rest, kUdp, *s.original_peer, s.gateway.address);
    Bytes opened = Receive(ReferenceSealAny(s.Inbound(), Join(cut), Choices(s)));
    cut.rest = want;
    EXPECT_EQ(opened, Join(cut));
    Remove(s);
  }
}

// RFC 4555 1.2. A NAT's new port is no move of either end.
TEST_F(TransportTest, DoesNotMove) {
  SaSpec s = Make({50, Mode::kTransport, false, true});
  ASSERT_EQ(Install(s), Status::kOk);
  auto update = [&](const Endpoint& remote, Direction d) {
    channel::UpdateSa u{};
    u.spi = s.spi;
    u.sa_index = s.sa_index;
    u.direction = d;
    u.set_remote = 1;
    u.udp_encap = 1;
    u.local = channel::ToWire(s.gateway);
    u.remote = channel::ToWire(remote);
    auto status = Status::kBusy;
    rig_.database().Update(u, [&status](const channel::Ack& a) { status = a.status; });
    rig_.Settle();
    return status;
  };
  EXPECT_EQ(update({*IpAddress::Parse("203.0.113.7"), 4500, 0}, Direction::kOutbound), Status::kUnsupported);
  EXPECT_EQ(update({s.peer.address, 61000, 0}, Direction::kOutbound), Status::kOk);
  Bytes sealed = Send(Udp(s, true, 100));
  ASSERT_FALSE(sealed.empty());
  EXPECT_EQ(sealed[22] << 8 | sealed[23], 61000);
}

}  // namespace
}  // namespace culvert::test
