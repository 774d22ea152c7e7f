#include "drivers/port/netlink.h"

#include <absl/log/check.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>

namespace culvert {

NetlinkRequest::NetlinkRequest(uint16_t type, uint16_t flags, ByteView header) {
  nlmsghdr head{};
  head.nlmsg_type = type;
  head.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
  std::memcpy(data_ + NLMSG_HDRLEN, header.data(), header.size());
  used_ = NLMSG_HDRLEN + NLMSG_ALIGN(header.size());
  head.nlmsg_len = static_cast<uint32_t>(used_);
  std::memcpy(data_, &head, sizeof head);
}

NetlinkRequest& NetlinkRequest::Add(uint16_t attribute, ByteView value) {
  size_t size = RTA_LENGTH(value.size());
  CHECK_LE(used_ + RTA_ALIGN(size), sizeof data_);
  rtattr head{static_cast<uint16_t>(size), attribute};
  std::memcpy(data_ + used_, &head, sizeof head);
  std::memcpy(data_ + used_ + RTA_LENGTH(0), value.data(), value.size());
  used_ += RTA_ALIGN(size);
  auto length = static_cast<uint32_t>(used_);
  std::memcpy(data_ + offsetof(nlmsghdr, nlmsg_len), &length, sizeof length);
  return *this;
}

absl::StatusOr<Netlink> Netlink::Open() {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "netlink");
  return Netlink(std::move(fd));
}

int Netlink::Do(const NetlinkRequest& request) {
  ByteView out = request.bytes();
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  const auto* to = reinterpret_cast<const sockaddr*>(&kernel);
  if (sendto(fd_.get(), out.data(), out.size(), 0, to, sizeof kernel) != static_cast<ssize_t>(out.size())) return errno;
  // The kernel answers before sendto returns, and one question is asked at a time.
  alignas(4) uint8_t in[1024];
  ssize_t n = recv(fd_.get(), in, sizeof in, 0);
  if (n < 0) return errno;
  nlmsghdr head;
  nlmsgerr error;
  if (static_cast<size_t>(n) < NLMSG_HDRLEN + sizeof error.error) return EPROTO;
  std::memcpy(&head, in, sizeof head);
  if (head.nlmsg_type != NLMSG_ERROR) return EPROTO;
  std::memcpy(&error.error, in + NLMSG_HDRLEN, sizeof error.error);
  return -error.error;
}

}  // namespace culvert
