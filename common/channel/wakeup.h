#pragma once

#include "absl/status/statusor.h"
#include "common/base/unique_fd.h"

// Eventfds shared with a process that is not trusted. It may fill the counter or clear O_NONBLOCK, for both ends share one
// open file; neither call here may block then.
namespace culvert::channel {

absl::StatusOr<UniqueFd> MakeWakeup();
// Makes `fd` readable.
void SignalWakeup(int fd);
// Makes `fd` unreadable until the next signal.
void DrainWakeup(int fd);

}  // namespace culvert::channel
