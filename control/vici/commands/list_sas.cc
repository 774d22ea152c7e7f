#include <format>

#include "control/vici/commands.h"

namespace culvert::control {
namespace {

// Seconds from now, never negative: VICI tells ages and times left, not points in time.
uint64_t Seconds(Duration d) {
  return d < Duration::zero() ? 0 : static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(d).count());
}

template <typename T>
std::vector<std::string> Strings(const std::vector<T>& list) {
  std::vector<std::string> out;
  for (const T& t : list) out.push_back(t.ToString());
  return out;
}

void AddCipher(vici::Section& s, EncrId encr, uint16_t key_bits, IntegId integ) {
  if (encr != EncrId::kNone) s.Add("encr-alg", Name(encr));
  if (auto* row = Find(encr); row && !row->fixed_key) s.Add("encr-keysize", key_bits);
  if (integ != IntegId::kNone) s.Add("integ-alg", Name(integ));
}

void AddChildSa(vici::Section& to, const ike::ChildView& child, Time now) {
  auto& s = to.AddSection(std::format("{}-{}", child.name, child.id));
  s.Add("name", child.name).Add("uniqueid", child.id).Add("reqid", child.reqid).Add("state", child.state);
  s.Add("mode", ModeName(child.mode)).Add("protocol", child.protocol == IpsecProtocol::kAh ? "AH" : "ESP");
  if (child.udp_encap) s.Add("encap", "yes");
  s.Add("spi-in", std::format("{:08x}", child.spi_in)).Add("spi-out", std::format("{:08x}", child.spi_out));
  AddCipher(s, child.suite.encr, child.suite.encr_key_bits, child.suite.integ);
  if (child.group != KeGroup::kNone) s.Add("dh-group", Name(child.group));
  if (child.suite.esn) s.Add("esn", "1");
  if (child.rekey_at != Time{}) s.Add("rekey-time", Seconds(child.rekey_at - now));
  if (child.expires_at != Time{}) s.Add("life-time", Seconds(child.expires_at - now));
  s.Add("install-time", Seconds(now - child.installed));
  s.AddList("local-ts", Strings(child.local_ts)).AddList("remote-ts", Strings(child.remote_ts));
}

bool Selected(const vici::Section& request, std::string_view name_key, std::string_view id_key, std::string_view name,
              uint64_t id) {
  std::string_view wanted = request.Get(name_key), wanted_id = request.Get(id_key);
  return (wanted.empty() || wanted == name) && (wanted_id.empty() || wanted_id == std::format("{}", id));
}

}  // namespace

void AddIkeSa(vici::Section& to, const ike::IkeView& sa, bool with_children) {
  Time now = EventLoop::Now();
  auto& s = to.AddSection(sa.connection);
  s.Add("uniqueid", sa.id).Add("version", sa.version).Add("state", sa.state);
  s.Add("local-host", sa.local.address.ToString()).Add("local-port", sa.local.port).Add("local-id", sa.local_id);
  s.Add("remote-host", sa.remote.address.ToString()).Add("remote-port", sa.remote.port).Add("remote-id", sa.remote_id);
  if (!sa.remote_user.empty()) s.Add("remote-xauth-id", sa.remote_user);
  if (sa.initiator) s.Add("initiator", "yes");
  s.Add("initiator-spi", std::format("{:016x}", sa.spi_i)).Add("responder-spi", std::format("{:016x}", sa.spi_r));
  if (sa.nat_local) s.Add("nat-local", "yes");
  if (sa.nat_remote) s.Add("nat-remote", "yes");
  if (sa.nat_local || sa.nat_remote) s.Add("nat-any", "yes");
  if (sa.suite.encr != EncrId::kNone) {
    AddCipher(s, sa.suite.encr, sa.suite.encr_key_bits, sa.suite.integ);
    s.Add("prf-alg", Name(sa.suite.prf)).Add("dh-group", Name(sa.suite.group));
  }
  if (sa.ppk) s.Add("ppk", "yes");
  if (sa.established != Time{}) s.Add("established", Seconds(now - sa.established));
  if (sa.rekey_at != Time{}) s.Add("rekey-time", Seconds(sa.rekey_at - now));
  if (sa.reauth_at != Time{}) s.Add("reauth-time", Seconds(sa.reauth_at - now));
  if (!sa.local_vips.empty()) s.AddList("local-vips", Strings(sa.local_vips));
  if (!sa.remote_vips.empty()) s.AddList("remote-vips", Strings(sa.remote_vips));
  if (!with_children) return;
  auto& children = s.AddSection("child-sas");
  for (const auto& child : sa.children) AddChildSa(children, child, now);
}

void ViciListSas(ViciCommands& vici, const ViciCommands::Call& call) {
  for (auto& sa : vici.world().driver.core().List()) {
    if (!Selected(call.request, "ike", "ike-id", sa.connection, sa.id)) continue;
    size_t before = sa.children.size();
    std::erase_if(sa.children,
                  [&](const ike::ChildView& c) { return !Selected(call.request, "child", "child-id", c.name, c.id); });
    if (sa.children.empty() && before && (call.request.Has("child") || call.request.Has("child-id"))) continue;
    vici::Section message;
    AddIkeSa(message, sa, true);
    vici.Emit(call, "list-sa", message);
  }
  vici.Respond(call, {});
}

}  // namespace culvert::control
