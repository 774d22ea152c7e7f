#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace culvert {

// How DPDK's environment is to be started. One per process, ever: rte_eal_init cannot be repeated.
struct EalOptions {
  enum class Pages : uint8_t { kAuto, kNo, kYes };
  std::vector<unsigned> worker_cores;     // CPU numbers; worker i is lcore i + 1
  Pages pages = Pages::kAuto;
  uint32_t memory_mib = 256;              // what pools and rings will take
  std::vector<std::string> devices;       // PCI addresses or vdev arguments, as configured
  std::string file_prefix = "culvert";    // tells two gateways of one machine apart
};

struct EalMode {
  bool hugepages = false;
  uint32_t free_mib = 0;                  // of hugepages, when it was decided
  std::vector<std::string> arguments;     // as given to rte_eal_init
};

// "net_af_xdp0,iface=veth1" is a vdev, "0000:3b:00.0" is not.
bool IsVdev(const std::string& device);
// The name DPDK knows the device by: what stands before the first comma.
std::string DeviceName(const std::string& device);

// Hugepages free for use now, all sizes and nodes, in MiB.
uint32_t FreeHugepagesMib();

// The arguments for rte_eal_init, without calling it. With Pages::kAuto hugepages are used where `free_mib` has room.
EalMode PlanEal(const EalOptions& options, uint32_t free_mib);

// Starts the environment. The calling thread becomes the main lcore; it floats over the cores that no worker polls.
absl::StatusOr<EalMode> BootEal(const EalOptions& options);

}  // namespace culvert
