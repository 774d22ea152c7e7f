#include <format>
#include <iostream>

#include "tools/culvertctl/commands.h"
#include "tools/culvertctl/dataplane_client.h"
#include "tools/culvertctl/table.h"
#include "tools/culvertctl/vici_client.h"
#include "tools/culvertctl/vici_json.h"

namespace culvert::ctl {
namespace {

absl::Status RunOne(const Context& ctx, const std::string& command, const vici::Section& request,
                    const std::string& event = {}) {
  auto client = ViciClient::Connect(ctx.vici_path);
  if (!client.ok()) return client.status();
  auto answer = client->Run(command, request, event, [](const vici::Section& line) { std::cerr << line.Get("msg") << "\n"; });
  if (!answer.ok() && !ctx.json) return answer.status();
  if (ctx.json) {
    if (answer.ok()) {
      std::cout << ToJson(*answer).dump() << "\n";
    } else {
      std::cout << nlohmann::ordered_json{{"success", false}, {"error", std::string(answer.status().message())}}.dump() << "\n";
    }
  } else {
    std::cout << command << ": done\n";
  }
  return answer.ok() ? absl::OkStatus() : answer.status();
}

}  // namespace

absl::Status Operate(const Context& ctx, const char* verb, const Operation& op) {
  vici::Section request;
  if (!op.ike.empty()) request.Add("ike", op.ike);
  if (!op.child.empty()) request.Add("child", op.child);
  if (op.ike_id) request.Add("ike-id", op.ike_id);
  if (op.child_id) request.Add("child-id", op.child_id);
  if (op.force) request.Add("force", "yes");
  request.Add("timeout", std::format("{}", op.timeout_s * 1000)).Add("loglevel", "1");
  return RunOne(ctx, verb, request, "control-log");
}

absl::Status Reload(const Context& ctx) { return RunOne(ctx, "reload-settings", {}); }

absl::Status ChangeAddress(const Context& ctx, const std::string& action, const std::string& port, const std::string& address) {
  return RunOne(ctx, "address", vici::Section().Add("action", action).Add("port", port).Add("address", address));
}

absl::Status MoveSas(const Context& ctx, const std::string& child, uint32_t worker) {
  auto answer = AskDataplane(ctx.run_dir + "/dataplane-ctl.sock", {{"move", {{"child", child}, {"worker", worker}}}});
  if (!answer.ok()) return answer.status();
  std::cout << (ctx.json ? answer->dump() + "\n" : LinesOf(*answer));
  return absl::OkStatus();
}

absl::Status Shutdown(const Context& ctx, bool delete_sas) {
  vici::Section request;
  if (delete_sas) request.Add("delete", "yes");
  return RunOne(ctx, "shutdown", request);
}

}  // namespace culvert::ctl
