#include "control/vici/commands.h"

namespace culvert::control {
namespace {

std::vector<std::string> OrAny(const std::vector<std::string>& addrs) {
  return addrs.empty() ? std::vector<std::string>{"%any"} : addrs;
}

const char* VersionName(uint8_t v) { return v == 1 ? "IKEv1" : v == 2 ? "IKEv2" : "IKEv1/2"; }

const char* UniqueName(config::Unique u) {
  switch (u) {
    case config::Unique::kNo: return "UNIQUE_NO";
    case config::Unique::kNever: return "UNIQUE_NEVER";
    case config::Unique::kKeep: return "UNIQUE_KEEP";
    case config::Unique::kReplace: return "UNIQUE_REPLACE";
  }
  return "UNIQUE_NO";
}

const char* ClassName(config::AuthKind kind) {
  switch (kind) {
    case config::AuthKind::kPsk: return "pre-shared key";
    case config::AuthKind::kPubkey: return "public key";
    case config::AuthKind::kEap: return "EAP";
    case config::AuthKind::kXauth: return "XAuth";
    case config::AuthKind::kAny: break;
  }
  return "any";
}

void AddRounds(vici::Section& s, const char* prefix, const std::vector<config::AuthRound>& rounds) {
  for (size_t i = 0; i < rounds.size(); ++i) {
    auto& round = s.AddSection(prefix + std::to_string(i + 1));
    round.Add("class", ClassName(rounds[i].kind));
    if (rounds[i].xauth == config::XauthBackend::kRadius) round.Add("xauth", "radius");
    if (!rounds[i].xauth_id.empty()) round.Add("xauth_id", rounds[i].xauth_id);
    if (!rounds[i].id.empty()) round.Add("id", rounds[i].id);
  }
}

std::vector<std::string> Selectors(const std::vector<config::Ts>& list) {
  std::vector<std::string> out;
  for (const auto& ts : list) out.push_back(ts.dynamic ? "dynamic" : ts.selector.ToString());
  return out;
}

}  // namespace

const char* ModeName(config::ChildMode mode) {
  constexpr const char* kNames[] = {"TUNNEL", "TRANSPORT", "PASS", "DROP"};
  return kNames[static_cast<size_t>(mode)];
}

void ViciListConns(ViciCommands& vici, const ViciCommands::Call& call) {
  std::string_view wanted = call.request.Get("ike");
  for (const auto& c : vici.world().control.connections) {
    if (!wanted.empty() && wanted != c.name) continue;
    vici::Section message;
    auto& s = message.AddSection(c.name);
    s.AddList("local_addrs", OrAny(c.local_addrs)).AddList("remote_addrs", OrAny(c.remote_addrs));
    s.Add("version", VersionName(c.version)).Add("unique", UniqueName(c.unique));
    s.Add("reauth_time", static_cast<uint64_t>(c.reauth_time.count()))
        .Add("rekey_time", static_cast<uint64_t>(c.rekey_time.count()));
    if (c.dpd_delay.count()) s.Add("dpd_delay", static_cast<uint64_t>(c.dpd_delay.count()));
    if (!c.ppk_id.empty()) s.Add("ppk_id", c.ppk_id);
    if (c.ppk_required) s.Add("ppk_required", "yes");
    AddRounds(s, "local-", c.local);
    AddRounds(s, "remote-", c.remote);
    auto& children = s.AddSection("children");
    for (const auto& child : c.children) {
      auto& k = children.AddSection(child.name);
      k.Add("mode", ModeName(child.mode)).Add("rekey_time", child.seconds_.rekey).Add("rekey_bytes", child.bytes.rekey);
      k.Add("rekey_packets", child.packets.rekey);
      k.AddList("local-ts", Selectors(child.local_ts)).AddList("remote-ts", Selectors(child.remote_ts));
    }
    vici.Emit(call, "list-conn", message);
  }
  vici.Respond(call, {});
}

void ViciGetConns(ViciCommands& vici, const ViciCommands::Call& call) {
  vici::Section::List names;
  for (const auto& c : vici.world().control.connections) names.push_back(c.name);
  vici.Respond(call, vici::Section().AddList("conns", std::move(names)));
}

}  // namespace culvert::control
