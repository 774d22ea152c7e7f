#include <absl/log/log.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "common/base/log.h"
#include "common/base/memory_reserve.h"
#include "config/check.h"
#include "config/load.h"
#include "control/auth/credentials.h"
#include "control/daemon.h"
#include "control/ike/crypto/openssl_memory.h"
#include "control/ike/crypto/self_test.h"
#include "control/ike/identity.h"

namespace {

constexpr int kExitUnavailable = 69;  // EX_UNAVAILABLE

// The files that the configuration names are part of it.
int Check(const std::string& dir) {
  culvert::config::Complaints complaints;
  auto control = culvert::config::LoadControl(dir, culvert::ike::CheckIdentity, complaints);
  if (control) (void)culvert::auth::Credentials::Load(*control, complaints);
  return culvert::config::PrintComplaints(complaints, std::cerr);
}

}  // namespace

int main(int argc, char** argv) {
  culvert::control::Daemon::Options options;
  bool check = false;
  int verbosity = 0;
  CLI::App app{"Negotiates IPsec security associations and installs them in culvert-dataplane.", "culvert-ike"};
  app.set_version_flag("--version", CULVERT_VERSION);
  app.add_option("--config", options.config_dir, "directory of culvert.conf")->capture_default_str();
  app.add_option("--run", options.run_dir, "directory of sockets and pid file")->capture_default_str();
  app.add_flag("--check", check, "validate the configuration and exit; 78 on errors");
  app.add_option("--keylog", options.keylog, "write every key for Wireshark into this file or directory (labs only)");
  std::string udp;
  app.add_option("--udp", udp, "IKE on UDP sockets of this address, no data plane: Child SAs protect nothing (labs only)")
      ->check([](const std::string& text) { return culvert::IpAddress::Parse(text) ? "" : "no IP address"; });
  app.add_option("--verbose,-v", verbosity, "1: also debug lines");
  CLI11_PARSE(app, argc, argv);
  if (!udp.empty()) options.udp = culvert::IpAddress::Parse(udp);

  if (check) return Check(options.config_dir);
  culvert::StartLogging("culvert-ike", verbosity);
  culvert::HardenProcess();
  culvert::MemoryReserve::Install();
  if (!culvert::ike::PutReserveBehindOpenssl()) LOG(WARNING) << "OpenSSL has allocated already: it has no memory in reserve";
  if (auto wrong = culvert::ike::RunSelfTest()) {
    LOG(ERROR) << "self-test failed, refusing to start: " << *wrong;
    return kExitUnavailable;
  }
  auto daemon = culvert::control::Daemon::Create(options);
  if (!daemon.ok()) {
    LOG(ERROR) << daemon.status().message();
    return absl::IsInvalidArgument(daemon.status()) ? culvert::config::kExitConfig : kExitUnavailable;
  }
  (*daemon)->Run();
  return 0;
}
