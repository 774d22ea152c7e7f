#include "dataplane/stage/reassemble.h"

#include <rte_byteorder.h>
#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_random.h>
#include <rte_udp.h>

#include <algorithm>
#include <cstring>

#include "dataplane/stage/ike_ports.h"
#include "dataplane/stage/ip_front.h"
#include "dataplane/stage/octets.h"
#include "dataplane/stage/parse.h"

namespace culvert::dp {
namespace {

constexpr uint8_t kUdp = 17;
constexpr uint32_t kV6Fragment = 8, kMaxData = 65535;
constexpr uint32_t kBehind = 64;  // octets that opening may want behind the packet
constexpr uint8_t kEcnMask = 3, kCe = 3;

// Of an IPv6 packet that has one: ParseIp has walked it.
IpFront BeforeFragmentHeader(const uint8_t* data) {
  IpFront front{sizeof(rte_ipv6_hdr), offsetof(rte_ipv6_hdr, proto)};
  while (data[front.next_at] != kFragmentHeader) {
    uint16_t at = front.length;
    front = {static_cast<uint16_t>(at + ExtensionSize(data + at, data[front.next_at])), at};
  }
  return front;
}

uint8_t EcnOf(const uint8_t* data, uint8_t family) {
  return (family == 4 ? data[1] : static_cast<uint8_t>(data[1] >> 4)) & kEcnMask;
}

void SetCe(uint8_t* data, uint8_t family) { data[1] |= static_cast<uint8_t>(family == 4 ? kCe : kCe << 4); }

}  // namespace

Reassembly::Reassembly(Limits limits, uint64_t tsc_hz)
    : patience_(tsc_hz * kPatienceMs / 1000), seed_(rte_rand()), datagrams_(limits.datagrams), pieces_(limits.pieces) {
  for (uint32_t i = 0; i < limits.datagrams; ++i) datagrams_[i].all.newer = i + 1 < limits.datagrams ? i + 1 : kNone;
  for (uint32_t i = 0; i < limits.pieces; ++i) pieces_[i].next = i + 1 < limits.pieces ? i + 1 : kNone;
  free_datagram_ = limits.datagrams != 0 ? 0 : kNone;
  free_piece_ = limits.pieces != 0 ? 0 : kNone;
}

Reassembly::~Reassembly() {
  for (const Piece& p : pieces_) rte_pktmbuf_free(p.packet.m);
}

template <Reassembly::Links Reassembly::Datagram::*kLinks>
void Reassembly::Append(List& list, uint32_t index) {
  Links& l = datagrams_[index].*kLinks;
  l = {.older = list.newest, .newer = kNone};
  (list.newest == kNone ? list.oldest : (datagrams_[list.newest].*kLinks).newer) = index;
  list.newest = index;
  ++list.count;
}

template <Reassembly::Links Reassembly::Datagram::*kLinks>
void Reassembly::Remove(List& list, uint32_t index) {
  Links l = datagrams_[index].*kLinks;
  (l.older == kNone ? list.oldest : (datagrams_[l.older].*kLinks).newer) = l.newer;
  (l.newer == kNone ? list.newest : (datagrams_[l.newer].*kLinks).older) = l.older;
  --list.count;
}

// False: no fragment of anything (RFC 791 3.2, RFC 8200 4.5), or a tiny one (RFC 1858 3).
bool Reassembly::Read(const Packet& p, Said& out) {
  const auto* data = rte_pktmbuf_mtod(p.m, const uint8_t*);
  out.key = {};
  out.key.family = p.family;
  if (p.family == 4) {
    std::memcpy(out.key.addresses, data + offsetof(rte_ipv4_hdr, src_addr), 8);
    uint16_t field = LoadBe16(data + 6);
    out.key.id = LoadBe16(data + 4);
    out.key.protocol = p.protocol;
    out.offset = (field & RTE_IPV4_HDR_OFFSET_MASK) * 8u;
    out.more = (field & RTE_IPV4_HDR_MF_FLAG) != 0;
    out.at = p.l4;
  } else {
    IpFront front = BeforeFragmentHeader(data);
    const uint8_t* h = data + front.length;
    std::memcpy(out.key.addresses, data + offsetof(rte_ipv6_hdr, src_addr), 32);
    std::memcpy(&out.key.id, h + 4, 4);
    out.offset = LoadBe16(h + 2) & 0xfff8u;
    out.more = (h[3] & 1) != 0;
    out.at = static_cast<uint16_t>(front.length + kV6Fragment);
  }
  out.size = p.length - uint32_t{out.at};
  if (out.more && (out.size % 8 != 0 || (out.offset == 0 && out.size < kMinFirst))) return false;
  return out.size != 0 && out.offset + out.size <= kMaxData;
}

// Whose the datagram is, as far as this fragment tells.
Reassembly::Whose Reassembly::Judge(const Packet& p) {
  if (p.protocol != kUdp) return Whose::kOurs;
  if (!p.first_fragment) return Whose::kUnknown;
  if (p.length < p.l4 + sizeof(rte_udp_hdr) + 4) return Whose::kOthers;
  const auto* udp = rte_pktmbuf_mtod_offset(p.m, const uint8_t*, p.l4);
  // RFC 3948 2.2: four zero octets mark IKE.
  bool marker = std::all_of(udp + 8, udp + 12, [](uint8_t b) { return b == 0; });
  return LoadBe16(udp + 2) == kNattPort && !marker ? Whose::kOurs : Whose::kOthers;
}

// By source alone: a source that sends much competes with itself.
uint32_t Reassembly::Bucket(const Key& k) const {
  uint64_t h = seed_ ^ k.family;
  for (int i = 0; i < (k.family == 4 ? 1 : 4); ++i) {
    uint32_t word;
    std::memcpy(&word, k.addresses + 4 * i, 4);
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    h ^= h >> 29;
  }
  return static_cast<uint32_t>(h >> 24) % kBuckets;
}

uint32_t Reassembly::Find(const Key& k, uint32_t bucket) const {
  uint32_t i = buckets_[bucket].newest;
  while (i != kNone && !(datagrams_[i].key == k)) i = datagrams_[i].of_source.older;
  return i;
}

uint32_t Reassembly::Open(WorkerContext& ctx, const Said& said, uint32_t bucket) {
  if (buckets_[bucket].count >= kPerSource) GiveUp(ctx, buckets_[bucket].oldest, Drop::kFragmentFull);
  if (free_datagram_ == kNone) {
    if (all_.oldest == kNone) return kNone;
    GiveUp(ctx, all_.oldest, Drop::kFragmentFull);
  }
  uint32_t index = free_datagram_;
  Datagram& d = datagrams_[index];
  free_datagram_ = d.all.newer;
  d = {.key = said.key, .all = {}, .of_source = {}, .bucket = bucket, .first = kNone, .count = 0, .octets = 0, .total = 0,
       .until = ctx.now + patience_, .whose = Whose::kUnknown};
  Append<&Datagram::all>(all_, index);
  Append<&Datagram::of_source>(buckets_[bucket], index);
  ++used_;
  return index;
}

// RFC 5722 4, RFC 8200 4.5: pieces that overlap end the datagram; one that is there already, octet for octet, was only
// repeated. `before`: the piece it goes behind, kNone: it is the first.
Reassembly::Fit Reassembly::Check(const Datagram& d, const Said& said, const Packet& p, uint32_t& before) const {
  uint32_t end = said.offset + said.size, reach = 0;
  before = kNone;
  uint32_t after = d.first;
  for (; after != kNone && pieces_[after].offset < said.offset; after = pieces_[after].next) before = after;
  if (after != kNone && pieces_[after].offset == said.offset && pieces_[after].size == said.size) {
    const Piece& same = pieces_[after];
    const auto *a = rte_pktmbuf_mtod_offset(same.packet.m, const uint8_t*, same.at),
               *b = rte_pktmbuf_mtod_offset(p.m, const uint8_t*, said.at);
    return std::equal(a, a + same.size, b) ? Fit::kAgain : Fit::kContradicts;
  }
  for (uint32_t i = after; i != kNone; i = pieces_[i].next) reach = pieces_[i].offset + uint32_t{pieces_[i].size};
  bool overlaps = (before != kNone && pieces_[before].offset + uint32_t{pieces_[before].size} > said.offset) ||
                  (after != kNone && pieces_[after].offset < end);
  bool two_ends = said.more ? d.total != 0 && end >= d.total : d.total != 0 || reach > end;
  return overlaps || two_ends ? Fit::kContradicts : Fit::kFits;
}

void Reassembly::Insert(WorkerContext& ctx, Datagram& d, const Said& said, Packet& p, uint32_t before) {
  uint32_t index = free_piece_;
  Piece& piece = pieces_[index];
  free_piece_ = piece.next;
  uint32_t& link = before == kNone ? d.first : pieces_[before].next;
  ctx.Hold(p);
  piece = {.packet = p, .next = link, .offset = static_cast<uint16_t>(said.offset), .size = static_cast<uint16_t>(said.size),
           .at = said.at};
  link = index;
  ++held_;
  ++d.count;
  d.octets += said.size;
  if (!said.more) d.total = said.offset + said.size;
}

void Reassembly::FreePiece(uint32_t piece) {
  pieces_[piece].packet = {};
  pieces_[piece].next = free_piece_;
  free_piece_ = piece;
  --held_;
}

void Reassembly::Close(uint32_t index) {
  Datagram& d = datagrams_[index];
  while (d.first != kNone) {
    uint32_t next = pieces_[d.first].next;
    FreePiece(d.first);
    d.first = next;
  }
  Remove<&Datagram::all>(all_, index);
  Remove<&Datagram::of_source>(buckets_[d.bucket], index);
  d.all.newer = free_datagram_;
  free_datagram_ = index;
  --used_;
}

void Reassembly::GiveUp(WorkerContext& ctx, uint32_t index, culvert::Drop why) {
  Datagram& d = datagrams_[index];
  for (uint32_t i = d.first; i != kNone; i = pieces_[i].next) ctx.Drop(pieces_[i].packet, why);
  ctx.counters.unparked.Add(d.count);
  Close(index);
}

// The datagram stays known for as long as its fragments may come.
void Reassembly::PassOn(WorkerContext& ctx, Datagram& d, Pass not_ours) {
  d.whose = Whose::kOthers;
  ctx.counters.unparked.Add(d.count);
  while (d.first != kNone) {
    uint32_t piece = d.first;
    d.first = pieces_[piece].next;
    not_ours(ctx, pieces_[piece].packet);
    FreePiece(piece);
  }
  d.count = d.octets = d.total = 0;
}

bool Reassembly::Add(WorkerContext& ctx, Packet& p, Pass not_ours) {
  auto drop = [&](culvert::Drop why) {
    ctx.Drop(p, why);
    return false;
  };
  Said said;
  if (p.m->nb_segs != 1 || !Read(p, said)) return drop(Drop::kFragment);
  uint32_t bucket = Bucket(said.key), index = Find(said.key, bucket);
  if (index == kNone && (index = Open(ctx, said, bucket)) == kNone) return drop(Drop::kFragmentFull);
  Datagram& d = datagrams_[index];
  // An ID comes again: a first fragment always speaks for itself.
  if (d.whose == Whose::kUnknown || (d.whose == Whose::kOthers && p.first_fragment)) d.whose = Judge(p);
  if (d.whose == Whose::kOthers) {
    PassOn(ctx, d, not_ours);
    not_ours(ctx, p);
    return false;
  }
  uint32_t before;
  Fit fit = Check(d, said, p, before);
  if (fit == Fit::kAgain) return drop(Drop::kFragment);
  if (fit == Fit::kContradicts || d.count == kMaxPieces) {
    GiveUp(ctx, index, Drop::kFragment);
    return drop(Drop::kFragment);
  }
  // The oldest may be this one.
  while (free_piece_ == kNone && used_ != 0 && all_.oldest != index) GiveUp(ctx, all_.oldest, Drop::kFragmentFull);
  if (free_piece_ == kNone) {
    GiveUp(ctx, index, Drop::kFragmentFull);
    return drop(Drop::kFragmentFull);
  }
  Insert(ctx, d, said, p, before);
  if (d.total == 0 || d.octets != d.total) return false;
  return Join(ctx, index, p);
}

// The packet as it was before it was cut. Null: it cannot be, for want of a buffer it fits, or because one fragment says that
// it met congestion and another that it cannot say so (RFC 3168 5.3).
rte_mbuf* Reassembly::Assemble(WorkerContext& ctx, const Datagram& d) const {
  const Piece& first = pieces_[d.first];
  const auto* data = rte_pktmbuf_mtod(first.packet.m, const uint8_t*);
  bool v4 = d.key.family == 4;
  uint32_t front = v4 ? first.at : first.at - kV6Fragment, total = front + d.total;
  rte_mbuf* m = rte_pktmbuf_alloc(ctx.pool);
  if (m == nullptr || total > kMaxData || rte_pktmbuf_tailroom(m) < total + kBehind) {
    rte_pktmbuf_free(m);
    return nullptr;
  }
  auto* to = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(m, static_cast<uint16_t>(total)));
  std::memcpy(to, data, front);
  bool ce = false, not_capable = false;
  for (uint32_t i = d.first; i != kNone; i = pieces_[i].next) {
    const Piece& piece = pieces_[i];
    const auto* from = rte_pktmbuf_mtod(piece.packet.m, const uint8_t*);
    std::memcpy(to + front + piece.offset, from + piece.at, piece.size);
    uint8_t ecn = EcnOf(from, d.key.family);
    ce |= ecn == kCe;
    not_capable |= ecn == 0;
  }
  if (ce && not_capable) {
    rte_pktmbuf_free(m);
    return nullptr;
  }
  if (ce) SetCe(to, d.key.family);
  IpFront at{static_cast<uint16_t>(front), offsetof(rte_ipv4_hdr, next_proto_id)};
  uint8_t next = to[at.next_at];
  if (v4) {
    std::memset(to + offsetof(rte_ipv4_hdr, fragment_offset), 0, 2);
  } else {
    at = BeforeFragmentHeader(data);
    next = data[at.length];
  }
  SetFront(to, d.key.family, at, next, total);
  return m;
}

bool Reassembly::Join(WorkerContext& ctx, uint32_t index, Packet& p) {
  Datagram& d = datagrams_[index];
  rte_mbuf* whole = Assemble(ctx, d);
  if (whole == nullptr) {
    GiveUp(ctx, index, Drop::kFragment);
    return false;
  }
  bool broadcast = false;
  ctx.counters.unparked.Add(d.count);
  ctx.counters.consumed.Add(d.count - 1);
  Packet parsed = pieces_[d.first].packet;
  for (uint32_t i = d.first; i != kNone; i = pieces_[i].next) {
    broadcast |= pieces_[i].packet.link_broadcast;
    rte_pktmbuf_free(pieces_[i].packet.m);
  }
  Close(index);
  p = parsed;
  p.m = whole;
  p.link_broadcast = broadcast;
  auto why = ParseIp(p);
  if (why) ctx.Drop(p, *why);
  return !why;
}

void Reassembly::Expire(WorkerContext& ctx) {
  while (all_.oldest != kNone && ctx.now >= datagrams_[all_.oldest].until) {
    GiveUp(ctx, all_.oldest, Drop::kFragmentTimeout);
  }
}

}  // namespace culvert::dp
