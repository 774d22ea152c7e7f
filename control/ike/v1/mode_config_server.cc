#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/v1/closing.h"
#include "control/ike/v1/mode_config.h"
#include "control/ike/v1/send.h"
#include "control/ike/v1/user.h"
#include "control/ike/v1/user_state.h"

namespace culvert::ike::v1 {
namespace {

using Step = UserPhase::Step;

constexpr Family kFamilies[] = {Family::kV4, Family::kV6};

// Whether the peer may ask yet: not before it is authenticated.
bool MayAsk(const IkeSa& sa) {
  if (!sa.user) return true;
  switch (sa.user->step) {
    case Step::kAsking:
    case Step::kJudging:
    case Step::kRefused:
    case Step::kAwaitsXauth: return false;
    case Step::kGranted:
    case Step::kPushing:
    case Step::kPulling:
    case Step::kAwaitsPush:
    case Step::kDone: return true;
  }
  return false;
}

// Addresses for those families; how many are refused the peer for want of any.
unsigned AddAddresses(Context& cx, IkeSa& sa, std::span<const IpAddress> wanted, AttributeList& list) {
  unsigned refused = 0;
  for (const IpAddress& w : wanted) {
    const ConfigAttribute type = w.family == Family::kV4 ? ConfigAttribute::kIp4Address : ConfigAttribute::kIp6Address;
    if (list.Has(type)) continue;
    if (!LeasesOut(cx, sa, w.family)) {
      cx.Log(Severity::kDebug, sa, Cat("no ", Name(type), " for ", PeerName(sa), ": no pool has any"));
      continue;
    }
    const auto address = LeaseToPeer(cx, sa, w);
    if (address) Add(pools::AddressAttribute(*address), list);
    else ++refused;
  }
  return refused;
}

void RefuseForWant(Context& cx, IkeSa& sa) {
  cx.Log(Severity::kWarning, sa, Cat("the IKE SA ends: there is no address for ", PeerName(sa)));
  DeleteIke(cx, sa, Why::kAuthFailed);
}

}  // namespace

void OnConfigRequest(Context& cx, IkeSa& sa, Exchange& exchange, const AttributesPayload& request) {
  if (!MayAsk(sa)) {
    cx.Bump(Count::kUnexpected);
    return EndExchange(cx, sa, exchange);
  }
  std::vector<IpAddress> wanted;
  for (const Attribute& a : request.attributes) {
    if (auto address = pools::AddressIn(a.type, a.value)) wanted.push_back(*address);
  }
  AttributeList reply;
  const unsigned refused = sa.user ? AddAddresses(cx, sa, wanted, reply) : 0;
  const bool none = refused > 0 && reply.empty();
  // Some clients take what they have not asked for as an error.
  auto asked = [&](ConfigAttribute type) { return Find(request.attributes, type) != nullptr; };
  if (!none) AddConfigured(cx, sa, asked, reply);
  Respond(cx, sa, exchange, TransactionType::kReply, reply);
  if (none) return RefuseForWant(cx, sa);
  // Who asks has heard how XAUTH ended, though its ACK may be lost or late; and who asks need not be pushed to.
  const Step step = sa.user ? sa.user->step : Step::kDone;
  if (step != Step::kGranted && step != Step::kPushing) return;
  EndPending(cx, sa);
  FinishUser(cx, sa);
}

void PushConfig(Context& cx, IkeSa& sa) {
  std::vector<IpAddress> any;
  for (Family f : kFamilies) {
    if (LeasesOut(cx, sa, f)) any.push_back(IpAddress::Any(f));
  }
  AttributeList set;
  const unsigned refused = AddAddresses(cx, sa, any, set);
  if (refused > 0 && set.empty()) return RefuseForWant(cx, sa);
  AddConfigured(cx, sa, [&](ConfigAttribute type) { return !IsUnity(type) || sa.peer.unity; }, set);
  sa.user->step = Step::kPushing;
  Ask(cx, sa, TransactionType::kSet, set);
}

}  // namespace culvert::ike::v1
