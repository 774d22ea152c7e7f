#pragma once

#include <cstddef>

#include "absl/status/statusor.h"
#include "common/base/unique_fd.h"

namespace culvert::shm {

// A shared mapping of a sealed memfd. Both ends map the same pages; neither can change the size, because a mapping cut
// short under a reader is a SIGBUS in that reader's process. Move-only; unmaps and closes on destruction. The pages are
// left out of core dumps: keys pass through them.
class Region {
 public:
  Region() = default;
  Region(Region&& o) noexcept;
  Region& operator=(Region&& o) noexcept;
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region();

  // kResident allocates every page now, so that a later store cannot fail for want of memory; kSparse takes pages as touched.
  enum class Fill { kResident, kSparse };
  // `name` shows in /proc/PID/maps only. Zeroed, `size` octets (rounded up to pages), sealed against shrinking, growing and
  // further seals.
  static absl::StatusOr<Region> Create(const char* name, size_t size, Fill fill);
  // Maps what the other process made. Refuses with FailedPrecondition what is not a tmpfs memfd of exactly this size with
  // those seals: hugetlbfs is refused because a hole punched there is a SIGBUS at the next touch.
  static absl::StatusOr<Region> Adopt(UniqueFd fd, size_t size);

  void* data() const { return data_; }
  size_t size() const { return size_; }   // octets, whole pages
  int fd() const { return fd_.get(); }    // stays owned by the region
  bool valid() const { return data_ != nullptr; }

 private:
  static absl::StatusOr<Region> Map(UniqueFd fd, size_t size);

  UniqueFd fd_;
  void* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace culvert::shm
