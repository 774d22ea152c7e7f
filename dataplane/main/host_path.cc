#include "dataplane/main/host_path.h"

#include <absl/log/log.h>
#include <rte_ether.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "dataplane/main/neighbour_messages.h"

namespace culvert::dp {
namespace {

constexpr int kFramesPerTurn = 64;
// Who the frames on a TAP are from: nobody there is resolved or answered by address.
constexpr rte_ether_addr kGateway = {{0x02, 0x63, 0x75, 0x6c, 0x76, 0x74}};

}  // namespace

HostPath::HostPath(std::vector<Link> links, Sender& sender, EventLoop& loop)
    : links_(std::move(links)), counters_(links_.size()), sender_(sender), loop_(loop) {
  for (uint16_t port = 0; port < links_.size(); ++port) {
    if (!HasTap(port)) continue;
    SetAddress(port, {LinkLocalOf(links_[port].mac), 64}, true);
    loop_.Add(links_[port].host->fd(), EPOLLIN, [this, port](uint32_t events) {
      if ((events & (EPOLLERR | EPOLLHUP)) != 0) return GiveUp(port);
      Read(port);
    });
  }
}

HostPath::~HostPath() {
  for (const Link& l : links_) {
    if (l.host != nullptr) loop_.Remove(l.host->fd());
  }
}

// Somebody took the interface away: what is for the host is dropped from now on.
void HostPath::GiveUp(uint16_t port) {
  LOG(ERROR) << "the TAP " << links_[port].name << " was taken away; restart to have it again";
  loop_.Remove(links_[port].host->fd());
}

void HostPath::Receive(const Packet& p) {
  Deliver(p.out_port, {rte_pktmbuf_mtod(p.m, const uint8_t*), p.length});
  rte_pktmbuf_free(p.m);
}

void HostPath::Deliver(uint16_t port, ByteView packet) {
  if (!Write(port, packet)) return Drop(port, Drop::kHostFull);
  ++counters_[port].to_host;
  sender_.counters().consumed.Add(1);
}

bool HostPath::Write(uint16_t port, ByteView packet) {
  Link& link = links_[port];
  rte_ether_hdr header{.dst_addr = link.mac, .src_addr = kGateway, .ether_type = 0};
  header.ether_type = rte_cpu_to_be_16(packet[0] >> 4 == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
  iovec parts[] = {{&header, sizeof header}, {const_cast<uint8_t*>(packet.data()), packet.size()}};
  return writev(link.host->fd(), parts, 2) == static_cast<ssize_t>(sizeof header + packet.size());
}

bool HostPath::Read(uint16_t port) {
  int frames = 0;
  while (frames < kFramesPerTurn && ReadFrame(port)) ++frames;
  return frames != 0;
}

bool HostPath::ReadFrame(uint16_t port) {
  Link& link = links_[port];
  rte_mbuf* m = rte_pktmbuf_alloc(sender_.pool());
  uint8_t lost[sizeof(rte_ether_hdr)];
  ssize_t n = m != nullptr ? read(link.host->fd(), rte_pktmbuf_mtod(m, void*), rte_pktmbuf_tailroom(m))
                           : read(link.host->fd(), lost, sizeof lost);
  if (n <= 0) {
    rte_pktmbuf_free(m);
    return false;
  }
  ++counters_[port].from_host;
  sender_.counters().injected.Add(1);
  if (m == nullptr) return Drop(port, Drop::kNoMbuf), true;
  auto refuse = [&](culvert::Drop why) {
    rte_pktmbuf_free(m);
    Drop(port, why);
    return true;
  };
  if (static_cast<size_t>(n) <= sizeof(rte_ether_hdr)) return refuse(Drop::kRunt);
  rte_pktmbuf_append(m, static_cast<uint16_t>(n));
  uint16_t type = rte_be_to_cpu_16(rte_pktmbuf_mtod(m, const rte_ether_hdr*)->ether_type);
  if (type != RTE_ETHER_TYPE_IPV4 && type != RTE_ETHER_TYPE_IPV6) return refuse(Drop::kUnknownEthertype);
  rte_pktmbuf_adj(m, sizeof(rte_ether_hdr));
  Packet p;
  p.m = m;
  p.port = port;
  p.local_origin = p.from_host = true;
  if (!link.to_worker->Put({p, static_cast<uint8_t>(HandOverKind::kFromHost)})) return refuse(Drop::kHostFull);
  sender_.counters().parked.Add(1);
  return true;
}

void HostPath::Drop(uint16_t port, culvert::Drop why) {
  ++counters_[port].dropped;
  sender_.counters().Drop(why);
}

void HostPath::SetAddress(uint16_t port, const IpPrefix& address, bool present) {
  if (!HasTap(port)) return;
  HostLink& host = *links_[port].host;
  absl::Status s = present ? host.AddAddress(address) : host.RemoveAddress(address);
  if (s.ok()) return;
  LOG(WARNING) << s.message();
  first_error_.Update(s);
}

}  // namespace culvert::dp
