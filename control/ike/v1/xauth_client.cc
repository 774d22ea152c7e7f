#include "common/bytes/hex.h"
#include "control/ike/cat.h"
#include "control/ike/v1/send.h"
#include "control/ike/v1/user_state.h"
#include "control/ike/v1/xauth.h"

namespace culvert::ike::v1 {
namespace {

using Step = UserPhase::Step;

// A server may ask for name and password one after the other, and show messages between.
constexpr unsigned kMaxXauthRequests = 8;

std::string OwnName(const IkeSa& sa) {
  const std::vector<config::AuthRound>& rounds = sa.connection->local;
  if (!rounds.back().xauth_id.empty()) return rounds.back().xauth_id;
  return rounds.back().id.empty() ? rounds.front().id : rounds.back().id;
}

// Adds the answer to one attribute of a REQUEST; why there is none, or nothing.
std::string AnswerOne(Context& cx, IkeSa& sa, const Attribute& asked, AttributeList& reply) {
  const ConfigAttribute type = TypeOf(asked);
  const std::string name = OwnName(sa);
  switch (type) {
    case ConfigAttribute::kXauthType:
      if (asked.Number() != static_cast<uint64_t>(XauthType::kGeneric)) {
        return Cat("the peer asks for XAUTH of type ", asked.Number().value_or(0), "; only generic is there");
      }
      reply.AddNumber(type, static_cast<uint16_t>(XauthType::kGeneric));
      return {};
    case ConfigAttribute::kXauthUserName:
      reply.Add(type, AsBytes(name));
      return {};
    case ConfigAttribute::kXauthUserPassword:
    case ConfigAttribute::kXauthPasscode: {
      // To tell it once more would have the user locked out.
      if (sa.user->told_password) return Cat("the peer asks again for the password of user \"", Escape(name), "\"");
      const SecretBytes* secret = cx.shared.passwords.Find(name);
      if (!secret) return Cat("no secret is the password of user \"", Escape(name), "\"");
      reply.Add(type, secret->view());
      return {};
    }
    case ConfigAttribute::kXauthMessage:
      cx.Log(Severity::kInfo, sa, Cat("the peer says: \"", Escape(AsString(asked.value)), "\""));
      return {};
    case ConfigAttribute::kXauthChallenge:
    case ConfigAttribute::kXauthNextPin:
    case ConfigAttribute::kXauthAnswer: return Cat("the peer asks for ", Name(type), ", which is not configured");
    default: return {};   // a domain, or what nobody knows: it can do without
  }
}

bool Tells(const AttributeList& reply) {
  return reply.Has(ConfigAttribute::kXauthUserPassword) || reply.Has(ConfigAttribute::kXauthPasscode);
}

}  // namespace

void OnXauthRequest(Context& cx, IkeSa& sa, Exchange& exchange, const AttributesPayload& request) {
  AttributeList reply;
  std::string why;
  const bool expected = sa.user && sa.user->step == Step::kAwaitsXauth;
  if (!expected) why = Cat("the peer asks for XAUTH, which is ", IsXauthClient(sa) ? "over" : "not configured");
  else if (++sa.user->asked > kMaxXauthRequests) why = "the peer asks for XAUTH again and again";
  for (const Attribute& asked : request.attributes) {
    if (!why.empty()) break;
    why = AnswerOne(cx, sa, asked, reply);
  }
  if (why.empty()) {
    sa.user->told_password |= Tells(reply);
    return Respond(cx, sa, exchange, TransactionType::kReply, reply);
  }
  // draft-beaulieu-ike-xauth-02 5: STATUS in a REPLY says that there will be no other answer.
  AttributeList refusal;
  refusal.AddNumber(ConfigAttribute::kXauthStatus, XauthStatus::kFail);
  Respond(cx, sa, exchange, TransactionType::kReply, refusal);
  if (expected) return FailUser(cx, sa, why);
  cx.Log(Severity::kWarning, sa, why);
}

void OnXauthSet(Context& cx, IkeSa& sa, Exchange& exchange, const AttributesPayload& set) {
  const Attribute* status = Find(set.attributes, ConfigAttribute::kXauthStatus);
  const bool ok = status && status->Number() == static_cast<uint64_t>(XauthStatus::kOk);
  AttributeList ack;
  if (status) ack.AddNumber(ConfigAttribute::kXauthStatus, ok ? XauthStatus::kOk : XauthStatus::kFail);
  Respond(cx, sa, exchange, TransactionType::kAck, ack);
  if (!status || !sa.user || sa.user->step != Step::kAwaitsXauth) return;
  const std::string user = Cat("user \"", Escape(OwnName(sa)), "\"");
  if (!ok) {
    cx.Bump(Count::kAuthenticationFailed);
    return FailUser(cx, sa, Cat("the peer refuses ", user, " or its password (XAUTH)"));
  }
  cx.Log(Severity::kInfo, sa, Cat("the peer takes us for ", user, " (XAUTH)"));
  AfterXauth(cx, sa);
}

}  // namespace culvert::ike::v1
