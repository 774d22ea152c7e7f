#include "tests/support/esp_rig.h"

#include <gtest/gtest.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <unistd.h>

#include <algorithm>

#include "common/bytes/writer.h"
#include "dataplane/stage/parse.h"
#include "drivers/eal/boot.h"

namespace culvert::test {

using channel::Direction;

void BootEalForTests() {
  static const bool booted = [] {
    EalOptions o;
    o.pages = EalOptions::Pages::kNo;
    o.memory_mib = 128;
    o.file_prefix = "test-" + std::to_string(getpid());
    auto mode = BootEal(o);
    if (!mode.ok()) ADD_FAILURE() << mode.status();
    return mode.ok();
  }();
  ASSERT_TRUE(booted);
}

ReferenceSa SaSpec::Inbound() const {
  return {spi, suite, encr_key, integ_key, encap, peer, gateway, transport(), ah()};
}
ReferenceSa SaSpec::Outbound() const {
  return {spi, suite, encr_key, integ_key, encap, gateway, peer, transport(), ah()};
}

channel::InstallSa SaSpec::Install(Direction d) const {
  channel::InstallSa sa{};
  sa.spi = spi;
  sa.sa_index = sa_index;
  sa.policy_id = policy_id;
  sa.preference = preference;
  sa.child_id = 1000 + sa_index;
  sa.ike_id = 1;
  sa.direction = d;
  sa.if_id = d == Direction::kInbound ? if_id_in : if_id_out;
  sa.protocol = protocol;
  sa.mode = mode;
  sa.udp_encap = encap;
  sa.encr = static_cast<uint16_t>(suite.encr);
  sa.encr_key_bits = suite.encr_key_bits;
  sa.integ = static_cast<uint16_t>(suite.integ);
  sa.esn = suite.esn;
  sa.offload = offload;
  std::copy(encr_key.begin(), encr_key.end(), sa.encr_key);
  std::copy(integ_key.begin(), integ_key.end(), sa.integ_key);
  sa.encr_key_len = static_cast<uint8_t>(encr_key.size());
  sa.integ_key_len = static_cast<uint8_t>(integ_key.size());
  sa.iv_generation = iv_generation;
  sa.replay_window = window;
  sa.sequence = sequence;
  sa.local = channel::ToWire(gateway);
  sa.remote = channel::ToWire(peer);
  if (transport() && encap && d == Direction::kInbound) {
    sa.original_local = channel::ToWire(original_gateway.value_or(gateway.address));
    sa.original_remote = channel::ToWire(original_peer.value_or(peer.address));
  }
  sa.wire_port = wire_port;
  sa.lifetime = lifetime;
  connection.copy(sa.connection, sizeof sa.connection - 1);
  child.copy(sa.child, sizeof sa.child - 1);
  sa.copy_dscp = copy_dscp;
  sa.copy_ecn = copy_ecn;
  sa.copy_df = copy_df;
  if (d == Direction::kOutbound) {
    sa.tfc_padding = tfc_padding;
    sa.dummy_packets = dummy_packets;
  }
  return sa;
}

EspRig::EspRig(unsigned workers, dp::EspWorker::Options options, uint16_t mtu)
    : grace_(workers), worker_rings_(workers), seen_drops_(workers) {
  BootEalForTests();
  static int serial = 0;
  ++serial;
  pool_ = rte_pktmbuf_pool_create(("rig" + std::to_string(serial)).c_str(), 1023, 0, 0, 10240, SOCKET_ID_ANY);
  EXPECT_NE(pool_, nullptr) << rte_strerror(rte_errno);
  uint32_t v4 = neighbours_.Add(0, *IpAddress::Parse("192.0.2.254")),
           v6 = neighbours_.Add(0, *IpAddress::Parse("2001:db8::ffff"));
  rte_ether_addr mac{{2, 0, 0, 0, 0, 1}};
  neighbours_.SetMac(v4, mac);
  neighbours_.SetMac(v6, mac);
  std::vector<dp::Forwarding::Route> routes = {{*IpPrefix::Parse("0.0.0.0/0"), {0, mtu, v4, false}},
                                               {*IpPrefix::Parse("::/0"), {0, mtu, v6, false}}};
  std::vector<dp::OwnAddress> own = {{*IpAddress::Parse("192.0.2.1"), 0, 24}, {*IpAddress::Parse("2001:db8::1"), 0, 64}};
  fib_ = std::make_unique<dp::Forwarding>(1, routes, own, std::vector<dp::RouteTarget>{});
  auto ipsec = dp::Ipsec::Create(workers, grace_, {.tsc_hz = rte_get_tsc_hz(), .tunnels = {42, 43}}, options);
  EXPECT_TRUE(ipsec.ok()) << ipsec.status();
  ipsec_ = std::move(*ipsec);
  for (unsigned from = 0; from < workers; ++from) {
    worker_rings_[from].to_worker.resize(workers);
    worker_rings_[from].from_worker.resize(workers);
  }
  for (unsigned from = 0; from < workers; ++from) {
    for (unsigned to = 0; to < workers; ++to) {
      if (from == to) continue;
      rings_.push_back(std::make_unique<dp::PacketRing>(
          "rig" + std::to_string(serial) + "-" + std::to_string(from) + std::to_string(to), 256));
      worker_rings_[from].to_worker[to] = worker_rings_[to].from_worker[from] = rings_.back().get();
    }
    auto ctx = std::make_unique<dp::WorkerContext>();
    ctx->id = from;
    ctx->tsc_hz = rte_get_tsc_hz();
    ctx->now = rte_rdtsc();
    ctx->fib = fib_.get();
    ctx->neighbours = &neighbours_;
    ctx->pool = pool_;
    ctx->rings = &worker_rings_[from];
    ctx->ipsec = &ipsec_->worker(from);
    ctx->icmp_errors = {.tokens = 1e9, .burst = 1e9, .per_tick = 0, .last = 0};
    contexts_.push_back(std::move(ctx));
  }
}

EspRig::~EspRig() {
  ipsec_.reset();
  for (auto& ctx : contexts_) Free(ctx->originated);
  contexts_.clear();
  rings_.clear();
  EXPECT_EQ(rte_mempool_avail_count(pool_), pool_->size) << "mbufs leaked";
  rte_mempool_free(pool_);
}

void EspRig::Settle() {
  for (int i = 0; i < 6; ++i) {
    for (auto& ctx : contexts_) {
      ctx->now = rte_rdtsc();
      ctx->ipsec->PollCommands(*ctx);
    }
    database().Poll([this](const channel::Event& e) { events_.push_back(e); });
  }
}

channel::Status EspRig::Install(const SaSpec& s, Direction d) {
  std::optional<channel::Status> status;
  database().Install(s.Install(d), s.local, s.remote, [&](const channel::Ack& a) { status = a.status; });
  Settle();
  EXPECT_TRUE(status.has_value()) << "never acknowledged";
  return status.value_or(channel::Status::kBusy);
}

channel::Status EspRig::Remove(const SaSpec& s, Direction d) {
  std::optional<channel::Status> status;
  channel::RemoveSa r{};
  r.spi = s.spi;
  r.sa_index = s.sa_index;
  r.direction = d;
  database().Remove(r, [&](const channel::Ack& a) { status = a.status; });
  Settle();
  EXPECT_TRUE(status.has_value()) << "never acknowledged";
  return status.value_or(channel::Status::kBusy);
}

channel::Status EspRig::AddPolicy(uint32_t id, const SelectorList& local, const SelectorList& remote,
                                  channel::PolicyAction action, uint32_t priority, bool acquire) {
  channel::AddPolicy p{};
  p.policy_id = id;
  p.priority = priority;
  p.action = action;
  p.acquire = acquire;
  auto status = database().AddPolicy(p, local, remote);
  Settle();
  return status;
}

void EspRig::InstallBoth(const SaSpec& s) {
  ASSERT_EQ(AddPolicy(s.policy_id, s.local, s.remote), channel::Status::kOk);
  ASSERT_EQ(Install(s, Direction::kInbound), channel::Status::kOk);
  ASSERT_EQ(Install(s, Direction::kOutbound), channel::Status::kOk);
}

rte_mbuf* EspRig::MakeMbuf(ByteView data) {
  rte_mbuf* m = rte_pktmbuf_alloc(pool_);
  EXPECT_NE(m, nullptr);
  char* to = rte_pktmbuf_append(m, static_cast<uint16_t>(data.size()));
  EXPECT_NE(to, nullptr);
  if (!data.empty()) std::memcpy(to, data.data(), data.size());
  return m;
}

dp::Packet& EspRig::MakePacket(ByteView ip, uint16_t port) {
  dp::Packet& p = contexts_[0]->slots.New();
  p.m = MakeMbuf(ip);
  p.port = port;
  EXPECT_FALSE(dp::ParseIp(p).has_value());
  return p;
}

Bytes EspRig::Contents(const dp::Packet& p) {
  Bytes out(rte_pktmbuf_pkt_len(p.m));
  const void* from = rte_pktmbuf_read(p.m, 0, static_cast<uint32_t>(out.size()), out.data());
  if (from != out.data()) std::memcpy(out.data(), from, out.size());
  return out;
}

void EspRig::Free(dp::Burst& b) {
  for (uint16_t i = 0; i < b.n; ++i) rte_pktmbuf_free(b.p[i]->m);
  b.n = 0;
  contexts_[0]->slots.Clear();
}

uint64_t EspRig::Drops(Drop why, unsigned worker) {
  auto& seen = seen_drops_[worker][static_cast<size_t>(why)];
  uint64_t now = contexts_[worker]->counters.drops[static_cast<size_t>(why)].get();
  return now - std::exchange(seen, now);
}

uint64_t EspRig::AllDrops(unsigned worker) const {
  uint64_t all = 0;
  for (const auto& c : contexts_[worker]->counters.drops) all += c.get();
  return all;
}

Bytes EspRig::Random(size_t n) {
  Bytes b(n);
  for (auto& x : b) x = static_cast<uint8_t>(rng_());
  return b;
}

void EspRig::MakeKeys(SaSpec& s) {
  s.encr_key = Random(s.suite.encr_keymat());
  s.integ_key = Random(s.suite.integ_keymat());
}

Bytes MakeUdp(const IpAddress& from, const IpAddress& to, uint16_t source_port, uint16_t destination_port, size_t total,
              uint8_t tos, bool df) {
  Writer w;
  bool v4 = from.family == Family::kV4;
  size_t head = v4 ? 20 : 40;
  total = std::max(total, head + 8);
  if (v4) {
    w.U8(0x45);
    w.U8(tos);
    w.U16(static_cast<uint16_t>(total));
    w.U16(0x1234);
    w.U16(df ? 0x4000 : 0);
    w.U8(63);
    w.U8(17);
    w.U16(0);
    w.Put(from.bytes());
    w.Put(to.bytes());
    w.PatchU16(10, InternetChecksum(w.view()));
  } else {
    w.U32(6u << 28 | static_cast<uint32_t>(tos) << 20);
    w.U16(static_cast<uint16_t>(total - 40));
    w.U8(17);
    w.U8(63);
    w.Put(from.bytes());
    w.Put(to.bytes());
  }
  w.U16(source_port);
  w.U16(destination_port);
  w.U16(static_cast<uint16_t>(total - head));
  w.U16(0);
  while (w.size() < total) w.U8(static_cast<uint8_t>(w.size()));
  return w.Release();
}

}  // namespace culvert::test
