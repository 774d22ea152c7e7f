#pragma once

#include <absl/status/status.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "common/vici/message.h"
#include "control/runtime/event_loop.h"

namespace culvert::control {

inline constexpr size_t kMaxViciClients = 32;                  // hostile.md D22
inline constexpr std::chrono::seconds kViciPartialTimeout{5};  // a record begun must end within this
inline constexpr size_t kMaxViciBacklog = 8 * 1024 * 1024;     // octets queued to a client that does not read

using ClientId = uint64_t;

// The UNIX stream socket of the VICI protocol: clients, records, events. What a command means is CommandHandler's.
// One thread, the loop's.
class ViciServer {
 public:
  // Asked once per command request. The answer goes out by Respond(client, ...), now or later; a client has one command in
  // flight. False: no such command (CMD_UNKNOWN is sent).
  using CommandHandler = std::function<bool(ClientId client, const std::string& command, const vici::Section& request)>;
  using EventKnown = std::function<bool(const std::string& event)>;
  using ClientGone = std::function<void(ClientId client)>;
  struct Handlers {
    CommandHandler command;
    EventKnown event_known;
    ClientGone gone;
  };

  ViciServer(EventLoop& loop, Handlers handlers);
  ~ViciServer();

  // Binds and listens on `path` (a stale socket of a dead process is replaced; a live one is an error). Root and `uid` may
  // connect.
  absl::Status Listen(const std::string& path, uid_t uid);

  void Respond(ClientId client, const vici::Section& response);                        // a client that has gone: nothing
  void Emit(ClientId client, const std::string& event, const vici::Section& message);  // if it registered for the event
  void Broadcast(const std::string& event, const vici::Section& message);
  bool Wanted(const std::string& event) const;  // is anyone registered for it?
  size_t clients() const { return clients_.size(); }

 private:
  struct Client;
  void Accept();
  void OnReady(ClientId id, int events);
  bool Receive(Client& c);
  bool Handle(Client& c, const vici::Packet& packet);
  void Queue(Client& c, const vici::Packet& packet);
  bool Flush(Client& c);
  void Close(ClientId id, const char* why);
  void Sweep();

  EventLoop& loop_;
  Handlers handlers_;
  std::string path_;
  uid_t uid_ = 0;
  int listen_fd_ = -1;
  std::unique_ptr<FdWatch> listen_watch_;
  std::unique_ptr<LoopTimer> sweep_;
  std::map<ClientId, std::unique_ptr<Client>> clients_;
  ClientId next_client_ = 1;
};

}  // namespace culvert::control
