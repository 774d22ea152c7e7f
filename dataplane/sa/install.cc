#include "dataplane/sa/install.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/base/limits.h"
#include "dataplane/sa/sa_tables.h"
#include "dataplane/sa/transport.h"
#include "dataplane/stage/ah_header.h"
#include "dataplane/stage/nat_checksum.h"

namespace culvert::dp {
namespace {

using channel::Status;

constexpr uint8_t kUdp = 17, kEsp = 50, kAh = 51;

bool IsFlag(uint8_t b) { return b <= 1; }

SaForm FormOf(const SaRecord& r) {
  bool transport = r.mode == channel::Mode::kTransport;
  if (r.protocol == kAh) return transport ? SaForm::kAhTransport : SaForm::kAhTunnel;
  if (r.over != nullptr && r.direction == channel::Direction::kInbound)
    return transport ? SaForm::kEspTransportUnderAh : SaForm::kEspTunnelUnderAh;
  return transport ? SaForm::kEspTransport : SaForm::kEspTunnel;
}

template <size_t N>
bool ReadName(const char (&from)[N], char (&to)[N]) {
  std::memcpy(to, from, N);
  return std::memchr(from, 0, N) != nullptr;
}

bool ValidWindow(const channel::InstallSa& sa) {
  uint32_t w = sa.replay_window;
  if (sa.direction == channel::Direction::kOutbound) return true;
  if (w == 0) return sa.ike_id == 0;
  return std::has_single_bit(w) && kMinReplayWindow <= w && w <= kMaxReplayWindow;
}

// The highest number an SA may ever use: the IV's counter field bounds every suite, 32 bits those without ESN.
uint64_t LastSequence(bool esn) { return esn ? kIvPacketLimit : UINT32_MAX; }

Status ReadSuite(const channel::InstallSa& sa, SaRecord& out) {
  out.encr = EncrId{sa.encr};
  out.encr_key_bits = sa.encr_key_bits;
  out.integ = IntegId{sa.integ};
  // RFC 4302 enciphers nothing.
  bool ah = sa.protocol == kAh;
  if (ah && (out.encr != EncrId::kNone || sa.encr_key_bits != 0)) return Status::kMalformed;
  auto suite = ah ? crypto::FindAhSuite(out.integ) : crypto::FindSuite(out.encr, sa.encr_key_bits, out.integ);
  if (!suite) return Status::kUnsupported;
  out.suite = *suite;
  const auto& info = crypto::Info(*suite);
  const int cipher = info.cipher_key + info.salt;
  if (sa.encr_key_len != (ah ? 0 : cipher) || sa.integ_key_len != info.integ_key + (ah ? cipher : 0)) return Status::kMalformed;
  return Status::kOk;
}

Status ReadEndpoints(const channel::InstallSa& sa, SaRecord& out) {
  if (!channel::FromWire(sa.local, out.local) || !channel::FromWire(sa.remote, out.remote)) return Status::kMalformed;
  if (out.local.address.family != out.remote.address.family) return Status::kMalformed;
  for (const Endpoint* e : {&out.local, &out.remote}) {
    if (e->address.is_unspecified() || e->address.is_multicast() || (sa.udp_encap && e->port == 0)) return Status::kMalformed;
  }
  return Status::kOk;
}

// RFC 3948 3.1.2, RFC 7296 2.23.1.
Status ReadOriginals(const channel::InstallSa& sa, SaRecord& out) {
  bool mended =
      sa.direction == channel::Direction::kInbound && sa.mode == channel::Mode::kTransport && sa.udp_encap != 0;
  if (!mended) return Status::kOk;
  IpAddress local, remote;
  if (!channel::FromWire(sa.original_local, local) || !channel::FromWire(sa.original_remote, remote)) return Status::kMalformed;
  if (local.family != out.local.address.family || remote.family != local.family) return Status::kMalformed;
  auto family = static_cast<uint8_t>(local.family);
  out.nat_difference =
      SumOfDifferences(AddressDifference(local.octets.data(), out.local.address.octets.data(), family),
                       AddressDifference(remote.octets.data(), out.remote.address.octets.data(), family));
  return Status::kOk;
}

// RFC 3948 5.2: of selectors for one UDP port, which is the host's, and it is another on the wire.
Status ReadWirePort(const channel::InstallSa& sa, const SelectorList& remote, SaRecord& out) {
  if (sa.wire_port == 0) return Status::kOk;
  const uint16_t host = remote.front().port_first;
  auto of_it = [host](const TrafficSelector& ts) {
    return ts.protocol == kUdp && ts.port_first == host && ts.port_last == host;
  };
  bool fits = sa.protocol == kEsp && sa.mode == channel::Mode::kTransport && sa.udp_encap != 0;
  if (!fits || host == 0 || !std::ranges::all_of(remote, of_it)) return Status::kMalformed;
  out.wire_port = sa.wire_port;
  out.host_port = host;
  if (sa.direction == channel::Direction::kInbound)
    out.nat_difference = SumOfDifferences(out.nat_difference, PortDifference(sa.wire_port, host));
  return Status::kOk;
}

Status ReadNumbers(const channel::InstallSa& sa, SaRecord& out) {
  bool inbound = sa.direction == channel::Direction::kInbound;
  if (!inbound && sa.direction != channel::Direction::kOutbound) return Status::kMalformed;
  bool placed = out.manual ? sa.sa_index >= kSaIndexLimit && sa.sa_index < kSaSlots
                           : sa.sa_index < kSaIndexLimit && (!inbound || SaIndex(sa.spi) == sa.sa_index);
  if (sa.spi < kFirstSpi || !placed) return Status::kMalformed;
  if (sa.protocol != kEsp && sa.protocol != kAh) return Status::kMalformed;
  // RFC 3948 is for ESP: AH covers the addresses, and no NAT lets it pass.
  if (sa.protocol == kAh && sa.udp_encap) return Status::kMalformed;
  if (sa.mode != channel::Mode::kTunnel && sa.mode != channel::Mode::kTransport) return Status::kMalformed;
  if (sa.offload < channel::Offload::kAuto || sa.offload > channel::Offload::kPacket) return Status::kMalformed;
  for (uint8_t flag : {sa.udp_encap, sa.esn, sa.copy_dscp, sa.copy_ecn, sa.copy_df}) {
    if (!IsFlag(flag)) return Status::kMalformed;
  }
  if (!ValidWindow(sa) || !ValidLifetime(sa.lifetime)) return Status::kMalformed;
  bool names = ReadName(sa.connection, out.connection) & ReadName(sa.child, out.child) & ReadName(sa.peer_id, out.peer_id);
  if (!names) return Status::kMalformed;
  bool may_pad = sa.protocol == kEsp && sa.mode == channel::Mode::kTunnel && !inbound;
  if (sa.tfc_padding != 0 && !may_pad) return Status::kMalformed;
  bool may_send = sa.protocol == kEsp && !inbound && sa.dummy_packets <= channel::kMaxDummyPackets;
  if (sa.dummy_packets != 0 && !may_send) return Status::kMalformed;
  if (sa.iv_generation > kMaxIvGeneration || sa.sequence > LastSequence(sa.esn)) return Status::kIvSpent;
  return Status::kOk;
}

template <typename Sa>
void FillCommon(const SaRecord& r, const channel::InstallSa& sa, Sa& out) {
  const auto& info = crypto::Info(r.suite);
  out.key = r.key;
  out.sa_index = r.sa_index;
  std::memcpy(out.salt, KeysOf(sa, r.suite).salt.data(), info.salt);
  out.suite = r.suite;
  out.form = FormOf(r);
  out.owner.store(static_cast<uint8_t>(r.worker), std::memory_order_relaxed);
  out.iv_length = info.iv;
  out.icv_length = info.icv;
  out.esn = r.esn;
  out.limits = LimitsOf(r.lifetime);
  out.engine = r.session.engine;
  out.device = static_cast<uint8_t>(r.session.device);
  out.session = r.session.handle;
}

// The one pair of IPv4 ranges without protocol and ports that nearly every SA has.
bool IsPlain(const SelectorSet& s) {
  auto plain = [](const std::vector<SelectorSet::Side>& sides) {
    return sides.size() == 1 && sides[0].family == 4 && sides[0].protocol == 0 && sides[0].port_first == 0 &&
           sides[0].port_last == 65535;
  };
  return plain(s.local()) && plain(s.remote());
}

bool HasPorts(const SelectorSet& s) {
  auto some = [](const SelectorSet::Side& side) { return side.port_first != 0 || side.port_last != 65535; };
  return std::ranges::any_of(s.local(), some) || std::ranges::any_of(s.remote(), some);
}

}  // namespace

bool ValidSelectors(const SelectorList& list) {
  if (list.empty() || list.size() > kMaxSelectorsPerSa) return false;
  return std::all_of(list.begin(), list.end(), [](const TrafficSelector& ts) {
    bool ordered = ts.addresses.first.family == ts.addresses.last.family && ts.addresses.first <= ts.addresses.last;
    return ordered && (ts.port_first <= ts.port_last || ts.opaque());
  });
}

bool ValidLifetime(const channel::WireLifetime& l) { return l.soft_at >= 0 && l.hard_at >= 0; }

Status ReadInstall(const channel::InstallSa& sa, SelectorList local, SelectorList remote, SaRecord& out) {
  for (auto read : {ReadNumbers, ReadSuite, ReadEndpoints, ReadOriginals}) {
    if (Status s = read(sa, out); s != Status::kOk) return s;
  }
  if (!ValidSelectors(local) || !ValidSelectors(remote)) return Status::kMalformed;
  if (Status s = ReadWirePort(sa, remote, out); s != Status::kOk) return s;
  out.spi = sa.spi;
  out.sa_index = sa.sa_index;
  out.policy_id = sa.policy_id;
  out.if_id = sa.if_id;
  out.preference = sa.preference;
  out.child_id = sa.child_id;
  out.ike_id = sa.ike_id;
  out.direction = sa.direction;
  out.mode = sa.mode;
  out.protocol = sa.protocol;
  out.encap = sa.udp_encap != 0;
  out.esn = sa.esn != 0;
  out.copy_dscp = sa.copy_dscp != 0;
  out.copy_ecn = sa.copy_ecn != 0;
  out.copy_df = sa.copy_df != 0;
  out.iv_generation = sa.iv_generation;
  out.replay_window = sa.replay_window;
  out.lifetime = sa.lifetime;
  out.local_ts = std::move(local);
  out.remote_ts = std::move(remote);
  if (out.mode != channel::Mode::kTransport) {
    out.selectors = std::make_unique<SelectorSet>(out.local_ts, out.remote_ts);
    return Status::kOk;
  }
  SelectorList ours = AtEndpoint(out.local_ts, out.local.address), theirs = AtEndpoint(out.remote_ts, out.remote.address);
  if (ours.empty() || theirs.empty()) return Status::kMalformed;
  out.selectors = std::make_unique<SelectorSet>(ours, theirs);
  return Status::kOk;
}

KeyParts KeysOf(const channel::InstallSa& sa, crypto::Suite suite) {
  const auto& info = crypto::Info(suite);
  const uint8_t* cipher = sa.protocol == kAh ? sa.integ_key : sa.encr_key;
  return {.cipher = {cipher, info.cipher_key},
          .salt = {cipher + info.cipher_key, info.salt},
          .integ = {sa.integ_key, info.integ_key}};
}

SaLimits LimitsOf(const channel::WireLifetime& l) {
  auto limit = [](uint64_t v) { return v == 0 ? UINT64_MAX : v; };
  return {limit(l.soft_packets), limit(l.hard_packets), limit(l.soft_bytes), limit(l.hard_bytes)};
}

uint64_t HardAt(const channel::WireLifetime& l, const TscClock& clock) {
  return l.hard_at == 0 ? UINT64_MAX : clock.ToTsc(l.hard_at);
}

uint64_t NextPackets(const SaLimits& l, uint8_t notices) {
  return notices & kSoftReported ? l.hard_packets : std::min(l.soft_packets, l.hard_packets);
}

uint64_t NextBytes(const SaLimits& l, uint8_t notices) {
  return notices & kSoftReported ? l.hard_bytes : std::min(l.soft_bytes, l.hard_bytes);
}

void ArmAlarms(InboundSa& sa) {
  sa.alarm_packets = NextPackets(sa.limits, sa.notices);
  sa.alarm_bytes = NextBytes(sa.limits, sa.notices);
}

void ArmAlarms(OutboundSa& sa) {
  uint64_t packets = NextPackets(sa.limits, sa.notices);
  bool beyond = packets > sa.last_sequence - sa.first_sequence.get();
  sa.alarm_sequence = beyond ? sa.last_sequence : sa.first_sequence.get() + packets;
  // Whatever its lifetime says, it is replaced while half of its numbers are left: at the last one it stops.
  if ((sa.notices & kSoftReported) == 0) sa.alarm_sequence = std::min(sa.alarm_sequence, sa.last_sequence / 2);
  sa.alarm_bytes = NextBytes(sa.limits, sa.notices);
}

void SetPeer(InboundSa& sa, const Endpoint& remote) {
  sa.peer_family = static_cast<uint8_t>(remote.address.family);
  std::memcpy(sa.peer_address, remote.address.octets.data(), 16);
  sa.peer_port = remote.port;
}

OuterHeader OuterOf(const SaRecord& r) {
  const auto& info = crypto::Info(r.suite);
  if (r.protocol == kAh) return MakeAhOuterHeader(r.local, r.remote, uint32_t{info.iv} + info.icv, r.spi);
  return MakeOuterHeader(r.local, r.remote, r.encap, r.spi);
}

void BuildInbound(const SaRecord& r, const channel::InstallSa& sa, const TscClock& clock, InboundSa& out) {
  FillCommon(r, sa, out);
  out.spi = r.spi;
  out.generation = r.installation;
  out.selectors = r.selectors.get();
  // The trailer's two octets are always there, so a text is never shorter (RFC 4303 2.4).
  out.block = static_cast<uint8_t>(crypto::IsCbc(r.suite) ? 16 : 1);
  out.encap = r.encap;
  out.nat_difference = r.nat_difference;
  out.wire_port = r.wire_port;
  out.host_port = r.host_port;
  if (r.over != nullptr) out.over = r.over->in;
  out.copy_dscp = r.copy_dscp;
  out.copy_ecn = r.copy_ecn;
  out.window.Reset(out.words(), r.replay_window, sa.sequence);
  out.alarm_at = HardAt(r.lifetime, clock);
  SetPeer(out, r.remote);
  ArmAlarms(out);
  out.plain_selectors = IsPlain(*r.selectors);
  if (!out.plain_selectors) return;
  const auto& source = r.selectors->remote()[0];
  const auto& destination = r.selectors->local()[0];
  out.source_first = static_cast<uint32_t>(source.first.low);
  out.source_last = static_cast<uint32_t>(source.last.low);
  out.destination_first = static_cast<uint32_t>(destination.first.low);
  out.destination_last = static_cast<uint32_t>(destination.last.low);
}

void BuildOutbound(const SaRecord& r, const channel::InstallSa& sa, const TscClock& clock, OutboundSa& out) {
  FillCommon(r, sa, out);
  OuterHeader h = OuterOf(r);
  static_assert(sizeof h.octets == sizeof out.header);
  std::memcpy(out.header, h.octets, sizeof out.header);
  out.header_length = h.length;
  out.family = h.family;
  out.header_sum = h.header_sum;
  out.udp_sum = h.udp_sum;
  out.encap = r.encap;
  out.wire_port = r.wire_port;
  if (r.wire_port != 0) out.port_difference = PortDifference(r.host_port, r.wire_port);
  out.tfc_padding = sa.tfc_padding;
  if (r.over != nullptr) {
    out.over = r.over->out;
    out.over_length = static_cast<uint16_t>(AhLength(out.family, IcvField(*out.over)));
  }
  out.dummy_packets = sa.dummy_packets;
  const bool more = sa.tfc_padding != 0 || sa.dummy_packets != 0 || r.over != nullptr;
  if (more && out.form == SaForm::kEspTunnel) out.form = SaForm::kEspTunnelMore;
  out.tos_mask = static_cast<uint8_t>((r.copy_dscp ? 0xfc : 0) | (r.copy_ecn ? 3 : 0));
  out.df_mask = r.copy_df ? 0x40 : 0;
  out.cut_after = !r.copy_df;
  out.has_ports = HasPorts(*r.selectors);
  out.id_base = static_cast<uint16_t>(r.spi * 0x9e3779b1u >> 16);
  out.zone = static_cast<uint16_t>(r.remote.zone);
  out.installation = r.installation;
  out.generation.store(r.installation, std::memory_order_relaxed);
  out.iv_prefix = MakeIv(0, r.iv_generation, 0);
  out.pad_to = crypto::Info(r.suite).pad_to;
  out.first_sequence.Set(sa.sequence);
  out.sequence.Set(sa.sequence);
  out.last_sequence = LastSequence(r.esn);
  out.alarm_at = HardAt(r.lifetime, clock);
  ArmAlarms(out);
}

}  // namespace culvert::dp
