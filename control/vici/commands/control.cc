#include <charconv>

#include "control/vici/commands.h"

namespace culvert::control {
namespace {

uint64_t Id(const vici::Section& request, std::string_view key) {
  std::string_view text = request.Get(key);
  uint64_t v = 0;
  std::from_chars(text.data(), text.data() + text.size(), v);
  return v;
}

}  // namespace

void ViciInitiate(ViciCommands& vici, const ViciCommands::Call& call) {
  std::string ike(call.request.Get("ike")), child(call.request.Get("child"));
  if (ike.empty() && child.empty()) return vici.Fail(call, "missing configuration name: give child, ike or both");
  vici.world().driver.Post(ike::Initiate{vici.Await(call), ike, child});
}

void ViciTerminate(ViciCommands& vici, const ViciCommands::Call& call) {
  ike::Terminate t;
  t.ike = call.request.Get("ike");
  t.child = call.request.Get("child");
  t.ike_id = Id(call.request, "ike-id");
  t.child_id = Id(call.request, "child-id");
  t.force = call.request.Get("force") == "yes";
  if (t.ike.empty() && t.child.empty() && !t.ike_id && !t.child_id)
    return vici.Fail(call, "missing terminate selector: child, ike, child-id or ike-id");
  t.request = vici.Await(call);
  vici.world().driver.Post(std::move(t));
}

void ViciRekey(ViciCommands& vici, const ViciCommands::Call& call) {
  ike::Rekey r;
  r.ike = call.request.Get("ike");
  r.child = call.request.Get("child");
  r.ike_id = Id(call.request, "ike-id");
  r.child_id = Id(call.request, "child-id");
  if (r.ike.empty() && r.child.empty() && !r.ike_id && !r.child_id)
    return vici.Fail(call, "missing rekey selector: child, ike, child-id or ike-id");
  r.request = vici.Await(call);
  vici.world().driver.Post(std::move(r));
}

}  // namespace culvert::control
