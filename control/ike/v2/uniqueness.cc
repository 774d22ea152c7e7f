#include "control/ike/v2/uniqueness.h"

#include <algorithm>

#include "control/ike/v2/child_install.h"
#include "control/ike/v2/closing.h"
#include "control/ike/v2/reauth.h"
#include "control/ike/v2/tasks.h"

namespace culvert::ike {
namespace {

// Others with the same peer, replaced ones left out: they are on their way anyway.
std::vector<IkeSa*> Others(Context& cx, const IkeSa& sa) {
  std::vector<IkeSa*> others = cx.sas.OthersLike(sa);
  std::erase_if(others, [](const IkeSa* o) { return o->state != IkeState::kEstablished; });
  return others;
}

bool CoversEach(const SelectorList& outer, const SelectorList& inner) {
  return std::ranges::all_of(inner, [&](const TrafficSelector& i) {
    return std::ranges::any_of(outer, [&](const TrafficSelector& o) { return o.Covers(i); });
  });
}

// Of `from`'s children the one that `successor` takes the place of.
ChildSa* PredecessorIn(IkeSa& from, const ChildSa& successor) {
  for (const auto& c : from.children) {
    bool same = c->live() && c->name() == successor.name() && c->connection->name == successor.connection->name;
    if (same && CoversEach(successor.local_ts, c->local_ts) && CoversEach(successor.remote_ts, c->remote_ts)) return c.get();
  }
  return nullptr;
}

}  // namespace

bool IsInitialContact(Context& cx, const IkeSa& sa) {
  if (sa.connection->unique == config::Unique::kNever) return false;
  return !cx.sas.FindOfConnection(sa.connection->name, [&](const IkeSa& o) {
    return &o != &sa && o.secured() && o.local_id == sa.local_id;
  });
}

bool AdmitUnique(Context& cx, IkeSa& sa, bool initial_contact, std::vector<IkeId>& abandoned) {
  config::Unique unique = sa.connection->unique;
  // `never`: several devices share the identity, and one's INITIAL_CONTACT says nothing of the others.
  if (unique == config::Unique::kNever) return true;
  if (unique == config::Unique::kNo && !initial_contact) return true;
  std::vector<IkeSa*> others = Others(cx, sa);
  if (initial_contact) {
    // RFC 7296 2.4: the peer has none of them any more; a Delete would find nobody.
    for (IkeSa* o : others) abandoned.push_back(o->id);
    return true;
  }
  auto again = [&sa](const IkeSa* o) { return LooksLikeReauth(*o, sa); };
  if (unique == config::Unique::kKeep) return std::ranges::all_of(others, again);
  if (unique == config::Unique::kReplace) {
    for (IkeSa* o : others) {
      const Time at = again(o) ? cx.now + kReplaceGrace : Time{};
      Enqueue(cx, *o, {.kind = Task::Kind::kDeleteIke, .not_before = at}, Where::kFront);
    }
  }
  return true;
}

void CloseAbandoned(Context& cx, IkeSa& sa, const std::vector<IkeId>& abandoned, ChildSa* successor) {
  for (IkeId id : abandoned) {
    IkeSa* old = cx.sas.Find(id);
    if (!old) continue;
    ChildSa* child = successor && successor->replaces == 0 ? PredecessorIn(*old, *successor) : nullptr;
    if (child) HandOver(cx, *old, *child, sa, *successor);
    CloseIke(cx, *old, Why::kReplaced);
  }
}

}  // namespace culvert::ike
