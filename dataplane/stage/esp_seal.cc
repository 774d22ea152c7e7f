#include <emmintrin.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include <cstring>

#include "dataplane/stage/esp_worker.h"
#include "dataplane/stage/icmp_error.h"
#include "dataplane/stage/inner_header.h"
#include "dataplane/stage/outer_header.h"
#include "dataplane/stage/route.h"
#include "dataplane/stage/writable.h"

// Sealing a burst (RFC 4303 3.3):
//   1 the SA's lines                                     4 encipher, ICV
//   2 limits, way out, size                              5 UDP checksum over IPv6
//   3 headers, trailer, nonce and AAD of every packet
namespace culvert::dp {
namespace {

constexpr uint8_t kIpv4 = 4, kIpv6 = 41, kEsp = 50, kUdp = 17;
constexpr uint32_t kTrailer = 2;  // pad length and next header
constexpr uint32_t kV4Header = sizeof(rte_ipv4_hdr), kV6Header = sizeof(rte_ipv6_hdr);

uint32_t PadFor(uint32_t inner, uint8_t pad_to) { return (0u - (inner + kTrailer)) & (pad_to - 1u); }

uint32_t FrontOf(const OutboundSa& sa) { return sa.header_length + 4u + sa.iv_length; }

// RFC 4301 8.2.1: what fits inside, counted down from the outer path. Octets of IP packet, 0 where nothing does.
uint32_t InnerMtu(const OutboundSa& sa, uint32_t outer) {
  uint32_t around = FrontOf(sa) + sa.icv_length;
  uint32_t text = outer > around ? (outer - around) & ~(sa.pad_to - 1u) : 0;
  return text > kTrailer ? text - kTrailer : 0;
}

void StoreBe16(uint8_t* at, uint32_t v) {
  auto be = rte_cpu_to_be_16(static_cast<uint16_t>(v));
  std::memcpy(at, &be, 2);
}

// RFC 4303 2.4: padding 1, 2, 3, …, its length, the protocol inside. Writes up to 18 octets from `at`; where fewer are meant,
// the ICV takes the place of the rest.
void WriteTrailer(uint8_t* at, uint32_t pad, uint8_t next) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(at), _mm_setr_epi8(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16));
  at[pad] = static_cast<uint8_t>(pad);
  at[pad + 1] = next;
}

// The outer headers up to the SPI. Copies whole 16-octet words: what is beyond is written next.
void WriteOuter(uint8_t* at, const OutboundSa& sa, uint8_t tos, uint32_t total) {
  static_assert(sizeof sa.header == 64);
  if (sa.family == 4) {
    std::memcpy(at, sa.header, 32);
    at[1] = tos;
    StoreBe16(at + 2, total);
    StoreBe16(at + 10, static_cast<uint16_t>(~FoldSum(sa.header_sum + tos + total)));
    if (sa.encap) StoreBe16(at + 24, total - kV4Header);
    return;
  }
  if (sa.encap)
    std::memcpy(at, sa.header, 64);
  else
    std::memcpy(at, sa.header, 48);
  at[0] = static_cast<uint8_t>(0x60 | tos >> 4);
  at[1] = static_cast<uint8_t>(tos << 4);
  StoreBe16(at + 4, total - kV6Header);
  if (sa.encap) StoreBe16(at + 44, total - kV6Header);
}

// RFC 8200 8.1: over IPv6 a UDP checksum is made even for ESP, which has no use for it.
void FillUdpChecksum(uint8_t* outer, const OutboundSa& sa, uint32_t total) {
  uint8_t* udp = outer + kV6Header;
  uint32_t length = total - kV6Header;
  // The header's ports are in udp_sum; its length counts twice, in the pseudo-header too.
  uint64_t sum = sa.udp_sum + 2 * uint64_t{length} +
                 rte_be_to_cpu_16(rte_raw_cksum(udp + sizeof(rte_udp_hdr), length - sizeof(rte_udp_hdr)));
  auto checksum = static_cast<uint16_t>(~FoldSum(sum));
  StoreBe16(udp + 6, checksum == 0 ? 0xffff : checksum);
}

void FillAead(crypto::CryptoOp& op, const OutboundSa& sa, uint8_t* esp, uint64_t sequence) {
  uint64_t iv = rte_cpu_to_be_64(sa.iv_prefix | sequence), word;
  uint32_t salt;
  std::memcpy(esp + 8, &iv, 8);
  std::memcpy(&salt, sa.salt, 4);
  _mm_store_si128(reinterpret_cast<__m128i*>(op.iv),
                  _mm_set_epi64x(static_cast<int64_t>(iv >> 32), static_cast<int64_t>(salt | iv << 32)));
  uint64_t low = rte_cpu_to_be_32(static_cast<uint32_t>(sequence)),
           high = rte_cpu_to_be_32(static_cast<uint32_t>(sequence >> 32));
  uint32_t spi;
  std::memcpy(&spi, sa.header + sa.header_length - 4, 4);
  if (sa.esn) {
    word = spi | high << 32;
    _mm_store_si128(reinterpret_cast<__m128i*>(op.aad), _mm_set_epi64x(static_cast<int64_t>(low), static_cast<int64_t>(word)));
    op.aad_length = 12;
    return;
  }
  word = spi | low << 32;
  _mm_store_si128(reinterpret_cast<__m128i*>(op.aad), _mm_set_epi64x(0, static_cast<int64_t>(word)));
  op.aad_length = 8;
}

// RFC 3602 3: the IV of CBC must not be predictable.
void FillCbc(crypto::CryptoOp& op, const OutboundSa& sa, uint8_t* esp, uint64_t sequence, const uint8_t* iv) {
  std::memcpy(op.iv, iv, 16);
  std::memcpy(esp + 8, iv, 16);
  uint32_t high = rte_cpu_to_be_32(static_cast<uint32_t>(sequence >> 32));
  std::memcpy(op.aad, &high, 4);
  op.aad_length = sa.esn ? 4 : 0;
}

}  // namespace

void EspWorker::Seal(WorkerContext& ctx, Burst& seal, Burst& sealed) {
  for (uint16_t i = 0; i < seal.n; ++i) {
    Packet& p = *seal.p[i];
    if (p.sa == nullptr && (p.sa = ResolveHandedOver(ctx, p)) == nullptr) continue;
    if (i > 0 && p.sa == seal.p[i - 1]->sa) continue;
    for (unsigned line = 1; line < 4; ++line) __builtin_prefetch(static_cast<const char*>(p.sa) + line * kCacheLine, 1);
  }
  uint16_t n = 0;
  uint16_t first = sealed.n;
  bool checksums = false;
  for (uint16_t i = 0; i < seal.n; ++i) {
    Packet& p = *seal.p[i];
    if (p.m == nullptr) continue;
    auto& sa = *static_cast<OutboundSa*>(p.sa);
    if (Drop why = AdmitSeal(ctx, p, sa); why != Drop::kCount) {
      if (p.m != nullptr) ctx.Drop(p, why);
      continue;
    }
    WriteSealed(ctx, p, sa, ops_[n]);
    if (n < crypto::MbEngine::kPrefetchAhead) engine_->PrefetchKey(ops_[n]);
    ++n;
    checksums |= sa.family == 6 && sa.encap;
    sealed.Add(p);
  }
  engine_->Seal(ops_, n);
  for (uint16_t i = first; i < sealed.n; ++i) {
    Packet& p = *sealed.p[i];
    const auto& sa = *static_cast<const OutboundSa*>(p.sa);
    if (checksums && sa.family == 6 && sa.encap) FillUdpChecksum(rte_pktmbuf_mtod(p.m, uint8_t*), sa, p.length);
    p.sa = nullptr;
  }
  seal.n = 0;
}

// Another worker found the SA, this one owns it. Where it is gone meanwhile, the packet goes by what the policy says now.
OutboundSa* EspWorker::ResolveHandedOver(WorkerContext& ctx, Packet& p) {
  auto index = static_cast<uint32_t>(p.tag & 0xffffffff), installation = static_cast<uint32_t>(p.tag >> 32);
  OutboundSa* sa = index < kSaIndexLimit ? tables_.outbound.Get(index) : nullptr;
  if (sa != nullptr && sa->installation == installation && sa->owner == id_) return sa;
  bool cacheable;
  FlowVerdict v = Decide(ctx, *tables_.spd.current(), p, cacheable);
  if (v.out == FlowVerdict::kSeal && v.sa->owner == id_) return v.sa;
  ctx.Drop(p, Drop::kRetired);
  return nullptr;
}

Drop EspWorker::AdmitSeal(WorkerContext& ctx, Packet& p, OutboundSa& sa) {
  if (sa.sequence.get() >= sa.alarm_sequence || sa.bytes.get() >= sa.alarm_bytes || ctx.now >= sa.alarm_at) [[unlikely]] {
    // RFC 4303 3.3.3: the counter must not cycle; the IV's must not either.
    if (!CheckLimits(ctx, sa)) return sa.sequence.get() >= sa.last_sequence ? Drop::kSequenceExhausted : Drop::kExpired;
  }
  const auto* data = rte_pktmbuf_mtod(p.m, const uint8_t*);
  uint32_t mtu;
  if (Drop why = Route(ctx, p, sa, mtu); why != Drop::kCount) return why;
  uint32_t pad = PadFor(p.length, sa.pad_to), back = pad + kTrailer + sa.icv_length;
  if (FrontOf(sa) + p.length + back > mtu) [[unlikely]] {
    if (MayFragment(data, p.family)) return Drop::kFragmentNeeded;
    SendIcmpError(ctx, p, IcmpError::kTooBig, InnerMtu(sa, mtu));
    return Drop::kTooBig;
  }
  if (!MakeWritable(ctx, p, FrontOf(sa) + RTE_ETHER_HDR_LEN, back)) return Drop::kNoMbuf;
  return Drop::kCount;
}

// The way to the peer is kept in the SA for as long as the routes stay as they are.
Drop EspWorker::Route(WorkerContext& ctx, Packet& p, OutboundSa& sa, uint32_t& mtu) {
  if (sa.route_generation == ctx.fib->generation()) [[likely]] {
    p.next_hop = sa.next_hop;
    p.out_port = sa.out_port;
    mtu = sa.route_mtu;
    return Drop::kCount;
  }
  Packet way;
  way.port = sa.zone;
  const uint8_t* destination =
      sa.header + (sa.family == 4 ? offsetof(rte_ipv4_hdr, dst_addr) : offsetof(rte_ipv6_hdr, dst_addr));
  const RouteTarget* target = RouteTo(ctx, sa.family, destination, way);
  if (target == nullptr) return Drop::kNoRoute;
  p.next_hop = way.next_hop;
  p.out_port = way.out_port;
  mtu = target->mtu;
  if (way.next_hop != 0) {  // a neighbour still unknown is asked for again with each packet
    sa.next_hop = way.next_hop;
    sa.out_port = way.out_port;
    sa.route_mtu = target->mtu;
    sa.route_generation = ctx.fib->generation();
  }
  return Drop::kCount;
}

void EspWorker::WriteSealed(WorkerContext& ctx, Packet& p, OutboundSa& sa, crypto::CryptoOp& op) {
  auto* inner = rte_pktmbuf_mtod(p.m, uint8_t*);
  uint32_t length = p.length, pad = PadFor(length, sa.pad_to), text = length + pad + kTrailer, front = FrontOf(sa);
  uint32_t total = front + text + sa.icv_length;
  uint8_t inner_tos = GetTos(inner, p.family);
  // RFC 6040 4.1: normal mode copies the ECN field, compatibility mode clears it.
  auto tos = static_cast<uint8_t>((sa.copy_dscp ? inner_tos & ~kEcnMask : 0) | (sa.copy_ecn ? inner_tos & kEcnMask : 0));
  WriteTrailer(inner + length, pad, p.family == 4 ? kIpv4 : kIpv6);
  uint8_t* outer = inner - front;
  WriteOuter(outer, sa, tos, total);

  uint64_t sequence = sa.sequence.get() + 1;
  sa.sequence.Set(sequence);
  sa.bytes.Add(text);
  sa.last_use.Set(ctx.now);
  if (sequence % kPublishEvery == 0) [[unlikely]] {
    auto* page = tables_.page.load(std::memory_order_acquire);
    if (page != nullptr) page->outbound[sa.sa_index].store(sequence, std::memory_order_relaxed);
  }
  uint8_t* esp = outer + sa.header_length - 4;
  uint32_t low = rte_cpu_to_be_32(static_cast<uint32_t>(sequence));
  std::memcpy(esp + 4, &low, 4);
  if (crypto::IsCbc(sa.suite))
    FillCbc(op, sa, esp, sequence, engine_->NextIv());
  else
    FillAead(op, sa, esp, sequence);
  op.text = inner;
  op.key = sa.key;
  op.text_length = text;
  op.suite = sa.suite;

  rte_mbuf* m = p.m;
  m->data_off = static_cast<uint16_t>(m->data_off - front);
  m->data_len = static_cast<uint16_t>(total);
  m->pkt_len = total;
  p.length = static_cast<uint16_t>(total);
  p.l4 = static_cast<uint16_t>(sa.family == 4 ? kV4Header : kV6Header);
  p.family = sa.family;
  p.protocol = sa.encap ? kUdp : kEsp;
  p.fragment = p.first_fragment = false;
  p.local_origin = true;
  p.opened = false;
}

}  // namespace culvert::dp
