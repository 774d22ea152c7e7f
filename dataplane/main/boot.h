#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "config/model.h"
#include "dataplane/main/gateway.h"
#include "drivers/eal/boot.h"
#include "drivers/offload/engines.h"

namespace culvert::dp {

// The queues every port will have, as far as that is known before a device is opened: one of a vdev, one a worker of a NIC.
Topology ExpectedTopology(const config::Dataplane& config);

struct Booted {
  EalMode eal;
  std::unique_ptr<Gateway> gateway;
  std::unique_ptr<offload::Engines> engines;  // of its ports and of crypto devices; ends after what uses them
  bool adaptive = true;
};

// From configuration to a gateway that is ready to Start(): checks the kernel's interfaces, starts DPDK, makes the pool, opens
// the ports, adds addresses and routes. `run_dir` tells gateways of one machine apart. The calling thread becomes main; the
// signals it has blocked stay blocked in every thread made here.
absl::StatusOr<Booted> Boot(const config::Dataplane& config, const std::string& run_dir);

// One gateway lives in a run directory: makes the directory, and holds RUN/dataplane.pid locked with our pid in it while the
// process lives. AlreadyExists where another one does.
absl::Status ClaimRunDir(const std::string& run_dir);

}  // namespace culvert::dp
