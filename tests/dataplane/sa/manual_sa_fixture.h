#pragma once

#include <gtest/gtest.h>
#include <rte_cycles.h>

#include <optional>

#include "common/channel/validate.h"
#include "tests/support/esp_rig.h"
#include "tests/support/reference_transport.h"

namespace culvert::test {

// A database of manual SAs, and packets through them.
class ManualSaTest : public ::testing::Test {
 protected:
  explicit ManualSaTest(unsigned workers = 1, uint16_t mtu = 9000) : rig_(workers, {}, mtu) {}

  // A pair between 10.1/16 and 10.site/16, or in transport mode between the ends.
  SaSpec Make(Spi spi, unsigned site = 9, uint8_t protocol = 50, channel::Mode mode = channel::Mode::kTunnel) {
    SaSpec s;
    s.spi = spi;
    s.protocol = protocol;
    s.mode = mode;
    s.suite = protocol == 51 ? EspSuite{EncrId::kNone, 0, IntegId::kHmacSha256_128, true}
                             : EspSuite{EncrId::kAesCbc, 256, IntegId::kHmacSha256_128, true};
    s.gateway = {*IpAddress::Parse("192.0.2.1"), 0, 0};
    s.peer = {IpAddress::V4(198, 51, 100, static_cast<uint8_t>(site)), 0, 0};
    s.local = {{*IpRange::Parse("10.1.0.0/16")}};
    s.remote = {{*IpRange::Parse("10." + std::to_string(site) + ".0.0/16")}};
    if (s.transport()) {
      s.local = {{{s.gateway.address, s.gateway.address}}};
      s.remote = {{{s.peer.address, s.peer.address}}};
    }
    rig_.MakeKeys(s);
    return s;
  }
  channel::Status Install(const SaSpec& s, channel::Direction d, std::optional<unsigned> worker = {}) {
    return Install({.sa = s.Install(d), .local = s.local, .remote = s.remote, .worker = worker});
  }
  channel::Status Install(dp::WorkerDatabase::ManualSa manual) {
    manual.sa.sa_index = manual.sa.policy_id = 0;
    manual.sa.child_id = manual.sa.ike_id = 0;
    std::optional<channel::Status> status;
    rig_.database().InstallManual(manual, [&](const channel::Ack& a) { status = a.status; });
    rig_.Settle();
    EXPECT_TRUE(status.has_value());
    return status.value_or(channel::Status::kBusy);
  }
  void InstallBoth(const SaSpec& s) {
    ASSERT_EQ(Install(s, channel::Direction::kInbound), channel::Status::kOk);
    ASSERT_EQ(Install(s, channel::Direction::kOutbound), channel::Status::kOk);
  }
  Bytes PacketOf(const SaSpec& s, bool out, size_t size = 100) const {
    const IpAddress here = s.transport() ? s.gateway.address : s.local[0].addresses.last,
                    there = s.transport() ? s.peer.address : s.remote[0].addresses.last;
    return out ? MakeUdp(here, there, 1, 2, size) : MakeUdp(there, here, 2, 1, size);
  }
  // One packet out; empty where it did not go sealed. `clear_` tells whether it went in clear.
  Bytes Send(const SaSpec& s, size_t size = 100) {
    dp::Burst plain, forward, seal, sealed;
    plain.Add(rig_.MakePacket(PacketOf(s, true, size)));
    rig_.context().now = rte_rdtsc();
    rig_.worker().ApplyPolicy(rig_.context(), plain, forward, seal);
    rig_.worker().Seal(rig_.context(), seal, sealed);
    clear_ = forward.n != 0;
    Bytes out = sealed.n != 0 ? EspRig::Contents(*sealed.p[0]) : Bytes{};
    rig_.Free(sealed);
    rig_.Free(forward);
    return out;
  }
  // How many of these come out, all in one burst.
  uint16_t Receive(const std::vector<Bytes>& outer) {
    dp::Burst ipsec, opened;
    for (const Bytes& packet : outer) ipsec.Add(rig_.MakePacket(packet));
    rig_.context().now = rte_rdtsc();
    rig_.worker().Open(rig_.context(), ipsec, opened);
    uint16_t n = opened.n;
    rig_.Free(opened);
    return n;
  }
  Bytes Sealed(const SaSpec& s, uint64_t sequence) { return Sealed(s, sequence, PacketOf(s, false)); }
  Bytes Sealed(const SaSpec& s, uint64_t sequence, const Bytes& packet) {
    SealChoices c;
    c.sequence = sequence;
    c.iv.assign(s.ah() ? (IsGmac(s.suite.integ) ? 8 : 0) : s.suite.encr == EncrId::kAesCbc ? 16 : 8, 7);
    return ReferenceSealAny(s.Inbound(), packet, c);
  }
  void ExpectBothWays(const SaSpec& s, uint64_t sequence) {
    ReferenceOpened o = ReferenceOpenAny(s.Outbound(), Send(s), 0);
    EXPECT_EQ(o.error, "");
    EXPECT_EQ(o.inner, PacketOf(s, true));
    EXPECT_EQ(Receive({Sealed(s, sequence)}), 1);
  }

  EspRig rig_;
  bool clear_ = false;
};

}  // namespace culvert::test
