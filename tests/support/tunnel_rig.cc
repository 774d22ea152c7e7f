#include "tests/support/tunnel_rig.h"

#include <gtest/gtest.h>
#include <rte_cycles.h>

#include <algorithm>
#include <map>

#include "tests/support/reference_transport.h"

namespace culvert::testing {

using channel::Direction;
using channel::Status;

namespace {

constexpr uint16_t kWan = GatewayRig::kWan, kLan = GatewayRig::kLan;
constexpr size_t kEthernet = 14;

uint16_t Load16(ByteView b, size_t at) { return static_cast<uint16_t>(b[at] << 8 | b[at + 1]); }

}  // namespace

TunnelRig::TunnelRig(Options options) : rig_({.workers = options.workers, .mtu = options.mtu, .inline_wan = options.inline_wan, .offer = options.offer}) {
  for (const char* host : {"192.0.2.254", "2001:db8::fe"}) rig_.AddNeighbour(kWan, Ip(host), Mac(9));
  for (bool v6 : {false, true}) rig_.AddNeighbour(kLan, alice(v6), Mac(2));
  if (options.inline_wan) {
    auto ports = offload::InlinePorts::Open({rig_.gateway().ports()[kWan].get()}, {true},
                                            options.clock ? options.clock : [] { return int64_t{0}; });
    EXPECT_TRUE(ports.ok()) << ports.status();
    engines_ = std::make_unique<offload::Engines>(std::move(*ports), nullptr);
    options.engines = engines_.get();
  }
  auto made = dp::Ipsec::Create(options.workers, rig_.gateway().grace(), 
                                {.tsc_hz = rte_get_tsc_hz(), .tunnels = {}, .engines = options.engines, .port_of = [](const IpAddress&) { return kWan; }}, options.esp);
  EXPECT_TRUE(made.ok()) << made.status();
  ipsec_ = std::move(*made);
  for (unsigned w = 0; w < options.workers; ++w) rig_.gateway().SetIpsec(w, &ipsec_->worker(w));
  ipsec_->database().OpenForwarding();
  Settle();
  sa_.gateway = {Ip(options.v6 ? "2001:db8::1" : "192.0.2.1"), 4500, 0};
  sa_.peer = {Ip(options.v6 ? "2001:db8:5::9" : "198.51.100.9"), 4500, 0};
  sa_.local = {{*IpRange::Parse("10.1.0.0/16")}, {*IpRange::Parse("fd01::/64")}};
  sa_.remote = {{*IpRange::Parse("10.9.0.0/16")}, {*IpRange::Parse("fd09::/64")}};
}

TunnelRig::~TunnelRig() {
  Settle();
  rig_.Run();
  EXPECT_TRUE(rig_.Balanced());
  for (unsigned w = 0; w < rig_.gateway().workers(); ++w) rig_.gateway().SetIpsec(w, nullptr);
  ipsec_.reset();
}

void TunnelRig::Settle() {
  for (int i = 0; i < 6; ++i) {
    rig_.Run();
    ipsec_->database().Poll([this](const channel::Event& e) { events_.push_back(e); });
  }
}

void TunnelRig::Install() {
  sa_.encr_key.assign(sa_.suite.encr_keymat(), 0x11);
  sa_.integ_key.assign(sa_.suite.integ_keymat(), 0x22);
  channel::AddPolicy policy{};
  policy.policy_id = sa_.policy_id;
  policy.action = channel::PolicyAction::kProtect;
  ASSERT_EQ(ipsec_->database().AddPolicy(policy, sa_.local, sa_.remote), Status::kOk);
  Install(sa_, Direction::kInbound);
  Install(sa_, Direction::kOutbound);
}

void TunnelRig::Install(const TunnelKind& kind) {
  sa_.encap = kind.encap;
  if (kind.ah) {
    sa_.protocol = 51;
    sa_.suite = {EncrId::kNone, 0, IntegId::kHmacSha256_128, true};
  }
  Install();
}

void TunnelRig::Install(const test::SaSpec& s, Direction d) { ASSERT_EQ(TryInstall(s, d), Status::kOk); }

Status TunnelRig::TryInstall(const test::SaSpec& s, Direction d) {
  std::optional<Status> status;
  ipsec_->database().Install(s.Install(d), s.local, s.remote, [&](const channel::Ack& a) { status = a.status; });
  Settle();
  EXPECT_TRUE(status.has_value());
  return status.value_or(Status::kBusy);
}

void TunnelRig::Remove(const test::SaSpec& s, Direction d) {
  std::optional<Status> status;
  channel::RemoveSa r{};
  r.spi = s.spi;
  r.sa_index = s.sa_index;
  r.direction = d;
  ipsec_->database().Remove(r, [&](const channel::Ack& a) { status = a.status; });
  Settle();
  ASSERT_EQ(status, Status::kOk);
}

dp::SaEngine TunnelRig::engine(Direction d) const {
  dp::SaEngine found;
  ipsec_->database().Inventory(
      [&](const channel::SaInventory& sa, const SelectorList&, const SelectorList&, const dp::SaEngine& engine) {
        if (sa.direction == d) found = engine;
      });
  return found;
}

channel::SaInventory TunnelRig::inventory(Direction d) const {
  channel::SaInventory found{};
  ipsec_->database().Inventory([&](const channel::SaInventory& sa, const SelectorList&, const SelectorList&,
                                   const dp::SaEngine&) {
    if (sa.direction == d) found = sa;
  });
  return found;
}

std::vector<Bytes> TunnelRig::Packets(uint16_t port) {
  std::vector<Bytes> packets;
  for (const Bytes& f : rig_.Sent(port)) packets.push_back(ToBytes(ByteView(f).subspan(kEthernet)));
  return packets;
}

std::vector<Bytes> TunnelRig::FromAlice(ByteView ip) {
  rig_.SendIp(kLan, Mac(2), ip);
  return Packets(kWan);
}

std::vector<Bytes> TunnelRig::FromPeer(ByteView ip) {
  rig_.SendIp(kWan, Mac(9), ip);
  return Packets(kLan);
}

std::vector<Bytes> TunnelRig::FromPeer(const std::vector<Bytes>& packets) {
  for (const Bytes& ip : packets) {
    rig_.Feed(kWan, Ethernet(rig_.port(kWan).mac, Mac(9), ip[0] >> 4 == 4 ? 0x0800 : 0x86dd, ip));
  }
  rig_.Run();
  return Packets(kLan);
}

test::ReferenceOpened TunnelRig::Open(ByteView outer) {
  auto opened = ReferenceOpenAny(sa_.Outbound(), outer, 0);
  EXPECT_EQ(opened.error, "");
  return opened;
}

Bytes TunnelRig::Seal(ByteView inner) {
  test::SealChoices c = choices;
  c.sequence = next_sequence++;
  const bool none = sa_.ah() || sa_.suite.encr == EncrId::kNull;
  c.iv.assign(none ? 0 : sa_.suite.encr == EncrId::kAesCbc ? 16 : 8, static_cast<uint8_t>(c.sequence));
  return ReferenceSealAny(sa_.Inbound(), inner, c);
}

Bytes ReferenceReassemble(const std::vector<Bytes>& fragments, size_t mtu) {
  std::map<size_t, Bytes> pieces;
  std::optional<size_t> total;
  std::optional<uint32_t> id;
  Bytes front;
  auto fail = [](const char* why) {
    ADD_FAILURE() << why;
    return Bytes{};
  };
  for (const Bytes& f : fragments) {
    bool v4 = f[0] >> 4 == 4;
    if (f.size() > mtu) return fail("a fragment longer than the path");
    if ((v4 ? Load16(f, 2) : Load16(f, 4) + 40u) != f.size()) return fail("length");
    size_t header = v4 ? (f[0] & 15u) * 4 : 48;
    if (v4 && test::InternetChecksum(ByteView(f).first(header)) != 0) return fail("header checksum");
    if (!v4 && f[6] != 44) return fail("no fragment header");
    uint16_t field = Load16(f, v4 ? 6 : 42);
    if (v4 && (field & 0xc000) != 0) return fail("flags");
    size_t offset = v4 ? (field & 0x1fffu) * 8 : field & 0xfff8u, size = f.size() - header;
    bool more = (field & (v4 ? 0x2000 : 1)) != 0;
    uint32_t its_id = v4 ? Load16(f, 4) : uint32_t{Load16(f, 44)} << 16 | Load16(f, 46);
    if (id.value_or(its_id) != its_id) return fail("two IDs");
    id = its_id;
    if (more && size % 8 != 0) return fail("a fragment that is no multiple of eight");
    if (!more && std::exchange(total, offset + size)) return fail("two last fragments");
    if (offset == 0) {
      front.assign(f.begin(), f.begin() + static_cast<ptrdiff_t>(v4 ? header : 40));
      if (!v4) front[6] = f[40];
    }
    if (!pieces.emplace(offset, Bytes(f.begin() + static_cast<ptrdiff_t>(header), f.end())).second) return fail("repeated");
  }
  Bytes whole = front;
  size_t at = 0;
  for (const auto& [offset, data] : pieces) {
    if (offset != at) return fail("a gap or an overlap");
    Append(whole, data);
    at += data.size();
  }
  if (front.empty() || total != at) return fail("not whole");
  bool v4 = whole[0] >> 4 == 4;
  size_t length = v4 ? whole.size() : whole.size() - 40;
  whole[v4 ? 2 : 4] = static_cast<uint8_t>(length >> 8);
  whole[v4 ? 3 : 5] = static_cast<uint8_t>(length);
  if (v4) {
    whole[6] = whole[7] = whole[10] = whole[11] = 0;
    uint16_t sum = test::InternetChecksum(ByteView(whole).first(front.size()));
    whole[10] = static_cast<uint8_t>(sum >> 8);
    whole[11] = static_cast<uint8_t>(sum);
  }
  return whole;
}

std::vector<Bytes> ReferenceFragment(ByteView packet, const std::vector<size_t>& cuts, uint32_t id) {
  std::vector<Bytes> out;
  bool v4 = packet[0] >> 4 == 4;
  size_t header = v4 ? (packet[0] & 15u) * 4 : 40, end = packet.size() - header;
  for (size_t i = 0; i <= cuts.size(); ++i) {
    size_t from = i == 0 ? 0 : cuts[i - 1], to = i == cuts.size() ? end : cuts[i];
    bool more = to != end;
    Bytes f = ToBytes(packet.first(header));
    if (v4) {
      f[4] = static_cast<uint8_t>(id >> 8);
      f[5] = static_cast<uint8_t>(id);
      f[6] = static_cast<uint8_t>((more ? 0x20 : 0) | from / 8 >> 8);
      f[7] = static_cast<uint8_t>(from / 8);
    } else {
      f[6] = 44;
      Bytes h{packet[6], 0, static_cast<uint8_t>(from >> 8), static_cast<uint8_t>(from | (more ? 1 : 0)),
              static_cast<uint8_t>(id >> 24), static_cast<uint8_t>(id >> 16), static_cast<uint8_t>(id >> 8),
              static_cast<uint8_t>(id)};
      Append(f, h);
    }
    Append(f, packet.subspan(header + from, to - from));
    size_t length = v4 ? f.size() : f.size() - 40;
    f[v4 ? 2 : 4] = static_cast<uint8_t>(length >> 8);
    f[v4 ? 3 : 5] = static_cast<uint8_t>(length);
    if (v4) {
      f[10] = f[11] = 0;
      uint16_t sum = test::InternetChecksum(ByteView(f).first(header));
      f[10] = static_cast<uint8_t>(sum >> 8);
      f[11] = static_cast<uint8_t>(sum);
    }
    out.push_back(std::move(f));
  }
  return out;
}

}  // namespace culvert::testing
