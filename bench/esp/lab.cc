#include "bench/esp/lab.h"

#include <absl/log/check.h>
#include <rte_cycles.h>

#include "dataplane/main/neighbour_messages.h"

namespace culvert::bench {

using dp::Network;

Lab::Lab(unsigned workers, uint32_t slots, rte_mempool* pool, uint16_t burst, offload::Engines* engines) : pool_(pool) {
  dp::Gateway::Parts parts;
  std::vector<dp::Topology::PortQueues> queues;
  for (const char* name : {"wan", "lan"}) {
    auto p = std::make_unique<RingPort>(name, static_cast<uint16_t>(ports_.size()), static_cast<uint16_t>(workers), slots);
    p->mtu = 9000;
    ports_.push_back(p.get());
    queues.push_back({name, static_cast<uint16_t>(workers), static_cast<uint16_t>(workers)});
    parts.ports.push_back(std::move(p));
  }
  parts.topology = dp::Topology::Plan(workers, queues);
  for (auto& port : parts.topology.ports) {  // worker w has queue w of both ports
    for (unsigned w = 0; w < workers; ++w) {
      port.rx_worker[w] = w;
      port.tx_queue[w] = static_cast<uint16_t>(w);
    }
  }
  parts.pool = pool;
  parts.worker = {.adaptive = false, .burst = burst};
  gateway_ = std::make_unique<dp::Gateway>(std::move(parts));
  auto ipsec = dp::Ipsec::Create(workers, gateway_->grace(), {.tsc_hz = rte_get_tsc_hz(), .engines = engines}, {});
  CHECK(ipsec.ok()) << ipsec.status();
  ipsec_ = std::move(*ipsec);
  for (unsigned w = 0; w < workers; ++w) gateway_->SetIpsec(w, &ipsec_->worker(w));
  auto& net = gateway_->network();
  auto next_hop = IpAddress::V4(192, 0, 2, 254), inside = IpAddress::V4(10, 1, 0, 1);
  CHECK(net.AddAddress({"wan", {OurOuter(), 24}}, Network::Origin::kConfig) == channel::Status::kOk);
  CHECK(net.AddAddress({"lan", {inside, 16}}, Network::Origin::kConfig) == channel::Status::kOk);
  CHECK(net.AddRoute({*IpPrefix::Parse("0.0.0.0/0"), next_hop, ""}, Network::Origin::kConfig) == channel::Status::kOk);
  Settle();
  Introduce(wan(), next_hop, OurOuter());
  Introduce(lan(), OurHost(), inside);
  ipsec_->database().OpenForwarding();
  Settle();
}

Lab::~Lab() {
  ipsec_.reset();
  gateway_.reset();
}

// Asking for the gateway is how a neighbour makes itself known; the gateway's own request is answered next.
void Lab::Introduce(RingPort& port, const IpAddress& host, const IpAddress& gateway) {
  rte_ether_addr mac{{2, 0, 0, 0, 0, static_cast<uint8_t>(port.index() + 1)}};
  dp::Asker asker{port.mac, gateway};
  for (const Bytes& frame : {dp::EncodeRequest({mac, host}, gateway, &port.mac), dp::EncodeReply({mac, host}, &asker)}) {
    rte_mbuf* m = rte_pktmbuf_alloc(pool_);
    CHECK(m != nullptr);
    std::copy(frame.begin(), frame.end(),
              reinterpret_cast<uint8_t*>(rte_pktmbuf_append(m, static_cast<uint16_t>(frame.size()))));
    CHECK(port.Feed(m));
    Settle();
  }
}

void Lab::Settle() {
  for (bool busy = true; busy;) {
    busy = false;
    for (unsigned w = 0; w < gateway_->workers(); ++w) busy |= gateway_->worker(w).Pass();
    busy |= gateway_->Poll(std::chrono::steady_clock::now());
    ipsec_->database().Poll([](const channel::Event&) {});
    busy |= ipsec_->database().busy();
  }
  for (RingPort* port : ports_) {
    for (uint16_t q = 0; q < gateway_->workers(); ++q) {
      while (rte_mbuf* m = port->Drain(q)) rte_pktmbuf_free(m);
    }
  }
}

void Lab::Install(std::vector<Tunnel>& tunnels) {
  SelectorList local{{*IpRange::Parse("10.1.0.0/16")}};
  for (uint32_t t = 0; t < tunnels.size(); ++t) {
    Tunnel& tunnel = tunnels[t];
    SelectorList remote{{IpRange{HostBehind(t), HostBehind(t)}}};
    channel::AddPolicy policy{};
    policy.policy_id = t + 1;  // 0 is none
    policy.action = channel::PolicyAction::kProtect;
    CHECK(ipsec_->database().AddPolicy(policy, local, remote) == channel::Status::kOk);
    for (auto d : {channel::Direction::kInbound, channel::Direction::kOutbound}) {
      const auto& ref = d == channel::Direction::kInbound ? tunnel.in : tunnel.out;
      channel::InstallSa sa{};
      sa.spi = ref.spi;
      sa.sa_index = tunnel.sa_index;
      sa.policy_id = t + 1;
      sa.ike_id = 1;
      sa.direction = d;
      sa.protocol = 50;
      sa.mode = channel::Mode::kTunnel;
      sa.encr = static_cast<uint16_t>(ref.suite.encr);
      sa.encr_key_bits = ref.suite.encr_key_bits;
      sa.integ = static_cast<uint16_t>(ref.suite.integ);
      sa.esn = ref.suite.esn;
      sa.offload = channel::Offload::kAuto;
      std::copy(ref.encr_key.begin(), ref.encr_key.end(), sa.encr_key);
      std::copy(ref.integ_key.begin(), ref.integ_key.end(), sa.integ_key);
      sa.encr_key_len = static_cast<uint8_t>(ref.encr_key.size());
      sa.integ_key_len = static_cast<uint8_t>(ref.integ_key.size());
      sa.replay_window = 1024;
      sa.local = channel::ToWire(Endpoint{OurOuter(), 0, 0});
      sa.remote = channel::ToWire(Endpoint{PeerOf(t), 0, 0});
      sa.copy_ecn = sa.copy_df = 1;
      ipsec_->database().Install(sa, local, remote, [&tunnel](const channel::Ack& a) {
        CHECK(a.status == channel::Status::kOk) << "status " << static_cast<int>(a.status);
        tunnel.worker = a.worker;
      });
    }
    if (t % 256 == 255) Settle();
  }
  Settle();
}

std::string Lab::DropsText() const {
  std::string out;
  for (unsigned w = 0; w < gateway_->workers(); ++w) {
    for (size_t i = 0; i < kDropReasons; ++i) {
      uint64_t n = gateway_->context(w).counters.drops[i].get();
      if (n != 0) out += std::string(out.empty() ? "" : ", ") + Name(static_cast<Drop>(i)) + " " + std::to_string(n);
    }
  }
  return out;
}

}  // namespace culvert::bench
