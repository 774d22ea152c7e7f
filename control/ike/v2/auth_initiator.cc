#include "control/auth/psk.h"
#include "control/ike/cat.h"
#include "control/ike/v2/auth.h"
#include "control/ike/v2/child_install.h"
#include "control/ike/v2/child_offer.h"
#include "control/ike/v2/closing.h"
#include "control/ike/v2/configuration.h"
#include "control/ike/v2/create_child.h"
#include "control/ike/v2/established.h"
#include "control/ike/v2/mobike.h"
#include "control/ike/v2/ppk.h"
#include "control/ike/v2/rivals.h"
#include "control/ike/v2/reauth.h"
#include "control/ike/v2/sa_init.h"
#include "control/ike/v2/send.h"
#include "control/ike/v2/tasks.h"
#include "control/ike/v2/uniqueness.h"

namespace culvert::ike {
namespace {

// Where the handshake ends: for those who wait, and for the log.
void Fail(Context& cx, IkeSa& sa, std::string_view why) {
  RequestId request = sa.initiating->child_task ? sa.initiating->child_task->request : 0;
  if (request == 0 && !sa.tasks.empty()) request = sa.tasks.front().request;
  cx.Log(Severity::kError, sa, Cat("IKE_AUTH failed: ", why), request);
  if (auto task = std::exchange(sa.initiating->child_task, std::nullopt)) FailTask(cx, *task, why);
  for (const auto& t : std::exchange(sa.tasks, {})) FailTask(cx, t, why);
  CloseIke(cx, sa, Why::kAuthFailed);
}

std::optional<Identity> ExpectedPeer(const config::Connection& c) {
  return c.remote.empty() ? std::nullopt : Identity::Parse(c.remote.front().id);
}
bool HasWildcard(const config::Connection& c) { return c.remote.front().id.find('*') != std::string::npos; }

// The child IKE_AUTH brings up: the first one wanted. False where there is to be one and cannot.
bool PrepareChild(Context& cx, IkeSa& sa) {
  InitiatorHandshake& h = *sa.initiating;
  if (std::exchange(h.prepared, true)) return true;
  auto wanted = std::ranges::find(sa.tasks, Task::Kind::kNewChild, &Task::kind);
  // RFC 6023 3: only towards a peer that said it takes this.
  if (wanted == sa.tasks.end()) {
    if (!h.peer_takes_childless) Fail(cx, sa, "the peer does not take an IKE SA without a child: name one");
    return h.peer_takes_childless;
  }
  const config::Childless childless = sa.connection->childless;
  if (childless == config::Childless::kForce && !h.peer_takes_childless) {
    Fail(cx, sa, "the peer does not take an IKE SA without a child (childless = force)");
    return false;
  }
  const bool follows = childless == config::Childless::kForce || childless == config::Childless::kPrefer;
  if (follows && h.peer_takes_childless) return true;
  h.child_task = std::move(*wanted);
  sa.tasks.erase(wanted);
  const config::Child* config = FindChild(*sa.connection, h.child_task->child_name);
  if (!config) {
    Fail(cx, sa, Cat("no child ", h.child_task->child_name));
    return false;
  }
  const Task& task = *h.child_task;
  auto offer = MakeOffer(cx, sa, {.child = config, .packet = task.packet, .only_packet = task.only_packet, .ke = Ke::kWithout});
  if (!offer) {
    Fail(cx, sa, offer.error());
    return false;
  }
  h.child = *std::move(offer);
  return true;
}

// Our AUTH to the responder being followed: what of it is AUTH's data, and what NO_PPK_AUTH's (RFC 8784).
struct OurAuth {
  AuthMethod method = AuthMethod::kSharedKey;
  Bytes data, plain_data;
};

// nullopt: there is none to be had, and the SA has ended.
std::optional<OurAuth> MakeAuth(Context& cx, IkeSa& sa) {
  InitiatorHandshake& h = *sa.initiating;
  if (h.proof) return OurAuth{h.proof->choice.how.method, h.proof->data, h.proof->plain_data};
  auto peer = ExpectedPeer(*sa.connection);
  const SecretBytes* secret = cx.psks.Find(sa.local_id, peer.value_or(Identity{}));
  if (!secret) {
    Fail(cx, sa, Cat("no pre-shared key for ", sa.local_id.ToString(), " and ", peer ? peer->ToString() : "anybody"));
    return std::nullopt;
  }
  const Bytes body = IdBody(sa.local_id);
  Signed what{.by_initiator = true, .message = h.request, .peer_nonce = h.nonce_r, .id_body = body};
  OurAuth out{.data = PskAuthOf(sa, secret->view(), what)};
  if (h.ppk_use.plain) {
    what.keys = &*h.ppk_use.plain;
    out.plain_data = PskAuthOf(sa, secret->view(), what);
  }
  return out;
}

// The request to the responder being followed. nullopt: there is none to be made, and the SA has ended.
std::optional<Chain> MakeRequest(Context& cx, IkeSa& sa) {
  InitiatorHandshake& h = *sa.initiating;
  sa.local_id = h.proof ? h.proof->choice.id : OurIdentity(*sa.connection, sa.path.local.address);
  if (!PrepareChild(cx, sa)) return std::nullopt;
  MixPpk(sa);
  auto auth = MakeAuth(cx, sa);
  if (!auth) return std::nullopt;
  auto peer = ExpectedPeer(*sa.connection);
  PayloadList list;
  list.Add(IdPayload{.type = PayloadType::kIdI, .id_type = sa.local_id.type, .data = sa.local_id.data, .body = {}});
  if (h.proof) AddCertificates(*h.proof, *sa.connection, h.wanted, list);
  if (IsInitialContact(cx, sa)) list.AddNotify(NotifyType::kInitialContact);
  AddCertRequest(cx, *sa.connection, list);
  if (peer && !HasWildcard(*sa.connection)) {
    list.Add(IdPayload{.type = PayloadType::kIdR, .id_type = peer->type, .data = peer->data, .body = {}});
  }
  list.Add(AuthPayload{auth->method, list.Keep(std::move(auth->data))});
  AddCpRequest(cx, sa, list);
  if (h.child) AddOffer(*h.child, list);
  AddPpkIdentity(sa, std::move(auth->plain_data), list);
  if (WantsMobike(*sa.connection)) {
    h.told = AdditionalAddresses(cx, sa);
    AnnounceMobike(h.told, list);
    if (!HasNatTraversal(sa.path)) ForbidNats(sa.path, list);
  }
  return list.Encode();
}

// RFC 7296 2.21.2: a responder we do not believe holds an IKE SA: it is told by AUTHENTICATION_FAILED, and a Delete.
void RejectResponder(Context& cx, IkeSa& sa, std::string_view why) {
  if (GoOnWithRival(cx, sa)) return;
  cx.Bump(Count::kAuthenticationFailed);
  cx.Log(Severity::kError, sa, Cat("IKE_AUTH failed: ", why));
  if (auto task = std::exchange(sa.initiating->child_task, std::nullopt)) FailTask(cx, *task, why);
  for (const auto& t : std::exchange(sa.tasks, {})) FailTask(cx, t, why);
  sa.initiating.reset();
  sa.state = IkeState::kEstablished;  // for the one exchange that ends it
  Enqueue(cx, sa, {.kind = Task::Kind::kDeleteIke, .unauthenticated = true}, Where::kFront);
}

// Why the responder is not who it should be, as far as its words tell; empty where it may be.
std::string JudgeClaim(IkeSa& sa, const Inbound& in) {
  auto* id = in.Get<IdPayload>(PayloadType::kIdR);
  auto method = in.Get<AuthPayload>()->method;
  if (!id) return "the answer carries no IDr";
  sa.remote_id = {id->id_type, ToBytes(id->data)};
  std::string_view pattern =
      sa.connection->remote.empty() ? std::string_view{} : std::string_view(sa.connection->remote.front().id);
  if (!Matches(pattern, sa.remote_id)) {
    return Cat("the peer is ", sa.remote_id.ToString(), ", wanted ", pattern);
  }
  bool signature = WantsSignature(*sa.connection);
  if (signature ? !IsSignature(method) : method != AuthMethod::kSharedKey) {
    return Cat("the peer authenticates by ", Name(method), ", wanted a ", signature ? "signature" : "pre-shared key");
  }
  return {};
}

// Why its AUTH by a pre-shared key is not good; empty where it is.
std::string JudgePsk(Context& cx, const IkeSa& sa, const Inbound& in) {
  const InitiatorHandshake& h = *sa.initiating;
  const SecretBytes* secret = cx.psks.Find(sa.local_id, sa.remote_id);
  if (!secret) return Cat("no pre-shared key for ", sa.local_id.ToString(), " and ", sa.remote_id.ToString());
  const Signed what{false, h.response, h.nonce_i, in.Get<IdPayload>(PayloadType::kIdR)->body};
  if (!EqualConstantTime(PskAuthOf(sa, secret->view(), what), in.Get<AuthPayload>()->data)) {
    return Cat("AUTH of ", sa.remote_id.ToString(), " is wrong: another pre-shared key", PpkHint(sa));
  }
  return {};
}

// The first Child SA, out of the answer that brought the IKE SA up. Whatever becomes of it, the IKE SA stays (RFC 7296 2.21.2).
void TakeChild(Context& cx, IkeSa& sa, const Inbound& in, ChildNegotiation n, Task task) {
  n.nonce_i = sa.initiating->nonce_i;
  n.nonce_r = sa.initiating->nonce_r;
  std::string why;
  if (in.form == MessageForm::kAuthChild) {
    auto refusal = JudgeAnswer(sa, in, Ke::kWithout, n);
    if (!refusal) refusal = NarrowToBorrowed(sa, n);
    if (!refusal) {
      if (in.Notify(NotifyType::kAdditionalTsPossible)) TellMorePossible(cx, sa, n);
      ChildSa& child = AddChild(cx, sa, std::move(n));
      if (task.request) child.requests.push_back(task.request);
      InstallInbound(cx, sa, child);
      return InstallOutbound(cx, sa, child);
    }
    why = refusal->why;
    DeleteUnwanted(cx, sa, n);
  } else if (WantsSinglePair(in.Error(), task)) {
    task.only_packet = true;
    return Enqueue(cx, sa, std::move(task), Where::kFront);
  } else {
    auto* error = in.Error();
    why = Cat("the peer answers ", error ? Name(error->type) : "nothing", "; offered ", ToString(n.local_ts), " === ",
                       ToString(n.remote_ts), " with ", Describe(n.offer));
  }
  cx.Log(Severity::kError, sa, Cat("no Child SA ", n.config->name, ": ", why), task.request);
  cx.Answer(task.request, why);
}

// The responder's signature and certificate are judged by a helper thread; the answer waits.
void VerifyResponder(Context& cx, IkeSa& sa, const Inbound& in) {
  InitiatorHandshake& h = *sa.initiating;
  Bytes octets = SignedOctets(sa, {false, h.response, h.nonce_i, in.Get<IdPayload>(PayloadType::kIdR)->body});
  std::vector<auth::AuthJob::Candidate> candidates(1);
  candidates[0].peer = {sa.connection, &sa.connection->remote.front()};
  h.held = Hold(in);
  sa.state = IkeState::kAuthVerifying;
  h.job = cx.Run(sa, std::make_unique<auth::AuthJob>(cx.credentials, ProofIn(in, sa.remote_id, std::move(octets)),
                                                     std::move(candidates)));
}

// The responder has authenticated.
void Accept(Context& cx, IkeSa& sa, const Inbound& in, std::string_view how) {
  cx.sas.Index(sa);
  sa.ppk = sa.initiating->ppk_use.mixed;
  const std::string ppk = DescribePpk(cx, sa, in);
  Establish(cx, sa);
  AgreeOnMobike(cx, sa, in, std::move(sa.initiating->told));
  cx.Log(Severity::kInfo, sa, Cat("IKE SA up with ", sa.remote_id.ToString(), ", ", Name(sa.suite), ppk, how));
  cx.Tell(StateChange::kIkeUp, sa);
  TakeAuthLifetime(cx, sa, in);
  TakeCpReply(cx, sa, in);
  std::optional<ChildNegotiation> child = std::move(sa.initiating->child);
  std::optional<Task> task = std::exchange(sa.initiating->child_task, std::nullopt);
  if (child) TakeChild(cx, sa, in, *std::move(child), *std::move(task));
  sa.initiating.reset();
  sa.intermediate.reset();
  // An IKE SA was all that was wanted.
  std::erase_if(sa.tasks, [&](const Task& t) {
    if (t.kind == Task::Kind::kLiveness) cx.Answer(t.request);
    return t.kind == Task::Kind::kLiveness;
  });
  Pump(cx, sa);
  ReviewPath(cx, sa);
}

}  // namespace

std::expected<JobId, std::string> StartSigning(Context& cx, IkeSa& sa) {
  InitiatorHandshake& h = *sa.initiating;
  auto choice = cx.credentials->ChooseOwn({sa.connection->local.front(), h.wanted.authorities, sa.peer_hashes});
  if (!choice) return std::unexpected(choice.error());
  MixPpk(sa);
  const Bytes body = IdBody(choice->id);
  Signed what{.by_initiator = true, .message = h.request, .peer_nonce = h.nonce_r, .id_body = body};
  std::vector<auth::AuthJob::Candidate> candidates(1);
  candidates[0].own = *choice;
  candidates[0].show_ocsp = sa.connection->answers_ocsp && h.wanted.ocsp;
  candidates[0].octets = SignedOctets(sa, what);
  if (h.ppk_use.plain) {
    what.keys = &*h.ppk_use.plain;
    candidates[0].plain_octets = SignedOctets(sa, what);
  }
  h.proof = OwnProof{cx.credentials, *std::move(choice), {}};
  return cx.Run(sa, std::make_unique<auth::AuthJob>(cx.credentials, std::nullopt, std::move(candidates)));
}

void BeginAuth(Context& cx, IkeSa& sa) {
  if (!SignsFor(*sa.connection)) return SendAuth(cx, sa);
  auto job = StartSigning(cx, sa);
  if (!job) {
    if (!GoOnWithRival(cx, sa)) Fail(cx, sa, job.error());
    return;
  }
  sa.state = IkeState::kAuthSigning;
  sa.initiating->job = *job;
}

void SendAuth(Context& cx, IkeSa& sa) {
  if (sa.initiating->proof && sa.initiating->proof->data.empty()) return Fail(cx, sa, "our own key does not sign");
  auto chain = MakeRequest(cx, sa);
  if (!chain) return;
  sa.state = IkeState::kAuthSent;
  SendRequest(cx, sa, ExchangeType::kIkeAuth, *chain);
  AskRivals(cx, sa);
}

void SendAuthAgain(Context& cx, IkeSa& sa) {
  if (auto chain = MakeRequest(cx, sa)) SendRequestAgain(cx, sa, ExchangeType::kIkeAuth, *chain);
}

void OnAuthResponse(Context& cx, IkeSa& sa, const Inbound& in) {
  if (in.form == MessageForm::kRefusal) {
    if (GoOnWithRival(cx, sa)) return;
    if (in.Error()->type == NotifyType::kAuthenticationFailed) cx.Bump(Count::kAuthenticationFailed);
    return Fail(cx, sa, Cat("the peer answers ", Name(in.Error()->type), " to ", sa.local_id.ToString(), PpkHint(sa)));
  }
  if (in.form != MessageForm::kAuthChild && in.form != MessageForm::kAuthChildless) {
    return RejectResponder(cx, sa, "the answer is not one to a pre-shared key or a signature");
  }
  if (std::string why = JudgeClaim(sa, in); !why.empty()) return RejectResponder(cx, sa, why);
  if (std::string why = SettlePpk(sa, in); !why.empty()) return RejectResponder(cx, sa, why);
  if (WantsSignature(*sa.connection)) return VerifyResponder(cx, sa, in);
  if (std::string why = JudgePsk(cx, sa, in); !why.empty()) return RejectResponder(cx, sa, why);
  Accept(cx, sa, in, "");
}

void OnResponderJudged(Context& cx, IkeSa& sa, const auth::AuthJob& job) {
  HeldMessage held = *std::exchange(sa.initiating->held, std::nullopt);
  if (!job.chosen()) return RejectResponder(cx, sa, job.why().front() + PpkHint(sa));
  Resume(held, [&](const Inbound& in) { Accept(cx, sa, in, Cat("; by ", job.how())); });
}

}  // namespace culvert::ike
