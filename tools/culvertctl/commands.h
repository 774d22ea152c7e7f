#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <string>

namespace culvert::ctl {

struct Context {
  std::string run_dir = "/run/culvert";
  std::string vici_path;
  bool json = false;
};

// Each prints to stdout, or returns why it could not.
absl::Status ShowStatus(const Context& ctx);
absl::Status ShowSas(const Context& ctx);
absl::Status ShowConns(const Context& ctx);
absl::Status ShowPools(const Context& ctx, bool leases);
absl::Status ShowDataplane(const Context& ctx, const std::string& what);  // counters drops ports routes neighbours
absl::Status Reload(const Context& ctx);
// action: add or del.
absl::Status ChangeAddress(const Context& ctx, const std::string& action, const std::string& port, const std::string& address);
// The data plane's SAs of a child or connection, to a worker.
absl::Status MoveSas(const Context& ctx, const std::string& child, uint32_t worker);
absl::Status Shutdown(const Context& ctx, bool delete_sas);

struct Operation {
  std::string ike, child;
  uint64_t ike_id = 0, child_id = 0;
  bool force = false;
  int timeout_s = 60;
};
// initiate, terminate, rekey. What culvert-ike logs of it meanwhile goes to stderr.
absl::Status Operate(const Context& ctx, const char* verb, const Operation& op);

}  // namespace culvert::ctl
