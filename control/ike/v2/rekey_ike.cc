#include "control/ike/v2/rekey_ike.h"

#include <algorithm>

#include "common/bytes/reader.h"
#include "common/bytes/writer.h"
#include "control/ike/cat.h"
#include "control/ike/negotiate/floor.h"
#include "control/ike/v2/collision.h"
#include "control/ike/v2/create_child.h"
#include "control/ike/v2/established.h"
#include "control/ike/v2/follow_up.h"
#include "control/ike/v2/mobike.h"
#include "control/ike/v2/reply.h"
#include "control/ike/v2/sa_init.h"
#include "control/ike/v2/send.h"
#include "control/ike/v2/tasks.h"

namespace culvert::ike {
namespace {

using Phase = RequestInProgress::Phase;

Bytes SpiOctets(uint64_t spi) {
  Writer w;
  w.U64(spi);
  return w.Release();
}

// Negotiation has seen to its being 8 octets and not zero (B43).
uint64_t SpiFrom(ByteView octets) { return Reader(octets).U64(); }

IkeRekeyRequest& Detail(IkeSa& sa) { return std::get<IkeRekeyRequest>(sa.request->detail); }

// What a new IKE SA is made of.
struct Fresh {
  bool initiator = false;
  uint64_t spi_i = 0, spi_r = 0;
  IkeSuite suite;
  ByteView nonce_i, nonce_r;
  const SecretBytes* shared_secret = nullptr;
  const SecretBytes* more = nullptr;          // of the additional key exchanges
};

IkeSa& MakeSuccessor(Context& cx, IkeSa& old, const Fresh& fresh) {
  IkeSa& sa = cx.sas.Create();
  sa.initiator = fresh.initiator;
  sa.spi_i = fresh.spi_i;
  sa.spi_r = fresh.spi_r;
  sa.suite = fresh.suite;
  sa.path = old.path;
  sa.connection = old.connection;
  sa.local_id = old.local_id;
  sa.remote_id = old.remote_id;
  sa.peer_hashes = old.peer_hashes;
  sa.fragments = old.fragments;
  sa.ppk = old.ppk;
  InheritMobike(old, sa);
  sa.allowance = old.allowance;
  sa.caller = old.caller;
  sa.reauth_at = old.reauth_at;
  cx.sas.Index(sa);
  // RFC 7296 2.18: SKEYSEED by the old SA's prf; the new one's keys by its own.
  SecretBytes seed =
      SkeySeedRekey(old.suite.prf, old.keying->keys.sk_d.view(), fresh.shared_secret->view(), fresh.nonce_i, fresh.nonce_r,
                                   fresh.more->view());
  SetKeys(cx, sa, seed, fresh.nonce_i, fresh.nonce_r);
  Establish(cx, sa);
  return sa;
}

void MarkReplaced(Context& cx, IkeSa& sa, IkeId successor) {
  sa.state = IkeState::kRekeyed;
  sa.successor = successor;
  using enum TimerKind;
  for (auto k : {kRekeyIke, kReauthIke, kExpireIke, kLiveness, kUseAnswer, kKeepalive}) cx.Cancel(k, sa.id);
  cx.Arm(TimerKind::kLinger, sa.id, cx.now + kReplacedIkeLife);
}

// RFC 7296 2.8: the new IKE SA inherits all Child SAs, once.
void MoveChildren(Context& cx, IkeSa& from, IkeSa& to) {
  for (auto& c : from.children) {
    cx.sas.IndexChild(c->id, to);
    to.children.push_back(std::move(c));
  }
  from.children.clear();
  to.addresses = std::move(from.addresses);
  for (auto& t : from.tasks) {
    if (t.kind == Task::Kind::kRekeyIke || t.kind == Task::Kind::kLiveness) {
      cx.Answer(t.request);
    } else {
      to.tasks.push_back(std::move(t));
    }
  }
  from.tasks.clear();
  CarryMobike(cx, from, to);
  to.use = TrafficUse{.last_in = from.use.last_in, .last_out = from.use.last_out};
  MarkReplaced(cx, from, to.id);
  cx.Log(Severity::kInfo, to, Cat("IKE SA rekeyed, was [", from.id, "]: ", Name(to.suite)));
  cx.Emit(Notice{StateChange::kIkeRekeyed, to.id, 0, from.id, 0});
  Pump(cx, to);
}

IkeSa* CollisionSuccessor(Context& cx, IkeSa& sa) {
  auto* ours = OurIkeRekey(sa);
  IkeSa* theirs = ours && ours->collision ? cx.sas.Find(ours->collision->successor) : nullptr;
  return theirs && theirs->state == IkeState::kEstablished ? theirs : nullptr;
}

// Our half came to nothing.
void Fail(Context& cx, IkeSa& sa, std::string_view why) {
  RequestId request = sa.request->task.request;
  if (TakeOver(cx, sa)) {
    cx.Answer(request);
    return FinishRequest(cx, sa);
  }
  cx.Log(Severity::kWarning, sa, Cat("rekeying of the IKE SA failed: ", why), request);
  cx.Answer(request, why);
  cx.Arm(TimerKind::kRekeyIke, sa.id, cx.now + kAgainAfterRefusal);
  FinishRequest(cx, sa);
}

void Send(Context& cx, IkeSa& sa) {
  IkeRekeyRequest& r = Detail(sa);
  PayloadList list;
  list.Add(r.offer);
  list.Add(NoncePayload{r.nonce_i});
  list.Add(KePayload{r.group, r.key->public_value()});
  sa.request->phase = Phase::kSent;
  SendRequest(cx, sa, ExchangeType::kCreateChildSa, list.Encode());
}

// Both sides have the new IKE SA: RFC 7296 2.8.2 says which one stays where the peer has made another.
void Complete(Context& cx, IkeSa& sa) {
  IkeSa* theirs = CollisionSuccessor(cx, sa);
  IkeRekeyRequest r = std::move(Detail(sa));
  RequestId request = sa.request->task.request;
  IkeSa& ours = MakeSuccessor(
      cx, sa, {true, r.spi, r.peer_spi, r.suite, r.nonce_i, r.nonce_r, &r.shared_secret, &r.more.secrets});
  sa.request.reset();
  cx.Answer(request);
  if (theirs) cx.Bump(Count::kIkeCollision);
  if (theirs && OursIsRedundant(r.nonce_i, r.nonce_r, r.collision->nonce_i, r.collision->nonce_r)) {
    MoveChildren(cx, sa, *theirs);  // the peer deletes `sa`
    MarkReplaced(cx, ours, theirs->id);
    return Enqueue(cx, ours, {.kind = Task::Kind::kDeleteIke});
  }
  if (theirs) MarkReplaced(cx, *theirs, ours.id);  // the peer deletes it
  MoveChildren(cx, sa, ours);
  Enqueue(cx, sa, {.kind = Task::Kind::kDeleteIke});
}

void Refused(Context& cx, IkeSa& sa, const NotifyPayload& error) {
  IkeRekeyRequest& r = Detail(sa);
  if (error.type == NotifyType::kInvalidKePayload) {
    KeGroup group = GroupWanted(error, r.offer, ++r.rounds);
    if (group != KeGroup::kNone) {
      cx.Bump(Count::kInvalidKeReceived);
      r.group = group;
      r.nonce_i = cx.random.Take(kNonceSize);
      sa.request->phase = Phase::kMakingKey;
      sa.request->job = cx.Run(sa, std::make_unique<KeyExchangeJob>(group, Bytes{}));
      return;
    }
  }
  if (error.type == NotifyType::kTemporaryFailure) cx.Bump(Count::kTemporaryFailureReceived);
  if (error.type == NotifyType::kTemporaryFailure && !CollisionSuccessor(cx, sa)) return PostponeRequest(cx, sa);
  Fail(cx, sa, Cat("the peer answers ", Name(error.type), " to ", Describe(r.offer)));
}

// RFC 7296 2.25.2: what keeps us from replacing the IKE SA as the peer asks.
bool BusyWithChildren(const IkeSa& sa) {
  if (!sa.request) return false;
  Task::Kind k = sa.request->task.kind;
  return k == Task::Kind::kNewChild || k == Task::Kind::kRekeyChild || k == Task::Kind::kDeleteChild;
}

std::expected<IkeRekeyReply, Refusal> Judge(Context& cx, IkeSa& sa, const Inbound& in) {
  const SaPayload& offer = *in.Get<SaPayload>();
  uint64_t spi = DrawIkeSpi(cx, IkeSpiBucket(sa.local_spi()));
  auto chosen = AboveFloor(sa.connection->profile, ChooseIke(sa.connection->proposals, offer, SpiOctets(spi)));
  if (!chosen) {
    return std::unexpected(Refusal{NotifyType::kNoProposalChosen, Cat("offered ", Describe(offer), ", wanted ",
                                   Describe(OfferIke(sa.connection->proposals, {})), chosen.error().ToString(offer)), {}});
  }
  IkeRekeyReply r;
  r.suite = chosen->suite;
  r.spi = spi;
  r.peer_spi = SpiFrom(chosen->peer_spi);
  auto& ke = *in.Get<KePayload>();
  if (ke.group != r.suite.group) {
    auto g = static_cast<uint16_t>(r.suite.group);
    return std::unexpected(Refusal{NotifyType::kInvalidKePayload, Cat("wants a key exchange in ", Name(r.suite.group)),
                                   {static_cast<uint8_t>(g >> 8), static_cast<uint8_t>(g)}});
  }
  if (ke.data.size() != Find(ke.group)->initiator_public) {
    return std::unexpected(Refusal{NotifyType::kInvalidSyntax, "KE payload of a wrong size", {}});
  }
  r.answer.proposals = {std::move(chosen->answer)};
  r.nonce_i = ToBytes(in.Get<NoncePayload>()->data);
  r.peer_public = ToBytes(ke.data);
  return r;
}

}  // namespace

void StartRekeyIke(Context& cx, IkeSa& sa, Task task) {
  IkeRekeyRequest r;
  r.spi = DrawIkeSpi(cx, IkeSpiBucket(sa.local_spi()));
  r.offer = OfferIke(sa.connection->proposals, SpiOctets(r.spi));
  r.nonce_i = cx.random.Take(kNonceSize);
  r.group = sa.suite.group;
  KeGroup group = r.group;
  sa.request = RequestInProgress{.task = std::move(task), .detail = std::move(r)};
  sa.request->job = cx.Run(sa, std::make_unique<KeyExchangeJob>(group, Bytes{}));
}

void OnRekeyIkeJob(Context& cx, IkeSa& sa, KeyExchangeJob& job) {
  IkeRekeyRequest& r = Detail(sa);
  if (sa.request->phase == Phase::kMakingKey) {
    r.key = job.TakeKey();
    if (!r.key) return Fail(cx, sa, Cat("no key exchange ", Name(r.group), " in this build"));
    // A request of the peer's is being answered: whatever it makes belongs to the SA as it is now.
    if (sa.reply) return PostponeRequest(cx, sa);
    return Send(cx, sa);
  }
  if (!job.secret()) {
    cx.Bump(Count::kPublicValueRefused);
    return Fail(cx, sa, "the peer's public value is not valid");
  }
  r.shared_secret = *std::move(job.secret());
  if (!GoOnWithFollowUp(cx, sa)) Complete(cx, sa);
}

void OnRekeyIkeResponse(Context& cx, IkeSa& sa, const Inbound& in) {
  IkeRekeyRequest& r = Detail(sa);
  if (in.form == MessageForm::kRefusal) return Refused(cx, sa, *in.Error());
  if (in.form != MessageForm::kRekeyIke) return Fail(cx, sa, "the answer is not one of an IKE SA");
  const SaPayload& answer = *in.Get<SaPayload>();
  auto& ke = *in.Get<KePayload>();
  auto chosen = AboveFloor(sa.connection->profile, AcceptIke(r.offer, answer));
  if (!chosen) {
    return Fail(cx, sa, Cat("answered ", Describe(answer), " to ", Describe(r.offer), chosen.error().ToString(answer)));
  }
  bool right_ke = chosen->suite.group == r.group && ke.group == r.group && ke.data.size() == Find(r.group)->responder_public;
  if (!right_ke) return Fail(cx, sa, "the answer's KE payload does not fit");
  auto* link = in.Notify(NotifyType::kAdditionalKeyExchange);
  r.more.left = chosen->suite.additional;
  if (Any(r.more.left) && !link) return Fail(cx, sa, "the answer has no ADDITIONAL_KEY_EXCHANGE");
  if (link) r.more.link = ToBytes(link->data);
  r.suite = chosen->suite;
  r.peer_spi = SpiFrom(chosen->peer_spi);
  r.nonce_r = ToBytes(in.Get<NoncePayload>()->data);
  sa.request->phase = Phase::kDeriving;
  sa.request->job = cx.Run(sa, std::make_unique<KeyExchangeJob>(std::move(r.key), ToBytes(ke.data)));
}

void OnRekeyIkeRequest(Context& cx, IkeSa& sa, const Inbound& in) {
  auto* ours = OurIkeRekey(sa);
  bool twice = ours && ours->collision;
  if (twice || BusyWithChildren(sa) || !sa.allowance.ike_rekeys.Take(cx.now)) {
    return ReplyNotify(cx, sa, in.header, NotifyType::kTemporaryFailure);
  }
  auto reply = Judge(cx, sa, in);
  if (!reply) {
    Refusal& no = reply.error();
    cx.Log(Severity::kWarning, sa, Cat("rekeying of the IKE SA refused with ", Name(no.type), ": ", no.why));
    return ReplyNotify(cx, sa, in.header, no.type, std::move(no.data));
  }
  reply->nonce_r = cx.random.Take(kNonceSize);
  KeGroup group = reply->suite.group;
  Bytes peer_public = reply->peer_public;
  sa.reply = ReplyInProgress{.message_id = in.header.message_id, .exchange = in.header.exchange, .detail = *std::move(reply)};
  sa.reply->job = cx.Run(sa, std::make_unique<KeyExchangeJob>(group, std::move(peer_public)));
  // Our own was not sent yet: the peer's will do.
  bool unsent = sa.request && sa.request->task.kind == Task::Kind::kRekeyIke && !ours;
  if (unsent) {
    cx.Answer(sa.request->task.request);
    FinishRequest(cx, sa);
  }
}

void OnRekeyIkeReplyJob(Context& cx, IkeSa& sa, KeyExchangeJob& job) {
  IkeHeader request{.exchange = sa.reply->exchange, .message_id = sa.reply->message_id};
  IkeRekeyReply& r = std::get<IkeRekeyReply>(sa.reply->detail);
  std::unique_ptr<KeyExchange> key = job.TakeKey();
  if (!job.secret() || !key) {
    cx.Bump(Count::kPublicValueRefused);
    return ReplyNotify(cx, sa, request, NotifyType::kInvalidSyntax);
  }
  r.shared_secret = *std::move(job.secret());
  PayloadList list;
  list.Add(r.answer);
  list.Add(NoncePayload{list.Keep(r.nonce_r)});
  list.Add(KePayload{r.suite.group, key->public_value()});
  r.more.left = r.suite.additional;
  if (!Any(r.more.left)) return CompleteIkeReply(cx, sa, list);
  if (sa.state != IkeState::kEstablished) return ReplyNotify(cx, sa, request, NotifyType::kTemporaryFailure);
  if (auto* ours = OurIkeRekey(sa)) ours->collision = PeerRekey<IkeId>{0, r.nonce_i, r.nonce_r};
  AwaitFollowUp(cx, sa, {std::move(r)}, list);
  sa.reply.reset();
  SendReply(cx, sa, request, list.Encode());
  Pump(cx, sa);
}

void CompleteIkeReply(Context& cx, IkeSa& sa, const PayloadList& answer) {
  IkeHeader request{.exchange = sa.reply->exchange, .message_id = sa.reply->message_id};
  IkeRekeyReply r = std::move(std::get<IkeRekeyReply>(sa.reply->detail));
  sa.reply.reset();
  if (sa.state != IkeState::kEstablished) return ReplyNotify(cx, sa, request, NotifyType::kTemporaryFailure);
  IkeSa& theirs = MakeSuccessor(
      cx, sa, {false, r.peer_spi, r.spi, r.suite, r.nonce_i, r.nonce_r, &r.shared_secret, &r.more.secrets});
  SendReply(cx, sa, request, answer.Encode());
  if (auto* ours = OurIkeRekey(sa)) {
    // Judged when our own request is answered; until then the children stay where they are.
    ours->collision = PeerRekey<IkeId>{theirs.id, std::move(r.nonce_i), std::move(r.nonce_r)};
    theirs.unsettled_rekey_of = sa.id;
    return;
  }
  MoveChildren(cx, sa, theirs);
}

void CompleteIkeRequest(Context& cx, IkeSa& sa) { Complete(cx, sa); }
void FailIkeRequest(Context& cx, IkeSa& sa, std::string_view why) { Fail(cx, sa, why); }

void AbandonIkeRequest(Context& cx, IkeSa& sa) {
  cx.Answer(sa.request->task.request);
  if (!TakeOver(cx, sa)) cx.Arm(TimerKind::kRekeyIke, sa.id, cx.now + kAgainAfterRefusal);
  FinishRequest(cx, sa);
}

bool TakeOver(Context& cx, IkeSa& sa) {
  IkeSa* theirs = CollisionSuccessor(cx, sa);
  if (theirs) MoveChildren(cx, sa, *theirs);
  return theirs != nullptr;
}

bool IsUnsettled(Context& cx, const IkeSa& sa) {
  IkeSa* old = cx.sas.Find(sa.unsettled_rekey_of);
  return old && old->state == IkeState::kEstablished && CollisionSuccessor(cx, *old) == &sa;
}

void SettleByUse(Context& cx, IkeSa& successor) {
  if (IsUnsettled(cx, successor)) MoveChildren(cx, *cx.sas.Find(successor.unsettled_rekey_of), successor);
}

}  // namespace culvert::ike
