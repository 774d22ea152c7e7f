#include "common/channel/validate.h"

#include <algorithm>
#include <bit>

namespace culvert::channel {
namespace {

constexpr const char* kViolationNames[] = {
    "none", "index", "type", "epoch", "value", "padding", "transaction", "length", "socket"};
static_assert(std::size(kViolationNames) == static_cast<size_t>(Violation::kCount));

// Collects the first fault, so that a layout is checked as one list of facts.
class Checker {
 public:
  Checker& Require(bool fact, Violation v = Violation::kValue) {
    if (!fact && fault_ == Violation::kNone) fault_ = v;
    return *this;
  }
  Checker& Zero(ByteView b) {
    return Require(std::ranges::all_of(b, [](uint8_t x) { return x == 0; }), Violation::kPadding);
  }
  template <typename T>
  Checker& ZeroObject(const T& object) {
    return Zero({reinterpret_cast<const uint8_t*>(&object), sizeof object});
  }
  template <typename E>
  Checker& Enum(E value, E first, E last) {
    return Require(value >= first && value <= last);
  }
  Checker& Flag(uint8_t f) { return Require(f <= 1); }
  // A name for people: NUL-terminated, zero after the NUL, no control characters to reach a terminal.
  template <size_t N>
  Checker& Text(const char (&field)[N], bool may_be_empty = true) {
    const std::string_view name = GetName(field);
    Require(name.size() < N && (may_be_empty || !name.empty()));
    Require(std::ranges::none_of(name, [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7f; }));
    return Zero({reinterpret_cast<const uint8_t*>(field) + name.size(), N - name.size()});
  }
  Checker& Address(const WireAddress& w) {
    IpAddress a;
    return Require(FromWire(w, a));
  }
  Checker& At(const WireEndpoint& w) {
    Endpoint e;
    return Require(FromWire(w, e) && !e.address.is_unspecified());
  }
  Checker& Prefix(const WireAddress& w, uint8_t length) {
    IpAddress a;
    return Require(FromWire(w, a) && length <= a.bits());
  }
  Checker& Index(uint32_t sa_index) { return Require(sa_index < kSaIndexLimit); }
  Checker& Span(const WireLifetime& l) { return Require(l.soft_at >= 0 && l.hard_at >= 0); }
  Checker& Selectors(const SelectorPairHead& head, const WireSelector (&list)[kMaxSelectorsPerMessage]) {
    const size_t used = size_t{head.local_count} + head.remote_count;
    Require(used <= kMaxSelectorsPerMessage).Flag(head.more).Require(head.zero == 0, Violation::kPadding);
    for (size_t i = 0; i < kMaxSelectorsPerMessage && fault_ == Violation::kNone; ++i) {
      TrafficSelector ts;
      if (i < used) Require(FromWire(list[i], ts));
      else ZeroObject(list[i]);
    }
    return *this;
  }
  Violation fault() const { return fault_; }

 private:
  Violation fault_ = Violation::kNone;
};

bool IsWindow(uint32_t w) { return std::has_single_bit(w) && w >= kMinReplayWindow && w <= kMaxReplayWindow; }

// Those of a transport SA that hears its peer through UDP, which has both, and of no other.
void CheckOriginals(const InstallSa& m, Checker& c) {
  if (m.direction == Direction::kInbound && m.mode == Mode::kTransport && m.udp_encap) {
    for (const WireAddress* w : {&m.original_local, &m.original_remote}) {
      IpAddress a;
      c.Require(FromWire(*w, a) && !a.is_unspecified() && w->family == m.local.address.family);
    }
  } else {
    c.ZeroObject(m.original_local).ZeroObject(m.original_remote);
  }
}

void CheckInstall(const InstallSa& m, Checker& c) {
  c.Enum(m.direction, Direction::kInbound, Direction::kOutbound).Require(m.protocol == 50 || m.protocol == 51)
      .Enum(m.mode, Mode::kTunnel, Mode::kTransport).Flag(m.udp_encap).Flag(m.esn)
      .Enum(m.offload, Offload::kAuto, Offload::kPacket);
  c.Index(m.sa_index).Require(m.spi >= 256 && m.child_id != 0);
  // Manual SAs (ike_id 0) may carry any SPI and go unprotected against replay; negotiated ones carry ours.
  if (m.direction == Direction::kInbound && m.ike_id != 0) c.Require(SaIndex(m.spi) == m.sa_index && IsWindow(m.replay_window));
  else c.Require(m.replay_window == 0 || IsWindow(m.replay_window));
  c.Require(m.encr_key_len <= sizeof m.encr_key && m.integ_key_len <= sizeof m.integ_key);
  if (c.fault() != Violation::kNone) return;
  c.Zero(ByteView(m.encr_key).subspan(m.encr_key_len)).Zero(ByteView(m.integ_key).subspan(m.integ_key_len));
  c.Require(m.iv_generation <= kMaxIvGeneration && m.sequence <= kIvPacketLimit);
  c.At(m.local).At(m.remote).Require(m.local.address.family == m.remote.address.family);
  if (m.udp_encap) c.Require(m.local.port != 0 && m.remote.port != 0);
  // RFC 4302 covers the addresses: no AH crosses a NAT, nor goes in UDP.
  c.Require(m.protocol == 50 || !m.udp_encap);
  CheckOriginals(m, c);
  c.Span(m.lifetime).Flag(m.copy_dscp).Flag(m.copy_ecn).Flag(m.copy_df);
  c.Text(m.connection).Text(m.child).Text(m.peer_id).Selectors(m.head, m.selectors);
  c.ZeroObject(m.zero3).Require(m.wire_port == 0 || (m.mode == Mode::kTransport && m.udp_encap));
  // RFC 4303 2.7: in transport mode the payload would have to say where it ends; an inbound SA takes any.
  bool may_pad = m.protocol == 50 && m.mode == Mode::kTunnel && m.direction == Direction::kOutbound;
  c.Require(m.tfc_padding == 0 || may_pad);
  bool may_send = m.protocol == 50 && m.direction == Direction::kOutbound;
  c.Require(m.dummy_packets == 0 || (may_send && m.dummy_packets <= kMaxDummyPackets));
}

void CheckUpdate(const UpdateSa& m, Checker& c) {
  c.Index(m.sa_index).Enum(m.direction, Direction::kInbound, Direction::kOutbound);
  c.Flag(m.set_remote).Flag(m.set_lifetime).Flag(m.set_preference).Zero(m.zero);
  if (m.set_remote) c.At(m.local).At(m.remote).Require(m.local.address.family == m.remote.address.family).Flag(m.udp_encap);
  else c.ZeroObject(m.local).ZeroObject(m.remote).ZeroObject(m.udp_encap);
  if (m.set_lifetime) c.Span(m.lifetime);
  else c.ZeroObject(m.lifetime);
  if (!m.set_preference) c.ZeroObject(m.preference);
}

void CheckPolicy(const AddPolicy& m, Checker& c) {
  c.Require(m.policy_id != 0).Enum(m.action, PolicyAction::kProtect, PolicyAction::kDiscard).Flag(m.acquire);
  c.Zero(m.zero).Text(m.child).Selectors(m.head, m.selectors);
}

void CheckRoute(const RouteCommand& m, Checker& c) {
  c.Prefix(m.prefix, m.prefix_length).Zero(m.zero).Text(m.port);
  IpPrefix p;
  if (c.fault() == Violation::kNone && FromWire(m.prefix, p.address)) {
    p.length = m.prefix_length;
    c.Require(IpRange::Of(p).first == p.address);   // host bits are zero
  }
  if (m.via.family == 0) c.ZeroObject(m.via).Text(m.port, false);
  else c.Address(m.via).Require(m.via.family == m.prefix.family);
}

void CheckInventory(const SaInventory& m, Checker& c) {
  c.Index(m.sa_index).Enum(m.direction, Direction::kInbound, Direction::kOutbound);
  c.Require(m.protocol == 50 || m.protocol == 51);
  c.Enum(m.mode, Mode::kTunnel, Mode::kTransport).Flag(m.udp_encap).Flag(m.esn).Zero(m.zero).Zero(m.zero2);
  c.Require(m.iv_generation <= kMaxIvGeneration && m.last_use >= 0).Span(m.lifetime).At(m.local).At(m.remote);
  c.Text(m.connection).Text(m.child).Text(m.peer_id).Selectors(m.head, m.selectors);
}

void CheckMore(const MoreSelectors& m, Checker& c) { c.Zero(m.zero).Selectors(m.head, m.selectors); }

void CheckAddress(const AddressCommand& m, Checker& c) {
  c.Prefix(m.address, m.prefix_length).Zero(m.zero).Text(m.port, false);
}

void CheckAck(const Ack& m, Checker& c) {
  c.Enum(m.status, Status::kOk, Status::kIvSpent).Text(m.port).ZeroObject(m.zero).Require(m.last_use >= 0);
  if (m.source.address.family == 0) c.ZeroObject(m.source);
  else c.At(m.source);
}

void CheckExpiry(const Expiry& m, Checker& c) {
  c.Index(m.sa_index).Enum(m.direction, Direction::kInbound, Direction::kOutbound).Zero(m.zero);
}

size_t SelectorsEnd(size_t offset, const SelectorPairHead& head) {
  return offset + (size_t{head.local_count} + head.remote_count) * sizeof(WireSelector);
}

// Octets of the whole message of this type, 0 for an unknown type.
size_t FullSize(CommandType type) {
  constexpr size_t kHead = offsetof(Command, install);
  switch (type) {
    case CommandType::kInstallSa: return kHead + sizeof(InstallSa);
    case CommandType::kUpdateSa: return kHead + sizeof(UpdateSa);
    case CommandType::kRemoveSa: return kHead + sizeof(RemoveSa);
    case CommandType::kAddPolicy: return kHead + sizeof(AddPolicy);
    case CommandType::kRemovePolicy: return kHead + sizeof(RemovePolicy);
    case CommandType::kMoreSelectors: return kHead + sizeof(MoreSelectors);
    case CommandType::kAddAddress:
    case CommandType::kRemoveAddress: return kHead + sizeof(AddressCommand);
    case CommandType::kAddRoute:
    case CommandType::kRemoveRoute: return kHead + sizeof(RouteCommand);
    case CommandType::kQuerySource: return kHead + sizeof(QuerySource);
    case CommandType::kQueryUse: return kHead + sizeof(QueryUse);
    case CommandType::kSyncDone: return kHead;
  }
  return 0;
}

size_t FullSize(EventType type) {
  constexpr size_t kHead = offsetof(Event, ack);
  switch (type) {
    case EventType::kAck: return kHead + sizeof(Ack);
    case EventType::kSaInventory: return kHead + sizeof(SaInventory);
    case EventType::kSaSelectors: return kHead + sizeof(MoreSelectors);
    case EventType::kDumpEnd: return kHead;
    case EventType::kLink: return kHead + sizeof(LinkEvent);
    case EventType::kAddressAdded:
    case EventType::kAddressRemoved: return kHead + sizeof(AddressCommand);
    case EventType::kRouteAdded:
    case EventType::kRouteRemoved: return kHead + sizeof(RouteCommand);
    case EventType::kAcquire: return kHead + sizeof(Acquire);
    case EventType::kSoftExpiry:
    case EventType::kHardExpiry: return kHead + sizeof(Expiry);
    case EventType::kPeerMoved: return kHead + sizeof(PeerMoved);
  }
  return 0;
}

template <typename Message>
Violation DecodeAs(MessageSlot slot, uint64_t epoch, Message& out) {
  std::memcpy(&out, slot.data(), sizeof out);
  const size_t size = FullSize(out.type);
  if (size == 0) return Violation::kType;
  if (out.epoch != epoch) return Violation::kEpoch;
  Checker rest;
  rest.Zero(slot.subspan(size));
  return rest.fault() != Violation::kNone ? rest.fault() : Check(out);
}

}  // namespace

const char* Name(Violation v) { return v < Violation::kCount ? kViolationNames[static_cast<size_t>(v)] : "unknown"; }

Violation Decode(MessageSlot slot, uint64_t epoch, Command& out) { return DecodeAs(slot, epoch, out); }
Violation Decode(MessageSlot slot, uint64_t epoch, Event& out) { return DecodeAs(slot, epoch, out); }

Violation Check(const Command& m) {
  Checker c;
  c.ZeroObject(m.zero).Require(m.txn != 0, Violation::kTransaction);
  switch (m.type) {
    case CommandType::kInstallSa: CheckInstall(m.install, c); break;
    case CommandType::kUpdateSa: CheckUpdate(m.update, c); break;
    case CommandType::kRemoveSa:
      c.Index(m.remove.sa_index).Enum(m.remove.direction, Direction::kInbound, Direction::kOutbound).Zero(m.remove.zero);
      break;
    case CommandType::kAddPolicy: CheckPolicy(m.add_policy, c); break;
    case CommandType::kRemovePolicy: c.Require(m.remove_policy.policy_id != 0).ZeroObject(m.remove_policy.zero); break;
    case CommandType::kMoreSelectors: CheckMore(m.more, c); break;
    case CommandType::kAddAddress:
    case CommandType::kRemoveAddress: CheckAddress(m.address, c); break;
    case CommandType::kAddRoute:
    case CommandType::kRemoveRoute: CheckRoute(m.route, c); break;
    case CommandType::kQuerySource: c.Address(m.query_source.destination).Zero(m.query_source.zero); break;
    case CommandType::kQueryUse:
      c.Index(m.query_use.sa_index).Enum(m.query_use.direction, Direction::kInbound, Direction::kOutbound);
      c.Zero(m.query_use.zero);
      break;
    case CommandType::kSyncDone: break;
    default: return Violation::kType;
  }
  return c.fault();
}

Violation Check(const Event& m) {
  Checker c;
  c.ZeroObject(m.zero).Require((m.txn != 0) == (m.type == EventType::kAck), Violation::kTransaction);
  switch (m.type) {
    case EventType::kAck: CheckAck(m.ack, c); break;
    case EventType::kSaInventory: CheckInventory(m.sa, c); break;
    case EventType::kSaSelectors: CheckMore(m.more, c); break;
    case EventType::kDumpEnd: break;
    case EventType::kLink: c.Text(m.link.port, false).Flag(m.link.up).ZeroObject(m.link.zero); break;
    case EventType::kAddressAdded:
    case EventType::kAddressRemoved: CheckAddress(m.address, c); break;
    case EventType::kRouteAdded:
    case EventType::kRouteRemoved: CheckRoute(m.route, c); break;
    case EventType::kAcquire: {
      TrafficSelector ts;
      c.ZeroObject(m.acquire.zero).Require(FromWire(m.acquire.local, ts) && FromWire(m.acquire.remote, ts));
      break;
    }
    case EventType::kSoftExpiry:
    case EventType::kHardExpiry: CheckExpiry(m.expiry, c); break;
    case EventType::kPeerMoved: c.Index(m.moved.sa_index).At(m.moved.local).At(m.moved.remote); break;
    default: return Violation::kType;
  }
  return c.fault();
}

size_t UsedSize(const Command& m) {
  switch (m.type) {
    case CommandType::kInstallSa: return SelectorsEnd(offsetof(Command, install.selectors), m.install.head);
    case CommandType::kAddPolicy: return SelectorsEnd(offsetof(Command, add_policy.selectors), m.add_policy.head);
    case CommandType::kMoreSelectors: return SelectorsEnd(offsetof(Command, more.selectors), m.more.head);
    default: return FullSize(m.type);
  }
}

size_t UsedSize(const Event& m) {
  switch (m.type) {
    case EventType::kSaInventory: return SelectorsEnd(offsetof(Event, sa.selectors), m.sa.head);
    case EventType::kSaSelectors: return SelectorsEnd(offsetof(Event, more.selectors), m.more.head);
    default: return FullSize(m.type);
  }
}

}  // namespace culvert::channel
