#include "tests/support/gateway_rig.h"

#include <absl/log/check.h>

#include <algorithm>

#include "dataplane/main/neighbour_messages.h"
#include "dataplane/stage/reassemble.h"
#include "drivers/mem/pools.h"
#include "drivers/port/vlan_port.h"
#include "tests/support/visible_pool.h"

namespace culvert::testing {

using dp::Gateway;
using dp::Network;

rte_ether_addr Mac(uint8_t last) { return {{2, 0, 0, 0, 0, last}}; }

GatewayRig::GatewayRig(Options options) {
  static int serial = 0;
  std::string name = "rig" + std::to_string(serial++);
  // Without caches: what is in use can be counted exactly.
  auto room = static_cast<uint16_t>(std::max(4096u, options.mtu + 512));
  pool_ = rte_pktmbuf_pool_create_by_ops(name.c_str(), 4095, 0, 0, room, SOCKET_ID_ANY, VisiblePoolOps());
  CHECK(pool_ != nullptr);
  Gateway::Parts parts;
  std::vector<dp::Topology::PortQueues> queues;
  for (const char* port : {"wan", "lan"}) {
    auto p = std::make_unique<RingPort>(port, static_cast<uint16_t>(ports_.size()));
    p->mtu = options.mtu;
    ports_.push_back(p.get());
    queues.push_back({port, 1, 1, options.tap && ports_.size() == 1});
    parts.ports.push_back(std::move(p));
  }
  if (options.inline_wan) {
    auto soft = offload::SoftInlinePort::Wrap(std::move(parts.ports[kWan]), options.offer);
    CHECK_OK(soft.status());
    inline_wan_ = soft->get();
    parts.ports[kWan] = std::move(*soft);
  }
  if (options.vlan != 0) {
    parts.ports.push_back(std::make_unique<VlanPort>("dmz", kDmz, *ports_[kLan], options.vlan));
    queues.push_back({"dmz", 0, 1, false, kLan});
  }
  parts.topology = dp::Topology::Plan(options.workers, queues);
  if (options.tap) {
    auto host = std::make_unique<FakeHost>();
    host_ = host.get();
    parts.hosts.push_back(std::move(host));
    parts.hosts.push_back(nullptr);
  }
  parts.pool = pool_;
  gateway_ = std::make_unique<Gateway>(std::move(parts));
  if (!options.addresses) return;
  auto add = [&](const char* port, const char* address, uint8_t length) {
    CHECK(gateway_->network().AddAddress({port, {Ip(address), length}}, Network::Origin::kConfig) == channel::Status::kOk);
  };
  add("wan", "192.0.2.1", 24);
  add("wan", "2001:db8::1", 64);
  add("lan", "10.1.0.1", 24);
  add("lan", "fd01::1", 64);
  if (options.vlan != 0) {
    add("dmz", "10.7.0.1", 24);
    add("dmz", "fd07::1", 64);
  }
  auto route = [&](const char* to, const char* via) {
    CHECK(gateway_->network().AddRoute({*IpPrefix::Parse(to), Ip(via), ""}, Network::Origin::kConfig) == channel::Status::kOk);
  };
  route("0.0.0.0/0", "192.0.2.254");
  route("::/0", "2001:db8::fe");
  Run();
  Sent(kWan);
  Sent(kLan);
}

GatewayRig::~GatewayRig() {
  gateway_.reset();
  rte_mempool_free(pool_);
}

void GatewayRig::Feed(uint16_t port, ByteView frame) {
  rte_mbuf* m = rte_pktmbuf_alloc(pool_);
  CHECK(m != nullptr);
  std::copy(frame.begin(), frame.end(), reinterpret_cast<uint8_t*>(rte_pktmbuf_append(m, static_cast<uint16_t>(frame.size()))));
  CHECK(ports_[port]->Feed(m));
}

void GatewayRig::Run() {
  bool busy = true;
  while (busy) {
    busy = host_ != nullptr && gateway_->host().Read(kWan);
    for (unsigned w = 0; w < gateway_->workers(); ++w) busy |= gateway_->worker(w).Pass();
    busy |= gateway_->Poll(now_);
  }
}

void GatewayRig::Send(uint16_t port, ByteView frame) {
  Feed(port, frame);
  Run();
}

void GatewayRig::SendIp(uint16_t port, const rte_ether_addr& from, ByteView packet) {
  Send(port, Ethernet(ports_[port]->mac, from, packet[0] >> 4 == 4 ? 0x0800 : 0x86dd, packet));
}

std::vector<Bytes> GatewayRig::Sent(uint16_t port) {
  std::vector<Bytes> frames;
  while (rte_mbuf* m = ports_[port]->Drain()) {
    const auto* data = rte_pktmbuf_mtod(m, const uint8_t*);
    frames.emplace_back(data, data + rte_pktmbuf_data_len(m));
    rte_pktmbuf_free(m);
  }
  return frames;
}

void GatewayRig::Advance(Duration d) {
  for (Time end = now_ + d; now_ < end;) {
    now_ = std::min(end, now_ + dp::kRequestInterval);
    gateway_->Tick(now_);
    Run();
  }
}

void GatewayRig::AddNeighbour(uint16_t port, const IpAddress& address, const rte_ether_addr& mac) {
  const auto& macs = ports_[port]->mac;
  IpAddress own = Ip(port == kWan ? (address.family == Family::kV4 ? "192.0.2.1" : "2001:db8::1")
                                  : (address.family == Family::kV4 ? "10.1.0.1" : "fd01::1"));
  // Asking for the gateway is how a neighbour makes itself known; the gateway's own request is answered next.
  Send(port, dp::EncodeRequest({mac, address}, own, &macs));
  dp::Asker gateway{macs, address.family == Family::kV4 ? own : dp::LinkLocalOf(macs)};
  Send(port, dp::EncodeReply({mac, address}, &gateway));
  Sent(port);
}

uint64_t GatewayRig::drops(Drop why) const {
  uint64_t n = gateway_->main_counters().drops[static_cast<size_t>(why)].get();
  for (unsigned w = 0; w < gateway_->workers(); ++w) n += gateway_->context(w).counters.drops[static_cast<size_t>(why)].get();
  return n;
}

uint64_t GatewayRig::all_drops() const { return balance().dropped; }

uint64_t GatewayRig::fragments() const {
  uint64_t pieces = 0;
  for (unsigned w = 0; w < gateway_->workers(); ++w) pieces += gateway_->context(w).reassembly->pieces();
  return pieces;
}

unsigned GatewayRig::buffers_in_use() const { return rte_mempool_in_use_count(pool_); }

}  // namespace culvert::testing
