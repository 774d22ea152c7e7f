#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/connection_table.h"
#include "control/ike/negotiate/floor.h"
#include "control/ike/v2/auth.h"
#include "control/ike/v2/closing.h"
#include "control/ike/v2/create_child.h"
#include "control/ike/v2/fragmentation.h"
#include "control/ike/v2/intermediate.h"
#include "control/ike/v2/mobike.h"
#include "control/ike/v2/name_lookup.h"
#include "control/ike/v2/nat.h"
#include "control/ike/v2/ppk.h"
#include "control/ike/v2/reauth.h"
#include "control/ike/v2/rivals.h"
#include "control/ike/v2/sa_init.h"
#include "control/ike/v2/send.h"
#include "control/ike/v2/tasks.h"

namespace culvert::ike {
namespace {

constexpr unsigned kMaxInitRounds = 5;  // COOKIE and INVALID_KE_PAYLOAD may alternate; somebody may also make them up

KeGroup FirstGroup(const SaPayload& offer) {
  for (const auto& p : offer.proposals) {
    for (const auto& t : p.transforms) {
      if (t.type == TransformType::kKe) return static_cast<KeGroup>(t.id);
    }
  }
  return KeGroup::kNone;
}

// RFC 9370 2.2.1: whoever offers additional key exchanges says that it has the exchange that carries them.
bool OffersRounds(const SaPayload& offer) {
  auto is = [](const Transform& t) {
    return t.type >= TransformType::kAddKe1 && t.type <= TransformType::kAddKe7 && t.id != 0;
  };
  return std::ranges::any_of(offer.proposals, [&](const Proposal& p) { return std::ranges::any_of(p.transforms, is); });
}

void MakeKey(Context& cx, IkeSa& sa) {
  sa.state = IkeState::kInitKeying;
  sa.initiating->job = cx.Run(sa, std::make_unique<KeyExchangeJob>(sa.initiating->group, Bytes{}));
}

// RFC 7296 2.6, 2.7: what comes again after COOKIE or INVALID_KE_PAYLOAD has the same SPI, nonce and proposals, the cookie
// first, and message ID 0.
void Send(Context& cx, IkeSa& sa) {
  InitiatorHandshake& h = *sa.initiating;
  PayloadList list;
  if (!h.cookie.empty()) list.AddNotify(NotifyType::kCookie, h.cookie);
  list.Add(h.offer);
  list.Add(KePayload{h.group, h.key->public_value()});
  list.Add(NoncePayload{h.nonce_i});
  AddNatDetection({sa.spi_i, 0, sa.path, sa.connection->encap}, list);
  if (AnnouncesFragments(*sa.connection)) list.AddNotify(NotifyType::kFragmentationSupported);
  if (OffersRounds(h.offer)) list.AddNotify(NotifyType::kIntermediateExchangeSupported);
  AddSignatureHashes(TakesSha1(*sa.connection), list);
  if (h.ppk) list.AddNotify(NotifyType::kUsePpk);
  h.request = EncodeMessage({.spi_i = sa.spi_i, .exchange = ExchangeType::kIkeSaInit, .initiator = true}, list.view());
  sa.state = IkeState::kInitSent;
  SendInitRequest(cx, sa, h.request, sa.window.busy());
}

// Answers of notifies alone. None of them is authenticated: a COOKIE or INVALID_KE_PAYLOAD costs us a round, the rest the call.
void OnRefusal(Context& cx, IkeSa& sa, const Inbound& in) {
  InitiatorHandshake& h = *sa.initiating;
  if (++h.rounds > kMaxInitRounds) return FailCall(cx, sa, "IKE_SA_INIT goes round in circles (COOKIE, INVALID_KE_PAYLOAD)");
  auto* cookie = in.Notify(NotifyType::kCookie);
  // RFC 7296 2.6: 1 to 64 octets.
  if (cookie && !cookie->data.empty() && cookie->data.size() <= kMaxCookie) {
    cx.Bump(Count::kCookieReceived);
    h.cookie = ToBytes(cookie->data);
    return Send(cx, sa);
  }
  auto* error = in.Error();
  if (!error) return cx.Bump(Count::kBadGrammar);
  if (error->type == NotifyType::kInvalidKePayload) {
    KeGroup group = GroupWanted(*error, h.offer, 1);
    if (group == KeGroup::kNone || group == h.group) {
      return FailCall(cx, sa, "INVALID_KE_PAYLOAD asks for a group that was not offered");
    }
    cx.Bump(Count::kInvalidKeReceived);
    h.group = group;
    return MakeKey(cx, sa);
  }
  FailCall(cx, sa, Cat("IKE_SA_INIT: the peer answers ", Name(error->type), " to ", Describe(h.offer)));
}

}  // namespace

void Dial(Context& cx, IkeSa& sa, const IpAddress& remote) {
  const config::Connection& c = *sa.connection;
  sa.path = WayTo(c, remote);
  InitiatorHandshake& h = *sa.initiating;
  h.offer = OfferIke(c.proposals, {});
  h.group = FirstGroup(h.offer);
  h.nonce_i = cx.random.Take(kNonceSize);
  // The IKE SA it is to take the place of may have gone on between other addresses than those of its connection.
  const Path* moved = WayOfReplaced(cx, sa);
  auto local = moved ? std::optional(moved->local.address) : CallFrom(c, remote, cx.local_addresses);
  if (local) {
    sa.path.local.address = *local;
    return MakeKey(cx, sa);
  }
  sa.state = IkeState::kRouting;
  cx.Emit(QuerySource{sa.id, remote});
}

void FailCall(Context& cx, IkeSa& sa, std::string_view why) {
  RequestId request = sa.tasks.empty() ? 0 : sa.tasks.front().request;
  cx.Log(Severity::kError, sa, Cat("no IKE SA: ", why), request);
  for (const auto& t : std::exchange(sa.tasks, {})) FailTask(cx, t, why);
  CloseIke(cx, sa, Why::kAuthFailed);
}

void StartIke(Context& cx, Call call) {
  IkeSa& sa = cx.sas.Create();
  sa.initiator = true;
  sa.connection = std::move(call.connection);
  sa.attempt = call.attempt;
  sa.caller = true;
  sa.replaces = call.replaces;
  sa.tasks = std::move(call.tasks);
  sa.initiating = std::make_unique<InitiatorHandshake>();
  sa.spi_i = DrawIkeSpi(cx);
  sa.state = IkeState::kRouting;
  cx.sas.Index(sa);
  cx.sas.IndexNames(sa);
  if (call.not_before > cx.now) return cx.Arm(TimerKind::kRouteRetry, sa.id, call.not_before);
  OnRouteRetry(cx, sa);
}

void Want(Context& cx, Call call) {
  const std::string& name = call.connection->name;
  IkeSa* sa = nullptr;
  // The last of them: those before it are on their way out.
  cx.sas.FindOfConnection(name, [&](IkeSa& s) {
    if (s.state == IkeState::kEstablished) sa = &s;
    return false;
  });
  if (!sa) sa = cx.sas.FindOfConnection(name, [](const IkeSa& s) { return s.initiating != nullptr; });
  if (!sa) return StartIke(cx, std::move(call));
  for (auto& task : call.tasks) {
    if (task.kind == Task::Kind::kLiveness && sa->state == IkeState::kEstablished) {
      cx.Answer(task.request);  // the IKE SA was all that was wanted
    } else {
      Enqueue(cx, *sa, std::move(task));
    }
  }
}

void OnRouteRetry(Context& cx, IkeSa& sa) {
  if (sa.state != IkeState::kRouting) return;
  auto callee = CallTo(*sa.connection, sa.attempt);
  if (!callee) return FailCall(cx, sa, "the connection names no single address to call");
  if (std::string why = TakePpk(cx, sa); !why.empty()) return FailCall(cx, sa, why);
  if (const Path* moved = WayOfReplaced(cx, sa)) return Dial(cx, sa, IpAddress(moved->remote.address));
  if (auto* name = std::get_if<std::string>(&*callee)) return LookUpPeer(cx, sa, std::move(*name));
  Dial(cx, sa, std::get<IpAddress>(*callee));
}

void OnSourceFound(Context& cx, IkeSa& sa, const Endpoint& local) {
  if (sa.state != IkeState::kRouting) return;
  if (local.address.is_unspecified()) {
    unsigned tries = sa.connection->keyingtries;
    if (tries != 0 && sa.attempt >= tries) return FailCall(cx, sa, "no route to the peer");
    ++sa.attempt;
    return cx.Arm(TimerKind::kRouteRetry, sa.id, cx.now + kRouteRetryAfter);
  }
  sa.path.local.address = local.address;
  sa.path.local.zone = sa.path.remote.zone = local.zone;
  MakeKey(cx, sa);
}

void CallAgainOrFail(Context& cx, IkeSa& sa, std::string_view why) {
  unsigned tries = sa.connection->keyingtries;
  if (tries != 0 && sa.attempt >= tries) return FailCall(cx, sa, why);
  cx.Log(Severity::kWarning, sa, Cat(why, ": calling again, attempt ", sa.attempt + 1));
  Call again{.connection = sa.connection, .tasks = std::exchange(sa.tasks, {}), .attempt = sa.attempt + 1,
             .replaces = std::exchange(sa.replaces, 0)};
  if (sa.initiating->child_task) again.tasks.push_front(*std::exchange(sa.initiating->child_task, std::nullopt));
  CloseIke(cx, sa, Why::kAuthFailed);
  StartIke(cx, std::move(again));
}

void OnInitiatorJob(Context& cx, IkeSa& sa, KeyExchangeJob& job) {
  InitiatorHandshake& h = *sa.initiating;
  if (sa.state == IkeState::kRoundKeying || sa.state == IkeState::kRoundDeriving) return OnRoundJob(cx, sa, job);
  if (sa.state == IkeState::kInitKeying) {
    h.key = job.TakeKey();
    if (!h.key) return FailCall(cx, sa, Cat("no key exchange ", Name(h.group), " in this build"));
    return Send(cx, sa);
  }
  h.key = job.TakeKey();
  if (!job.secret()) {
    // Anybody can have sent it: the true answer may still come (B19).
    cx.Bump(Count::kPublicValueRefused);
    sa.spi_r = 0;
    sa.path = h.path;
    sa.state = IkeState::kInitSent;
    if (FollowNextRival(cx, sa) || sa.window.busy()) return;
    return FailCall(cx, sa, "none of those who answered IKE_SA_INIT is the peer");
  }
  TakeSecret(cx, sa, *job.secret());
  sa.window.Answered();
  cx.Cancel(TimerKind::kRetransmit, sa.id);
  GoOnFromKeys(cx, sa);
}

void TakeSecret(Context& cx, IkeSa& sa, const SecretBytes& shared_secret) {
  const InitiatorHandshake& h = *sa.initiating;
  SecretBytes seed = SkeySeed(sa.suite.prf, h.nonce_i, h.nonce_r, shared_secret.view());
  SetKeys(cx, sa, seed, h.nonce_i, h.nonce_r);
}

std::optional<InitAnswer> JudgeInitAnswer(Context& cx, const IkeSa& sa, const Inbound& in) {
  const InitiatorHandshake& h = *sa.initiating;
  auto& offered = *in.Get<SaPayload>();
  auto& ke = *in.Get<KePayload>();
  auto chosen = AboveFloor(sa.connection->profile, AcceptIke(h.offer, offered));
  if (!chosen) {
    cx.Bump(Count::kNoProposalChosen);
    cx.Log(Severity::kWarning, sa, Cat("IKE_SA_INIT answered ", Describe(offered), " to ", Describe(h.offer),
                                       chosen.error().ToString(offered)));
    return std::nullopt;
  }
  if (chosen->suite.group != h.group || ke.group != h.group || ke.data.size() != Find(h.group)->responder_public) {
    cx.Bump(Count::kPublicValueRefused);
    cx.Log(Severity::kWarning, sa, Cat("IKE_SA_INIT answered with a KE payload that is not of ", Name(h.group)));
    return std::nullopt;
  }
  if (Any(chosen->suite.additional) && !in.Notify(NotifyType::kIntermediateExchangeSupported)) {
    cx.Bump(Count::kNoProposalChosen);
    cx.Log(Severity::kWarning, sa, Cat("IKE_SA_INIT answered ", Describe(offered), " without IKE_INTERMEDIATE"));
    return std::nullopt;
  }
  if (!AgreesOnPpk(sa, in)) return std::nullopt;
  InitAnswer answer{.spi_r = in.header.spi_r, .suite = chosen->suite, .path = h.path};
  answer.nonce_r = ToBytes(in.Get<NoncePayload>()->data);
  answer.response = in.datagram.data;
  answer.peer_public = ToBytes(ke.data);
  answer.hashes = SignatureHashes(in);
  answer.fragments = in.Notify(NotifyType::kFragmentationSupported) && AnnouncesFragments(*sa.connection);
  answer.wanted = CertRequestIn(in);
  answer.ppk_use.agreed = h.ppk && in.Notify(NotifyType::kUsePpk);
  answer.takes_childless = in.Notify(NotifyType::kChildlessIkev2Supported) != nullptr;
  DetectNat(in.datagram, in.header, in.payloads, answer.path);
  if (sa.connection->encap) answer.path.nat_local = true;
  const bool has_nat_traversal = in.Notify(NotifyType::kNatDetectionSourceIp) != nullptr;
  FloatToNatPort(answer.path, WantsMobike(*sa.connection) && has_nat_traversal);
  return answer;
}

void Follow(IkeSa& sa, InitAnswer& answer) {
  InitiatorHandshake& h = *sa.initiating;
  std::swap(sa.spi_r, answer.spi_r);
  std::swap(sa.suite, answer.suite);
  std::swap(sa.path, answer.path);
  std::swap(h.nonce_r, answer.nonce_r);
  std::swap(h.response, answer.response);
  std::swap(sa.peer_hashes, answer.hashes);
  std::swap(sa.fragments, answer.fragments);
  std::swap(sa.incoming[1], answer.incoming);
  std::swap(h.peer_takes_childless, answer.takes_childless);
  std::swap(sa.keying, answer.keying);
  std::swap(h.wanted, answer.wanted);
  std::swap(h.proof, answer.proof);
  std::swap(h.ppk_use, answer.ppk_use);
}

void OnSaInitResponse(Context& cx, IkeSa& sa, const Inbound& in) {
  InitiatorHandshake& h = *sa.initiating;
  if (in.form == MessageForm::kRefusal) return OnRefusal(cx, sa, in);
  if (in.header.spi_r == 0) return cx.Bump(Count::kBadSpi);
  h.path = sa.path;
  // RFC 8784 3: terminated, and not waited for another answer: this one may well be the peer's.
  if (!AgreesOnPpk(sa, in)) return FailCall(cx, sa, "the peer uses no post-quantum key (no USE_PPK), and one is required");
  auto answer = JudgeInitAnswer(cx, sa, in);
  if (!answer) return;
  Follow(sa, *answer);
  cx.sas.IndexAlso(sa, sa.spi_r);
  sa.state = IkeState::kInitDeriving;
  h.job = cx.Run(sa, std::make_unique<KeyExchangeJob>(std::move(h.key), std::move(answer->peer_public)));
}

}  // namespace culvert::ike
