#pragma once

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <rte_errno.h>

#include <string>

// How failures of DPDK devices are told.
namespace culvert {

// `rc`: a negative errno.
inline absl::Status Failed(const std::string& port, const std::string& what, int rc) {
  return absl::UnavailableError(absl::StrCat("port ", port, ": ", what, ": ", rte_strerror(-rc)));
}

// What starting it is, for the operator: memif says no more than that it failed.
inline std::string StartOf(const std::string& device) {
  return device.starts_with("net_memif") ? "start (of a memif client: nobody listens at its socket yet?)" : "start";
}

}  // namespace culvert
