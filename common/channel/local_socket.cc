#include "common/channel/local_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>

namespace culvert::channel {
namespace {

constexpr int kType = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;

absl::StatusOr<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un a = {};
  a.sun_family = AF_UNIX;
  if (path.size() >= sizeof a.sun_path) return absl::InvalidArgumentError("socket path too long: " + path);
  std::memcpy(a.sun_path, path.data(), path.size());
  return a;
}

}  // namespace

absl::StatusOr<UniqueFd> ListenLocal(const std::string& path, uid_t owner) {
  auto address = AddressOf(path);
  if (!address.ok()) return address.status();
  UniqueFd fd(socket(AF_UNIX, kType, 0));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "socket");
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return absl::ErrnoToStatus(errno, "unlink " + path);
  // Nobody can connect before listen(), so mode and owner are in place in time.
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    return absl::ErrnoToStatus(errno, "bind " + path);
  }
  if (chmod(path.c_str(), 0600) != 0 || chown(path.c_str(), owner, static_cast<gid_t>(-1)) != 0) {
    return absl::ErrnoToStatus(errno, "chown " + path);
  }
  if (listen(fd.get(), 8) != 0) return absl::ErrnoToStatus(errno, "listen " + path);
  return fd;
}

absl::StatusOr<UniqueFd> ConnectLocal(const std::string& path) {
  auto address = AddressOf(path);
  if (!address.ok()) return address.status();
  UniqueFd fd(socket(AF_UNIX, kType, 0));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "socket");
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) == 0) return fd;
  if (errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN) return absl::UnavailableError("nobody listens on " + path);
  return absl::ErrnoToStatus(errno, "connect " + path);
}

absl::StatusOr<UniqueFd> AcceptLocal(int listener) {
  UniqueFd fd(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (fd.valid()) return fd;
  if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) return absl::NotFoundError("nobody waits");
  return absl::ErrnoToStatus(errno, "accept4");
}

absl::StatusOr<uid_t> PeerUid(int socket) {
  ucred c = {};
  socklen_t size = sizeof c;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &c, &size) != 0) return absl::ErrnoToStatus(errno, "SO_PEERCRED");
  return c.uid;
}

absl::Status SendWithFds(int socket, ByteView message, const std::vector<int>& fds) {
  alignas(cmsghdr) uint8_t control[CMSG_SPACE(kMaxPassedFds * sizeof(int))] = {};
  iovec io = {.iov_base = const_cast<uint8_t*>(message.data()), .iov_len = message.size()};
  msghdr m = {};
  m.msg_iov = &io;
  m.msg_iovlen = 1;
  if (!fds.empty()) {
    if (fds.size() > kMaxPassedFds) return absl::InvalidArgumentError("too many descriptors");
    m.msg_control = control;
    m.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    cmsghdr* c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(CMSG_DATA(c), fds.data(), fds.size() * sizeof(int));
  }
  const ssize_t n = sendmsg(socket, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0) return absl::ErrnoToStatus(errno, "sendmsg");
  return static_cast<size_t>(n) == message.size() ? absl::OkStatus() : absl::InternalError("short sendmsg");
}

absl::StatusOr<std::vector<UniqueFd>> ReceiveWithFds(int socket, ByteSpan message, size_t max_fds) {
  alignas(cmsghdr) uint8_t control[CMSG_SPACE(kMaxPassedFds * sizeof(int))] = {};
  iovec io = {.iov_base = message.data(), .iov_len = message.size()};
  msghdr m = {};
  m.msg_iov = &io;
  m.msg_iovlen = 1;
  m.msg_control = control;
  m.msg_controllen = sizeof control;
  const ssize_t n = recvmsg(socket, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (n < 0) {
    if (errno == EAGAIN || errno == EINTR) return absl::UnavailableError("nothing there");
    if (errno == ECONNRESET) return absl::OutOfRangeError("closed by the peer");
    return absl::ErrnoToStatus(errno, "recvmsg");
  }
  std::vector<UniqueFd> fds;
  for (cmsghdr* c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    for (size_t at = 0; at + sizeof(int) <= c->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(c) + at, sizeof fd);
      fds.emplace_back(fd);
    }
  }
  // A SEQPACKET message of no octets looks like the end; no message of ours is empty.
  if (n == 0) return absl::OutOfRangeError("closed by the peer");
  if (static_cast<size_t>(n) != message.size() || (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || fds.size() > max_fds) {
    return absl::FailedPreconditionError("not the message expected");
  }
  return fds;
}

}  // namespace culvert::channel
