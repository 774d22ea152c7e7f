#include "common/shm/region.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>

namespace culvert::shm {
namespace {

constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

size_t WholePages(size_t size) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return (size + page - 1) / page * page;
}

}  // namespace

Region::Region(Region&& o) noexcept
    : fd_(std::move(o.fd_)), data_(std::exchange(o.data_, nullptr)), size_(std::exchange(o.size_, 0)) {}

Region& Region::operator=(Region&& o) noexcept {
  if (this != &o) {
    if (data_) munmap(data_, size_);
    fd_ = std::move(o.fd_);
    data_ = std::exchange(o.data_, nullptr);
    size_ = std::exchange(o.size_, 0);
  }
  return *this;
}

Region::~Region() {
  if (data_) munmap(data_, size_);
}

absl::StatusOr<Region> Region::Create(const char* name, size_t size, Fill fill) {
  UniqueFd fd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL));
  // Kernels before 6.3 do not know MFD_NOEXEC_SEAL.
  if (!fd.valid() && errno == EINVAL) fd = UniqueFd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "memfd_create");
  size = WholePages(size);
  if (ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return absl::ErrnoToStatus(errno, "ftruncate");
  if (fill == Fill::kResident) {
    const int error = posix_fallocate(fd.get(), 0, static_cast<off_t>(size));
    if (error != 0) return absl::ErrnoToStatus(error, "posix_fallocate");
  }
  if (fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) return absl::ErrnoToStatus(errno, "F_ADD_SEALS");
  return Map(std::move(fd), size);
}

absl::StatusOr<Region> Region::Adopt(UniqueFd fd, size_t size) {
  size = WholePages(size);
  struct stat st = {};
  struct statfs fs = {};
  if (fstat(fd.get(), &st) != 0 || fstatfs(fd.get(), &fs) != 0) return absl::ErrnoToStatus(errno, "fstat");
  if (!S_ISREG(st.st_mode) || fs.f_type != TMPFS_MAGIC) return absl::FailedPreconditionError("not a memfd");
  if (st.st_size != static_cast<off_t>(size)) return absl::FailedPreconditionError("wrong size");
  const int seals = fcntl(fd.get(), F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals) return absl::FailedPreconditionError("not sealed");
  return Map(std::move(fd), size);
}

absl::StatusOr<Region> Region::Map(UniqueFd fd, size_t size) {
  void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) return absl::ErrnoToStatus(errno, "mmap");
  Region r;
  r.fd_ = std::move(fd);
  r.data_ = data;
  r.size_ = size;
  if (madvise(data, size, MADV_DONTDUMP) != 0) return absl::ErrnoToStatus(errno, "MADV_DONTDUMP");
  return r;
}

}  // namespace culvert::shm
