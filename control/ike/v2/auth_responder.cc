#include "control/auth/psk.h"
#include "control/ike/cat.h"
#include "control/ike/connection_match.h"
#include "control/ike/negotiate/proposal.h"
#include "control/ike/v2/auth.h"
#include "control/ike/v2/child_install.h"
#include "control/ike/v2/child_offer.h"
#include "control/ike/v2/closing.h"
#include "control/ike/v2/established.h"
#include "control/ike/v2/intermediate.h"
#include "control/ike/v2/reply.h"
#include "control/ike/v2/send.h"
#include "control/ike/v2/uniqueness.h"

namespace culvert::ike {
namespace {

// IKE_AUTH's own view of the peer.
struct Claim {
  Identity id;
  std::optional<Identity> wants;  // IDr: whom of us the peer means to reach
};

// Why a connection is not the one the peer asks for; empty where it is.
std::string PassOver(const config::Connection& c, const IkeSa& sa, const Claim& claim) {
  std::string_view pattern = c.remote.empty() ? std::string_view{} : std::string_view(c.remote.front().id);
  if (!Matches(pattern, claim.id)) return Cat("wants the peer to be ", pattern);
  Identity ours = OurIdentity(c, sa.path.local.address);
  if (claim.wants && *claim.wants != ours) return Cat("is ", ours.ToString());
  auto psk = [](const std::vector<config::AuthRound>& rounds) {
    return rounds.empty() || rounds.front().kind == config::AuthKind::kPsk || rounds.front().kind == config::AuthKind::kAny;
  };
  if (!psk(c.local) || !psk(c.remote)) return "does not authenticate by pre-shared keys";
  // RFC 7296 2.15 binds the suite to the SA: the connection must want it too.
  if (!ChooseIke(c.proposals, sa.answering->answer, {})) return Cat("does not take ", Name(sa.suite));
  return {};
}

ConnectionRef Select(Context& cx, IkeSa& sa, const DatagramIn& d, const Claim& claim) {
  std::vector<std::string> passed_over;
  for (auto& c : ConnectionsFor(cx.connections, d.local.address, d.remote.address)) {
    std::string why = PassOver(*c, sa, claim);
    if (why.empty()) return c;
    passed_over.push_back(Cat(c->name, " ", why));
  }
  cx.LogStranger(d.remote, Cat("IKE_AUTH: no connection for peer ", claim.id.ToString(),
                               claim.wants ? Cat(" asking for ", claim.wants->ToString()) : "", "; ",
                               passed_over.empty() ? "none for this address" : Join(passed_over, "; ")));
  return nullptr;
}

// Whether the peer knows the key. An unknown peer costs the same as a wrong key and is told the same (R7, B54).
bool Verify(Context& cx, IkeSa& sa, const Inbound& in, const Claim& claim, ConnectionRef connection) {
  const ResponderHandshake& h = *sa.answering;
  auto* auth = in.Get<AuthPayload>();
  Identity ours = connection ? OurIdentity(*connection, sa.path.local.address) : Identity{};
  const SecretBytes* secret = connection ? auth::FindPsk(cx.config.secrets, ours, claim.id) : nullptr;
  SecretBytes nobodys(cx.random.Take(32));
  const Bytes expected = PskAuthOf(sa, (secret ? *secret : nobodys).view(),
                                   {true, h.request, h.nonce_r, in.Get<IdPayload>(PayloadType::kIdI)->body});
  bool right = auth && EqualConstantTime(expected, auth->data);
  std::string who = claim.id.ToString();
  if (!auth) {
    cx.LogStranger(in.datagram.remote, Cat("IKE_AUTH: ", who, " asks for EAP, which is not built"));
  } else if (auth->method != AuthMethod::kSharedKey) {
    cx.LogStranger(in.datagram.remote, Cat("IKE_AUTH refused, AUTHENTICATION_FAILED: ", who, " authenticates by ",
                                           Name(auth->method), ", wanted a pre-shared key"));
  } else if (connection && !secret) {
    cx.LogStranger(in.datagram.remote,
                   Cat("IKE_AUTH refused, AUTHENTICATION_FAILED: no pre-shared key for ", ours.ToString(), " and ", who));
  } else if (connection && !right) {
    cx.LogStranger(in.datagram.remote, Cat("IKE_AUTH refused, AUTHENTICATION_FAILED: AUTH of ", who,
                                           " is wrong: another pre-shared key than ", connection->name, "'s"));
  }
  return right && secret && auth->method == AuthMethod::kSharedKey;
}

void Refuse(Context& cx, IkeSa& sa, const Inbound& in) {
  cx.Bump(Count::kAuthenticationFailed);
  SendReply(cx, sa, in.header, NotifyChain(NotifyType::kAuthenticationFailed));
  CloseIke(cx, sa, Why::kAuthFailed);
}

void AddIdentity(Context& cx, IkeSa& sa, const ResponderHandshake& h, PayloadList& list) {
  Bytes body = IdBody(sa.local_id);
  const SecretBytes* secret = auth::FindPsk(cx.config.secrets, sa.local_id, sa.remote_id);
  list.Add(IdPayload{.type = PayloadType::kIdR, .id_type = sa.local_id.type, .data = sa.local_id.data, .body = {}});
  list.Add(AuthPayload{AuthMethod::kSharedKey, list.Keep(PskAuthOf(sa, secret->view(), {false, h.response, h.nonce_i, body}))});
}

// The first Child SA's part of the answer, nullptr without one. RFC 7296 2.21.2: the IKE SA stands all the same.
ChildSa* AnswerWithChild(Context& cx, IkeSa& sa, const Inbound& in, const ResponderHandshake& h) {
  PayloadList without;
  AddIdentity(cx, sa, h, without);
  if (in.form == MessageForm::kAuthChildless) {
    HoldReply(cx, sa, in.header, {.ready = without.Encode()});
    return nullptr;
  }
  auto reply = AnswerOffer(cx, sa, in, nullptr);
  if (!reply) {
    const Refusal& no = reply.error();
    cx.Bump(no.type == NotifyType::kTsUnacceptable ? Count::kTsUnacceptable : Count::kNoProposalChosen);
    cx.Log(Severity::kWarning, sa, Cat("IKE_AUTH: no Child SA, ", Name(no.type), ": ", no.why));
    without.AddNotify(no.type, no.data);
    HoldReply(cx, sa, in.header, {.ready = without.Encode()});
    return nullptr;
  }
  PayloadList with;
  AddIdentity(cx, sa, h, with);
  AddAnswer(*reply, with);
  without.AddNotify(NotifyType::kNoAdditionalSas);
  reply->child.nonce_i = h.nonce_i;
  reply->child.nonce_r = h.nonce_r;
  HeldReply held{.ready = with.Encode(), .refused = without.Encode(), .awaiting = {}};
  ChildSa& child = AddChild(cx, sa, std::move(reply->child));
  InstallInbound(cx, sa, child);
  held.awaiting = {child.id};
  HoldReply(cx, sa, in.header, std::move(held));
  return &child;
}

}  // namespace

void OnAuthRequest(Context& cx, IkeSa& sa, const Inbound& in) {
  if (AwaitsRound(sa)) return ReplyNotify(cx, sa, in.header, NotifyType::kInvalidSyntax);
  if (in.form != MessageForm::kAuthChild && in.form != MessageForm::kAuthChildless) return Refuse(cx, sa, in);
  auto* id_i = in.Get<IdPayload>(PayloadType::kIdI);
  auto* id_r = in.Get<IdPayload>(PayloadType::kIdR);
  Claim claim{{id_i->id_type, ToBytes(id_i->data)}, std::nullopt};
  if (id_r) claim.wants = Identity{id_r->id_type, ToBytes(id_r->data)};
  ConnectionRef connection = Select(cx, sa, in.datagram, claim);
  if (!Verify(cx, sa, in, claim, connection)) return Refuse(cx, sa, in);

  sa.connection = connection;
  sa.local_id = OurIdentity(*connection, in.datagram.local.address);
  sa.remote_id = std::move(claim.id);
  // RFC 7296 2.23: the initiator chooses the port it goes on from.
  sa.path.local = in.datagram.local;
  sa.path.remote = in.datagram.remote;
  sa.path.marker = in.datagram.marker;
  std::vector<IkeId> abandoned;
  if (!AdmitUnique(cx, sa, in.Notify(NotifyType::kInitialContact), abandoned)) {
    cx.Log(Severity::kWarning, sa, Cat(sa.remote_id.ToString(), " is connected already (unique = keep)"));
    return Refuse(cx, sa, in);
  }
  std::unique_ptr<ResponderHandshake> h = std::move(sa.answering);
  cx.half_open.Remove(h->key);
  cx.Cancel(TimerKind::kHandshake, sa.id);
  Establish(cx, sa);
  cx.Log(Severity::kInfo, sa, Cat("IKE SA up with ", sa.remote_id.ToString(), ", ", Name(sa.suite)));
  cx.Tell(StateChange::kIkeUp, sa);
  CloseAbandoned(cx, sa, abandoned, AnswerWithChild(cx, sa, in, *h));
  sa.intermediate.reset();
}

}  // namespace culvert::ike
