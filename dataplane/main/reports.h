#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "dataplane/main/control_socket.h"
#include "dataplane/main/gateway.h"
#include "dataplane/main/worker_loads.h"
#include "dataplane/sa/database.h"
#include "drivers/offload/engines.h"

namespace culvert::dp {

// What the process is, for "status".
struct ProcessFacts {
  Time started{};
  bool hugepages = false;
  std::string eal;             // arguments DPDK was started with
  std::string idle;            // "poll" or "adaptive"
  std::string crypto;          // IPsec-MB's version and architecture; empty where none is linked
  const offload::Engines* engines = nullptr;  // borrowed
  bool lab = false;            // static keys in counter mode are admitted
  const WorkerLoads* loads = nullptr;         // borrowed
};

// The JSON of RUN/dataplane-ctl.sock: counters, ports, routes, neighbours, sas, status, tunnels, engines, workers. `database`
// may be null: a plain router. Everything is borrowed.
std::map<std::string, ControlSocket::Answer> Reports(Gateway& gateway, SaDatabase* database, const ProcessFacts& facts);

}  // namespace culvert::dp
