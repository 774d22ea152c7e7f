#include "drivers/port/ethdev_port.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>
#include <linux/if_packet.h>
#include <rte_ethdev.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "drivers/eal/boot.h"
#include "drivers/port/ethdev_failed.h"
#include "drivers/port/kernel_interface.h"

namespace culvert {
namespace {

constexpr uint16_t kRxDescriptors = 2048;  // at 10 Gb/s of full-sized packets, 2.4 ms: a worker sleeps 0.2 at most
constexpr uint16_t kTxDescriptors = 1024;
constexpr unsigned kPacketFrames = 4096;   // of an af_packet ring
constexpr uint32_t kEthernet = 22;         // octets of header, VLAN tag and, where a NIC keeps it, checksum
constexpr uint32_t kTrailer = 64;          // octets of ESP padding, trailer and ICV behind a full-sized packet
constexpr uint32_t kXdpHeadroom = 256;     // octets the kernel leaves in front of a frame, XDP_PACKET_HEADROOM
// af_xdp's frames are whole buffers and must fit a page: 63 cache lines, because the pool spreads its buffers over memory
// channels by making their size an odd number of lines. What the pool, the mbuf and its head room leave is the frame's.
constexpr uint32_t kXdpBuffer = 63 * 64 - 64 - sizeof(rte_mbuf) - RTE_PKTMBUF_HEADROOM;
constexpr uint32_t kXdpMaxMtu = kXdpBuffer - kXdpHeadroom - RTE_ETHER_HDR_LEN;

// Octets of an af_packet ring's frame: the kernel's header, the Ethernet header and the packet, in steps of which four are
// whole pages, because frames must lie in blocks without a gap.
unsigned PacketFrame(uint32_t mtu) { return std::max<unsigned>(2048, (mtu + 128 + 1023) / 1024 * 1024); }

// framesz of an af_packet device.
uint32_t FrameOf(const std::string& device) {
  uint32_t frame = 2048;  // af_packet's own
  for (absl::string_view part : absl::StrSplit(device, ',')) {
    if (absl::ConsumePrefix(&part, "framesz=") && !absl::SimpleAtoi(part, &frame)) frame = 0;
  }
  return frame;
}

// The operator's own framesz, which af_packet does not hold against anything: it drops what is longer on its way out, and cuts
// it on its way in, without a word.
absl::Status CheckPacketFrame(const EthdevOptions& o) {
  constexpr uint32_t kKernelHeader = TPACKET2_HDRLEN - sizeof(sockaddr_ll);
  const uint32_t frame = FrameOf(CompleteDevice(o.device, o.mtu));
  const uint32_t wanted = o.mtu + kEthernet + kKernelHeader;
  if (frame >= wanted) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "port ", o.name, ": mtu ", o.mtu, ": a frame takes ", wanted, " octets and framesz is ", frame,
      "; leave out framesz, blocksz and framecnt, or say framesz=", PacketFrame(o.mtu), ",blocksz=", 4 * PacketFrame(o.mtu)));
}

// Octets of a memif buffer that holds a whole frame: what is longer takes several, comes in as many segments and is copied.
uint32_t MemifBuffer(uint32_t mtu) { return std::max<uint32_t>(2048, (mtu + kEthernet + 63) / 64 * 64); }

// Of these no call can tell an MTU, and none is needed: they take any frame, in several buffers where one is too short.
bool TakesAnyLength(const std::string& device) { return device.starts_with("net_memif") || device.starts_with("net_ring"); }

bool Says(const std::string& device, std::initializer_list<const char*> arguments) {
  return std::ranges::any_of(arguments, [&](const char* a) { return device.find(a) != std::string::npos; });
}

}  // namespace

std::string CompleteDevice(const std::string& device, uint32_t mtu) {
  if (device.starts_with("net_memif") && !Says(device, {",bsize="}))
    return absl::StrCat(device, ",bsize=", MemifBuffer(mtu));
  if (!device.starts_with("net_af_packet") || Says(device, {",framecnt=", ",framesz=", ",blocksz="})) return device;
  unsigned frame = PacketFrame(mtu);
  return absl::StrCat(device, ",framesz=", frame, ",blocksz=", 4 * frame, ",framecnt=", kPacketFrames);
}

PortMemory MemoryOf(const std::string& device, uint32_t mtu, unsigned workers) {
  // af_xdp keeps a fill ring of the receive ring's size beside it, and a completion ring beside transmit's.
  unsigned queues = IsVdev(device) ? 1 : std::max(1u, workers);
  PortMemory m{.descriptors = queues * 2u * (kRxDescriptors + kTxDescriptors), .buffer = mtu + kEthernet + kTrailer};
  if (device.starts_with("net_af_xdp")) {
    m.buffer = std::min(m.buffer + kXdpHeadroom, kXdpBuffer);
  }
  // af_packet wants a buffer as large as its ring's frames.
  if (device.starts_with("net_af_packet")) m.buffer = std::max(PacketFrame(mtu), FrameOf(device));
  return m;
}

absl::StatusOr<std::unique_ptr<EthdevPort>> EthdevPort::Open(const EthdevOptions& o, rte_mempool* pool) {
  uint16_t id;
  if (rte_eth_dev_get_port_by_name(DeviceName(o.device).c_str(), &id) != 0) {
    return absl::NotFoundError(absl::StrCat("port ", o.name, ": DPDK found no device ", DeviceName(o.device)));
  }
  std::unique_ptr<EthdevPort> port(new EthdevPort(o, id, pool));
  if (auto s = port->Configure(); !s.ok()) return s;
  rte_eth_macaddr_get(port->id_, &port->mac);
  return port;
}

absl::Status EthdevPort::Configure() {
  const EthdevOptions& o = options_;
  rte_eth_dev_info info;
  if (int rc = rte_eth_dev_info_get(id_, &info); rc != 0) return Failed(o.name, "no device information", rc);
  virtual_ = IsVdev(o.device);
  queues_ = static_cast<uint16_t>(
      std::clamp<unsigned>(std::min(info.max_rx_queues, info.max_tx_queues), 1, std::max(1u, o.workers)));
  rte_eth_conf conf{};
  security_ = (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SECURITY) != 0 &&
              (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_SECURITY) != 0;
  if (security_) {
    conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SECURITY;
    conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_SECURITY;
  }
  if (queues_ > 1) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf = (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_ESP) &
                                       info.flow_type_rss_offloads;
  }
  if (int rc = rte_eth_dev_configure(id_, queues_, queues_, &conf); rc != 0) return Failed(o.name, "configure", rc);
  if (auto s = SetMtu(info); !s.ok()) return s;
  uint16_t rx = kRxDescriptors, tx = kTxDescriptors;
  if (int rc = rte_eth_dev_adjust_nb_rx_tx_desc(id_, &rx, &tx); rc != 0) return Failed(o.name, "descriptors", rc);
  int socket = rte_eth_dev_socket_id(id_);
  for (uint16_t q = 0; q < queues_; ++q) {
    int rc = rte_eth_rx_queue_setup(id_, q, rx, socket, nullptr, pool_);
    if (rc != 0) return Failed(o.name, "receive queue", rc);
    rc = rte_eth_tx_queue_setup(id_, q, tx, socket, nullptr);
    if (rc != 0) return Failed(o.name, "transmit queue", rc);
  }
  if (int rc = rte_eth_dev_start(id_); rc != 0) return Failed(o.name, StartOf(o.device), rc);
  open_ = running_ = true;
  ListenForReset(true);
  ReadSecurity();
  // Neighbour discovery speaks to multicast groups. A device that does not filter says it does not support the call.
  if (int rc = rte_eth_allmulticast_enable(id_); rc != 0 && rc != -ENOTSUP) return Failed(o.name, "all-multicast", rc);
  rte_ether_addr has;
  if (int rc = rte_eth_macaddr_get(id_, &has); rc != 0) return Failed(o.name, "no MAC address", rc);
  return absl::OkStatus();
}

absl::Status EthdevPort::SetMtu(const rte_eth_dev_info& info) {
  const EthdevOptions& o = options_;
  mtu = o.mtu;
  // af_packet refuses to be told of more than 1,500 octets and yet carries what its ring and the interface hold.
  auto interface = KernelInterfaceUnder(o.device);
  bool packet = o.device.starts_with("net_af_packet");
  if (packet && interface && KernelMtu(*interface) == o.mtu) return CheckPacketFrame(o);
  if (TakesAnyLength(o.device)) return absl::OkStatus();
  if (o.device.starts_with("net_af_xdp") && o.mtu > kXdpMaxMtu) {
    return absl::InvalidArgumentError(absl::StrCat("port ", o.name, ": mtu ", o.mtu, ": af_xdp carries up to ", kXdpMaxMtu));
  }
  int rc = rte_eth_dev_set_mtu(id_, static_cast<uint16_t>(o.mtu));
  if (rc == 0) return absl::OkStatus();
  // A device that cannot be told is asked what it has.
  uint16_t has = 0;
  if (rc == -ENOTSUP && rte_eth_dev_get_mtu(id_, &has) == 0 && has == o.mtu) return absl::OkStatus();
  std::string range = packet ? absl::StrCat("; set it on the interface: ip link set ", interface.value_or("?"), " mtu ", o.mtu)
                             : absl::StrCat(" (the device takes ", info.min_mtu, " to ", info.max_mtu, ")");
  return Failed(o.name, absl::StrCat("mtu ", o.mtu, range), rc);
}

uint16_t EthdevPort::Receive(uint16_t queue, rte_mbuf** out, uint16_t n) {
  return resting_.load(std::memory_order_acquire) ? 0 : rte_eth_rx_burst(id_, queue, out, n);
}

uint16_t EthdevPort::Transmit(uint16_t queue, rte_mbuf** packets, uint16_t n) {
  return resting_.load(std::memory_order_acquire) ? 0 : rte_eth_tx_burst(id_, queue, packets, n);
}

bool EthdevPort::link_up() const {
  rte_eth_link link{};
  return running_ && !resting_.load(std::memory_order_acquire) && rte_eth_link_get_nowait(id_, &link) == 0 &&
         link.link_status == RTE_ETH_LINK_UP;
}

Port::Stats EthdevPort::DeviceStats() const {
  rte_eth_stats s{};
  if (!running_ || rte_eth_stats_get(id_, &s) != 0) return {};
  return {.rx_packets = s.ipackets,
          .tx_packets = s.opackets,
          .rx_missed = s.imissed + s.rx_nombuf,
          .rx_errors = s.ierrors,
          .tx_errors = s.oerrors};
}

Port::Stats EthdevPort::stats() const {
  Stats s = DeviceStats();
  s.rx_packets += before_.rx_packets;
  s.tx_packets += before_.tx_packets;
  s.rx_missed += before_.rx_missed;
  s.rx_errors += before_.rx_errors;
  s.tx_errors += before_.tx_errors;
  if (auto interface = KernelInterfaceUnder(options_.device)) s.rx_offered = KernelReceived(*interface);
  return s;
}

void EthdevPort::Stop() {
  running_ = false;
  if (!open_) return;
  OnIpsecEvent(nullptr);
  ListenForReset(false);
  rte_eth_dev_stop(id_);
}

void EthdevPort::Close() {
  Stop();
  if (std::exchange(open_, false)) rte_eth_dev_close(id_);
}

}  // namespace culvert
