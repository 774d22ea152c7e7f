#include "common/channel/wakeup.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstdint>

namespace culvert::channel {

absl::StatusOr<UniqueFd> MakeWakeup() {
  UniqueFd fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "eventfd");
  return fd;
}

void SignalWakeup(int fd) {
  // A counter too full to be written is a wake-up already pending. The kernel offers no RWF_NOWAIT for writing an eventfd.
  pollfd p = {.fd = fd, .events = POLLOUT, .revents = 0};
  if (poll(&p, 1, 0) != 1 || (p.revents & POLLOUT) == 0) return;
  const uint64_t one = 1;
  [[maybe_unused]] ssize_t n = write(fd, &one, sizeof one);
}

void DrainWakeup(int fd) {
  uint64_t count = 0;
  iovec io = {.iov_base = &count, .iov_len = sizeof count};
  [[maybe_unused]] ssize_t n = preadv2(fd, &io, 1, -1, RWF_NOWAIT);
}

}  // namespace culvert::channel
