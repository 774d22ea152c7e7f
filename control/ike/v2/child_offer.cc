#include "control/ike/v2/child_offer.h"

#include <algorithm>
#include <functional>

#include "common/base/limits.h"
#include "common/bytes/reader.h"
#include "control/ike/cat.h"
#include "control/ike/negotiate/floor.h"
#include "control/ike/negotiate/ts_narrow.h"
#include "control/ike/v2/child_selectors.h"
#include "control/ike/v2/configuration.h"
#include "control/ike/v2/payload_list.h"
#include "control/ike/v2/sa_init.h"

namespace culvert::ike {
namespace {

constexpr uint32_t kFirstUsableSpi = 256;  // RFC 4303 2.1

// Of both IPsec protocols, which of a child's proposals are for this path and this purpose. What replaces an SA is of its
// protocol; RFC 4302 3.3.3.1: AH covers the addresses, and so goes through no NAT.
struct Terms {
  bool esp = true, ah = true;
  Ke ke = Ke::kWith;
};
Terms TermsFor(const Path& path, const ChildSa* rekeyed, Ke ke) {
  return {.esp = !rekeyed || rekeyed->protocol == IpsecProtocol::kEsp,
          .ah = (!rekeyed || rekeyed->protocol == IpsecProtocol::kAh) && !path.encapsulates(),
          .ke = ke};
}

// Who lists ESP and AH prefers ESP, as charon has it.
SaPayload OfferFor(const config::Child& c, const Terms& terms, uint32_t spi) {
  const bool with_ke = terms.ke == Ke::kWith;
  SaPayload offer;
  if (terms.esp) offer = OfferEsp(c.esp_proposals, IpsecProtocol::kEsp, spi, with_ke);
  if (!terms.ah) return offer;
  for (Proposal& p : OfferEsp(c.ah_proposals, IpsecProtocol::kAh, spi, with_ke).proposals) {
    if (offer.proposals.size() == kMaxProposals) break;
    p.number = static_cast<uint8_t>(offer.proposals.size() + 1);
    offer.proposals.push_back(std::move(p));
  }
  return offer;
}

std::optional<ChosenEsp> ChooseFor(const config::Child& c, const Terms& terms, const SaPayload& offered, uint32_t spi) {
  const bool with_ke = terms.ke == Ke::kWith;
  std::optional<ChosenEsp> chosen;
  if (terms.esp) chosen = ChooseEsp(c.esp_proposals, offered, with_ke, spi);
  if (!chosen && terms.ah) chosen = ChooseEsp(c.ah_proposals, offered, with_ke, spi);
  return chosen;
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

// Which of the connection's children the peer asks for, and what of it both want.
struct Match {
  const config::Child* child = nullptr;
  Narrowed ts;
  ChosenEsp esp;
};

class Matcher {
 public:
  Matcher(const Inbound& in, const Path& path, config::Profile floor, const Terms& terms, uint32_t spi)
      : floor_(floor), terms_(terms), spi_(spi), offer_(*in.Get<SaPayload>()), transport_(SaysTransport(in)),
        peer_(SelectorsIn(in, false)), at_ends_(peer_) {
    // RFC 7296 2.23.1: for a tunnel the selectors stay what they are.
    if (!transport_ || !path.encapsulates()) return;
    original_ = SubstituteForNat(path, at_ends_);
    several_ = !original_;
  }

  void Try(const config::Child& c, const Selectors& ours) {
    const bool transport = c.mode == config::ChildMode::kTransport;
    const Selectors& theirs = transport ? at_ends_ : peer_;
    if (transport && several_) return Pass(c, "is for transport mode, which goes through a NAT between one address each");
    if (ours.local.empty() || ours.remote.empty()) return Pass(c, "is for transport mode, and leaves out the addresses in use");
    auto ts = Narrow(ours.local, ours.remote, theirs.local, theirs.remote);
    if (!ts) return Pass(c, Cat("wants ", ToString(ours)));
    selectors_met_ = true;
    if (transport && !transport_) return Pass(c, "is for transport mode, which was not asked for");
    auto esp = AboveFloor(floor_, ChooseFor(c, terms_, offer_, spi_));
    if (!esp) return Pass(c, Cat(Wanted(c), esp.error().ToString(offer_, terms_.ke == Ke::kWith)));
    matches_.push_back({&c, *std::move(ts), *std::move(esp)});
  }

  std::expected<Match, Refusal> Result() {
    if (!matches_.empty()) return Best();
    std::string why = Cat("offered ", ToString(peer_), transport_ ? " in transport mode" : "", " with ", Describe(offer_), "; ",
                          passed_over_.empty() ? "the connection has no children" : Join(passed_over_, "; "));
    return std::unexpected(Refusal{selectors_met_ ? NotifyType::kNoProposalChosen : NotifyType::kTsUnacceptable, why, {}});
  }

  const std::optional<OriginalAddresses>& original() const { return original_; }

 private:
  void Pass(const config::Child& c, std::string why) { passed_over_.push_back(Cat(c.name, " ", why)); }

  std::string Wanted(const config::Child& c) const {
    const SaPayload ours = OfferFor(c, terms_, spi_);
    return ours.proposals.empty() ? "has nothing for this path: AH goes through no NAT" : Cat("wants ", Describe(ours));
  }

  // RFC 7296 2.23.1: transport mode where it is asked for and there is a child for it. 2.9: the peer's first selectors may be
  // the packet it has waiting; the child that packet belongs to goes first.
  Match Best() {
    auto for_transport = [](const Match& m) { return m.child->mode == config::ChildMode::kTransport; };
    if (std::ranges::any_of(matches_, for_transport)) std::erase_if(matches_, std::not_fn(for_transport));
    auto best = std::ranges::find_if(matches_, [](const Match& m) { return m.ts.covers_first; });
    if (best == matches_.end()) best = matches_.begin();
    for (const Match& other : matches_) {
      bool within = IsSubset(other.ts.local, best->ts.local) && IsSubset(other.ts.remote, best->ts.remote);
      best->ts.more_possible |= !within;
    }
    return std::move(*best);
  }

  const config::Profile floor_;
  const Terms terms_;
  const uint32_t spi_;
  const SaPayload& offer_;
  const bool transport_;                  // the peer asks for that mode
  bool several_ = false;                  // and through a NAT, with selectors that cannot go through one
  const Selectors peer_;
  Selectors at_ends_;                     // the same, for transport mode
  std::optional<OriginalAddresses> original_;
  std::vector<Match> matches_;            // in the connection's order
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

// RFC 7296 2.9: the packet that raised the SA goes first, as specific as it is. To transport mode a packet of other addresses
// says nothing.
void AddPacket(const Wish& wish, Selectors& ts) {
  if (!wish.packet) return;
  const SelectorList local = {wish.packet->local}, remote = {wish.packet->remote};
  const bool transport = wish.child->mode == config::ChildMode::kTransport;
  if (transport && (!IsSubset(local, ts.local) || !IsSubset(remote, ts.remote))) return;
  if (wish.only_packet) {
    ts = {local, remote};
    return;
  }
  ts.local.insert(ts.local.begin(), wish.packet->local);
  ts.remote.insert(ts.remote.begin(), wish.packet->remote);
}

// RFC 7296 1.3.1: the SA is of the mode that was asked for or of none. Of transport mode, `ts` are afterwards what they are on
// our side of a NAT.
std::optional<Refusal> JudgeMode(const Path& path, const Inbound& in, ChildNegotiation& n, Selectors& ts) {
  const bool transport = n.config->mode == config::ChildMode::kTransport;
  if (transport != SaysTransport(in)) {
    std::string why = transport ? "declined transport mode, and a tunnel is not wanted" : "answered in transport mode, unasked";
    return Refusal{NotifyType::kNoProposalChosen, std::move(why), {}};
  }
  if (!transport || !path.encapsulates()) return std::nullopt;
  n.original = SubstituteForNat(path, ts);
  if (n.original) return std::nullopt;
  return Refusal{NotifyType::kTsUnacceptable, Cat("answered ", ToString(ts), " through a NAT, not one address each"), {}};
}

}  // namespace

std::expected<ChildNegotiation, std::string> MakeOffer(Context& cx, const IkeSa& sa, const Wish& wish) {
  const config::Child& c = *wish.child;
  if (!wish.rekeyed && LacksAddress(sa)) return std::unexpected("the peer has lent no address, and vips wants one");
  const Terms terms = TermsFor(sa.path, wish.rekeyed, wish.ke);
  ChildNegotiation n;
  n.connection = wish.rekeyed ? wish.rekeyed->connection : sa.connection;
  n.config = &c;
  n.requester = true;
  n.replaces = wish.rekeyed ? wish.rekeyed->id : 0;
  n.spi = SpiLease(cx.spis, IkeSpiBucket(sa.local_spi()));
  if (n.spi.spi() == 0) return std::unexpected("no SPI is free");
  n.offer = OfferFor(c, terms, n.spi.spi());
  if (n.offer.proposals.empty()) {
    const bool nat = c.esp_proposals.empty() && sa.path.encapsulates();
    return std::unexpected(nat ? "AH goes through no NAT, and there is one" : "none of its proposals can be used");
  }
  n.protocol = n.offer.proposals.front().protocol;
  Selectors ts = wish.rekeyed ? Selectors{wish.rekeyed->local_ts, wish.rekeyed->remote_ts} : SelectorsFor(sa, c);
  if (ts.local.empty() || ts.remote.empty()) {
    return std::unexpected(Cat("its selectors leave out ", sa.path.local.address.ToString(), " === ",
                               sa.path.remote.address.ToString(), ", and transport mode is for nothing else"));
  }
  AddPacket(wish, ts);
  n.local_ts = std::move(ts.local);
  n.remote_ts = std::move(ts.remote);
  if (wish.ke == Ke::kWith) {
    n.nonce_i = cx.random.Take(kNonceSize);
    n.group = FirstGroup(n.offer);
  }
  return n;
}

void AddMode(const ChildNegotiation& n, PayloadList& list) {
  if (n.config->mode == config::ChildMode::kTransport) list.AddNotify(NotifyType::kUseTransportMode);
}

void AddOffer(const ChildNegotiation& n, PayloadList& list) {
  AddMode(n, list);
  list.Add(n.offer);
  list.Add(TsPayload{.type = PayloadType::kTsI, .selectors = n.local_ts});
  list.Add(TsPayload{.type = PayloadType::kTsR, .selectors = n.remote_ts});
}

std::optional<Refusal> JudgeAnswer(const IkeSa& sa, const Inbound& in, Ke ke, ChildNegotiation& n) {
  const SaPayload& answer = *in.Get<SaPayload>();
  // Should it be refused, it is deleted as what the peer takes it for.
  if (answer.proposals.size() == 1) n.protocol = answer.proposals.front().protocol;
  auto chosen = AboveFloor(n.connection->profile, AcceptEsp(n.offer, answer));
  if (!chosen) {
    return Refusal{NotifyType::kNoProposalChosen,
                   Cat("answered ", Describe(answer), " to ", Describe(n.offer),
                       chosen.error().ToString(answer, ke == Ke::kWith)), {}};
  }
  if (chosen->peer_spi < kFirstUsableSpi || const_cast<IkeSa&>(sa).FindByPeerSpi(chosen->protocol, chosen->peer_spi)) {
    return Refusal{NotifyType::kInvalidSyntax, "answered with an SPI that is reserved or in use", {}};
  }
  Selectors ts = SelectorsIn(in, true);
  if (auto refusal = JudgeMode(sa.path, in, n, ts)) return refusal;
  if (!IsSubset(ts.local, n.local_ts) || !IsSubset(ts.remote, n.remote_ts)) {
    return Refusal{NotifyType::kTsUnacceptable, Cat("answered ", ToString(ts), ", more than was proposed"), {}};
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
  n.takes_padding = TakesPadding(in);
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
  Matcher matcher(in, sa.path, n.connection->profile, TermsFor(sa.path, rekeyed, ke), n.spi.spi());
  if (rekeyed) {
    // What a successor protects is never more than its predecessor did (B41).
    matcher.Try(*rekeyed->config, {rekeyed->local_ts, rekeyed->remote_ts});
  } else {
    for (const auto& c : n.connection->children) matcher.Try(c, SelectorsFor(sa, c));
  }
  auto match = matcher.Result();
  if (!match) return std::unexpected(std::move(match.error()));
  if (auto refusal = CheckChosen(sa, in, match->esp, reply)) return std::unexpected(*std::move(refusal));
  n.config = match->child;
  if (n.config->mode == config::ChildMode::kTransport) {
    n.original = matcher.original();
  } else if (SaysTransport(in)) {
    // RFC 7296 1.3.1: declined by silence.
    cx.Log(Severity::kInfo, sa, Cat("the peer asks for transport mode; ", n.config->name, " is for a tunnel: a tunnel it is"));
  }
  n.replaces = rekeyed ? rekeyed->id : 0;
  n.protocol = match->esp.protocol;
  n.suite = match->esp.suite;
  n.group = match->esp.group;
  n.more.left = match->esp.additional;
  n.peer_spi = match->esp.peer_spi;
  n.takes_padding = TakesPadding(in);
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
  AddMode(r.child, list);
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
