#pragma once

#include <utility>
#include <vector>

#include "control/ike/event.h"

namespace culvert::ike {

// SAs of one version that a command means, by ids or by names. Ids, because carrying the command out may end some of them.
struct Selection {
  std::vector<IkeId> ikes;
  std::vector<std::pair<IkeId, ChildId>> children;
  size_t size() const { return ikes.size() + children.size(); }
};

// `sas` is a SaRegistry, `command` a Terminate or a Rekey, `counts(sa)` says whether that IKE SA may be meant at all. One id or
// name says where to look: all are asked only for a child's name alone.
template <typename Registry, typename Command, typename Counts>
Selection Select(Registry& sas, const Command& command, Counts counts) {
  Selection s;
  const bool wants_children = command.child_id != 0 || !command.child.empty();
  const bool names_ike = command.ike_id != 0 || !command.ike.empty();
  auto consider = [&](auto& sa) {
    if (!counts(sa)) return;
    if (command.ike_id != 0 && sa.id != command.ike_id) return;
    if (!command.ike.empty() && (!sa.connection || sa.connection->name != command.ike)) return;
    if (!wants_children && names_ike) s.ikes.push_back(sa.id);
    if (!wants_children) return;
    for (const auto& child : sa.children) {
      const bool named = (command.child_id == 0 || child->id == command.child_id) &&
                         (command.child.empty() || child->name() == command.child);
      if (named && child->live()) s.children.push_back({sa.id, child->id});
    }
  };
  if (command.ike_id != 0 || command.child_id != 0) {
    auto* sa = command.ike_id != 0 ? sas.Find(command.ike_id) : sas.OwnerOf(command.child_id);
    if (sa) consider(*sa);
  } else if (!command.ike.empty()) {
    sas.FindOfConnection(command.ike, [&](auto& sa) { return consider(sa), false; });
  } else {
    sas.ForEach(consider);
  }
  return s;
}

}  // namespace culvert::ike
