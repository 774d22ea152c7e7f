#include "control/ike/v2/uniqueness.h"

#include "control/ike/v2/closing.h"
#include "control/ike/v2/tasks.h"

namespace culvert::ike {
namespace {

bool SamePair(const IkeSa& a, const IkeSa& b) { return a.remote_id == b.remote_id && a.local_id == b.local_id; }

// Others with the same peer, replaced ones left out: they are on their way anyway.
std::vector<IkeSa*> Others(Context& cx, const IkeSa& sa) {
  std::vector<IkeSa*> others;
  cx.sas.ForEach([&](IkeSa& o) {
    if (&o != &sa && o.state == IkeState::kEstablished && SamePair(o, sa)) others.push_back(&o);
  });
  return others;
}

}  // namespace

bool IsInitialContact(Context& cx, const IkeSa& sa) {
  if (sa.connection->unique == config::Unique::kNever) return false;
  return cx.sas.FindIf([&](const IkeSa& o) {
    return &o != &sa && o.secured() && o.connection->name == sa.connection->name && o.local_id == sa.local_id;
  }) == nullptr;
}

bool AdmitUnique(Context& cx, IkeSa& sa, bool initial_contact) {
  config::Unique unique = sa.connection->unique;
  // `never`: several devices share the identity, and one's INITIAL_CONTACT says nothing of the others.
  if (unique == config::Unique::kNever) return true;
  std::vector<IkeSa*> others = Others(cx, sa);
  if (initial_contact) {
    // RFC 7296 2.4: the peer has none of them any more; a Delete would find nobody.
    for (IkeSa* o : others) CloseIke(cx, *o, Why::kReplaced);
    return true;
  }
  if (unique == config::Unique::kKeep) return others.empty();
  if (unique == config::Unique::kReplace) {
    for (IkeSa* o : others) Enqueue(cx, *o, {.kind = Task::Kind::kDeleteIke}, Where::kFront);
  }
  return true;
}

}  // namespace culvert::ike
