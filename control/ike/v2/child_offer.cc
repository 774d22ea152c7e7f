#include "control/ike/v2/child_offer.h"

#include <algorithm>

#include "common/bytes/reader.h"
#include "control/ike/cat.h"
#include "control/ike/negotiate/floor.h"
#include "control/ike/negotiate/ts_narrow.h"
#include "control/ike/v2/payload_list.h"
#include "control/ike/v2/sa_init.h"

namespace culvert::ike {
namespace {

constexpr uint32_t kFirstUsableSpi = 256;  // RFC 4303 2.1

// `dynamic` is the outer address; so is nothing at all.
SelectorList Resolve(const std::vector<config::Ts>& configured, const IpAddress& outer) {
  if (configured.empty()) return {TrafficSelector{.addresses = {outer, outer}}};
  SelectorList list;
  for (const auto& ts : configured) {
    list.push_back(ts.selector);
    if (ts.dynamic) list.back().addresses = {outer, outer};
  }
  return list;
}

bool UsesAh(const config::Child& c) { return c.esp_proposals.empty() && !c.ah_proposals.empty(); }
const std::vector<config::EspProposal>& Proposals(const config::Child& c) {
  return UsesAh(c) ? c.ah_proposals : c.esp_proposals;
}

// RFC 7296 1.3.1: the KE payload's group is the first we propose.
KeGroup FirstGroup(const SaPayload& offer) {
  for (const auto& t : offer.proposals.front().transforms) {
    if (t.type == TransformType::kKe) return static_cast<KeGroup>(t.id);
  }
  return KeGroup::kNone;
}

Bytes GroupOctets(KeGroup g) {
  auto v = static_cast<uint16_t>(g);
  return {static_cast<uint8_t>(v >> 8), static_cast<uint8_t>(v)};
}

bool HasRightSize(const KePayload& ke, bool from_requester) {
  const GroupInfo* info = Find(ke.group);
  return info && ke.data.size() == (from_requester ? info->initiator_public : info->responder_public);
}

// The traffic selectors of a message, in our own view.
struct Selectors {
  SelectorList local, remote;
};
Selectors OurView(const Inbound& in, bool we_are_requester) {
  auto* i = in.Get<TsPayload>(PayloadType::kTsI);
  auto* r = in.Get<TsPayload>(PayloadType::kTsR);
  return we_are_requester ? Selectors{i->selectors, r->selectors} : Selectors{r->selectors, i->selectors};
}

// Which of the connection's children the peer asks for, and what of it both want.
struct Match {
  const config::Child* child = nullptr;
  Narrowed ts;
  ChosenEsp esp;
};

class Matcher {
 public:
  Matcher(const Inbound& in, config::Profile floor, Ke ke, uint32_t spi)
      : floor_(floor), offer_(*in.Get<SaPayload>()), peer_(OurView(in, false)), ke_(ke), spi_(spi) {}

  void Try(const config::Child& c, const SelectorList& local, const SelectorList& remote) {
    if (c.mode != config::ChildMode::kTunnel) return Pass(c, "not a tunnel");
    auto ts = Narrow(local, remote, peer_.local, peer_.remote);
    if (!ts) return Pass(c, Cat("wants ", ToString(local), " === ", ToString(remote)));
    selectors_met_ = true;
    const bool with_ke = ke_ == Ke::kWith;
    auto esp = AboveFloor(floor_, ChooseEsp(Proposals(c), offer_, with_ke, spi_));
    if (!esp) {
      return Pass(c, Cat("wants ", Describe(OfferEsp(Proposals(c), Protocol(c), spi_, with_ke)),
                         esp.error().ToString(offer_, with_ke)));
    }
    matches_.push_back({&c, *std::move(ts), *std::move(esp)});
  }

  std::expected<Match, Refusal> Result() {
    if (!matches_.empty()) return Best();
    std::string why = Cat("offered ", ToString(peer_.local), " === ", ToString(peer_.remote), " with ", Describe(offer_),
                                   "; ", passed_over_.empty() ? "the connection has no children" : Join(passed_over_, "; "));
    return std::unexpected(Refusal{selectors_met_ ? NotifyType::kNoProposalChosen : NotifyType::kTsUnacceptable, why, {}});
  }

  static IpsecProtocol Protocol(const config::Child& c) { return UsesAh(c) ? IpsecProtocol::kAh : IpsecProtocol::kEsp; }

 private:
  void Pass(const config::Child& c, std::string why) { passed_over_.push_back(Cat(c.name, " ", why)); }

  // RFC 7296 2.9: the peer's first selectors may be the packet it has waiting; the child that packet belongs to goes first.
  Match Best() {
    auto best = std::ranges::find_if(matches_, [](const Match& m) { return m.ts.covers_first; });
    if (best == matches_.end()) best = matches_.begin();
    for (const Match& other : matches_) {
      bool within = IsSubset(other.ts.local, best->ts.local) && IsSubset(other.ts.remote, best->ts.remote);
      best->ts.more_possible |= !within;
    }
    return std::move(*best);
  }

  const config::Profile floor_;
  const SaPayload& offer_;
  Selectors peer_;
  Ke ke_;
  uint32_t spi_;
  std::vector<Match> matches_;   // in the connection's order
  bool selectors_met_ = false;
  std::vector<std::string> passed_over_;
};

// What the peer's SPI and KE payload must be, once the transforms are chosen.
std::optional<Refusal> CheckChosen(IkeSa& sa, const Inbound& in, const ChosenEsp& esp, ChildReply& reply) {
  if (esp.peer_spi < kFirstUsableSpi || sa.FindByPeerSpi(esp.protocol, esp.peer_spi)) {
    return Refusal{NotifyType::kNoProposalChosen, Cat("the SPI ", absl::Hex(esp.peer_spi), " is reserved or in use"), {}};
  }
  if (esp.group == KeGroup::kNone) return std::nullopt;
  auto* ke = in.Get<KePayload>();
  // RFC 7296 1.3: the group we chose is named, and the peer may come again with it.
  if (!ke || ke->group != esp.group) {
    return Refusal{NotifyType::kInvalidKePayload, Cat("wants a key exchange in ", Name(esp.group)), GroupOctets(esp.group)};
  }
  if (!HasRightSize(*ke, true)) return Refusal{NotifyType::kInvalidSyntax, "KE payload of a wrong size", {}};
  reply.peer_public = ToBytes(ke->data);
  return std::nullopt;
}

}  // namespace

const config::Child* FindChild(const config::Connection& connection, std::string_view name) {
  auto it = std::ranges::find(connection.children, name, &config::Child::name);
  return it == connection.children.end() ? nullptr : &*it;
}

std::expected<ChildNegotiation, std::string> MakeOffer(Context& cx, const IkeSa& sa, const Wish& wish) {
  const config::Child& c = *wish.child;
  if (c.mode != config::ChildMode::kTunnel) return std::unexpected("only tunnel mode is negotiated");
  ChildNegotiation n;
  n.connection = wish.rekeyed ? wish.rekeyed->connection : sa.connection;
  n.config = &c;
  n.requester = true;
  n.replaces = wish.rekeyed ? wish.rekeyed->id : 0;
  n.protocol = Matcher::Protocol(c);
  n.spi = SpiLease(cx.spis, IkeSpiBucket(sa.local_spi()));
  if (n.spi.spi() == 0) return std::unexpected("no SPI is free");
  n.offer = OfferEsp(Proposals(c), n.protocol, n.spi.spi(), wish.ke == Ke::kWith);
  if (n.offer.proposals.empty()) return std::unexpected("none of its proposals can be used");
  n.local_ts = wish.rekeyed ? wish.rekeyed->local_ts : Resolve(c.local_ts, sa.path.local.address);
  n.remote_ts = wish.rekeyed ? wish.rekeyed->remote_ts : Resolve(c.remote_ts, sa.path.remote.address);
  if (wish.packet && wish.only_packet) {
    n.local_ts = {wish.packet->local};
    n.remote_ts = {wish.packet->remote};
  } else if (wish.packet) {
    // RFC 7296 2.9: the packet that raised the SA goes first, as specific as it is.
    n.local_ts.insert(n.local_ts.begin(), wish.packet->local);
    n.remote_ts.insert(n.remote_ts.begin(), wish.packet->remote);
  }
  if (wish.ke == Ke::kWith) {
    n.nonce_i = cx.random.Take(kNonceSize);
    n.group = FirstGroup(n.offer);
  }
  return n;
}

void AddOffer(const ChildNegotiation& n, PayloadList& list) {
  list.Add(n.offer);
  list.Add(TsPayload{.type = PayloadType::kTsI, .selectors = n.local_ts});
  list.Add(TsPayload{.type = PayloadType::kTsR, .selectors = n.remote_ts});
}

std::optional<Refusal> JudgeAnswer(const IkeSa& sa, const Inbound& in, Ke ke, ChildNegotiation& n) {
  const SaPayload& answer = *in.Get<SaPayload>();
  auto chosen = AboveFloor(n.connection->profile, AcceptEsp(n.offer, answer));
  if (!chosen) {
    return Refusal{NotifyType::kNoProposalChosen,
                   Cat("answered ", Describe(answer), " to ", Describe(n.offer),
                       chosen.error().ToString(answer, ke == Ke::kWith)), {}};
  }
  if (chosen->peer_spi < kFirstUsableSpi || const_cast<IkeSa&>(sa).FindByPeerSpi(chosen->protocol, chosen->peer_spi)) {
    return Refusal{NotifyType::kInvalidSyntax, "answered with an SPI that is reserved or in use", {}};
  }
  Selectors ts = OurView(in, true);
  if (!IsSubset(ts.local, n.local_ts) || !IsSubset(ts.remote, n.remote_ts)) {
    return Refusal{NotifyType::kTsUnacceptable,
                   Cat("answered ", ToString(ts.local), " === ", ToString(ts.remote), ", more than was proposed"), {}};
  }
  KeGroup group = ke == Ke::kWith ? chosen->group : KeGroup::kNone;
  if (group != KeGroup::kNone) {
    auto* payload = in.Get<KePayload>();
    if (!payload || payload->group != group || group != n.group || !HasRightSize(*payload, false)) {
      return Refusal{NotifyType::kInvalidKePayload, Cat("chose ", Name(group), " without its KE payload"), {}};
    }
  }
  n.group = group;
  if (group != KeGroup::kNone) n.more.left = chosen->additional;
  n.suite = chosen->suite;
  n.peer_spi = chosen->peer_spi;
  n.local_ts = std::move(ts.local);
  n.remote_ts = std::move(ts.remote);
  return std::nullopt;
}

std::expected<ChildReply, Refusal> AnswerOffer(Context& cx, IkeSa& sa, const Inbound& in, const ChildSa* rekeyed) {
  ChildReply reply;
  ChildNegotiation& n = reply.child;
  n.spi = SpiLease(cx.spis, IkeSpiBucket(sa.local_spi()));
  if (n.spi.spi() == 0) return std::unexpected(Refusal{NotifyType::kNoAdditionalSas, "no SPI is free", {}});
  Ke ke = in.header.exchange == ExchangeType::kIkeAuth ? Ke::kWithout : Ke::kWith;
  n.connection = rekeyed ? rekeyed->connection : sa.connection;
  Matcher matcher(in, n.connection->profile, ke, n.spi.spi());
  if (rekeyed) {
    // What a successor protects is never more than its predecessor did (B41).
    matcher.Try(*rekeyed->config, rekeyed->local_ts, rekeyed->remote_ts);
  } else {
    for (const auto& c : n.connection->children) {
      matcher.Try(c, Resolve(c.local_ts, sa.path.local.address), Resolve(c.remote_ts, sa.path.remote.address));
    }
  }
  auto match = matcher.Result();
  if (!match) return std::unexpected(std::move(match.error()));
  if (auto refusal = CheckChosen(sa, in, match->esp, reply)) return std::unexpected(*std::move(refusal));
  n.config = match->child;
  n.replaces = rekeyed ? rekeyed->id : 0;
  n.protocol = match->esp.protocol;
  n.suite = match->esp.suite;
  n.group = match->esp.group;
  n.more.left = match->esp.additional;
  n.peer_spi = match->esp.peer_spi;
  n.local_ts = std::move(match->ts.local);
  n.remote_ts = std::move(match->ts.remote);
  reply.answer.proposals = {std::move(match->esp.answer)};
  reply.more_possible = match->ts.more_possible;
  return reply;
}

void AddSelectors(const ChildReply& r, PayloadList& list) {
  list.Add(TsPayload{.type = PayloadType::kTsI, .selectors = r.child.remote_ts});
  list.Add(TsPayload{.type = PayloadType::kTsR, .selectors = r.child.local_ts});
  if (r.more_possible) list.AddNotify(NotifyType::kAdditionalTsPossible);
}

void AddAnswer(const ChildReply& r, PayloadList& list) {
  list.Add(r.answer);
  AddSelectors(r, list);
}

void TellMorePossible(Context& cx, const IkeSa& sa, const ChildNegotiation& n) {
  cx.Log(Severity::kInfo, sa, Cat("Child SA ", n.config->name, " is for ", ToString(n.local_ts), " === ", ToString(n.remote_ts),
                                  " alone; the peer would take another for the rest"));
}

bool WantsSinglePair(const NotifyPayload* error, const Task& task) {
  return error && error->type == NotifyType::kSinglePairRequired && task.packet && !task.only_packet;
}

}  // namespace culvert::ike
