#pragma once

#include <absl/status/statusor.h>

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "config/model.h"
#include "control/auth/credentials.h"
#include "control/ike/crypto/random.h"
#include "control/runtime/driver.h"
#include "control/runtime/event_loop.h"
#include "control/runtime/privileges.h"
#include "control/sadb/sadb.h"
#include "control/udp/udp_plane.h"
#include "control/vici/commands.h"
#include "control/vici/server.h"

namespace culvert::control {

// culvert-ike, wired: configuration, protocol core, data plane, operator's socket, signals. One instance a process.
class Daemon {
 public:
  struct Options {
    std::string config_dir = "/etc/culvert";
    std::string run_dir = "/run/culvert";
    std::string keylog;  // file or directory; empty: off
    std::optional<IpAddress> udp;  // no data plane: UDP sockets of this address (udp/udp_plane.h)
  };

  // Everything that needs root happens here; when it returns, root is given up. InvalidArgument: the configuration has
  // errors, which are logged.
  static absl::StatusOr<std::unique_ptr<Daemon>> Create(const Options& options);
  ~Daemon();

  void Run();  // until SIGTERM, SIGINT or the operator's shutdown

 private:
  explicit Daemon(const Options& options);
  // Configuration and credentials together: both, or neither.
  absl::Status Load(config::Control& into, std::shared_ptr<const auth::Credentials>& credentials);
  absl::Status Start();
  // What was loaded besides the configuration, to the core.
  void HandOver();
  absl::Status OpenDataPlane();
  void WatchDataPlane();
  absl::Status Reload();
  void ChangeAddress(bool add, const std::string& port, const IpPrefix& address, std::function<void(absl::Status)> done);
  void Shutdown(bool delete_sas);
  void PollDataPlane();

  Options options_;
  config::Control control_;
  std::shared_ptr<auth::Revocation> revocation_ = auth::RevocationByHttp();
  std::shared_ptr<const auth::Credentials> credentials_;
  EventLoop loop_;
  ike::SystemRandom random_;
  std::shared_ptr<std::atomic<bool>> stopping_ = std::make_shared<std::atomic<bool>>(false);   // seen by helper threads
  std::unique_ptr<sadb::Sadb> sadb_;  // or, without a data plane:
  std::unique_ptr<UdpPlane> udp_;
  std::unique_ptr<Driver> driver_;
  std::unique_ptr<FdWatch> sadb_watch_;
  std::unique_ptr<ViciServer> vici_server_;
  std::unique_ptr<ViciCommands> vici_;
  std::list<SignalWatch> signals_;
  std::unique_ptr<LoopTimer> shutdown_timer_;
  size_t deletes_pending_ = 0;
  bool told_core_ = false;  // of its configuration
};

}  // namespace culvert::control
