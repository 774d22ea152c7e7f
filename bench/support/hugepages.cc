#include "bench/support/hugepages.h"

#include <fstream>

namespace culvert::bench {
namespace {

constexpr char kReserved[] = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
constexpr char kFree[] = "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages";

uint64_t Read(const char* path) {
  uint64_t n = 0;
  std::ifstream(path) >> n;
  return n;
}

bool Write(const char* path, uint64_t n) {
  std::ofstream f(path);
  f << n;
  return static_cast<bool>(f.flush());
}

}  // namespace

HugepageLoan::HugepageLoan(uint32_t mib) : before_(Read(kReserved)) {
  uint64_t pages = (mib + 1) / 2, free = Read(kFree);
  if (free < pages) changed_ = Write(kReserved, before_ + pages - free);
  granted_ = Read(kFree) >= pages;
}

HugepageLoan::~HugepageLoan() {
  if (changed_) Write(kReserved, before_);
}

}  // namespace culvert::bench
