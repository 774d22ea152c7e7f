#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/unique_fd.h"
#include "common/bytes/bytes.h"

// SOCK_SEQPACKET UNIX sockets that carry file descriptors. All of them non-blocking and close-on-exec.
namespace culvert::channel {

inline constexpr size_t kMaxPassedFds = 3;

// Binds `path`, taking the place of a socket left behind by a dead process; the caller makes sure that none lives there.
// Mode 0600, owned by `owner`.
absl::StatusOr<UniqueFd> ListenLocal(const std::string& path, uid_t owner);
// Unavailable where nobody listens.
absl::StatusOr<UniqueFd> ConnectLocal(const std::string& path);
// NotFound where nobody waits.
absl::StatusOr<UniqueFd> AcceptLocal(int listener);
// The uid of the process that connected, by SO_PEERCRED.
absl::StatusOr<uid_t> PeerUid(int socket);

absl::Status SendWithFds(int socket, ByteView message, const std::vector<int>& fds);

// One message of exactly `message.size()` octets. Unavailable: nothing there yet. OutOfRange: the peer closed.
// FailedPrecondition: another length, or more descriptors than `max_fds`; all that came are closed.
absl::StatusOr<std::vector<UniqueFd>> ReceiveWithFds(int socket, ByteSpan message, size_t max_fds = kMaxPassedFds);

}  // namespace culvert::channel
