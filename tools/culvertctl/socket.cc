#include "tools/culvertctl/socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <format>

namespace culvert::ctl {

absl::StatusOr<Socket> Socket::Connect(const std::string& path) {
  sockaddr_un addr{};
  addr.sun_family = AF_UNIX;
  if (path.size() >= sizeof addr.sun_path)
    return absl::InvalidArgumentError(std::format("{}: longer than a socket path may be", path));
  path.copy(addr.sun_path, path.size());
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return absl::ErrnoToStatus(errno, "socket");
  Socket s(path, fd);
  if (connect(fd, reinterpret_cast<sockaddr*>(&addr), sizeof addr) != 0) return absl::ErrnoToStatus(errno, path);
  return s;
}

Socket::~Socket() {
  if (fd_ >= 0) close(fd_);
}

absl::Status Socket::Send(ByteView data) {
  while (!data.empty()) {
    ssize_t n = send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return absl::ErrnoToStatus(errno, path_);
    data = data.subspan(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

absl::StatusOr<Bytes> Socket::Receive(std::chrono::milliseconds wait) {
  pollfd p{fd_, POLLIN, 0};
  int ready = poll(&p, 1, wait.count() ? static_cast<int>(wait.count()) : -1);
  if (ready == 0) return absl::DeadlineExceededError(std::format("{}: no answer in {} ms", path_, wait.count()));
  Bytes buffer(65536);
  ssize_t n = read(fd_, buffer.data(), buffer.size());
  if (n < 0) return absl::ErrnoToStatus(errno, path_);
  if (n == 0) return absl::UnavailableError(std::format("{}: closed by the other side", path_));
  buffer.resize(static_cast<size_t>(n));
  return buffer;
}

}  // namespace culvert::ctl
