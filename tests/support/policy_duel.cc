#include "tests/support/policy_duel.h"

#include <set>
#include <sstream>

namespace culvert::testing {
namespace {

dp::Flow FlowOf(const SlowPacket& p) {
  dp::Flow f;
  f.source = dp::WideAddress::Of(p.source);
  f.destination = dp::WideAddress::Of(p.destination);
  f.family = static_cast<uint8_t>(p.source.family);
  f.protocol = p.protocol;
  f.ports_known = p.source_port.has_value();
  f.source_port = p.source_port.value_or(0);
  f.destination_port = p.destination_port.value_or(0);
  return f;
}

std::string Text(const SlowRule* r) {
  if (r == nullptr) return "none";
  std::ostringstream out;
  out << "#" << r->id << " rank " << r->rank << " if_id " << r->if_id_in << "/" << r->if_id_out << " " << ToString(r->local)
      << " === " << ToString(r->remote);
  return out.str();
}

}  // namespace

bool PolicyDuel::Add(SlowRule rule) {
  rule.id = next_id_;
  auto policy = std::make_unique<const dp::Policy>(rule.id, static_cast<uint32_t>(rule.id), rule.rank,
                                                   channel::PolicyAction::kProtect, false,
                                                   dp::Policy::Tunnels{rule.if_id_in, rule.if_id_out},
                                                   dp::SelectorSet(rule.local, rule.remote));
  if (!dp::Spd::Fits(*policy)) return false;
  ++next_id_;
  spd_.Add(*policy);
  policies_[rule.id] = std::move(policy);
  rules_.push_back(std::move(rule));
  return true;
}

void PolicyDuel::Remove(size_t position) {
  const uint64_t id = rules_[position].id;
  spd_.Remove(*policies_.at(id));
  policies_.erase(id);
  rules_.erase(rules_.begin() + static_cast<ptrdiff_t>(position));
}

std::string PolicyDuel::Disagreement(const SlowPacket& packet) const {
  const dp::Flow flow = FlowOf(packet);
  std::set<uint32_t> tunnels{0, 1};
  for (const SlowRule& r : rules_) tunnels.insert({r.if_id_in, r.if_id_out});
  for (uint32_t if_id : tunnels) {
    for (bool inbound : {false, true}) {
      const dp::Policy* fast = inbound ? spd_.FindInbound(flow, if_id) : spd_.FindOutbound(flow, if_id);
      const SlowRule* slow = FindSlowly(rules_, packet, inbound, if_id);
      if ((fast ? fast->id : 0) == (slow ? slow->id : 0)) continue;
      std::ostringstream out;
      out << (inbound ? "inbound" : "outbound") << " of if_id " << if_id << ": #" << (fast ? fast->id : 0) << ", slowly "
          << Text(slow) << ", for protocol " << int{packet.protocol} << " " << packet.source.ToString() << " > "
          << packet.destination.ToString();
      return out.str();
    }
  }
  return "";
}

bool PolicyDuel::Taken(const SlowPacket& packet) const {
  return FindSlowly(rules_, packet, false, 0) != nullptr || FindSlowly(rules_, packet, true, 0) != nullptr;
}

}  // namespace culvert::testing
