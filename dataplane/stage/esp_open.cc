#include <emmintrin.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include <cstring>

#include "dataplane/stage/accept.h"
#include "dataplane/stage/esp_nonce.h"
#include "dataplane/stage/esp_worker.h"
#include "dataplane/stage/outer_header.h"
#include "dataplane/stage/writable.h"

// Opening a burst of ESP (RFC 4303 3.4):
//   1 find the ESP header, ask for the SA's slot        4 verify and decipher
//   2 read the slot, ask for the SA's lines             5 window again, trailer, inner packet, selectors
//   3 SA, limits, sequence number; nonce and AAD        6 publish the moved edges
// AH is put aside by the first of them and verified after all (ah_open.cc).
namespace culvert::dp {
namespace {

constexpr uint16_t kEspHeader = 8;  // SPI and sequence number
constexpr uint8_t kDummy = 59, kUdp = 17, kAh = 51;
constexpr uint16_t kMinText = 2;  // pad length and next header

// RFC 3948 2.1 wants a zero checksum over IPv4 and accepts any; RFC 8200 8.1 forbids zero over IPv6. One that is not zero
// must be right (B63).
bool UdpIsSound(const Packet& p, const uint8_t* data) {
  rte_udp_hdr udp;
  std::memcpy(&udp, data + p.l4, sizeof udp);
  if (rte_be_to_cpu_16(udp.dgram_len) != p.length - p.l4) return false;
  if (udp.dgram_cksum == 0) return p.family == 4;
  if (p.family == 4) return rte_ipv4_udptcp_cksum_verify(reinterpret_cast<const rte_ipv4_hdr*>(data), data + p.l4) == 0;
  // Extension headers may lie between, so the sum is made here: addresses, length, protocol, datagram (RFC 8200 8.1).
  uint32_t sum = rte_raw_cksum(data + offsetof(rte_ipv6_hdr, src_addr), 32);
  sum += rte_raw_cksum(data + p.l4, static_cast<size_t>(p.length - p.l4)) + udp.dgram_len + rte_cpu_to_be_16(kUdp);
  return FoldSum(sum) == 0xffff;
}

// RFC 4303 2.4: the padding counts 1, 2, 3, …
bool PaddingIsRight(const uint8_t* trailer, uint8_t length) {
  for (uint8_t i = 0; i < length; ++i) {
    if (trailer[i] != i + 1) return false;
  }
  return true;
}

// `word` is SPI and sequence number as they lie in the packet.
void FillAead(crypto::CryptoOp& op, const InboundSa& sa, const uint8_t* esp, uint64_t sequence) {
  uint64_t word, iv;
  uint32_t salt;
  std::memcpy(&word, esp, 8);
  std::memcpy(&iv, esp + kEspHeader, 8);
  std::memcpy(&salt, sa.salt, 4);
  // RFC 4106 4, RFC 7634 2: salt, then the explicit IV. One store of 16 octets each: narrower ones would stall the load.
  _mm_store_si128(reinterpret_cast<__m128i*>(op.iv),
                  _mm_set_epi64x(static_cast<int64_t>(iv >> 32), static_cast<int64_t>(salt | iv << 32)));
  if (sa.esn) {  // RFC 4106 5: SPI and the 64-bit sequence number
    uint64_t high = rte_cpu_to_be_32(static_cast<uint32_t>(sequence >> 32));
    word = (word & 0xffffffff) | high << 32;
    uint32_t low = rte_cpu_to_be_32(static_cast<uint32_t>(sequence));
    _mm_store_si128(reinterpret_cast<__m128i*>(op.aad), _mm_set_epi64x(low, static_cast<int64_t>(word)));
    op.aad_length = 12;
    return;
  }
  _mm_store_si128(reinterpret_cast<__m128i*>(op.aad), _mm_set_epi64x(0, static_cast<int64_t>(word)));
  op.aad_length = 8;
}

}  // namespace

void EspWorker::Open(WorkerContext& ctx, Burst& ipsec, Burst& opened) {
  Locate(ctx, ipsec);
  ipsec.n = 0;
  OpenLocated(ctx, opened);
  if (others_.n != 0) OpenAh(ctx, opened);
  if (by_port_.n != 0) TakeFromPort(ctx, opened);
}

void EspWorker::OpenLocated(WorkerContext& ctx, Burst& opened) {
  uint16_t n = Admit(ctx);
  if (lent_) [[unlikely]]
    FlushDevices();
  ctx.Enter(Stage::kVerify, n);
  if (inline_) [[unlikely]]
    OpenRest(ctx, n);
  else
    engine_->Open(ops_, n);
  ctx.Enter(Stage::kAccept, n);
  Accept(ctx, n, opened);
  PublishEdges(n);
}

void EspWorker::Locate(WorkerContext& ctx, Burst& ipsec) {
  uint16_t n = 0;
  for (uint16_t i = 0; i < ipsec.n; ++i) {
    Packet& p = *ipsec.p[i];
    if (p.protocol >= kAh) [[unlikely]] {
      (p.by_port ? by_port_ : others_).Add(p);
      continue;
    }
    if (!MakeWritable(ctx, p, 0, 0)) continue;
    const auto* data = rte_pktmbuf_mtod(p.m, const uint8_t*);
    bool encap = p.protocol == kUdp;
    auto at = static_cast<uint16_t>(p.l4 + (encap ? sizeof(rte_udp_hdr) : 0));
    if (p.fragment) {
      ctx.Drop(p, Drop::kFragment);
      continue;
    }
    if (p.length < at + kEspHeader) {
      ctx.Drop(p, Drop::kRunt);
      continue;
    }
    if (encap && !UdpIsSound(p, data)) {
      ctx.Drop(p, Drop::kBadHeader);
      continue;
    }
    Spi spi = LoadBe32(data + at);
    tables_.inbound.Prefetch(SaIndex(spi));
    OpenLane& lane = lanes_[n++];
    lane.packet = &p;
    lane.spi = spi;
    lane.esp = at;
    lane.encap = encap;
    __builtin_prefetch(data + 64);
    __builtin_prefetch(data + p.length - 1);
  }
  for (uint16_t i = 0; i < n; ++i) {
    OpenLane& lane = lanes_[i];
    lane.sa = tables_.inbound.Get(SaIndex(lane.spi));
    if (lane.sa == nullptr) [[unlikely]]
      lane.sa = FindManual(lane.spi);
    if (lane.sa == nullptr || (i > 0 && lane.sa == lanes_[i - 1].sa)) continue;
    const auto* sa = reinterpret_cast<const char*>(lane.sa);
    for (unsigned line = 0; line < 3; ++line) __builtin_prefetch(sa + line * kCacheLine, 1);
  }
  lanes_n_ = n;
}

inline bool EspWorker::AdmitOne(WorkerContext& ctx, OpenLane& lane, crypto::CryptoOp& op) {
  Packet& p = *lane.packet;
  auto drop = [&](Drop why) {
    ctx.Drop(p, why);
    return false;
  };
  InboundSa* sa = lane.sa;
  if (sa == nullptr || sa->spi != lane.spi) [[unlikely]] {
    if ((sa = lane.sa = FindManual(lane.spi)) == nullptr) {
      HoldEarly(ctx, p, lane.spi);
      return false;
    }
  }
  if (sa->form >= SaForm::kAhTunnel) [[unlikely]] {
    if (IsAh(sa->form)) return drop(Drop::kWrongProtocol);
    if (p.sa != sa->over) return drop(Drop::kNesting);
  }
  if (!IsMine(*sa)) {
    OpenAtOwner(ctx, *sa, p);
    return false;
  }
  if (sa->packets.get() >= sa->alarm_packets || sa->bytes.get() >= sa->alarm_bytes || ctx.now >= sa->alarm_at) [[unlikely]] {
    if (!CheckLimits(ctx, *sa)) return drop(Drop::kExpired);
  }
  auto* esp = rte_pktmbuf_mtod_offset(p.m, uint8_t*, lane.esp);
  int text = p.length - lane.esp - kEspHeader - sa->iv_length - sa->icv_length;
  if (text < kMinText || (text & (sa->block - 1)) != 0) return drop(Drop::kRunt);
  uint32_t low = LoadBe32(esp + 4);
  lane.sequence = sa->esn ? sa->window.Infer(low) : low;
  sa->window.Prefetch(sa->words(), lane.sequence);
  if (!sa->window.Check(sa->words(), lane.sequence)) return drop(Drop::kReplayed);

  op.suite = sa->suite;
  if (crypto::IsSaltedAead(sa->suite))
    FillAead(op, *sa, esp, lane.sequence);
  else
    FillUnsalted(op, sa->esn, sa->salt, esp, lane.sequence);
  op.text = esp + kEspHeader + sa->iv_length;
  op.key = sa->key;
  op.text_length = static_cast<uint32_t>(text);
  return true;
}

uint16_t EspWorker::Admit(WorkerContext& ctx) {
  uint16_t n = 0;
  for (uint16_t i = 0; i < lanes_n_; ++i) {
    if (!AdmitOne(ctx, lanes_[i], ops_[n])) continue;
    if (auto engine = lanes_[i].sa->engine; engine != offload::Engine::kCpu) [[unlikely]] {
      const bool lent = engine == offload::Engine::kLookaside || engine == offload::Engine::kLookasideProtocol;
      if (lent && LendOpened(ctx, lanes_[i], ops_[n])) continue;
      inline_ = true;
    }
    if (n < crypto::MbEngine::kPrefetchAhead) engine_->PrefetchKey(ops_[n]);
    if (n != i) lanes_[n] = lanes_[i];
    ++n;
  }
  return n;
}

inline bool EspWorker::AcceptOne(WorkerContext& ctx, OpenLane& lane, const crypto::CryptoOp& op) {
  Packet& p = *lane.packet;
  auto drop = [&](Drop why) {
    ctx.Drop(p, why);
    return false;
  };
  InboundSa& sa = *lane.sa;
  if (!op.ok) return drop(Drop::kBadIcv);
  // RFC 4303 3.4.3: the window moves only now; and one twice in this burst is found out here.
  if (!sa.window.Commit(sa.words(), lane.sequence)) return drop(Drop::kReplayed);
  Count(ctx, lane, op.text_length);
  const uint8_t* end = op.text + op.text_length;
  uint8_t pad = end[-2], next = end[-1];
  if (pad + uint32_t{kMinText} > op.text_length || !PaddingIsRight(end - 2 - pad, pad)) return drop(Drop::kBadPad);
  if (next == kDummy) {  // RFC 4303 2.6: traffic flow confidentiality; it ends here by design
    ctx.Consume(p);
    return false;
  }
  auto inner = static_cast<uint16_t>(op.text_length - kMinText - pad);
  auto cut = static_cast<uint16_t>(op.text - rte_pktmbuf_mtod(p.m, const uint8_t*));
  if (sa.form != SaForm::kEspTunnel) [[unlikely]] {
    if (IsTransport(sa.form)) return AcceptTransport(ctx, lane, {static_cast<uint16_t>(cut - p.l4), inner, next});
  }
  return AcceptInner(ctx, lane, {cut, inner, next});
}

void EspWorker::Accept(WorkerContext& ctx, uint16_t n, Burst& opened) {
  for (uint16_t i = 0; i < n; ++i) {
    if (!AcceptOne(ctx, lanes_[i], ops_[i])) continue;
    opened.Add(*lanes_[i].packet);
    if (options_.mss != 0) ClampIn(ctx, *lanes_[i].sa, *lanes_[i].packet);
  }
}

// RFC 7296 2.23: an authenticated packet from elsewhere may mean that the peer moved. Control decides; it hears at most once
// a second.
void EspWorker::NotePeer(WorkerContext& ctx, InboundSa& sa, const OpenLane& lane, const uint8_t* outer) {
  const Packet& p = *lane.packet;
  size_t size = p.family == 4 ? 4 : 16;
  const uint8_t* source = outer + (p.family == 4 ? offsetof(rte_ipv4_hdr, src_addr) : offsetof(rte_ipv6_hdr, src_addr));
  const uint8_t* udp = outer + p.l4;
  if (ctx.now < sa.next_move) return;
  WorkerReport r{};
  r.kind = WorkerReport::kMoved;
  r.direction = channel::Direction::kInbound;
  r.sa_index = sa.sa_index;
  r.installation = sa.generation;
  bool link_local = p.family == 6 && source[0] == 0xfe && (source[1] & 0xc0) == 0x80;
  for (auto* e : {&r.moved.remote, &r.moved.local}) {
    e->address.family = p.family;
    e->zone = link_local ? p.port : 0;
  }
  std::memcpy(r.moved.remote.address.octets, source, size);
  std::memcpy(r.moved.local.address.octets, source + size, size);
  if (lane.encap) {
    r.moved.remote.port = static_cast<uint16_t>(udp[0] << 8 | udp[1]);
    r.moved.local.port = static_cast<uint16_t>(udp[2] << 8 | udp[3]);
  }
  if (Send(ctx, r)) sa.next_move = ctx.now + ctx.tsc_hz;
}

// Once for each run of packets of one SA, before the burst leaves the worker: a restarted gateway must never accept again
// what was let through here.
void EspWorker::PublishEdges(uint16_t n) {
  auto* page = tables_.page.load(std::memory_order_acquire);
  if (page == nullptr) return;
  for (uint16_t i = 0; i < n; ++i) {
    const InboundSa* sa = lanes_[i].sa;
    if ((i + 1 < n && lanes_[i + 1].sa == sa) || sa->sa_index >= kSaIndexLimit) continue;
    page->inbound[sa->sa_index].store(sa->window.edge(), std::memory_order_relaxed);
  }
}

}  // namespace culvert::dp
