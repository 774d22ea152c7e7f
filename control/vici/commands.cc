#include "control/vici/commands.h"

#include <charconv>
#include <format>

namespace culvert::control {
namespace {

constexpr struct {
  std::string_view name;
  CommandFunction run;
} kCommands[] = {
    {"version", &ViciVersion},   {"stats", &ViciStats},          {"reload-settings", &ViciReloadSettings},
    {"initiate", &ViciInitiate}, {"terminate", &ViciTerminate},  {"rekey", &ViciRekey},
    {"list-sas", &ViciListSas},  {"list-conns", &ViciListConns}, {"get-conns", &ViciGetConns},
    {"shutdown", &ViciShutdown}, {"address", &ViciAddress},      {"get-pools", &ViciGetPools},
};

constexpr std::string_view kEvents[] = {"list-sa",   "list-conn",    "control-log", "ike-updown",
                                        "ike-rekey", "child-updown", "child-rekey"};

int64_t Number(std::string_view text, int64_t otherwise) {
  int64_t v = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), v);
  return ec == std::errc{} && end == text.data() + text.size() ? v : otherwise;
}

// charon's levels: 0 audit, 1 control, 2 details.
int LogLevel(ike::Severity s) { return s == ike::Severity::kDebug ? 2 : s == ike::Severity::kInfo ? 1 : 0; }

}  // namespace

CommandFunction FindCommand(std::string_view name) {
  for (const auto& c : kCommands) {
    if (c.name == name) return c.run;
  }
  return nullptr;
}

ViciCommands::ViciCommands(ViciWorld world, ViciServer& server) : world_(std::move(world)), server_(server) {}
ViciCommands::~ViciCommands() = default;

bool ViciCommands::Run(ClientId client, const std::string& command, const vici::Section& request) {
  auto* run = FindCommand(command);
  if (!run) return false;
  run(*this, {client, request});
  return true;
}

bool ViciCommands::KnowsEvent(const std::string& event) {
  for (auto known : kEvents) {
    if (known == event) return true;
  }
  return false;
}

void ViciCommands::Succeed(const Call& call) { Respond(call, vici::Section().Add("success", "yes")); }

void ViciCommands::Fail(const Call& call, std::string_view errmsg) {
  Respond(call, vici::Section().Add("success", "no").Add("errmsg", errmsg));
}

ike::RequestId ViciCommands::Await(const Call& call) {
  ClientId client = call.client;
  Waiting w;
  w.loglevel = static_cast<int>(Number(call.request.Get("loglevel"), 1));
  w.request = world_.driver.Open({
      .done = [this, client](const ike::Reply& reply) { Finish(client, reply); },
      .audit =
          [this, client](const ike::Audit& audit) {
            auto it = waiting_.find(client);
            int level = LogLevel(audit.severity);
            if (it == waiting_.end() || level > it->second.loglevel) return;
            vici::Section line;
            line.Add("group", "IKE")
                .Add("level", std::format("{}", level))
                .Add("ikesa-uniqueid", audit.ike)
                .Add("msg", audit.text);
            server_.Emit(client, "control-log", line);
          },
  });
  int64_t timeout = Number(call.request.Get("timeout"), 0);
  if (timeout < 0) {
    ike::RequestId request = w.request;
    world_.driver.Abandon(request);
    Succeed(call);
    return request;
  }
  if (timeout > 0) {
    w.timeout = std::make_unique<LoopTimer>(world_.loop, [this, client] {
      auto node = waiting_.extract(client);
      if (!node) return;
      world_.driver.Abandon(node.mapped().request);
      server_.Respond(client, vici::Section().Add("success", "no").Add("errmsg", "no answer within the timeout, still trying"));
    });
    w.timeout->At(EventLoop::Now() + std::chrono::milliseconds(timeout));
  }
  ike::RequestId request = w.request;
  waiting_.insert_or_assign(client, std::move(w));
  return request;
}

void ViciCommands::Finish(ClientId client, const ike::Reply& reply) {
  if (!waiting_.erase(client)) return;
  vici::Section answer;
  answer.Add("success", reply.ok ? "yes" : "no");
  if (!reply.ok) answer.Add("errmsg", reply.error);
  answer.Add("matches", reply.matches);
  if (reply.ok) answer.Add("terminated", reply.matches);
  server_.Respond(client, answer);
}

void ViciCommands::OnClientGone(ClientId client) {
  if (auto node = waiting_.extract(client)) world_.driver.Abandon(node.mapped().request);
}

void ViciCommands::OnNotice(const ike::Notice& notice) {
  using ike::StateChange;
  bool child = notice.change == StateChange::kChildUp || notice.change == StateChange::kChildDown ||
               notice.change == StateChange::kChildRekeyed;
  bool rekey = notice.change == StateChange::kIkeRekeyed || notice.change == StateChange::kChildRekeyed;
  bool up = notice.change == StateChange::kIkeUp || notice.change == StateChange::kChildUp;
  std::string event = std::format("{}{}", child ? "child" : "ike", rekey ? "-rekey" : "-updown");
  if (!server_.Wanted(event)) return;
  vici::Section message;
  if (up) message.Add("up", "yes");
  for (const auto& sa : world_.driver.core().List()) {
    if (sa.id != notice.ike) continue;
    ike::IkeView shown = sa;
    std::erase_if(shown.children, [&](const ike::ChildView& c) { return c.id != notice.child; });
    AddIkeSa(message, shown, child);
  }
  server_.Broadcast(event, message);
}

}  // namespace culvert::control
