// main() of the tests that need DPDK: starts it once, on ordinary pages, without devices and without root.
#include <gtest/gtest.h>
#include <rte_eal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "drivers/eal/boot.h"

// What DPDK reads of its rings without saying that it is atomic: an old value of an aligned word is as good. And the generation of
// an outbound SA, which a worker that remembers a verdict may read after its memory was wiped: it was 0 before.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "race:rte_ring_empty\nrace:rte_ring_count\nrace:rte_ring_full\nrace:EspWorker::IsCurrent\n";
}

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  culvert::EalOptions options{.worker_cores = {},
                              .pages = culvert::EalOptions::Pages::kNo,
                              .memory_mib = 192,
                              .devices = {},
                              .file_prefix = "culvert-test-" + std::to_string(getpid())};
  // Two workers that share whatever cores there are: a test of threads needs threads, not cores.
  options.worker_cores = {0, 0};
  if (auto eal = culvert::BootEal(options); !eal.ok()) {
    std::fprintf(stderr, "%s\n", std::string(eal.status().message()).c_str());
    return 1;
  }
  int rc = RUN_ALL_TESTS();
  std::string left = rte_eal_get_runtime_dir();
  rte_eal_cleanup();
  std::error_code ignored;
  std::filesystem::remove_all(left, ignored);
  return rc;
}
