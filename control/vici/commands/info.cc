#include <sys/utsname.h>

#include "config/schema/values.h"
#include "control/vici/commands.h"

namespace culvert::control {

void ViciVersion(ViciCommands& vici, const ViciCommands::Call& call) {
  utsname host{};
  uname(&host);
  vici::Section answer;
  answer.Add("daemon", "culvert-ike").Add("version", CULVERT_VERSION);
  answer.Add("sysname", host.sysname).Add("release", host.release).Add("machine", host.machine);
  vici.Respond(call, answer);
}

void ViciStats(ViciCommands& vici, const ViciCommands::Call& call) {
  size_t half_open = 0, total = 0, children = 0;
  for (const auto& sa : vici.world().driver.core().List()) {
    ++total;
    half_open += sa.state == "CONNECTING";
    children += sa.children.size();
  }
  vici::Section answer;
  answer.AddSection("ikesas").Add("total", total).Add("half-open", half_open);
  answer.AddSection("childsas").Add("total", children);
  answer.Add("scheduled", vici.world().driver.timers());
  answer.AddSection("queues").Add("high", vici.world().driver.jobs());
  answer.Add("dataplane", vici.world().data_plane_synced() ? "synced" : "not synced");
  vici.Respond(call, answer);
}

void ViciReloadSettings(ViciCommands& vici, const ViciCommands::Call& call) {
  auto status = vici.world().reload();
  if (status.ok()) {
    vici.Succeed(call);
  } else {
    vici.Fail(call, std::string(status.message()));
  }
}

void ViciAddress(ViciCommands& vici, const ViciCommands::Call& call) {
  const std::string action(call.request.Get("action")), port(call.request.Get("port"));
  auto address = config::ParsePortAddress(call.request.Get("address"));
  if (action != "add" && action != "del") return vici.Fail(call, "action: expected add or del");
  if (!address) return vici.Fail(call, "address: expected one with its subnet's length, such as 192.0.2.1/24");
  // The client may have gone by then: the server knows.
  vici.world().change_address(action == "add", port, *address, [&vici, client = call.client](const absl::Status& status) {
    static const vici::Section kNothing;
    const ViciCommands::Call answer{client, kNothing};
    status.ok() ? vici.Succeed(answer) : vici.Fail(answer, std::string(status.message()));
  });
}

void ViciShutdown(ViciCommands& vici, const ViciCommands::Call& call) {
  vici.Succeed(call);
  vici.world().shutdown(call.request.Get("delete") == "yes");
}

}  // namespace culvert::control
