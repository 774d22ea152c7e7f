#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/support/hugepages.h"

namespace culvert::bench {

// DPDK's environment for a run: with hugepages where they are to be had, and gone without a trace afterwards.
class BenchEal {
 public:
  // `devices`: vdev arguments.
  BenchEal(uint32_t mib, bool try_hugepages, std::vector<std::string> devices = {});
  ~BenchEal();
  BenchEal(const BenchEal&) = delete;
  BenchEal& operator=(const BenchEal&) = delete;

  // False: it did not start, and has said why on standard error.
  bool ok() const { return ok_; }
  unsigned page_kib() const { return hugepages_ ? 2048 : 4; }

 private:
  std::optional<HugepageLoan> loan_;
  bool ok_ = false, hugepages_ = false;
  std::string runtime_dir_;
};

}  // namespace culvert::bench
