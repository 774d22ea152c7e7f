#include "control/udp/udp_plane.h"

#include <absl/strings/str_cat.h>
#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace culvert::control {
namespace {

constexpr unsigned kBatch = 32;            // datagrams a system call takes
constexpr size_t kLongest = 65535;         // octets of a datagram
constexpr int kBuffer = 8 << 20;           // octets the kernel holds: a flood is to be met by the core, not dropped unseen
constexpr std::array<uint8_t, 4> kMarker{};

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

SocketAddress ToSocket(const IpAddress& a, uint16_t port) {
  SocketAddress out;
  if (a.family == Family::kV4) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&out.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    std::memcpy(&v4->sin_addr, a.octets.data(), 4);
    out.size = sizeof *v4;
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    std::memcpy(&v6->sin6_addr, a.octets.data(), 16);
    out.size = sizeof *v6;
  }
  return out;
}

Endpoint FromSocket(const sockaddr_storage& s) {
  Endpoint e;
  if (s.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(s);
    e.address.family = Family::kV4;
    std::memcpy(e.address.octets.data(), &v4.sin_addr, 4);
    e.port = ntohs(v4.sin_port);
  } else {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(s);
    e.address.family = Family::kV6;
    std::memcpy(e.address.octets.data(), &v6.sin6_addr, 16);
    e.port = ntohs(v6.sin6_port);
  }
  return e;
}

// Room for one batch, of the one thread that receives.
struct Inbox {
  std::vector<uint8_t> octets = std::vector<uint8_t>(kBatch * kLongest);
  std::array<sockaddr_storage, kBatch> from;
  std::array<iovec, kBatch> vectors;
  std::array<mmsghdr, kBatch> messages;

  Inbox() {
    for (unsigned i = 0; i < kBatch; ++i) {
      vectors[i] = {octets.data() + i * kLongest, kLongest};
      messages[i] = {};
      messages[i].msg_hdr.msg_iov = &vectors[i];
      messages[i].msg_hdr.msg_iovlen = 1;
      messages[i].msg_hdr.msg_name = &from[i];
    }
  }
  ByteView datagram(unsigned i) const { return {octets.data() + i * kLongest, messages[i].msg_len}; }
};

}  // namespace

UdpPlane::UdpPlane(EventLoop& loop, const Options& options, std::function<void(ike::Event)> events)
    : options_(options), events_(std::move(events)), answered_(loop, [this] {
        for (auto& event : std::exchange(answers_, {})) events_(std::move(event));
      }) {}

absl::StatusOr<std::unique_ptr<UdpPlane>> UdpPlane::Open(EventLoop& loop, const Options& options,
                                                         std::function<void(ike::Event)> events) {
  std::unique_ptr<UdpPlane> plane(new UdpPlane(loop, options, std::move(events)));
  if (auto s = plane->Bind(loop, plane->plain_, options.ike_port, false); !s.ok()) return s;
  if (auto s = plane->Bind(loop, plane->marked_, options.nat_port, true); !s.ok()) return s;
  return plane;
}

absl::Status UdpPlane::Bind(EventLoop& loop, Socket& s, uint16_t port, bool marker) {
  s.local = {options_.address, port};
  s.marker = marker;
  int family = options_.address.family == Family::kV4 ? AF_INET : AF_INET6;
  s.fd = UniqueFd(socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  auto to = ToSocket(options_.address, port);
  if (!s.fd.valid() || bind(s.fd.get(), reinterpret_cast<const sockaddr*>(&to.storage), to.size) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("UDP socket on ", s.local.ToString()));
  }
  // Without the privilege the system's own limit has to do.
  if (setsockopt(s.fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kBuffer, sizeof kBuffer) != 0) {
    (void)setsockopt(s.fd.get(), SOL_SOCKET, SO_RCVBUF, &kBuffer, sizeof kBuffer);
  }
  s.watch = std::make_unique<FdWatch>(loop, s.fd.get(), [this, &s](int) { Receive(s); });
  s.watch->Want(FdWatch::kReadable);
  return absl::OkStatus();
}

void UdpPlane::Receive(const Socket& s) {
  thread_local Inbox inbox;
  for (auto& m : inbox.messages) m.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
  // One batch a turn: what is left makes the socket readable again, and timers and finished jobs have theirs in between.
  int n = recvmmsg(s.fd.get(), inbox.messages.data(), kBatch, 0, nullptr);
  for (unsigned i = 0; n > 0 && i < static_cast<unsigned>(n); ++i) {
    ByteView data = inbox.datagram(i);
    if (s.marker) {
      bool ike = data.size() > kMarker.size() && std::ranges::equal(data.first(kMarker.size()), kMarker);
      if (!ike) continue;  // ESP, or a NAT keepalive
      data = data.subspan(kMarker.size());
    }
    events_(ike::DatagramIn{s.local, FromSocket(inbox.from[i]), s.marker, ToBytes(data)});
  }
}

void UdpPlane::Send(ike::SendDatagram datagram) {
  const Socket& s = datagram.marker ? marked_ : plain_;
  auto to = ToSocket(datagram.remote.address, datagram.remote.port);
  iovec parts[2] = {{const_cast<uint8_t*>(kMarker.data()), kMarker.size()}, {datagram.data.data(), datagram.data.size()}};
  msghdr m{};
  m.msg_name = &to.storage;
  m.msg_namelen = to.size;
  m.msg_iov = datagram.marker ? parts : parts + 1;
  m.msg_iovlen = datagram.marker ? 2 : 1;
  // What the kernel does not take is lost like a datagram on the way: IKE sends again.
  (void)sendmsg(s.fd.get(), &m, MSG_NOSIGNAL);
}

void UdpPlane::Install(ike::InstallChild install) {
  Answer(ike::ChildInstalled{install.child, install.inbound, ike::InstallStatus::kOk});
}

void UdpPlane::QueryUse(const ike::QueryChildUse& query) { Answer(ike::ChildUse{.child = query.child}); }

void UdpPlane::QuerySource(const ike::QuerySource& query) {
  Endpoint local;
  if (query.destination.family == options_.address.family) local.address = options_.address;
  Answer(ike::SourceFound{query.query, local});
}

void UdpPlane::Answer(ike::Event event) {
  if (answers_.empty()) answered_.Signal();
  answers_.push_back(std::move(event));
}

}  // namespace culvert::control
