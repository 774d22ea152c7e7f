#include "control/ike/v1/receive.h"

#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/v1/informational.h"
#include "control/ike/v1/nat.h"
#include "control/ike/v1/phase1.h"
#include "control/ike/v1/quick_mode.h"
#include "control/ike/v1/send.h"
#include "control/ike/v1/user.h"

namespace culvert::ike::v1 {
namespace {

// Of a stranger's first message.
constexpr size_t kMaxFirstOctets = 8192;
// hostile.md D06.
constexpr unsigned kMaxReassembliesPerSource = 2;

Bytes DigestOf(const DatagramIn& d) { return Sha1({d.data}); }
ByteView Body(const DatagramIn& d) { return ByteView(d.data).subspan(kHeaderSize); }

// Either cookie may be ours: the header does not say who sent it.
IkeSa* FindSa(Context& cx, const Header& h) {
  IkeSa* sa = cx.sas.FindBySpi(h.cookie_i, h.cookie_r);
  if (sa && sa->initiator) return sa;
  sa = cx.sas.FindBySpi(h.cookie_r, h.cookie_i);
  if (sa && !sa->initiator) return sa;
  // The responder's first answer brings its cookie.
  sa = cx.sas.FindBySpi(h.cookie_i, 0);
  const bool first_answer = sa && sa->initiator && sa->phase1 && h.message_id == 0;
  if (!first_answer) cx.Bump(Count::kUnknownSpi);
  return first_answer ? sa : nullptr;
}

bool IsPhase1(ExchangeType type) { return type == ExchangeType::kMain || type == ExchangeType::kAggressive; }

void ReceiveFirst(Context& cx, const DatagramIn& d, const Header& h) {
  // RFC 9395: to a gateway that nobody wants it of there is no IKEv1, and nothing says that there could be.
  if (cx.shared.connections.CountFor(d.local.address, d.remote.address, 1) == 0) return cx.Bump(Count::kOldVersion);
  if (h.encrypted || !IsPhase1(h.exchange)) return cx.Bump(Count::kBadSpi);
  if (h.message_id != 0) return cx.Bump(Count::kBadMessageId);
  if (d.data.size() > kMaxFirstOctets) return cx.Bump(Count::kOversized);
  if (IkeSa* sa = cx.sas.Find(cx.shared.half_open.Find({d.remote.address, h.cookie_i, {}}))) {
    if (sa->first.heard != DigestOf(d)) return cx.Bump(Count::kHalfOpenTwin);
    if (sa->first.job != 0 || sa->first.said.empty()) return cx.Bump(Count::kRepeatIgnored);
    cx.Bump(Count::kRepeatAnswered);
    return Repeat(cx, *sa, sa->first);
  }
  auto chain = DecodeChain(h.next_payload, Body(d), Tail::kNone);
  if (!chain) return cx.Bump(Count::kMalformed);
  OnPhase1Request(cx, d, h, *chain);
}

// What an encrypted message decrypts to, which is to outlive its chain.
struct Opened {
  SecretBytes plain;      // a password may be in it
  Chain chain;
  Bytes next_iv;
};

std::optional<Opened> Open(Context& cx, const IkeSa& sa, const DatagramIn& d, const Header& h, ByteView iv) {
  const ByteView sealed = Body(d);
  auto plain = Decrypt(*sa.protection, iv, sealed);
  if (!plain) {
    cx.Bump(Count::kMalformed);
    return std::nullopt;
  }
  Opened o{SecretBytes(*std::move(plain)), {}, ToBytes(sealed.last(iv.size()))};
  auto chain = DecodeChain(h.next_payload, o.plain.view(), Tail::kPadding);
  if (!chain) {
    cx.Bump(Count::kUndecipherable);
    return std::nullopt;
  }
  o.chain = *std::move(chain);
  return o;
}

void ReceivePhase1(Context& cx, IkeSa& sa, const DatagramIn& d, const Header& h) {
  if (!IsPhase1(h.exchange) || h.exchange != sa.first.type) return cx.Bump(Count::kUnexpected);
  if (sa.first.job != 0) return cx.Bump(Count::kRepeatIgnored);
  Bytes digest = DigestOf(d);
  if (sa.first.heard == digest) {
    cx.Bump(Count::kRepeatAnswered);
    return Repeat(cx, sa, sa.first);
  }
  if (!sa.phase1) return cx.Bump(Count::kUnexpected);
  if (!sa.allowance.exchanges.Take(cx.now())) return cx.Bump(Count::kTriesLimited);
  if (!h.encrypted) {
    auto chain = DecodeChain(h.next_payload, Body(d), Tail::kNone);
    if (!chain) return cx.Bump(Count::kMalformed);
    return OnPhase1Message(cx, sa, {d, h, *chain, Body(d), {}, std::move(digest)});
  }
  if (!sa.protection) return cx.Bump(Count::kUnexpected);
  auto opened = Open(cx, sa, d, h, sa.first.iv);
  if (!opened) {
    const bool by_key = sa.method == AuthMethod::kPreSharedKey || sa.method == AuthMethod::kXauthInitPreShared;
    return cx.shared.LogStranger(d.remote, Cat(Name(h.exchange), ": a message that cannot be read",
                                               by_key ? ": is the pre-shared key the same?" : ""));
  }
  OnPhase1Message(cx, sa, {d, h, opened->chain, opened->plain.view(), std::move(opened->next_iv), std::move(digest)});
}

Bytes HashFor(const IkeSa& sa, const Exchange& e, const Opened& o) {
  const ByteView rest = o.plain.view().first(o.chain.size).subspan(o.chain.items[0].octets.size());
  switch (e.expects) {
    case HashForm::kTwo: return HashTwo(*sa.protection, e.message_id, e.nonce_i, rest);
    case HashForm::kThree: return HashThree(*sa.protection, e.message_id, e.nonce_i, e.nonce_r);
    case HashForm::kOne: break;
  }
  return HashOne(*sa.protection, e.message_id, rest);
}

// RFC 2409 5.5, 5.7: HASH is the first payload of every message of phase 2, and its only proof.
bool HashIsGood(Context& cx, const IkeSa& sa, const Exchange& e, const Opened& o) {
  if (o.chain.items.empty() || TypeOf(o.chain.items[0].payload) != PayloadType::kHash) {
    cx.Bump(Count::kUnprotected);
    return false;
  }
  const bool good = EqualConstantTime(o.chain.items[0].body(), HashFor(sa, e, o));
  if (!good) cx.Bump(Count::kBadHash);
  return good;
}

// Aggressive mode's last message has come to where it was to: nothing but phase 2 says so.
void StopRepeatingPhase1(IkeSa& sa) { sa.first.waits = sa.first.waits && sa.phase1; }

void ReceiveInformational(Context& cx, IkeSa& sa, const DatagramIn& d, const Header& h) {
  // A peer that draws message ids from a few (vpnc: one octet) uses one again; it is the same octets that say nothing new.
  Bytes digest = DigestOf(d);
  if (std::ranges::contains(sa.informed_by, digest)) return cx.Bump(Count::kUsedMessageId);
  auto opened = Open(cx, sa, d, h, Phase2Iv(*sa.protection, h.message_id));
  Exchange e;
  e.message_id = h.message_id;
  if (!opened || !HashIsGood(cx, sa, e, *opened)) return;
  sa.informed_by.push_back(std::move(digest));
  if (sa.informed_by.size() > kMaxInformedBy) sa.informed_by.pop_front();
  StopRepeatingPhase1(sa);
  Inbound in{d, h, opened->chain, opened->plain.view(), {}, {}};
  if (sa.phase1) return OnPhase1Refused(cx, sa, in);
  sa.last_in = cx.now();
  FollowPeer(cx, sa, d);
  OnInformational(cx, sa, in);
}

bool MayBegin(Context& cx, const IkeSa& sa, const Header& h) {
  const bool quick = h.exchange == ExchangeType::kQuick;
  // Before XAUTH and mode config are done there is no quick mode; the peer asks again.
  const bool in_time = quick ? sa.state == IkeState::kEstablished || sa.state == IkeState::kReplaced : sa.secured();
  if (!in_time) cx.Bump(Count::kUnexpected);
  if (!in_time) return false;
  const bool used = sa.heard_ids.contains(h.message_id);
  const bool many = sa.ExchangesUnderWay() >= kMaxExchanges || sa.heard_ids.size() >= kMaxHeardIds;
  if (used || many) cx.Bump(used ? Count::kUsedMessageId : Count::kTooManyExchanges);
  return !used && !many;
}

void BeginTheirs(Context& cx, IkeSa& sa, const DatagramIn& d, const Header& h) {
  if (!MayBegin(cx, sa, h)) return;
  Exchange e;
  e.message_id = h.message_id;
  e.type = h.exchange;
  auto opened = Open(cx, sa, d, h, Phase2Iv(*sa.protection, h.message_id));
  if (!opened || !HashIsGood(cx, sa, e, *opened)) return;
  if (cx.shared.ShortOfMemory()) return;
  sa.heard_ids.insert(h.message_id);
  sa.MakeRoomForExchange();
  Exchange& kept = sa.exchanges.emplace_back(std::move(e));
  Inbound in{d, h, opened->chain, opened->plain.view(), std::move(opened->next_iv), DigestOf(d)};
  Accept(cx, sa, kept, in);
  if (h.exchange == ExchangeType::kQuick) return OnQuickRequest(cx, sa, kept, in);
  OnTransactionRequest(cx, sa, kept, in);
}

void GoOn(Context& cx, IkeSa& sa, Exchange& e, const DatagramIn& d, const Header& h) {
  if (e.type != h.exchange) return cx.Bump(Count::kUnexpected);
  if (e.job != 0) return cx.Bump(Count::kRepeatIgnored);
  Bytes digest = DigestOf(d);
  if (e.heard == digest) {
    cx.Bump(Count::kRepeatAnswered);
    return Repeat(cx, sa, e);
  }
  if (e.done()) return cx.Bump(Count::kUnexpected);
  auto opened = Open(cx, sa, d, h, e.iv);
  if (!opened || !HashIsGood(cx, sa, e, *opened)) return;
  Inbound in{d, h, opened->chain, opened->plain.view(), std::move(opened->next_iv), std::move(digest)};
  Accept(cx, sa, e, in);
  if (h.exchange == ExchangeType::kQuick) return OnQuickMessage(cx, sa, e, in);
  OnTransactionAnswer(cx, sa, e, in);
}

void ReceivePhase2(Context& cx, IkeSa& sa, const DatagramIn& d, const Header& h) {
  if (!h.encrypted) return cx.Bump(Count::kUnprotected);
  if (h.message_id == 0) return cx.Bump(Count::kBadMessageId);
  if (sa.phase1 && h.exchange != ExchangeType::kInformational) return HoldForPhase2(cx, sa, d);
  if (!sa.protection || sa.protection->last_block.empty()) return cx.Bump(Count::kUnexpected);
  if (!sa.allowance.exchanges.Take(cx.now())) return cx.Bump(Count::kExchangesLimited);
  switch (h.exchange) {
    case ExchangeType::kInformational: return ReceiveInformational(cx, sa, d, h);
    case ExchangeType::kQuick:
    case ExchangeType::kTransaction:
      if (Exchange* e = sa.FindExchange(h.message_id)) return GoOn(cx, sa, *e, d, h);
      return BeginTheirs(cx, sa, d, h);
    default: return cx.Bump(Count::kUnexpected);
  }
}

// An informational exchange in clear says why phase 1 does not come about, if it says anything: nobody vouches for it.
void ReceiveClearInformational(Context& cx, IkeSa& sa, const DatagramIn& d, const Header& h) {
  if (!sa.phase1) return cx.Bump(Count::kUnprotected);
  if (!sa.allowance.exchanges.Take(cx.now())) return cx.Bump(Count::kTriesLimited);
  auto chain = DecodeChain(h.next_payload, Body(d), Tail::kNone);
  if (!chain) return cx.Bump(Count::kMalformed);
  OnPhase1Error(cx, sa, {d, h, *chain, Body(d), {}, {}});
}

void Receive(Context& cx, IkeSa& sa, const DatagramIn& d, const Header& h) {
  if (h.message_id == 0 && IsPhase1(h.exchange)) return ReceivePhase1(cx, sa, d, h);
  if (h.exchange == ExchangeType::kInformational && !h.encrypted) return ReceiveClearInformational(cx, sa, d, h);
  ReceivePhase2(cx, sa, d, h);
}

void CountReassembly(Context& cx, const IkeSa& sa, bool was_empty) {
  if (was_empty == sa.fragments.empty()) return;
  const IpAddress source = SourceOf(sa.path.remote.address);
  if (was_empty) {
    ++cx.reassembling[source];
    cx.Arm(TimerKind::kReassembly, sa.id, cx.now() + kFragmentsLife);
  } else if (auto it = cx.reassembling.find(source); it != cx.reassembling.end() && --it->second == 0) {
    cx.reassembling.erase(it);
  }
}

// Of the responder's first answer, which is to say that it may, the fragments come before they can be read; aggressive mode's
// with a certificate are. It was told that they are taken.
bool MaySendFragments(const IkeSa& sa) {
  const bool unheard = sa.initiator && sa.phase1 && sa.first.heard.empty();
  return sa.peer.fragments || (unheard && TakesFragments(*sa.connection));
}

// hostile.md D06: nothing vouches for a fragment, so little is kept of them, and only of a peer that was told it may send any.
void ReceiveFragment(Context& cx, IkeSa& sa, const DatagramIn& d, const Header& h) {
  if (!MaySendFragments(sa)) return cx.Bump(Count::kFragment);
  auto chain = DecodeChain(h.next_payload, Body(d), Tail::kNone);
  auto* fragment = chain && chain->items.size() == 1 ? chain->Get<FragmentPayload>() : nullptr;
  if (!fragment) return cx.Bump(Count::kMalformed);
  const bool was_empty = sa.fragments.empty();
  auto others = cx.reassembling.find(SourceOf(sa.path.remote.address));
  if (was_empty && others != cx.reassembling.end() && others->second >= kMaxReassembliesPerSource) {
    return cx.Bump(Count::kFragmentRefused);
  }
  const FragmentsIn::Verdict verdict = sa.fragments.Take(*fragment, cx.now());
  if (verdict == FragmentsIn::Verdict::kRepeat) cx.Bump(Count::kFragmentRepeat);
  if (verdict == FragmentsIn::Verdict::kRefused) cx.Bump(Count::kFragmentRefused);
  DatagramIn whole{d.local, d.remote, d.marker, {}};
  if (verdict == FragmentsIn::Verdict::kComplete) whole.data = sa.fragments.TakeMessage();
  CountReassembly(cx, sa, was_empty);
  if (verdict != FragmentsIn::Verdict::kComplete) return;
  auto inner = DecodeHeader(whole.data);
  const bool same = inner && inner->cookie_i == h.cookie_i && inner->cookie_r == h.cookie_r && inner->major == 1 &&
                    inner->next_payload != PayloadType::kFragment;
  if (!same) return cx.Bump(Count::kMalformed);
  cx.Bump(Count::kReassembled);
  Receive(cx, sa, whole, *inner);
}

}  // namespace

ByteView Inbound::Opaque(PayloadType type) const {
  const Item* item = chain.Find(type);
  return item ? item->body() : ByteView{};
}

const NotifyPayload* Inbound::Notify(NotifyType type) const {
  for (const Item& item : chain.items) {
    if (auto* n = std::get_if<NotifyPayload>(&item.payload); n && n->type == type) return n;
  }
  return nullptr;
}

const NotifyPayload* Inbound::Error() const {
  for (const Item& item : chain.items) {
    if (auto* n = std::get_if<NotifyPayload>(&item.payload); n && IsError(n->type)) return n;
  }
  return nullptr;
}

void OnDatagram(Context& cx, const DatagramIn& d) {
  auto header = DecodeHeader(d.data);
  if (!header) return cx.Bump(Count::kMalformed);
  if (header->cookie_i == 0) return cx.Bump(Count::kBadSpi);
  if (header->cookie_r == 0) return ReceiveFirst(cx, d, *header);
  IkeSa* sa = FindSa(cx, *header);
  if (!sa) return;
  if (header->next_payload == PayloadType::kFragment && !header->encrypted) return ReceiveFragment(cx, *sa, d, *header);
  Receive(cx, *sa, d, *header);
}

void OnReassemblyTimer(Context& cx, IkeSa& sa) {
  const bool was_empty = sa.fragments.empty();
  sa.fragments.Expire(cx.now());
  if (!was_empty && sa.fragments.empty()) cx.Bump(Count::kReassemblyExpired);
  CountReassembly(cx, sa, was_empty);
}

void ForgetFragments(Context& cx, IkeSa& sa) {
  const bool was_empty = sa.fragments.empty();
  sa.fragments.Forget();
  CountReassembly(cx, sa, was_empty);
}

void Accept(Context& cx, IkeSa& sa, Exchange& e, const Inbound& in) {
  if (!in.next_iv.empty()) e.iv = in.next_iv;
  e.heard = in.digest;
  // Only whoever spoke last answers repeats: were both to, one datagram sent twice would go to and fro for ever.
  e.said.clear();
  e.waits = false;
  sa.last_in = cx.now();
  if (&e != &sa.first) StopRepeatingPhase1(sa);
  if (sa.secured()) FollowPeer(cx, sa, in.datagram);
}

}  // namespace culvert::ike::v1
