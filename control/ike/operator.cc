#include "control/ike/operator.h"

#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/sa/selection.h"
#include "control/ike/v1/engine.h"
#include "control/ike/v2/child_offer.h"
#include "control/ike/v2/closing.h"
#include "control/ike/v2/sa_init.h"
#include "control/ike/v2/send.h"
#include "control/ike/v2/tasks.h"

namespace culvert::ike {
namespace {

struct Named {
  ConnectionRef connection;
  const config::Child* child = nullptr;   // null: the IKE SA alone
};

// What (connection, child) names; the connection may be left open where the child's name is enough.
std::expected<Named, std::string> Resolve(Context& cx, const std::string& ike, const std::string& child) {
  std::vector<Named> found;
  auto consider = [&](const ConnectionRef& c) {
    const config::Child* named = child.empty() ? nullptr : FindChild(*c, child);
    if (child.empty() || named) found.push_back({c, named});
  };
  const ConnectionRef* c = cx.connections.ByName(ike);
  if (c) consider(*c);
  if (ike.empty() && !child.empty()) std::ranges::for_each(cx.connections.all(), consider);
  if (found.size() == 1) return found.front();
  std::string what = child.empty() ? Cat("connection '", ike, "'") : Cat("child '", child, "'");
  return std::unexpected(Cat(found.empty() ? "there is no " : "more than one connection has a ", what));
}

// A connection that takes either version calls by IKEv2, as charon has it.
void Begin(Context& cx, const Named& what, Task task) {
  if (what.connection->version == 1) {
    if (!cx.version1) return cx.Answer(task.request, "this build does not speak IKEv1");
    return cx.version1->Want(what.connection, std::move(task));
  }
  Tasks tasks;
  tasks.push_back(std::move(task));
  Want(cx, {.connection = what.connection, .tasks = std::move(tasks)});
}

template <typename Command>
Selection Select(Context& cx, const Command& command) {
  return Select(cx.sas, command, [](const IkeSa& sa) { return sa.state == IkeState::kEstablished || sa.initiating; });
}

// Of both versions. False where there are none, which the operator is told.
template <typename Command>
bool ExpectAll(Context& cx, const Command& c, const Selection& s) {
  const size_t all = s.size() + (cx.version1 ? cx.version1->Matches(c) : 0);
  if (all == 0) cx.Emit(Reply{c.request, false, "no matching SAs found", 0});
  if (all > 1) cx.Expect(c.request, static_cast<unsigned>(all));
  return all > 0;
}

bool HasOrAwaits(Context& cx, const ChildName& name) {
  return IsUpOrComing(cx, name) || (cx.version1 && cx.version1->IsUpOrComing(name));
}

void TerminateIke(Context& cx, IkeSa& sa, bool force, RequestId request) {
  if (sa.initiating) {
    cx.Log(Severity::kInfo, sa, "the call is given up", request);
    cx.Answer(request);
    return CloseIke(cx, sa, Why::kOperator);
  }
  if (!force) return Enqueue(cx, sa, {.kind = Task::Kind::kDeleteIke, .request = request}, Where::kFront);
  // The peer is told, once, and not waited for.
  Enqueue(cx, sa, {.kind = Task::Kind::kDeleteIke}, Where::kFront);
  CloseIke(cx, sa, Why::kOperator);
  cx.Answer(request);
}

}  // namespace

void OnInitiate(Context& cx, const Initiate& command) {
  if (cx.ShortOfMemory()) return cx.Answer(command.request, "memory is short");
  auto what = Resolve(cx, command.ike, command.child);
  if (!what) return cx.Answer(command.request, what.error());
  // For an IKE SA alone, that the peer answers is all that is asked.
  Task task{.kind = Task::Kind::kLiveness, .request = command.request};
  if (what->child) task = {.kind = Task::Kind::kNewChild, .child_name = what->child->name, .request = command.request};
  Begin(cx, *what, std::move(task));
}

void OnTerminate(Context& cx, const Terminate& command) {
  Selection s = Select(cx, command);
  if (!ExpectAll(cx, command, s)) return;
  if (cx.version1) cx.version1->OnTerminate(command);
  for (IkeId id : s.ikes) TerminateIke(cx, *cx.sas.Find(id), command.force, command.request);
  for (auto [id, child] : s.children) {
    Task task{.kind = Task::Kind::kDeleteChild, .child = child, .request = command.request, .and_successors = true};
    Enqueue(cx, *cx.sas.Find(id), std::move(task), Where::kFront);
  }
}

void OnRekey(Context& cx, const Rekey& command) {
  Selection s = Select(cx, command);
  if (!ExpectAll(cx, command, s)) return;
  if (cx.version1) cx.version1->OnRekey(command);
  for (IkeId id : s.ikes) Enqueue(cx, *cx.sas.Find(id), {.kind = Task::Kind::kRekeyIke, .request = command.request});
  for (auto [id, child] : s.children) {
    Enqueue(cx, *cx.sas.Find(id), {.kind = Task::Kind::kRekeyChild, .child = child, .request = command.request});
  }
}

void OnTrapHit(Context& cx, const TrapHit& hit) {
  if (cx.ShortOfMemory()) return;   // later packets ask again
  auto what = Resolve(cx, hit.connection, hit.child);
  TriggeringPacket packet{hit.local, hit.remote};
  // One SA for however many packets meet the trap meanwhile.
  if (!what || HasOrAwaits(cx, {.connection = hit.connection, .child = hit.child, .packet = &packet})) return;
  Begin(cx, *what, {.kind = Task::Kind::kNewChild, .child_name = hit.child, .packet = std::move(packet)});
}

void TakeConfig(Context& cx) {
  std::vector<ConnectionRef> connections;
  auto is_shunt = [](const config::Child& child) { return config::IsShunt(child.mode); };
  for (const auto& c : cx.config.connections) {
    // Shunts are the data plane's alone; a connection of nothing else is none for a peer.
    if (!c.children.empty() && std::ranges::all_of(c.children, is_shunt)) continue;
    auto spoken = std::make_shared<config::Connection>(c);
    std::erase_if(spoken->children, is_shunt);
    connections.push_back(std::move(spoken));
  }
  cx.connections = ConnectionTable(std::move(connections));
  cx.psks = auth::PskTable(cx.config.secrets);
  cx.ppks = auth::PpkTable(cx.config.secrets);
  cx.passwords = auth::PasswordTable(cx.config.secrets);
  cx.leases.Reload(cx.config.pools);
}

void OnConfigChanged(Context& cx) {
  TakeConfig(cx);
  for (const auto& c : std::vector<ConnectionRef>(cx.connections.all())) {
    for (const auto& child : c->children) {
      bool start = child.start_action == config::StartAction::kStart || child.start_action == config::StartAction::kTrapStart;
      if (start && !HasOrAwaits(cx, {c->name, child.name})) {
        Begin(cx, {c, &child}, {.kind = Task::Kind::kNewChild, .child_name = child.name});
      }
    }
  }
}

}  // namespace culvert::ike
