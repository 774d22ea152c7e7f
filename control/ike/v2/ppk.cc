#include "control/ike/v2/ppk.h"

#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/ppk_id.h"

namespace culvert::ike {
namespace {

size_t CountOf(const Inbound& in, NotifyType type) {
  return static_cast<size_t>(std::ranges::count_if(in.payloads, [type](const Payload& p) {
    auto* n = std::get_if<NotifyPayload>(&p);
    return n && n->type == type;
  }));
}

// The keys a PPK goes into.
IkeKeys CloneMixable(const IkeKeys& keys) {
  IkeKeys out;
  out.sk_d = keys.sk_d.Clone();
  out.sk_pi = keys.sk_pi.Clone();
  out.sk_pr = keys.sk_pr.Clone();
  return out;
}

}  // namespace

std::string TakePpk(Context& cx, IkeSa& sa) {
  const config::Connection& c = *sa.connection;
  if (c.ppk_id.empty()) return c.ppk_required ? "ppk_required, and no ppk_id says which post-quantum key to call with" : "";
  auto id = ParsePpkId(c.ppk_id);
  const SecretBytes* key = id ? cx.ppks.Find(*id) : nullptr;
  if (key) {
    sa.initiating->ppk = OwnPpk{*std::move(id), key->Clone(), c.ppk_required};
    return {};
  }
  std::string why = Cat("there is no post-quantum key ", id ? PpkIdToString(*id) : c.ppk_id);
  if (c.ppk_required) return why;
  cx.Log(Severity::kWarning, sa, Cat(why, ": calling without"));
  return {};
}

// RFC 8784 3: where the responder has not said USE_PPK, an initiator whose key is mandatory ends the exchange.
bool AgreesOnPpk(const IkeSa& sa, const Inbound& in) {
  const auto& own = sa.initiating->ppk;
  return !own || !own->required || in.Notify(NotifyType::kUsePpk);
}

void MixPpk(IkeSa& sa) {
  InitiatorHandshake& h = *sa.initiating;
  if (!h.ppk_use.agreed || h.ppk_use.mixed) return;
  IkeKeys& keys = sa.keying->keys;
  if (!h.ppk->required) h.ppk_use.plain = CloneMixable(keys);
  MixPpk(sa.suite.prf, h.ppk->key.view(), keys);
  h.ppk_use.mixed = true;
}

void AddPpkIdentity(const IkeSa& sa, Bytes plain_auth, PayloadList& list) {
  const InitiatorHandshake& h = *sa.initiating;
  if (!h.ppk_use.mixed) return;
  list.AddNotify(NotifyType::kPpkIdentity, h.ppk->id);
  // RFC 8784 3: whose key is optional MUST include it.
  if (h.ppk_use.plain) list.AddNotify(NotifyType::kNoPpkAuth, std::move(plain_auth));
}

std::string SettlePpk(IkeSa& sa, const Inbound& in) {
  PpkUse& use = sa.initiating->ppk_use;
  // RFC 8784 3: the responder uses the key where it sends PPK_IDENTITY back, whatever that holds.
  if (!use.mixed || in.Notify(NotifyType::kPpkIdentity)) return {};
  if (!use.plain) return "the peer does not use the post-quantum key, which is required";
  sa.keying->keys.sk_d = std::move(use.plain->sk_d);
  sa.keying->keys.sk_pi = std::move(use.plain->sk_pi);
  sa.keying->keys.sk_pr = std::move(use.plain->sk_pr);
  use = {};
  return {};
}

PpkClaim PpkClaimIn(const Context& cx, const IkeSa& sa, const Inbound& in) {
  PpkClaim claim{.agreed = sa.answering->ppk, .id = {}, .plain_auth = std::nullopt};
  // Without USE_PPK from both sides these are notifies of no meaning (RFC 7296 3.10.1).
  if (!claim.agreed) return claim;
  if (CountOf(in, NotifyType::kPpkIdentity) == 1) claim.id = ToBytes(in.Notify(NotifyType::kPpkIdentity)->data);
  if (!IsPpkId(claim.id)) claim.id.clear();
  claim.key = cx.ppks.Find(claim.id);
  if (CountOf(in, NotifyType::kNoPpkAuth) == 1) claim.plain_auth = ToBytes(in.Notify(NotifyType::kNoPpkAuth)->data);
  return claim;
}

std::string JudgePpk(const config::Connection& c, const PpkClaim& claim) {
  if (!claim.mixed) {
    if (!c.ppk_required) return {};
    return claim.agreed ? Cat("requires a post-quantum key, and not ", PpkIdToString(claim.id)) : "requires a post-quantum key";
  }
  if (!claim.key) return Cat("knows no post-quantum key ", PpkIdToString(claim.id));
  auto own = ParsePpkId(c.ppk_id);
  return own && *own != claim.id ? Cat("wants the post-quantum key ", PpkIdToString(*own)) : "";
}

void MixPpk(Context& cx, IkeSa& sa, const PpkClaim& claim) {
  if (!claim.mixed) return;
  const SecretBytes nobodys(cx.random.Take(32));
  MixPpk(sa.suite.prf, (claim.key ? *claim.key : nobodys).view(), sa.keying->keys);
  sa.ppk = true;
}

std::string DescribePpk(Context& cx, const IkeSa& sa, const Inbound& in) {
  const bool caller = sa.initiating != nullptr;
  const std::string& configured = sa.connection->ppk_id;
  auto* named = caller ? nullptr : in.Notify(NotifyType::kPpkIdentity);
  if (sa.ppk) return Cat("; with the post-quantum key ", named ? PpkIdToString(named->data) : configured);
  // Between the peers: one of them wished for a key, and the other has not got it.
  if (caller ? !sa.initiating->ppk : !sa.answering->ppk && configured.empty()) return {};
  cx.Bump(Count::kPpkNotUsed);
  const std::string which = named ? PpkIdToString(named->data) : configured;
  cx.Log(Severity::kWarning, sa, Cat("not with the post-quantum key ", which,
                                     named ? ": there is none of that name here for the peer" : ": the peer does not use it"));
  return {};
}

std::string PpkHint(const IkeSa& sa) {
  const bool mixed = sa.initiating ? sa.initiating->ppk_use.mixed : sa.ppk;
  return mixed ? "; or the post-quantum key may differ" : "";
}

}  // namespace culvert::ike
