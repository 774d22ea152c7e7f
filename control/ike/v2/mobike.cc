#include "control/ike/v2/mobike.h"

#include <algorithm>

#include "common/bytes/secret.h"
#include "common/bytes/writer.h"
#include "control/ike/cat.h"
#include "control/ike/connection_table.h"
#include "control/ike/v2/child_install.h"
#include "control/ike/v2/closing.h"
#include "control/ike/v2/informational.h"
#include "control/ike/v2/nat.h"
#include "control/ike/v2/send.h"
#include "control/ike/v2/tasks.h"

namespace culvert::ike {
namespace {

constexpr size_t kCookieSize = 16;                          // of ours, octets
constexpr size_t kLeastCookie = 8, kMostCookie = 64;        // RFC 4555 4.2.5
constexpr unsigned kQuickQuestions = 5;                     // answered, but each time so that nothing follows from it

bool IsAddress(NotifyType t) { return t == NotifyType::kAdditionalIp4Address || t == NotifyType::kAdditionalIp6Address; }

// What may be the address of a host elsewhere.
bool Acceptable(const Context& cx, const IpAddress& a) {
  constexpr uint32_t kBroadcast = 0xffffffff;
  if (a.is_unspecified() || a.is_multicast() || (a.family == Family::kV4 && a.v4() == kBroadcast)) return false;
  return !std::ranges::contains(cx.local_addresses, a);
}

// nullopt: the message says nothing of them. RFC 4555 3.6: what it says replaces all that was said before.
std::optional<std::vector<IpAddress>> ReadAdditional(const Context& cx, const Inbound& in) {
  std::vector<IpAddress> list;
  bool told = in.Notify(NotifyType::kNoAdditionalAddresses) != nullptr;
  for (const auto& p : in.payloads) {
    auto* n = std::get_if<NotifyPayload>(&p);
    if (!n || !IsAddress(n->type)) continue;
    told = true;
    const bool fits = n->data.size() == (n->type == NotifyType::kAdditionalIp4Address ? 4u : 16u);
    auto a = fits ? IpAddress::FromBytes(n->data) : std::nullopt;
    const bool wanted = a && Acceptable(cx, *a) && !a->is_link_local() && !std::ranges::contains(list, *a);
    if (wanted && list.size() < kMaxAdditionalAddresses) list.push_back(*a);
  }
  return told ? std::optional(std::move(list)) : std::nullopt;
}

void AddAddresses(const std::vector<IpAddress>& addresses, PayloadList& list) {
  for (const IpAddress& a : addresses) {
    list.AddNotify(a.family == Family::kV4 ? NotifyType::kAdditionalIp4Address : NotifyType::kAdditionalIp6Address,
                   ToBytes(a.bytes()));
  }
}

// RFC 4555 3.6: in INFORMATIONAL, that there are none is said.
void TellAddresses(const Context& cx, IkeSa& sa, PayloadList& list) {
  Mobike& m = *sa.mobike;
  m.told = AdditionalAddresses(cx, sa);
  AddAddresses(m.told, list);
  if (m.told.empty()) list.AddNotify(NotifyType::kNoAdditionalAddresses);
}

void AddCookie(Context& cx, IkeSa& sa, PayloadList& list) {
  sa.mobike->cookie = cx.random.Take(kCookieSize);
  list.AddNotify(NotifyType::kCookie2, sa.mobike->cookie);
}

// A question about addresses goes out, by the path in use and no other yet.
void Ask(Context& cx, IkeSa& sa, Task task, const PayloadList& list) {
  sa.mobike->asked_at = sa.mobike->moves;
  sa.mobike->strayed = false;
  SendInformational(cx, sa, std::move(task), list.Encode());
}

// RFC 4555 4.2.6: source address, destination address, source port, destination port.
Bytes NoNatsData(const Endpoint& source, const Endpoint& destination) {
  Writer w;
  w.Put(source.address.bytes());
  w.Put(destination.address.bytes());
  w.U16(source.port);
  w.U16(destination.port);
  return w.Release();
}

// RFC 4555 3.5: where the message says nothing of NATs, all stays as it is.
void TakeNatDetection(const IkeSa& sa, const Inbound& in, Path& path) {
  const bool says = in.Notify(NotifyType::kNatDetectionSourceIp) || in.Notify(NotifyType::kNatDetectionDestinationIp);
  if (says) DetectNat(in.datagram, in.header, in.payloads, path);
  if (sa.connection->encap) path.nat_local = true;
}

// What is wrong with the peer's UPDATE_SA_ADDRESSES, and what it is told of that; no `why`: nothing.
struct Verdict {
  std::string_view why{};
  NotifyType told{};
};
Verdict JudgeUpdate(const Context& cx, const IkeSa& sa, const Inbound& in) {
  // RFC 4555 3.5: only whoever decides sends it.
  if (sa.caller) return {"it is not the peer's to decide"};
  if (!NatsAsAllowed(in)) return {"the peer forbids NATs, and there is one", NotifyType::kUnexpectedNatDetected};
  if (!Acceptable(cx, in.datagram.remote.address)) return {"no address of a peer's", NotifyType::kUnacceptableAddresses};
  return {};
}

void TakeUpdate(Context& cx, IkeSa& sa, const Inbound& in) {
  const DatagramIn& d = in.datagram;
  if (std::string_view why = JudgeUpdate(cx, sa, in).why; !why.empty()) {
    cx.Bump(Count::kMoveRefused);
    return cx.Log(Severity::kWarning, sa, Cat("UPDATE_SA_ADDRESSES to ", d.remote.ToString(), " refused: ", why));
  }
  Mobike& m = *sa.mobike;
  const Path proven = sa.esp_path();
  Path to = sa.path;
  to.local = d.local;
  to.remote = d.remote;
  to.marker = d.marker;
  TakeNatDetection(sa, in, to);
  ++m.moves;
  m.tried.clear();
  m.unproven = proven.remote != d.remote;
  SetPath(cx, sa, to);
  if (m.unproven) {
    m.esp = proven;
    ResendByNewPath(cx, sa);
    AskAbout(cx, sa, Task::Kind::kProveAddress);
  } else {
    BelievePath(cx, sa);
  }
  // Of our own addresses, another may be in use now, and so the others be others.
  ReviewPath(cx, sa);
}

// The peer writes to another address of ours than the one in use: after messages were lost, or went by several ways, the two
// sides may differ, and whoever decides prevails.
void Reconcile(Context& cx, IkeSa& sa, const DatagramIn& d) {
  if (d.remote != sa.path.remote || d.local == sa.path.local || sa.state != IkeState::kEstablished) return;
  if (sa.caller) return AskAbout(cx, sa, Task::Kind::kUpdateAddresses);
  sa.path.local = d.local;
  TellChildren(cx, sa);
  ReviewPath(cx, sa);
}

void TakeAdditional(Context& cx, IkeSa& sa, const Inbound& in) {
  auto list = ReadAdditional(cx, in);
  if (!list) return;
  Mobike& m = *sa.mobike;
  m.peers = *std::move(list);
  if (!sa.caller || sa.state != IkeState::kEstablished) return;
  // RFC 4555 3.6: the address the message came from is one of the peer's too. If the one in use is not among them any more,
  // it has told us where it is.
  const Endpoint& from = in.datagram.remote;
  const bool there = sa.path.remote.address == from.address || std::ranges::contains(m.peers, sa.path.remote.address);
  if (!there && Acceptable(cx, from.address)) return MoveTo(cx, sa, in.datagram.local, from);
  OnPathRetry(cx, sa);
}

// RFC 4555 3.7: whoever answers with another value never saw the request.
bool CookieIsRight(const Mobike& m, const Inbound& in) {
  auto* c = in.Notify(NotifyType::kCookie2);
  return c && EqualConstantTime(c->data, m.cookie);
}

// RFC 4555 3.7: the IKE SA is closed. `sa` has nothing in flight.
void BreakOff(Context& cx, IkeSa& sa) {
  cx.Bump(Count::kCookie2Wrong);
  cx.Log(Severity::kError, sa, Cat("COOKIE2 came back as another: ", sa.path.remote.ToString(), " is not the peer"));
  Enqueue(cx, sa, {.kind = Task::Kind::kDeleteIke}, Where::kFront);
  CloseIke(cx, sa, Why::kProtocolError);
}

// RFC 4555 3.6, 3.7: a question that went to, or from, several places, or was asked before the latest move, is answered by who
// knows whom.
bool Conclusive(const Mobike& m) { return m.asked_at == m.moves && !m.strayed; }

void AskAgain(Context& cx, IkeSa& sa, const Task& done) {
  const Time at = done.attempt < kQuickQuestions ? Time{} : cx.now + kAgainAfterRefusal;
  Enqueue(cx, sa, {.kind = done.kind, .not_before = at, .attempt = done.attempt + 1}, Where::kFront);
}

void OnProofAnswered(Context& cx, IkeSa& sa, const Inbound& in) {
  const Mobike& m = *sa.mobike;
  if (!m.unproven || sa.caller) return;
  const bool from_there = sa.path.between(in.datagram.local, in.datagram.remote);
  if (!from_there || !Conclusive(m)) return AskAgain(cx, sa, sa.request->task);
  cx.Bump(Count::kPeerMoved);
  BelievePath(cx, sa);
}

// Why the peer will not have a move of ours; 0 where it has it.
NotifyType RefusalIn(const Inbound& in) {
  for (auto t : {NotifyType::kUnacceptableAddresses, NotifyType::kUnexpectedNatDetected}) {
    if (in.Notify(t)) return t;
  }
  return {};
}

// The peer will not have the move. Where its old address still has the ESP, IKE goes back there.
void OnUpdateRefused(Context& cx, IkeSa& sa, NotifyType why) {
  cx.Bump(Count::kMoveRefused);
  cx.Log(Severity::kWarning, sa, Cat("the peer answers ", Name(why), " to UPDATE_SA_ADDRESSES"));
  Mobike& m = *sa.mobike;
  if (!m.esp) return;
  ++m.moves;
  SetPath(cx, sa, Path(*m.esp));
  BelievePath(cx, sa);
}

void OnUpdateAnswered(Context& cx, IkeSa& sa, const Inbound& in) {
  Mobike& m = *sa.mobike;
  const Task& task = sa.request->task;
  // RFC 4555 3.5: of a move that another has overtaken, the answer says nothing.
  if (!Conclusive(m)) return AskAgain(cx, sa, task);
  if (NotifyType why = RefusalIn(in); why != NotifyType{}) {
    // RFC 4555 3.9: whoever changed the addresses on the way may not have meant to, and need not do so again.
    const bool again = why == NotifyType::kUnexpectedNatDetected && task.attempt < kQuickQuestions;
    return again ? AskAgain(cx, sa, task) : OnUpdateRefused(cx, sa, why);
  }
  const bool from_there = sa.path.between(in.datagram.local, in.datagram.remote);
  if (m.unproven && !from_there) return AskAgain(cx, sa, task);
  TakeNatDetection(sa, in, sa.path);
  auto* mapping = in.Notify(NotifyType::kNatDetectionDestinationIp);
  m.mapping = mapping ? ToBytes(mapping->data) : Bytes{};
  BelievePath(cx, sa);
}

}  // namespace

bool WantsMobike(const config::Connection& c) {
  // RFC 4555 1.2: tunnel mode alone; what transport mode protects ends where its addresses do.
  const auto is_transport = [](const config::Child& child) { return child.mode == config::ChildMode::kTransport; };
  return c.mobike && std::ranges::none_of(c.children, is_transport);
}

std::vector<IpAddress> AdditionalAddresses(const Context& cx, const IkeSa& sa) {
  std::vector<IpAddress> list;
  for (const IpAddress& a : cx.local_addresses) {
    if (list.size() == kMaxAdditionalAddresses) break;
    if (a != sa.path.local.address && AdmitsLocal(*sa.connection, a)) list.push_back(a);
  }
  return list;
}

void AnnounceMobike(const std::vector<IpAddress>& additional, PayloadList& list) {
  list.AddNotify(NotifyType::kMobikeSupported);
  AddAddresses(additional, list);
}

void AgreeOnMobike(Context& cx, IkeSa& sa, const Inbound& in, std::vector<IpAddress> told) {
  if (!WantsMobike(*sa.connection) || !in.Notify(NotifyType::kMobikeSupported)) return;
  sa.mobike = std::make_unique<Mobike>();
  sa.mobike->told = std::move(told);
  sa.mobike->peers = ReadAdditional(cx, in).value_or(std::vector<IpAddress>{});
}

bool NatsAsAllowed(const Inbound& in) {
  auto* n = in.Notify(NotifyType::kNoNatsAllowed);
  return !n || Equal(n->data, NoNatsData(in.datagram.remote, in.datagram.local));
}

void ForbidNats(const Path& path, PayloadList& list) {
  list.AddNotify(NotifyType::kNoNatsAllowed, NoNatsData(path.local, path.remote));
}

void StartUpdateAddresses(Context& cx, IkeSa& sa, Task task) {
  if (!sa.mobike || !sa.caller) return;
  PayloadList list;
  list.AddNotify(NotifyType::kUpdateSaAddresses);
  if (HasNatTraversal(sa.path)) AddNatDetection({sa.spi_i, sa.spi_r, sa.path, sa.connection->encap}, list);
  else ForbidNats(sa.path, list);
  TellAddresses(cx, sa, list);
  if (sa.mobike->unproven) AddCookie(cx, sa, list);
  Ask(cx, sa, std::move(task), list);
}

void StartProveAddress(Context& cx, IkeSa& sa, Task task) {
  if (!sa.mobike || !sa.mobike->unproven || sa.caller) return;
  PayloadList list;
  AddCookie(cx, sa, list);
  Ask(cx, sa, std::move(task), list);
}

void StartTellAddresses(Context& cx, IkeSa& sa, Task task) {
  if (!sa.mobike) return;
  PayloadList list;
  TellAddresses(cx, sa, list);
  Ask(cx, sa, std::move(task), list);
}

void AddMappingProbe(const IkeSa& sa, PayloadList& list) {
  const bool wanted = sa.mobike && sa.caller && HasNatTraversal(sa.path);
  if (wanted) AddNatDetection({sa.spi_i, sa.spi_r, sa.path, sa.connection->encap}, list);
}

void AnswerMobikeRequest(Context& cx, IkeSa& sa, const Inbound& in, PayloadList& answer) {
  IkeSa* home = Newest(cx, sa);
  if (!home) return;
  // RFC 4555 3.7: copied as it is, on whichever path it came.
  auto* cookie = in.Notify(NotifyType::kCookie2);
  const bool copied = cookie && cookie->data.size() >= kLeastCookie && cookie->data.size() <= kMostCookie;
  if (copied) answer.AddNotify(NotifyType::kCookie2, ToBytes(cookie->data));
  // RFC 4555 3.8: in any INFORMATIONAL, and answered in kind.
  if (in.Notify(NotifyType::kNatDetectionSourceIp) || in.Notify(NotifyType::kNatDetectionDestinationIp)) {
    const Path back{.local = in.datagram.local, .remote = in.datagram.remote, .marker = in.datagram.marker};
    AddNatDetection({in.header.spi_i, in.header.spi_r, back, home->connection->encap}, answer);
  }
  if (!in.Notify(NotifyType::kUpdateSaAddresses)) return;
  if (NotifyType told = JudgeUpdate(cx, *home, in).told; told != NotifyType{}) answer.AddNotify(told);
}

void FollowMobikeRequest(Context& cx, IkeSa& sa, const Inbound& in) {
  IkeSa* home = Newest(cx, sa);
  if (!home) return;
  TakeAdditional(cx, *home, in);
  if (in.Notify(NotifyType::kUpdateSaAddresses)) TakeUpdate(cx, *home, in);
  else Reconcile(cx, *home, in.datagram);
}

void OnMobikeResponse(Context& cx, IkeSa& sa, const Inbound& in) {
  using enum Task::Kind;
  const Task::Kind kind = sa.request->task.kind;
  IkeSa* home = Newest(cx, sa);
  const bool refused = kind == kUpdateAddresses && RefusalIn(in) != NotifyType{};
  if (!sa.mobike->cookie.empty() && !refused && !CookieIsRight(*sa.mobike, in)) {
    sa.request.reset();
    return home ? BreakOff(cx, *home) : Pump(cx, sa);
  }
  sa.mobike->cookie.clear();
  // A successor has asked anew (CarryMobike): what is answered here is nothing to it.
  if (home == &sa) {
    if (kind == kProveAddress) OnProofAnswered(cx, sa, in);
    if (kind == kUpdateAddresses) OnUpdateAnswered(cx, sa, in);
    // Told from several addresses, the peer may have taken us to be at the first of them.
    if (kind == kTellAddresses && !Conclusive(*sa.mobike)) AskAgain(cx, sa, sa.request->task);
  }
  FinishRequest(cx, sa);
}

void JudgeMapping(Context& cx, IkeSa& sa, const Inbound& in) {
  if (!sa.mobike || !sa.caller || sa.state != IkeState::kEstablished) return;
  auto* n = in.Notify(NotifyType::kNatDetectionDestinationIp);
  if (!n) return;
  Mobike& m = *sa.mobike;
  const bool nat = !Equal(n->data, NatHash(in.header.spi_i, in.header.spi_r, sa.path.local));
  // As whom the peer saw us before is not known at first: the hash covers the SPIs, and IKE_SA_INIT had another port.
  const bool remapped = m.mapping.empty() ? nat : !Equal(m.mapping, n->data);
  const bool changed = remapped || (!sa.connection->encap && nat != sa.path.nat_local);
  m.mapping = ToBytes(n->data);
  if (!changed) return;
  cx.Log(Severity::kInfo, sa, "a NAT on the way to the peer may have changed");
  AskAbout(cx, sa, Task::Kind::kUpdateAddresses);
}

void InheritMobike(const IkeSa& from, IkeSa& to) {
  if (!from.mobike) return;
  to.mobike = std::make_unique<Mobike>(*from.mobike);
  to.mobike->mapping.clear();  // its hash covers the SPIs
  to.mobike->cookie.clear();
  to.mobike->tried.clear();
}

void CarryMobike(Context& cx, IkeSa& from, IkeSa& to) {
  if (!from.mobike) return;
  SetPath(cx, to, Path(from.path));
  InheritMobike(from, to);
  // A replier's peer may not have the answer yet, perhaps because of the very move, and so know nothing of `to`.
  for (auto kind : {Task::Kind::kUpdateAddresses, Task::Kind::kTellAddresses}) {
    if (!to.initiator && std::ranges::contains(to.tasks, kind, &Task::kind)) AskAbout(cx, from, kind);
  }
  if (from.request && IsAboutAddresses(from.request->task)) AskAbout(cx, to, from.request->task.kind);
  OnPathRetry(cx, to);
}

}  // namespace culvert::ike
