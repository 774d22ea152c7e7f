#include "drivers/eal/boot.h"

#include <absl/log/log.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace culvert {
namespace {

// CPUs this process may use, without the workers'; all of them where nothing would be left.
std::vector<unsigned> FloatingCores(const std::vector<unsigned>& workers) {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<unsigned> all, rest;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return {0};
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &set)) continue;
    all.push_back(cpu);
    if (std::ranges::find(workers, cpu) == workers.end()) rest.push_back(cpu);
  }
  return rest.empty() ? all : rest;
}

std::string LcoreMap(const std::vector<unsigned>& workers) {
  std::string map = absl::StrCat("0@(", absl::StrJoin(FloatingCores(workers), ","), ")");
  for (size_t i = 0; i < workers.size(); ++i) absl::StrAppend(&map, ",", i + 1, "@", workers[i]);
  return map;
}

// DPDK's log lines become ours. What it says is at least a warning: --log-level above.
ssize_t LogLine(void*, const char* text, size_t size) {
  std::string_view line(text, size);
  while (line.ends_with('\n')) line.remove_suffix(1);
  if (!line.empty()) LOG(WARNING) << "dpdk: " << std::string(line);
  return static_cast<ssize_t>(size);
}

void RedirectLog() {
  cookie_io_functions_t io{.read = nullptr, .write = LogLine, .seek = nullptr, .close = nullptr};
  FILE* stream = fopencookie(nullptr, "w", io);
  if (stream == nullptr) return;
  setvbuf(stream, nullptr, _IOLBF, 0);
  rte_openlog_stream(stream);
}

// The libraries under af_xdp speak to stderr about what is normal here. A dispatcher lets several XDP programs share an
// interface: a gateway's port belongs to the gateway.
void QuietXdp() {
  setenv("LIBBPF_LOG_LEVEL", "warn", 0);
  setenv("LIBXDP_SKIP_DISPATCHER", "1", 0);
}

}  // namespace

bool IsVdev(const std::string& device) { return device.starts_with("net_") || device.starts_with("eth_"); }

std::string DeviceName(const std::string& device) { return device.substr(0, device.find(',')); }

uint32_t FreeHugepagesMib() {
  uint64_t kib = 0;
  std::error_code none;
  for (const auto& d : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", none)) {
    // "hugepages-2048kB"
    std::string name = d.path().filename();
    std::string digits = name.substr(name.find('-') + 1);
    uint64_t size, count;
    if (!absl::SimpleAtoi(digits.substr(0, digits.find('k')), &size)) continue;
    if (std::ifstream file(d.path() / "free_hugepages"); file >> count) kib += size * count;
  }
  return static_cast<uint32_t>(kib / 1024);
}

EalMode PlanEal(const EalOptions& options, uint32_t free_mib) {
  EalMode mode;
  mode.free_mib = free_mib;
  mode.hugepages = options.pages == EalOptions::Pages::kYes ||
                   (options.pages == EalOptions::Pages::kAuto && free_mib >= options.memory_mib);
  auto& a = mode.arguments;
  a = {"culvert-dataplane", "--no-telemetry", "--log-level=warning", "--lcores", LcoreMap(options.worker_cores)};
  if (mode.hugepages) {
    a.push_back("--in-memory");  // no files to leave behind; excludes --no-huge
    // What the operator asked for is taken at once; otherwise memory is taken as it is needed.
    if (options.pages == EalOptions::Pages::kYes) a.insert(a.end(), {"-m", absl::StrCat(options.memory_mib)});
  } else {
    a.insert(a.end(), {"--no-huge", "-m", absl::StrCat(options.memory_mib), "--file-prefix", options.file_prefix});
  }
  bool pci = false;
  for (const std::string& d : options.devices) {
    if (IsVdev(d)) {
      a.push_back("--vdev=" + d);
    } else {
      a.insert(a.end(), {"-a", d});
      pci = true;
    }
  }
  if (!pci) a.push_back("--no-pci");
  return mode;
}

absl::StatusOr<EalMode> BootEal(const EalOptions& options) {
  EalMode mode = PlanEal(options, FreeHugepagesMib());
  if (mode.hugepages && mode.free_mib < options.memory_mib) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "hugepages: ", options.memory_mib, " MiB are wanted and ", mode.free_mib,
        " are free; reserve more (sysctl vm.nr_hugepages=N, of 2 MiB each), or say hugepages = no"));
  }
  if (mode.hugepages) {
    LOG(INFO) << "memory: hugepages, " << mode.free_mib << " MiB free, " << options.memory_mib << " MiB wanted";
  } else {
    LOG(INFO) << "memory: ordinary pages, " << options.memory_mib << " MiB"
              << (options.pages == EalOptions::Pages::kAuto
                      ? absl::StrCat(" (hugepages = auto, and only ", mode.free_mib, " MiB of hugepages are free)")
                      : "");
  }
  QuietXdp();
  RedirectLog();
  std::vector<std::string> copy = mode.arguments;  // rte_eal_init reorders and writes into its argv
  std::vector<char*> argv;
  for (auto& s : copy) argv.push_back(s.data());
  argv.push_back(nullptr);
  if (rte_eal_init(static_cast<int>(copy.size()), argv.data()) < 0) {
    return absl::UnavailableError(absl::StrCat("DPDK does not start: ", rte_strerror(rte_errno), "; arguments: ",
                                               absl::StrJoin(mode.arguments, " ")));
  }
  return mode;
}

}  // namespace culvert
