#include "control/ike/v1/informational.h"

#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/v1/children.h"
#include "control/ike/v1/closing.h"
#include "control/ike/v1/established.h"
#include "control/ike/v1/liveness.h"
#include "control/ike/v1/quick_mode.h"
#include "control/ike/v1/same_peer.h"
#include "control/ike/v1/tasks.h"

namespace culvert::ike::v1 {
namespace {

constexpr size_t kCookies = 16;   // octets of both
constexpr uint64_t kKilobyte = 1024;

std::optional<IpsecProtocol> ProtocolOf(ProtocolId id) {
  if (id == ProtocolId::kEsp) return IpsecProtocol::kEsp;
  return id == ProtocolId::kAh ? std::optional(IpsecProtocol::kAh) : std::nullopt;
}

bool Names(ByteView cookies, const IkeSa& sa) {
  Reader r(cookies);
  return cookies.size() == kCookies && r.U64() == sa.spi_i && r.U64() == sa.spi_r;
}

// RFC 2408 3.15: of this ISAKMP SA, or of another that the same peer has with us.
IkeSa* FindDeleted(Context& cx, IkeSa& by, ByteView cookies) {
  if (Names(cookies, by)) return &by;
  for (IkeSa* o : OthersOfPeer(cx, by)) {
    if (Names(cookies, *o) && o->secured()) return o;
  }
  return nullptr;
}

// False: `sa` itself has ended.
bool TakeDelete(Context& cx, IkeSa& sa, const DeletePayload& d) {
  if (d.doi != kIpsecDoi && d.doi != kIsakmpDoi) return true;
  const auto protocol = ProtocolOf(d.protocol);
  for (ByteView spi : d.spis) {
    if (protocol) OnPeerDeletes(cx, sa, *protocol, Reader(spi).U32());
    if (d.protocol != ProtocolId::kIsakmp) continue;
    IkeSa* deleted = FindDeleted(cx, sa, spi);
    const bool itself = deleted == &sa;
    if (deleted) EndPhase1(cx, *deleted, Why::kPeerDeleted);
    if (itself) return false;
  }
  return true;
}

ChildSa* ChildOfPeerSpi(IkeSa& sa, const NotifyPayload& n) {
  const auto protocol = ProtocolOf(n.protocol);
  return protocol && n.spi.size() == 4 ? sa.FindByPeerSpi(*protocol, Reader(n.spi).U32()) : nullptr;
}

// RFC 2407 4.6.3.1, of a child that is there already. What is said of the ISAKMP SA only makes the peer's Delete of it come
// sooner, and then there is another.
void TakeLife(Context& cx, IkeSa& sa, const NotifyPayload& n) {
  ChildSa* child = ChildOfPeerSpi(sa, n);
  const auto life = DecodeLife(n.data);
  if (!child || !life || !child->live()) return;
  const SaLife agreed = Shorter({child->life_seconds, child->life_bytes / kKilobyte}, *life);
  if (agreed.seconds == child->life_seconds) return;
  child->life_seconds = agreed.seconds;
  const config::Lifetime time = child->time_limits();
  child->expires_at = child->installed + std::chrono::seconds(time.life);
  if (time.rekey == 0) return;
  child->rekey_at = std::min(child->rekey_at, child->installed + std::chrono::seconds(time.rekey));
  cx.Arm(TimerKind::kRekeyChild, child->id, std::max(child->rekey_at, cx.now()));
}

// The peer has it no more: what is sent on it is lost. Its successor is made at once, as for one whose time has come.
void TakeInvalidSpi(Context& cx, IkeSa& sa, const NotifyPayload& n) {
  ChildSa* child = ChildOfPeerSpi(sa, n);
  if (child && child->state == ChildState::kInstalled) Enqueue(cx, sa, {.kind = Task::Kind::kRekeyChild, .child = child->id});
}

void TakeConnected(Context& cx, IkeSa& sa, Exchange* exchange) {
  if (exchange && exchange->quick) OnConnected(cx, sa, *exchange);
}

void TakeError(Context& cx, IkeSa& sa, const NotifyPayload& n) {
  if (n.type == NotifyType::kInvalidSpi) TakeInvalidSpi(cx, sa, n);
  if (!OnQuickError(cx, sa, n)) cx.Log(Severity::kWarning, sa, Cat("the peer reports ", Name(n.type)));
}

}  // namespace

void OnInformational(Context& cx, IkeSa& sa, const Inbound& in) {
  const IkeId id = sa.id;
  for (const Item& item : in.chain.items) {
    if (auto* d = std::get_if<DeletePayload>(&item.payload); d && !TakeDelete(cx, sa, *d)) return;
    auto* n = std::get_if<NotifyPayload>(&item.payload);
    // RFC 2408 3.1: CONNECTED comes by the message ID of what it is about.
    if (n) OnNotify(cx, sa, sa.FindExchange(in.header.message_id), *n);
    if (cx.sas.Find(id) != &sa || !sa.secured()) return;
  }
}

void OnNotify(Context& cx, IkeSa& sa, Exchange* exchange, const NotifyPayload& n) {
  const bool apart = !exchange || exchange->message_id == 0 || !exchange->quick;
  switch (n.type) {
    case NotifyType::kDpdRequest:
    case NotifyType::kDpdAck: return OnLivenessNotify(cx, sa, n);
    case NotifyType::kInitialContact: return OnInitialContact(cx, sa);
    case NotifyType::kConnected: return TakeConnected(cx, sa, exchange);
    case NotifyType::kResponderLifetime: return TakeLife(cx, sa, n);
    default: break;
  }
  if (!IsError(n.type)) return cx.Log(Severity::kDebug, sa, Cat("the peer says ", Name(n.type)));
  // Inside a message of quick mode it does not stand against what the message agrees to.
  if (apart) TakeError(cx, sa, n);
  else cx.Log(Severity::kWarning, sa, Cat("the peer reports ", Name(n.type)));
}

}  // namespace culvert::ike::v1
