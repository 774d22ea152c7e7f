#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dataplane/main/control_socket.h"
#include "dataplane/main/gateway.h"
#include "dataplane/main/watch_parts.h"
#include "dataplane/main/watch_report.h"
#include "dataplane/main/watch_request.h"

namespace culvert::dp {

// Watching, as operators ask for it by {"watch": {...}}: arms the workers, tells the client what they see, and disarms them
// when enough has been seen, the time is over or the client is gone. One at a time. The answer's lines:
//
//   {"watching": {...}}      what is being watched; the interfaces of a capture
//   {"packet": ...}          trace: PathReport
//   {"frame": {...}}         capture: FrameReports
//   {"stages": {...}}        stages: StagesReport
//   {"end": {"why", "packets", "missed", "hidden"}}
//
// Main thread.
class WatchService final : public Streamer {
 public:
  // All borrowed. The database may be null: no SA has a name.
  WatchService(Gateway& gateway, const SaDatabase* database, ControlSocket& control);
  ~WatchService() override;  // the workers have ended

  std::string Begin(const Asker& who, const nlohmann::json& question) override;
  void Gone(uint64_t client) override;
  bool Poll();          // takes what workers have seen. True: there may be more
  void Tick(Time now);  // some times a second

 private:
  struct Session;
  void Arm();
  void Disarm(const char* why);
  void Announce();
  bool Drain(unsigned most);  // of each worker; true: found something
  void Tell(std::span<PathPart* const> parts);
  void RenewFilter();
  void Close();         // every worker has let go

  Gateway& gateway_;
  const SaDatabase* const database_;
  ControlSocket& control_;
  std::unique_ptr<Session> session_;  // null: nobody watches
};

}  // namespace culvert::dp
