#pragma once

#include <cstdint>

namespace culvert::bench {

// Hugepages of 2 MiB reserved for a run and given back at its end. Where the system gives none, the run goes on without.
class HugepageLoan {
 public:
  explicit HugepageLoan(uint32_t mib);
  ~HugepageLoan();
  HugepageLoan(const HugepageLoan&) = delete;
  HugepageLoan& operator=(const HugepageLoan&) = delete;

  bool granted() const { return granted_; }

 private:
  uint64_t before_ = 0;  // pages reserved when we came
  bool changed_ = false, granted_ = false;
};

}  // namespace culvert::bench
