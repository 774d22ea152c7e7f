#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/v1/mode_config.h"
#include "control/ike/v1/send.h"
#include "control/ike/v1/user_state.h"

namespace culvert::ike::v1 {
namespace {

using Step = UserPhase::Step;

bool AsksFor(const IkeSa& sa, Family family) { return std::ranges::contains(sa.connection->vips, family, &IpAddress::family); }

// The SA this one takes the place of has addresses already, which the peer's children and ours are made with.
std::vector<IpAddress> Wanted(Context& cx, const IkeSa& sa) {
  const IkeSa* old = sa.replaces == 0 ? nullptr : cx.sas.Find(sa.replaces);
  std::vector<IpAddress> wanted;
  for (const IpAddress& vip : sa.connection->vips) {
    const IpAddress* held = old ? LeasedFromPeer(*old, vip.family) : nullptr;
    wanted.push_back(held && vip.is_unspecified() ? *held : vip);
  }
  return wanted;
}

bool SpeaksUnity(const Context& cx, const IkeSa& sa) { return sa.peer.unity && cx.config().settings.cisco_unity; }

// Takes what we have asked for, or wait for. Returns the types taken.
std::vector<ConfigAttribute> Take(Context& cx, IkeSa& sa, const Attributes& attributes) {
  std::vector<ConfigAttribute> taken;
  UserPhase& user = *sa.user;
  for (const Attribute& a : attributes) {
    if (TypeOf(a) == ConfigAttribute::kUnitySplitInclude && SpeaksUnity(cx, sa)) {
      user.split_include = DecodeUnityNetworks(a.value);
      taken.push_back(TypeOf(a));
    }
    const auto address = pools::AddressIn(a.type, a.value);
    const bool good = address && AsksFor(sa, address->family) && !address->is_unspecified() && !address->is_multicast();
    if (!good) continue;
    taken.push_back(TypeOf(a));
    if (std::ranges::contains(user.vips, *address)) continue;
    user.vips.push_back(*address);
    cx.Log(Severity::kInfo, sa, Cat("the peer has leased ", address->ToString(), " to us"));
  }
  return taken;
}

}  // namespace

void PullConfig(Context& cx, IkeSa& sa) {
  AttributeList request;
  for (const IpAddress& vip : Wanted(cx, sa)) Add(pools::AddressAttribute(vip), request);
  if (SpeaksUnity(cx, sa)) request.Add(ConfigAttribute::kUnitySplitInclude);
  sa.user->step = Step::kPulling;
  Ask(cx, sa, TransactionType::kRequest, request);
}

void OnConfigReply(Context& cx, IkeSa& sa, const AttributesPayload& reply) {
  Take(cx, sa, reply.attributes);
  EndPending(cx, sa);
  if (sa.user->vips.empty()) return FailUser(cx, sa, "the peer has leased no address to us");
  FinishUser(cx, sa);
}

void OnConfigSet(Context& cx, IkeSa& sa, Exchange& exchange, const AttributesPayload& set) {
  // Servers that push do so whoever was to begin; one may be ahead of its own XAUTH.
  const Step step = sa.user ? sa.user->step : Step::kDone;
  const bool waits = step == Step::kAwaitsPush || step == Step::kPulling;
  AttributeList ack;
  if (waits || step == Step::kAwaitsXauth) {
    // draft-dukes-ike-mode-cfg-02: what is accepted comes back, without a value.
    for (ConfigAttribute type : Take(cx, sa, set.attributes)) {
      if (!ack.Has(type)) ack.Add(type);
    }
  }
  Respond(cx, sa, exchange, TransactionType::kAck, ack);
  if (!waits || sa.user->vips.empty()) return;
  EndPending(cx, sa);
  FinishUser(cx, sa);
}

}  // namespace culvert::ike::v1
