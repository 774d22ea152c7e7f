#include "bench/support/bench_eal.h"

#include <rte_eal.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>

#include "drivers/eal/boot.h"

namespace culvert::bench {

BenchEal::BenchEal(uint32_t mib, bool try_hugepages, std::vector<std::string> devices) {
  if (try_hugepages) loan_.emplace(mib);
  EalOptions eal;
  eal.pages = loan_ && loan_->granted() ? EalOptions::Pages::kYes : EalOptions::Pages::kNo;
  eal.memory_mib = mib;
  eal.devices = std::move(devices);
  eal.file_prefix = "culvert-bench-" + std::to_string(getpid());
  auto mode = BootEal(eal);
  if (!mode.ok()) {
    std::cerr << "culvert-bench: " << mode.status().message() << "\n";
    return;
  }
  ok_ = true;
  hugepages_ = mode->hugepages;
  runtime_dir_ = rte_eal_get_runtime_dir();
}

BenchEal::~BenchEal() {
  if (!ok_) return;
  rte_eal_cleanup();
  std::error_code ignored;
  std::filesystem::remove_all(runtime_dir_, ignored);
}

}  // namespace culvert::bench
