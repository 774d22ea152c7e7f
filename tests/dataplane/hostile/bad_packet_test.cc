#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>

#include "tests/support/reference_transport.h"
#include "tests/support/tunnel_rig.h"

// What strangers, and peers with the keys, may put on the wire: each row is one packet of B59 to B66, in every shape that an SA
// in tunnel mode has outside. It has to end under a reason, no octet of it may leave by any port, and the SA has to go on as if
// it had never come.
namespace culvert::testing {
namespace {

using test::MakeUdp;
using test::SealChoices;

constexpr size_t kV4Header = 20, kV6Header = 40, kUdpHeader = 8, kEspHeader = 8;

class Hostile : public ::testing::TestWithParam<TunnelKind> {
 protected:
  Hostile() : rig_({.v6 = GetParam().v6}) { rig_.Install(GetParam()); }

  bool ah() const { return GetParam().ah; }
  bool encap() const { return GetParam().encap; }
  bool checksummed() const { return encap() && GetParam().v6; }  // a change has to be mended in UDP's
  // Octets before the ESP or AH header.
  size_t front() const { return (GetParam().v6 ? kV6Header : kV4Header) + (encap() ? kUdpHeader : 0); }
  uint8_t protocol() const { return encap() ? 17 : ah() ? 51 : 50; }
  Bytes In(size_t size = 100) { return MakeUdp(rig_.bob(false), rig_.alice(false), 2000, 1000, size); }

  // Sealed as the peer does, the choices changed.
  Bytes SealWith(ByteView inner, const std::function<void(SealChoices&)>& change) {
    SealChoices c;
    c.sequence = rig_.next_sequence++;
    c.iv.assign(ah() ? 0 : 8, static_cast<uint8_t>(c.sequence));
    change(c);
    return ReferenceSealAny(rig_.sa().Inbound(), inner, c);
  }
  // An outer packet of the SA's ends around this, from the IPsec header on.
  Bytes Around(Bytes payload) {
    if (encap()) payload = test::WrapUdp(rig_.sa().Inbound(), payload, GetParam().v6);
    return test::WrapIp(rig_.sa().Inbound(), payload, protocol(), {});
  }
  // Lengths and header checksum as they are now; the packet may have been cut.
  void MendOuter(Bytes& p) const {
    const bool v4 = p[0] >> 4 == 4;
    auto put = [&p](size_t at, size_t v) {
      p[at] = static_cast<uint8_t>(v >> 8);
      p[at + 1] = static_cast<uint8_t>(v);
    };
    put(v4 ? 2 : 4, v4 ? p.size() : p.size() - kV6Header);
    if (v4) {
      put(10, 0);
      put(10, test::InternetChecksum(ByteView(p).first(kV4Header)));
    }
    const size_t at = v4 ? kV4Header : kV6Header;
    if (!encap() || p.size() < at + kUdpHeader) return;
    put(at + 4, p.size() - at);
    put(at + 6, 0);
  }

  // Ends under one of these reasons, and nothing else happens.
  void ExpectDropped(const std::string& what, const std::vector<Bytes>& packets, const std::set<Drop>& reasons) {
    SCOPED_TRACE(what);
    const auto before = Drops();
    EXPECT_TRUE(rig_.FromPeer(packets).empty()) << "left by the inner port";
    std::string grown;
    uint64_t dropped = 0;
    const auto after = Drops();
    for (size_t i = 0; i < kDropReasons; ++i) {
      if (after[i] == before[i]) continue;
      dropped += after[i] - before[i];
      grown += std::string(Name(static_cast<Drop>(i))) + " ";
      EXPECT_TRUE(reasons.contains(static_cast<Drop>(i))) << Name(static_cast<Drop>(i));
    }
    EXPECT_EQ(dropped, packets.size()) << grown;
    EXPECT_TRUE(rig_.rig().Balanced());
    ExpectPasses();
  }
  void ExpectPasses() { EXPECT_EQ(rig_.FromPeer(rig_.Seal(In())).size(), 1u) << "the SA goes on"; }
  std::array<uint64_t, kDropReasons> Drops() {
    std::array<uint64_t, kDropReasons> all{};
    for (size_t i = 0; i < kDropReasons; ++i) all[i] = rig_.rig().drops(static_cast<Drop>(i));
    return all;
  }

  TunnelRig rig_;
};

// B59
TEST_P(Hostile, TooShortForItsHeaders) {
  const Bytes whole = rig_.Seal(In());
  const size_t least = ah() ? 12 + 16 : kEspHeader + 8 + 16 + 2;
  for (size_t length = 0; length < least; ++length) {
    Bytes cut(whole.begin(), whole.begin() + static_cast<long>(front() + length));
    MendOuter(cut);
    if (checksummed()) cut = Around(Bytes(cut.begin() + static_cast<long>(front()), cut.end()));
    // Of UDP no more than a marker's four octets is IKE's or a keepalive.
    if (encap() && length < kEspHeader) continue;
    ExpectDropped(std::to_string(length) + " octets", {cut}, {Drop::kRunt, Drop::kBadHeader, Drop::kBadIcv, Drop::kReplayed});
  }
}

// B59: AH that says other lengths than its integrity algorithm has.
TEST_P(Hostile, AhOfEveryLength) {
  if (!ah()) return;
  for (unsigned length = 0; length < 256; ++length) {
    Bytes p = rig_.Seal(In());
    if (p[front() + 1] == length) continue;
    p[front() + 1] = static_cast<uint8_t>(length);
    ExpectDropped("length " + std::to_string(length), {p}, {Drop::kRunt, Drop::kBadHeader, Drop::kBadIcv});
  }
}

// B59: what `nmap -sO` sends.
TEST_P(Hostile, EveryProtocolToOwnAddress) {
  const auto source = rig_.sa().peer.address, own = rig_.sa().gateway.address;
  for (unsigned p = 0; p < 256; ++p) {
    SCOPED_TRACE(p);
    rig_.FromPeer(IpPacket(source, own, static_cast<uint8_t>(p), Bytes(8)));
    EXPECT_TRUE(rig_.BackToAlice().empty());
    EXPECT_TRUE(rig_.rig().Balanced());
  }
  ExpectPasses();
}

// B60
TEST_P(Hostile, OfNoSaHere) {
  for (uint32_t spi : {0u, 1u, 255u, 256u, rig_.sa().spi ^ 1, rig_.sa().spi ^ 0x80000000u, 0xffffffffu}) {
    Bytes p = rig_.Seal(In());
    const size_t at = front() + (ah() ? 4 : 0);
    for (size_t i = 0; i < 4; ++i) p[at + i] = static_cast<uint8_t>(spi >> (24 - 8 * i));
    if (encap()) {
      if (spi == 0) continue;  // the marker of IKE
      p = Around(Bytes(p.begin() + static_cast<long>(front()), p.end()));
    }
    ExpectDropped("SPI " + std::to_string(spi), {p}, {Drop::kUnknownSpi});
  }
}

// B60: the SPI of an SA of ESP in AH, and the reverse.
TEST_P(Hostile, OfTheOtherProtocol) {
  if (encap()) return;
  Bytes other(64, 7);
  const uint32_t spi = rig_.sa().spi;
  const size_t at = ah() ? 0 : 4;  // of ESP in the first case
  other[0] = 4;
  other[1] = 5;
  for (size_t i = 0; i < 4; ++i) other[at + i] = static_cast<uint8_t>(spi >> (24 - 8 * i));
  ExpectDropped("the other protocol", {test::WrapIp(rig_.sa().Inbound(), other, ah() ? 50 : 51, {})},
                {Drop::kWrongProtocol, Drop::kBadHeader});
}

// B60: the SA is this gateway's, the address is not.
TEST_P(Hostile, ToAnotherAddress) {
  auto elsewhere = rig_.sa();
  elsewhere.gateway.address = Ip(GetParam().v6 ? "2001:db8::77" : "192.0.2.77");
  SealChoices c;
  c.sequence = rig_.next_sequence++;
  c.iv.assign(ah() ? 0 : 8, 1);
  rig_.FromPeer(ReferenceSealAny(elsewhere.Inbound(), In(), c));
  EXPECT_TRUE(rig_.BackToAlice().empty());
  ExpectPasses();
}

// B61
TEST_P(Hostile, WithAnyOctetOfTheIcvWrong) {
  for (size_t i = 0; i < 16; ++i) {
    Bytes p = rig_.Seal(In());
    p[ah() ? front() + 12 + i : p.size() - 1 - i] ^= static_cast<uint8_t>(1 << i % 8);
    if (checksummed()) p = Around(Bytes(p.begin() + static_cast<long>(front()), p.end()));
    ExpectDropped("octet " + std::to_string(i), {p}, {Drop::kBadIcv});
  }
}

TEST_P(Hostile, GoodOnesBetweenBadOnesPassInOrder) {
  std::vector<Bytes> burst;
  for (size_t i = 0; i < 32; ++i) {
    Bytes p = rig_.Seal(In(100 + i));
    if (i % 3 == 0) {
      p.back() ^= 1;
      if (checksummed()) p = Around(Bytes(p.begin() + static_cast<long>(front()), p.end()));
    }
    burst.push_back(p);
  }
  auto passed = rig_.FromPeer(burst);
  ASSERT_EQ(passed.size(), 21u);
  EXPECT_TRUE(std::ranges::is_sorted(passed, {}, &Bytes::size));
  EXPECT_EQ(rig_.rig().drops(Drop::kBadIcv), 11u);
}

// B61: a peer with the keys that seals nonsense.
TEST_P(Hostile, PaddingThatLies) {
  if (ah()) return;
  for (int length : {120, 200, 255}) {
    Bytes p = SealWith(In(60), [&](auto& c) { c.pad_length = length; });
    ExpectDropped("pad length " + std::to_string(length), {p}, {Drop::kBadPad});
  }
  for (int octet : {0, 1}) {
    ExpectDropped("pad octet " + std::to_string(octet),
                  {SealWith(In(100), [&](auto& c) {
                    c.extra_pad = 4;
                    c.spoil_pad = octet;
                  })},
                  {Drop::kBadPad});
  }
}

TEST_P(Hostile, NextHeadersThatATunnelHasNot) {
  for (unsigned next : {1u, 6u, 17u, 41u, 47u, 50u, 51u, 60u, 255u}) {
    Bytes p = SealWith(In(), [&](auto& c) { c.next_header = static_cast<uint8_t>(next); });
    ExpectDropped("next header " + std::to_string(next), {p}, {Drop::kInnerMismatch});
  }
}

// B62
TEST_P(Hostile, AnythingSeenOrTooOld) {
  const Bytes first = rig_.Seal(In());
  ASSERT_EQ(rig_.FromPeer(first).size(), 1u);
  ExpectDropped("again", {first}, {Drop::kReplayed});
  const Bytes twice = rig_.Seal(In());
  EXPECT_EQ(rig_.FromPeer({twice, twice}).size(), 1u);
  EXPECT_EQ(rig_.rig().drops(Drop::kReplayed), 2u);
  ExpectDropped("number 0", {SealWith(In(), [](auto& c) { c.sequence = 0; })}, {Drop::kReplayed, Drop::kBadIcv});
  rig_.next_sequence = 5000;
  ExpectPasses();
  const Bytes old = SealWith(In(), [](auto& c) { c.sequence = 5000 - 1024; });
  ExpectDropped("left of the window", {old}, {Drop::kReplayed, Drop::kBadIcv});
  rig_.next_sequence = 5001;
  EXPECT_EQ(rig_.FromPeer(SealWith(In(), [](auto& c) { c.sequence = 5000 - 500; })).size(), 1u) << "inside it";
}

// B62: far ahead, and forged: the window does not follow.
TEST_P(Hostile, FarAheadAndForged) {
  ExpectPasses();
  for (uint64_t ahead : {2000ull, 1ull << 31, 0xfffffff0ull, 1ull << 32, 3ull << 32}) {
    const uint64_t next = rig_.next_sequence;
    Bytes p = SealWith(In(), [&](auto& c) { c.sequence = next + ahead; });
    // Of extended numbers the half that is sent is believed to be near: these were sealed with another half.
    p.back() ^= 1;
    if (checksummed()) p = Around(Bytes(p.begin() + static_cast<long>(front()), p.end()));
    ExpectDropped("by " + std::to_string(ahead), {p}, {Drop::kBadIcv, Drop::kReplayed});
    EXPECT_EQ(rig_.next_sequence, next + 2);
  }
}

// B63
TEST_P(Hostile, UdpThatLies) {
  if (!encap()) return;
  const size_t udp = GetParam().v6 ? kV6Header : kV4Header;
  for (int by : {-9, -1, 1, 100}) {
    Bytes p = rig_.Seal(In());
    auto length = static_cast<uint16_t>((p[udp + 4] << 8 | p[udp + 5]) + by);
    p[udp + 4] = static_cast<uint8_t>(length >> 8);
    p[udp + 5] = static_cast<uint8_t>(length);
    ExpectDropped("length off by " + std::to_string(by), {p}, {Drop::kBadHeader, Drop::kRunt, Drop::kBadIcv});
  }
  Bytes p = rig_.Seal(In());
  p[udp + 6] ^= 0x55;
  p[udp + 7] ^= 0xaa;
  ExpectDropped("a wrong checksum", {p}, {Drop::kBadHeader});
  if (checksummed()) return;
  Bytes moved = rig_.Seal(In());
  moved[udp] ^= 1;
  moved.back() ^= 1;
  ExpectDropped("forged, from another port", {moved}, {Drop::kBadIcv});
}

// B65
TEST_P(Hostile, InnerPacketsThatTheSaIsNotFor) {
  const auto alice = rig_.alice(false), bob = rig_.bob(false);
  Bytes good = In();
  auto spoilt = [&](size_t at, uint8_t v) {
    Bytes p = good;
    p[at] = v;
    p[10] = p[11] = 0;
    uint16_t sum = test::InternetChecksum(ByteView(p).first(kV4Header));
    p[10] = static_cast<uint8_t>(sum >> 8);
    p[11] = static_cast<uint8_t>(sum);
    return p;
  };
  Bytes unchecked = good;
  unchecked[10] ^= 1;
  struct Row {
    const char* what;
    Bytes inner;
    std::set<Drop> reasons;
  };
  const Row rows[] = {
      {"a source outside the selectors", MakeUdp(Ip("10.8.0.2"), alice, 1, 2, 100), {Drop::kInnerMismatch}},
      {"a destination outside them", MakeUdp(bob, Ip("10.2.0.2"), 1, 2, 100), {Drop::kInnerMismatch}},
      {"the gateway as source", MakeUdp(Ip("10.1.0.1"), alice, 1, 2, 100), {Drop::kInnerMismatch}},
      {"header length 4", spoilt(0, 0x44), {Drop::kBadHeader, Drop::kRunt}},
      {"version 0", spoilt(0, 0x05), {Drop::kBadHeader}},
      {"version 6", spoilt(0, 0x65), {Drop::kBadHeader, Drop::kRunt, Drop::kInnerMismatch}},
      {"longer than it is", spoilt(2, 0x40), {Drop::kRunt, Drop::kBadHeader}},
      {"a wrong checksum", unchecked, {Drop::kBadHeader}},
      {"a header alone, cut", Bytes(good.begin(), good.begin() + 12), {Drop::kRunt, Drop::kBadHeader}},
      {"nothing", {}, {Drop::kRunt, Drop::kBadHeader}},
  };
  for (const Row& row : rows)
    ExpectDropped(row.what, {SealWith(row.inner, [](auto& c) { c.next_header = 4; })}, row.reasons);
}

TEST_P(Hostile, InClearWhatTheSaProtects) {
  ExpectDropped("in clear", {In()}, {Drop::kPlaintextInbound});
  ExpectDropped("in clear, IPv6", {MakeUdp(rig_.bob(true), rig_.alice(true), 1, 2, 100)}, {Drop::kPlaintextInbound});
}

TEST_P(Hostile, IpsecInIpsecTenTimes) {
  Bytes p = In();
  for (int i = 0; i < 10; ++i) p = rig_.Seal(p);
  // Outside it is a packet of the SA; inside one between addresses that the SA is not for.
  ExpectDropped("ten times", {p}, {Drop::kInnerMismatch, Drop::kNesting});
}

// D21: in clear, by anybody, about a packet that was sealed here. That a path is too narrow is believed where the packet was sent
// lately (path_mtu_test.cc); nothing else is, and no SA ends by it.
TEST_P(Hostile, ErrorsAboutOuterPackets) {
  const bool v6 = GetParam().v6;
  const auto own = rig_.sa().gateway.address, router = Ip(v6 ? "2001:db8:5::77" : "198.51.100.77");
  for (unsigned type : v6 ? std::vector<unsigned>{1, 3, 4, 100, 127} : std::vector<unsigned>{3, 4, 5, 11, 12}) {
    for (unsigned code = 0; code < 16; ++code) {
      if (!v6 && type == 3 && code == 4) continue;
      auto sealed = rig_.FromAlice(MakeUdp(rig_.alice(false), rig_.bob(false), 1000, 2000, 100));
      ASSERT_EQ(sealed.size(), 1u) << "type " << type << " code " << code;
      Bytes error = {static_cast<uint8_t>(type), static_cast<uint8_t>(code), 0, 0, 0, 0, 0, 60};
      Append(error, sealed[0]);
      const uint16_t sum = test::InternetChecksum(error);
      error[2] = static_cast<uint8_t>(sum >> 8);
      error[3] = static_cast<uint8_t>(sum);
      ExpectDropped("type " + std::to_string(type) + " code " + std::to_string(code),
                    {IpPacket(router, own, v6 ? 58 : 1, error)}, {Drop::kIcmpIgnored});
    }
  }
}

// B66
TEST_P(Hostile, OuterHeadersThatNobodySends) {
  const auto source = rig_.sa().peer.address, own = rig_.sa().gateway.address;
  const Bytes esp = rig_.Seal(In());
  const Bytes payload(esp.begin() + static_cast<long>(front() - (encap() ? kUdpHeader : 0)), esp.end());
  auto from = [&](const IpAddress& a) { return IpPacket(a, own, protocol(), payload); };
  if (!GetParam().v6) {
    for (const char* martian : {"127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "240.0.0.1"})
      ExpectDropped(martian, {from(Ip(martian))}, {Drop::kMartian});
    ExpectDropped("its own address", {from(own)}, {Drop::kMartian});
    return;
  }
  for (const char* martian : {"::1", "::", "ff02::1"}) ExpectDropped(martian, {from(Ip(martian))}, {Drop::kMartian});
  ExpectDropped("its own address", {from(own)}, {Drop::kMartian});
  // 200 destination option headers, then a routing header of type 0 (RFC 5095).
  Bytes many;
  for (int i = 0; i < 199; ++i) {
    const uint8_t header[] = {60, 0, 1, 4, 0, 0, 0, 0};
    many.insert(many.end(), header, header + 8);
  }
  const uint8_t last[] = {protocol(), 0, 1, 4, 0, 0, 0, 0};
  many.insert(many.end(), last, last + 8);
  many.resize(std::min<size_t>(many.size(), 1400));
  ExpectDropped("extension headers", {IpPacket(source, own, 60, many)}, {Drop::kBadHeader, Drop::kRunt});
  Bytes routed = {protocol(), 2, 0, 1, 0, 0, 0, 0};
  const auto alice = rig_.alice(true).octets;
  routed.insert(routed.end(), alice.begin(), alice.end());
  routed.insert(routed.end(), payload.begin(), payload.end());
  ExpectDropped("routing header 0", {IpPacket(source, own, 43, routed)}, {Drop::kUnconsumed});
}

INSTANTIATE_TEST_SUITE_P(EachKind, Hostile, ::testing::ValuesIn(kTunnelKinds), [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace culvert::testing
