#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/connection_table.h"
#include "control/ike/v2/child_install.h"
#include "control/ike/v2/closing.h"
#include "control/ike/v2/mobike.h"
#include "control/ike/v2/nat.h"
#include "control/ike/v2/sa_init.h"
#include "control/ike/v2/send.h"
#include "control/ike/v2/tasks.h"

// Which way the SA's packets go: when an address of ours is gone, and when the peer does not answer.
namespace culvert::ike {
namespace {

constexpr unsigned kSilentFor = 2;      // retransmissions, after which other ways are tried beside the one in use
constexpr size_t kWaysAtOnce = 3;       // by one retransmission
constexpr std::chrono::milliseconds kTellEvery{1};   // on average, where many peers are to hear of an address

// Of the peer: 0 is the address in use, the others follow.
std::optional<Endpoint> RemoteAt(const IkeSa& sa, size_t i) {
  const auto& others = sa.mobike->peers;
  if (i == 0) return sa.path.remote;
  if (!sa.caller || i > others.size()) return std::nullopt;
  return Endpoint{others[i - 1], sa.path.marker ? kNatPort : kIkePort, 0};
}

bool IsOurs(const Context& cx, const IpAddress& a) { return std::ranges::contains(cx.local_addresses, a); }

// The first address that local_addrs names and we have.
std::optional<IpAddress> NamedLocal(const Context& cx, const IkeSa& sa, Family family) {
  for (const auto& entry : sa.connection->local_addrs) {
    auto a = IpAddress::Parse(entry);
    if (a && a->family == family && IsOurs(cx, *a)) return a;
  }
  return std::nullopt;
}

void Found(Context& cx, IkeSa& sa, const IpAddress& local, uint32_t zone, const Endpoint& remote) {
  sa.mobike->looking = false;
  cx.Cancel(TimerKind::kRouteRetry, sa.id);
  const Endpoint from{local, sa.path.local.port, zone};
  if (sa.caller) return MoveTo(cx, sa, from, remote);
  // RFC 4555 3.5: the peer decides; until it has, what we send has to come from some address of ours.
  ++sa.mobike->moves;
  sa.path.local = from;
  if (sa.mobike->esp && sa.mobike->esp->remote.address.family == from.address.family) sa.mobike->esp->local = from;
  cx.Log(Severity::kInfo, sa, Cat("an address of ours is gone: the peer hears from ", from.ToString()));
  TellChildren(cx, sa);
  ResendByNewPath(cx, sa);
  if (sa.state != IkeState::kDeleting) AskAbout(cx, sa, Task::Kind::kTellAddresses);
}

// Asks for a way to the peer's next address; after the last one, again in a while.
void AskForPath(Context& cx, IkeSa& sa) {
  Mobike& m = *sa.mobike;
  for (; auto remote = RemoteAt(sa, m.asked); ++m.asked) {
    if (auto local = NamedLocal(cx, sa, remote->address.family)) return Found(cx, sa, *local, 0, *remote);
    const auto& named = sa.connection->local_addrs;
    auto may_be_routed = [](const std::string& e) { return !IpAddress::Parse(e) || IpAddress::Parse(e)->is_unspecified(); };
    if (named.empty() || std::ranges::any_of(named, may_be_routed)) return cx.Emit(QuerySource{sa.id, remote->address});
  }
  cx.Log(Severity::kWarning, sa, "no address of ours reaches the peer");
  cx.Arm(TimerKind::kRouteRetry, sa.id, cx.now + kRouteRetryAfter);
}

void FindPath(Context& cx, IkeSa& sa) {
  sa.mobike->looking = true;
  sa.mobike->asked = 0;
  AskForPath(cx, sa);
}

// Every pair of an address of ours and one of the peer's but the one in use.
std::vector<Path> Alternatives(const Context& cx, const IkeSa& sa) {
  std::vector<Path> ways;
  for (size_t i = 0; auto remote = RemoteAt(sa, i); ++i) {
    for (const IpAddress& local : cx.local_addresses) {
      if (local.family != remote->address.family || !AdmitsLocal(*sa.connection, local)) continue;
      Path way = sa.path;
      way.local = Endpoint{local, sa.path.local.port, 0};
      way.remote = *remote;
      if (!sa.path.between(way.local, way.remote)) ways.push_back(way);
    }
  }
  // The peer's address that was in use, while the one it seems to have gone to is not proven.
  if (sa.mobike->unproven) ways.insert(ways.begin(), *sa.mobike->esp);
  return ways;
}

// A call under way from an address that is gone gets no answer there.
void CallFromElsewhere(Context& cx) {
  std::vector<IkeId> stranded;
  cx.sas.ForEach([&](const IkeSa& sa) {
    if (sa.initiating && sa.state != IkeState::kRouting && IsGone(cx, sa.path.local.address)) stranded.push_back(sa.id);
  });
  for (IkeId id : stranded) {
    IkeSa* sa = cx.sas.Find(id);
    if (sa && sa->initiating) CallAgainOrFail(cx, *sa, Cat("the address ", sa->path.local.address.ToString(), " is gone"));
  }
}

}  // namespace

bool IsGone(const Context& cx, const IpAddress& a) {
  return cx.knows_local_addresses && !a.is_link_local() && !IsOurs(cx, a);
}

void OnLocalAddresses(Context& cx, std::vector<IpAddress> addresses) {
  std::ranges::sort(addresses);
  addresses.erase(std::ranges::unique(addresses).begin(), addresses.end());
  if (std::exchange(cx.knows_local_addresses, true) && addresses == cx.local_addresses) return;
  cx.local_addresses = std::move(addresses);
  std::vector<IkeId> concerned, unreachable;
  cx.sas.ForEach([&](const IkeSa& sa) {
    if (sa.mobike && sa.secured()) concerned.push_back(sa.id);
    if (sa.answering && IsGone(cx, sa.path.local.address)) unreachable.push_back(sa.id);
  });
  // Whoever was calling there calls again elsewhere.
  for (IkeId id : unreachable) CloseIke(cx, *cx.sas.Find(id), Why::kExpired);
  const Duration spread = concerned.size() * kTellEvery;
  for (IkeId id : concerned) {
    if (IkeSa* sa = cx.sas.Find(id)) ReviewPath(cx, *sa, spread);
  }
  CallFromElsewhere(cx);
}

void ReviewPath(Context& cx, IkeSa& sa, Duration spread) {
  if (!sa.mobike || !sa.secured() || !cx.knows_local_addresses) return;
  if (IsGone(cx, sa.path.local.address)) return FindPath(cx, sa);
  // It has come back before there was another.
  if (std::exchange(sa.mobike->looking, false)) ResendByNewPath(cx, sa);
  const bool told = AdditionalAddresses(cx, sa) == sa.mobike->told;
  if (told || sa.state != IkeState::kEstablished) return;
  Enqueue(cx, sa, {.kind = Task::Kind::kTellAddresses, .not_before = cx.now + UpTo(cx.random, spread)});
}

void OnPathFound(Context& cx, IkeSa& sa, const Endpoint& local) {
  if (!sa.secured() || !sa.mobike->looking) return;
  auto remote = RemoteAt(sa, sa.mobike->asked);
  const bool usable = remote && local.address.family == remote->address.family && IsOurs(cx, local.address) &&
                      AdmitsLocal(*sa.connection, local.address);
  if (usable) return Found(cx, sa, local.address, local.zone, *remote);
  ++sa.mobike->asked;
  AskForPath(cx, sa);
}

void OnPathRetry(Context& cx, IkeSa& sa) {
  if (sa.secured() && sa.mobike->looking) FindPath(cx, sa);
}

IkeSa* Newest(Context& cx, IkeSa& sa) {
  IkeSa* newest = &sa;
  while (newest && newest->state == IkeState::kRekeyed) newest = cx.sas.Find(newest->successor);
  return newest && newest->mobike ? newest : nullptr;
}

void SetPath(Context& cx, IkeSa& sa, const Path& path) {
  if (path.remote == sa.path.remote) {
    sa.path = path;
    return;
  }
  // What it has replaced may have its last word still to say, and nobody else tells that the peer is elsewhere.
  std::vector<IkeSa*> replaced = cx.sas.OthersAtTheSamePlace(sa);
  std::erase_if(replaced, [&](IkeSa* o) { return o->state != IkeState::kRekeyed || !o->mobike || Newest(cx, *o) != &sa; });
  replaced.push_back(&sa);
  for (IkeSa* moving : replaced) {
    moving->path = path;
    cx.sas.IndexNames(*moving);
    if (moving != &sa) ResendByNewPath(cx, *moving);
  }
}

void AskAbout(Context& cx, IkeSa& sa, Task::Kind kind) {
  std::erase_if(sa.tasks, [kind](const Task& t) { return t.kind == kind; });
  Enqueue(cx, sa, {.kind = kind}, Where::kFront);
}

void MoveTo(Context& cx, IkeSa& sa, const Endpoint& local, const Endpoint& remote) {
  Mobike& m = *sa.mobike;
  const Path old = sa.esp_path();
  ++m.moves;
  m.tried.clear();
  m.mapping.clear();
  m.looking = false;
  // RFC 4555 3.5: whether there is a NAT shows in the answer; until then ESP stays encapsulated as it is.
  Path to = sa.path;
  to.local = local;
  to.remote = remote;
  SetPath(cx, sa, to);
  cx.Bump(Count::kMoved);
  cx.Log(Severity::kInfo, sa, Cat("moving to ", local.ToString(), " === ", remote.ToString()));
  m.unproven = remote != old.remote;
  m.esp.reset();
  if (m.unproven) {
    m.esp = old;
    if (local.address.family == old.remote.address.family) m.esp->local = local;
  }
  TellChildren(cx, sa);
  ResendByNewPath(cx, sa);
  if (sa.state != IkeState::kDeleting) AskAbout(cx, sa, Task::Kind::kUpdateAddresses);
}

std::vector<Path> OtherWays(const Context& cx, IkeSa& sa, unsigned sent) {
  Mobike& m = *sa.mobike;
  if (sent <= kSilentFor) return {};
  std::vector<Path> ways;
  // The peer decides: its new address is as silent as the old one may not be.
  if (!sa.caller) {
    if (m.unproven) ways.push_back(*m.esp);
  } else if (auto all = Alternatives(cx, sa); !all.empty()) {
    const size_t first = (sent - kSilentFor - 1) * kWaysAtOnce;
    for (size_t i = 0; i < std::min(kWaysAtOnce, all.size()); ++i) ways.push_back(all[(first + i) % all.size()]);
  }
  for (const Path& w : ways) {
    auto same = [&w](const Path& t) { return t.between(w.local, w.remote); };
    if (std::ranges::none_of(m.tried, same)) m.tried.push_back(w);
  }
  m.strayed = m.strayed || !ways.empty();
  return ways;
}

void OnAnsweredBy(Context& cx, IkeSa& sa, const DatagramIn& d) {
  Mobike& m = *sa.mobike;
  const std::vector<Path> tried = std::exchange(m.tried, {});
  if (sa.path.between(d.local, d.remote)) return;
  // Trap 10: an answer from where nothing was asked moves nothing.
  if (std::ranges::none_of(tried, [&d](const Path& t) { return t.between(d.local, d.remote); })) return;
  if (sa.caller) return MoveTo(cx, sa, d.local, d.remote);
  cx.Log(Severity::kWarning, sa, Cat("the peer answers from ", d.remote.ToString(), ", not from ", sa.path.remote.ToString()));
  ++m.moves;
  if (m.esp) SetPath(cx, sa, Path(*m.esp));
  BelievePath(cx, sa);
}

void FollowEsp(Context& cx, IkeSa& sa, const Endpoint& local, const Endpoint& remote) {
  Path to = sa.esp_path();
  const bool may_follow = to.nat_remote && !to.nat_local && !sa.mobike->unproven;
  if (!may_follow || to.between(local, remote)) return;
  to.local = local;
  to.remote = remote;
  sa.mobike->esp = to;
  cx.Bump(Count::kPeerMoved);
  cx.Log(Severity::kInfo, sa, Cat("the peer's ESP comes from ", remote.ToString(), " now"));
  TellChildren(cx, sa);
}

void BelievePath(Context& cx, IkeSa& sa) {
  Mobike& m = *sa.mobike;
  m.unproven = false;
  m.esp.reset();
  cx.Log(Severity::kInfo, sa,
         Cat("now between ", sa.path.local.ToString(), " and ", sa.path.remote.ToString(),
             sa.path.encapsulates() ? ", in UDP: there is a NAT on the way" : ""));
  TellChildren(cx, sa);
  StartKeepalives(cx, sa);
}

}  // namespace culvert::ike
