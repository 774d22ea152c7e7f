#include "common/bytes/hex.h"
#include "control/ike/cat.h"
#include "control/ike/v1/send.h"
#include "control/ike/v1/transaction_state.h"
#include "control/ike/v1/user_state.h"
#include "control/ike/v1/xauth.h"
#include "control/radius/client.h"

namespace culvert::ike::v1 {
namespace {

using Step = UserPhase::Step;

// As long as RADIUS can say (RFC 2865 5.1, 5.2).
constexpr size_t kMaxUserName = 253, kMaxRadiusPassword = 128;

bool IsXauth(const std::vector<config::AuthRound>& rounds) {
  return !rounds.empty() && rounds.back().kind == config::AuthKind::kXauth;
}

// Some clients count the zero octet that ends a string in C.
ByteView TextIn(const Attribute& a) {
  return !a.value.empty() && a.value.back() == 0 ? a.value.first(a.value.size() - 1) : a.value;
}

// What has come of a user's name and password.
struct Outcome {
  bool admitted = false;
  std::string why{};                       // not, for the log
  std::optional<IpAddress> framed{};       // the user's address, as RADIUS says
};

// Ends the transaction that asked for the user, and begins the one that tells how it ended.
void Tell(Context& cx, IkeSa& sa, const Outcome& outcome, const std::string& user) {
  EndPending(cx, sa);
  AttributeList status;
  if (outcome.admitted) {
    sa.user->name = user;
    sa.user->framed = outcome.framed;
    sa.user->step = Step::kGranted;
    cx.Log(Severity::kInfo, sa, Cat("user \"", Escape(user), "\" is authenticated (XAUTH)"));
    status.AddNumber(ConfigAttribute::kXauthStatus, XauthStatus::kOk);
  } else {
    sa.user->step = Step::kRefused;
    cx.Bump(Count::kAuthenticationFailed);
    cx.Log(Severity::kWarning, sa, Cat("user \"", Escape(user), "\" is refused (XAUTH): ", outcome.why));
    status.AddNumber(ConfigAttribute::kXauthStatus, XauthStatus::kFail);
  }
  Ask(cx, sa, TransactionType::kSet, status);
}

Outcome OutcomeOf(const radius::Verdict& v) {
  const std::string server = Cat("RADIUS server ", v.server);
  const std::string message = v.message.empty() ? "" : Cat(": \"", Escape(v.message), "\"");
  switch (v.kind) {
    case radius::Verdict::Kind::kAccept: return {.admitted = true, .framed = v.framed_ip};
    case radius::Verdict::Kind::kReject: return {.why = Cat(server, " says no", message)};
    case radius::Verdict::Kind::kChallenge: return {.why = Cat(server, " wants more than a password", message)};
    case radius::Verdict::Kind::kNoAnswer: break;
  }
  return {.why = v.why};
}

}  // namespace

bool IsXauthServer(const IkeSa& sa) { return IsXauth(sa.connection->remote); }
bool IsXauthClient(const IkeSa& sa) { return IsXauth(sa.connection->local); }

void AskUser(Context& cx, IkeSa& sa) {
  AttributeList wanted;
  wanted.Add(ConfigAttribute::kXauthUserName);
  wanted.Add(ConfigAttribute::kXauthUserPassword);
  sa.user->step = Step::kAsking;
  Ask(cx, sa, TransactionType::kRequest, wanted);
}

void OnUserReply(Context& cx, IkeSa& sa, Exchange& exchange, const AttributesPayload& reply) {
  const config::AuthRound& round = sa.connection->remote.back();
  const Attribute* name = Find(reply.attributes, ConfigAttribute::kXauthUserName);
  const Attribute* secret = Find(reply.attributes, ConfigAttribute::kXauthUserPassword);
  const std::string user(name ? AsString(TextIn(*name)) : std::string_view());
  // draft-beaulieu-ike-xauth-02 5: STATUS in a REPLY says that there will be no other answer.
  if (user.empty() || !secret || Find(reply.attributes, ConfigAttribute::kXauthStatus)) {
    return Tell(cx, sa, {.why = "the peer has told no user name and password"}, user);
  }
  const ByteView password = TextIn(*secret);
  const bool by_radius = round.xauth == config::XauthBackend::kRadius;
  if (user.size() > kMaxUserName || (by_radius && password.size() > kMaxRadiusPassword)) {
    return Tell(cx, sa, {.why = "its name or password is longer than any may be"}, user);
  }
  if (by_radius && !cx.shared.radius) return Tell(cx, sa, {.why = "no RADIUS server is configured"}, user);
  if (by_radius) {
    radius::Login login{.user = user, .password = SecretBytes(password), .state = {}, .local = sa.path.local.address,
                        .peer = sa.path.remote.address};
    exchange.transaction->user = user;
    sa.user->step = Step::kJudging;
    exchange.job = cx.Run(sa, std::make_unique<radius::LoginJob>(cx.shared.radius, std::move(login)));
    return;
  }
  const bool good = cx.shared.passwords.Admits(user, password);
  Tell(cx, sa, {.admitted = good, .why = "no such user, or another password"}, user);
}

void OnUserLookUp(Context& cx, IkeSa& sa, Exchange& exchange, JobDone& done) {
  const std::string user = exchange.transaction->user;
  Tell(cx, sa, OutcomeOf(dynamic_cast<const radius::LoginJob&>(*done.job).verdict()), user);
}

}  // namespace culvert::ike::v1
