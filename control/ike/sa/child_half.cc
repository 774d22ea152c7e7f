#include "control/ike/sa/child_half.h"

#include "control/ike/cat.h"

namespace culvert::ike {

namespace {

using std::chrono::seconds;

// All but the SPI and the keys.
InstallChild Describe(Context& cx, const ChildPlace& place, bool inbound) {
  const auto& [sa, path, child] = place;
  const config::Child& c = *child.config;
  const config::Lifetime time = child.time_limits(), bytes = child.byte_limits();
  InstallChild i;
  i.child = child.id;
  i.ike = sa.id;
  i.inbound = inbound;
  i.connection = child.connection->name;
  i.name = c.name;
  i.peer_id = sa.remote_id.ToString();
  i.preference = child.preference;
  i.protocol = child.protocol;
  i.suite = child.suite;
  i.mode = c.mode;
  i.udp_encap = path.encapsulates();
  i.local = path.local;
  i.remote = path.remote;
  if (inbound) i.original = child.original;
  i.local_ts = child.local_ts;
  i.remote_ts = child.remote_ts;
  i.replay_window = c.replay_window;
  // Time: the soft limit is the core's own timer, the hard one also holds while culvert-ike is dead.
  if (time.life != 0) i.hard_at = child.installed + seconds(time.life);
  i.soft_bytes = Jittered(bytes.rekey, bytes.rand, cx.random);
  i.hard_bytes = bytes.life;
  i.soft_packets = Jittered(c.packets.rekey, c.packets.rand, cx.random);
  i.hard_packets = c.packets.life;
  i.if_id = inbound ? c.if_id_in : c.if_id_out;
  i.offload = c.hw_offload;
  i.copy_df = c.copy_df;
  i.copy_ecn = c.copy_ecn;
  const bool may_pad = !inbound && child.protocol == IpsecProtocol::kEsp && child.takes_padding;
  if (may_pad && c.mode == config::ChildMode::kTunnel) i.tfc_padding = c.tfc_padding;
  if (!inbound && child.protocol == IpsecProtocol::kEsp) i.dummy_packets = c.dummy_packets;
  i.copy_dscp = inbound ? c.copy_dscp_in : c.copy_dscp_out;
  return i;
}

}  // namespace

void InstallHalf(Context& cx, const ChildPlace& place, bool inbound) {
  ChildSa& child = place.child;
  InstallChild i = Describe(cx, place, inbound);
  i.sa = inbound ? ChildSaDirection{child.spi_in, std::move(child.in_encr_key), std::move(child.in_integ_key)}
                 : ChildSaDirection{child.spi_out, std::move(child.out_encr_key), std::move(child.out_integ_key)};
  (inbound ? child.in : child.out) = HalfState::kInstalling;
  cx.Emit(std::move(i));
}

void RemoveHalf(Context& cx, ChildSa& child, bool inbound) {
  HalfState& half = inbound ? child.in : child.out;
  if (half == HalfState::kInstalling || half == HalfState::kUp) {
    cx.Emit(RemoveChild{child.id, inbound, inbound ? child.spi_in : child.spi_out});
  }
  half = HalfState::kRemoved;
}

void Announce(Context& cx, const SaBase& sa, ChildSa& child) {
  if (child.state == ChildState::kInstalling) child.state = ChildState::kInstalled;
  if (!child.announced) {
    child.announced = true;
    cx.Log(Severity::kInfo, sa, Cat(Summary(child), child.replaces ? " up, rekeyed" : " up"));
    cx.Emit(Notice{child.replaces ? StateChange::kChildRekeyed : StateChange::kChildUp, sa.id, child.id, 0, child.replaces});
  }
  for (RequestId r : std::exchange(child.requests, {})) cx.Answer(r);
}

std::string Summary(const ChildSa& child) {
  const bool ah = child.protocol == IpsecProtocol::kAh, transport = child.config->mode == config::ChildMode::kTransport;
  return Cat("Child SA ", child.name(), "{", child.id, transport ? "} in transport mode, " : "} ", ah ? "AH " : "",
             Name(child.suite), " ", absl::Hex(child.spi_in, absl::kZeroPad8),
             "_in ", absl::Hex(child.spi_out, absl::kZeroPad8), "_out ", ToString(child.local_ts),
             " === ", ToString(child.remote_ts));
}

}  // namespace culvert::ike
