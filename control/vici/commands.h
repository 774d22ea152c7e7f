#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "control/runtime/driver.h"
#include "control/vici/server.h"

namespace culvert::control {

// What VICI's commands act on. Borrowed; loop thread only.
struct ViciWorld {
  EventLoop& loop;
  Driver& driver;
  const config::Control& control;
  std::function<absl::Status()> reload;  // re-reads the configuration; on error the old one stays
  std::function<bool()> data_plane_synced;
  // An own address beside culvert.conf's comes or goes; `done` is told once.
  std::function<void(bool add, const std::string& port, const IpPrefix& address, std::function<void(absl::Status)> done)>
      change_address;
  std::function<void(bool delete_sas)> shutdown;  // ends the process; with delete_sas after telling the peers
};

// Dispatches VICI commands, one file under control/vici/commands/ a family. A command answers at once or keeps the client
// waiting (initiate, terminate, rekey) until the core replies or the client's timeout ends.
class ViciCommands {
 public:
  ViciCommands(ViciWorld world, ViciServer& server);
  ~ViciCommands();

  bool Run(ClientId client, const std::string& command, const vici::Section& request);
  static bool KnowsEvent(const std::string& event);
  void OnClientGone(ClientId client);
  void OnNotice(const ike::Notice& notice);

  // For the families.
  struct Call {
    ClientId client;
    const vici::Section& request;
  };
  ViciWorld& world() { return world_; }
  void Respond(const Call& call, const vici::Section& message) { server_.Respond(call.client, message); }
  void Emit(const Call& call, const std::string& event, const vici::Section& message) {
    server_.Emit(call.client, event, message);
  }
  void Succeed(const Call& call);
  void Fail(const Call& call, std::string_view errmsg);
  // Opens a request with the core, streams its audit lines as control-log, and answers when the core replies or
  // `timeout` of the request (ms: 0 for ever, negative at once) ends.
  ike::RequestId Await(const Call& call);

 private:
  struct Waiting {
    ike::RequestId request = 0;
    int loglevel = 1;
    std::unique_ptr<LoopTimer> timeout;
  };
  void Finish(ClientId client, const ike::Reply& reply);

  ViciWorld world_;
  ViciServer& server_;
  std::map<ClientId, Waiting> waiting_;
};

using CommandFunction = void (*)(ViciCommands&, const ViciCommands::Call&);
CommandFunction FindCommand(std::string_view name);  // nullptr: CMD_UNKNOWN

// The families; each is declared here and stands in its own file.
void ViciVersion(ViciCommands& vici, const ViciCommands::Call& call);
void ViciStats(ViciCommands& vici, const ViciCommands::Call& call);
void ViciReloadSettings(ViciCommands& vici, const ViciCommands::Call& call);
void ViciShutdown(ViciCommands& vici, const ViciCommands::Call& call);  // ours: {delete = yes}
void ViciAddress(ViciCommands& vici, const ViciCommands::Call& call);   // ours: {action = add|del port = P address = A/N}
void ViciInitiate(ViciCommands& vici, const ViciCommands::Call& call);
void ViciTerminate(ViciCommands& vici, const ViciCommands::Call& call);
void ViciRekey(ViciCommands& vici, const ViciCommands::Call& call);
void ViciListSas(ViciCommands& vici, const ViciCommands::Call& call);
void ViciListConns(ViciCommands& vici, const ViciCommands::Call& call);
void ViciGetConns(ViciCommands& vici, const ViciCommands::Call& call);
void ViciGetPools(ViciCommands& vici, const ViciCommands::Call& call);

const char* ModeName(config::ChildMode mode);  // TUNNEL, TRANSPORT, PASS, DROP

// One IKE SA as list-sa, ike-updown and child-updown carry it: adds a section named by its connection.
void AddIkeSa(vici::Section& to, const ike::IkeView& sa, bool with_children);

}  // namespace culvert::control
