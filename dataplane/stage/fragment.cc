#include "dataplane/stage/fragment.h"

#include <rte_ip.h>

#include <cstring>

#include "dataplane/stage/ip_front.h"
#include "dataplane/stage/octets.h"

namespace culvert::dp {
namespace {

constexpr uint32_t kMaxV4Header = 60, kV6Fragment = 8, kUnit = 8;  // octets

// The headers of the fragments, and what of the packet goes behind them.
struct Cut {
  uint8_t first[256];       // IPv4: of the first fragment; IPv6: what stands before the fragment header
  uint8_t rest[kMaxV4Header];  // IPv4: of the others
  uint32_t first_length, rest_length;
  uint32_t from;            // offset of the data to be cut
  uint32_t offset;          // of that data in the packet the sender made, in octets
  bool more;                // the packet is a fragment, and not the last
  uint16_t next_at;         // IPv6
  uint8_t next;             // IPv6: what the data begins with
  uint32_t id;              // IPv6
};

// RFC 791 3.1: options whose first bit is set go into every fragment, the others into the first alone. ParseIp has walked them.
uint32_t CopyLaterHeader(const uint8_t* header, uint32_t length, uint8_t* to) {
  constexpr uint32_t kFixed = sizeof(rte_ipv4_hdr);
  constexpr uint8_t kEnd = 0, kNoOperation = 1;
  std::memcpy(to, header, kFixed);
  uint32_t n = kFixed;
  for (uint32_t at = kFixed; at < length && header[at] != kEnd;) {
    uint32_t size = header[at] == kNoOperation ? 1 : header[at + 1];
    if ((header[at] & 0x80) != 0) {
      std::memcpy(to + n, header + at, size);
      n += size;
    }
    at += size;
  }
  while (n % 4 != 0) to[n++] = kEnd;
  to[0] = static_cast<uint8_t>(0x40 | n / 4);
  return n;
}

bool PlanV4(const uint8_t* data, Cut& cut) {
  uint32_t header = (data[0] & 15u) * 4;
  uint16_t field = LoadBe16(data + 6);
  std::memcpy(cut.first, data, header);
  cut.first_length = cut.from = header;
  cut.rest_length = CopyLaterHeader(data, header, cut.rest);
  cut.offset = (field & RTE_IPV4_HDR_OFFSET_MASK) * kUnit;
  cut.more = (field & RTE_IPV4_HDR_MF_FLAG) != 0;
  return true;
}

bool PlanV6(WorkerContext& ctx, const Packet& p, const uint8_t* data, Cut& cut) {
  if (p.l4 > sizeof cut.first || p.fragment) return false;
  IpFront front = FrontBefore(data, 6, p.l4);
  std::memcpy(cut.first, data, p.l4);
  cut.first_length = cut.from = p.l4;
  cut.next_at = front.next_at;
  cut.next = data[front.next_at];
  cut.first[front.next_at] = kFragmentHeader;
  cut.offset = 0;
  cut.more = false;
  cut.id = ctx.fragment_id++;
  return true;
}

uint32_t HeaderV4(const Cut& cut, uint8_t* to, uint32_t offset, uint32_t size, bool more) {
  bool first = offset == cut.offset;
  uint32_t length = first ? cut.first_length : cut.rest_length;
  std::memcpy(to, first ? cut.first : cut.rest, length);
  StoreBe16(to + 2, length + size);
  StoreBe16(to + 6, (more ? RTE_IPV4_HDR_MF_FLAG : 0) | offset / kUnit);
  to[10] = to[11] = 0;
  auto sum = static_cast<uint16_t>(~rte_raw_cksum(to, length));
  std::memcpy(to + 10, &sum, 2);
  return length;
}

uint32_t HeaderV6(const Cut& cut, uint8_t* to, uint32_t offset, uint32_t size, bool more) {
  std::memcpy(to, cut.first, cut.first_length);
  uint8_t* h = to + cut.first_length;
  h[0] = cut.next;
  h[1] = 0;
  StoreBe16(h + 2, offset | (more ? 1 : 0));
  uint32_t id = rte_cpu_to_be_32(cut.id);
  std::memcpy(h + 4, &id, 4);
  uint32_t length = cut.first_length + kV6Fragment;
  StoreBe16(to + 4, length + size - static_cast<uint32_t>(sizeof(rte_ipv6_hdr)));
  return length;
}

// One fragment of `size` octets of data; null where there is no buffer.
rte_mbuf* MakePiece(WorkerContext& ctx, const Packet& p, const Cut& cut, uint32_t done, uint32_t size) {
  const auto* data = rte_pktmbuf_mtod(p.m, const uint8_t*);
  rte_mbuf* m = rte_pktmbuf_alloc(ctx.pool);
  if (m == nullptr) return nullptr;
  bool last = cut.from + done + size == p.length;
  auto* to = rte_pktmbuf_mtod(m, uint8_t*);
  uint32_t offset = cut.offset + done;
  uint32_t header = p.family == 4 ? HeaderV4(cut, to, offset, size, !last || cut.more)
                                  : HeaderV6(cut, to, offset, size, !last || cut.more);
  if (rte_pktmbuf_append(m, static_cast<uint16_t>(header + size)) == nullptr) {
    rte_pktmbuf_free(m);
    return nullptr;
  }
  std::memcpy(to + header, data + cut.from + done, size);
  return m;
}

void AddPiece(WorkerContext& ctx, const Packet& whole, rte_mbuf* m, bool first, Burst& out) {
  Packet& piece = ctx.pieces.New();
  piece = whole;
  piece.m = m;
  piece.length = static_cast<uint16_t>(m->data_len);
  piece.split_to = 0;
  piece.fragment = true;
  piece.first_fragment = first;
  if (piece.family == 4) piece.l4 = static_cast<uint16_t>((*rte_pktmbuf_mtod(m, const uint8_t*) & 15u) * 4);
  out.Add(piece);
}

}  // namespace

void SplitLater(WorkerContext& ctx, Packet& p, uint32_t size) {
  if (ctx.oversize.full()) return ctx.Drop(p, Drop::kFragmentNeeded);
  p.split_to = static_cast<uint16_t>(size);
  ctx.oversize.Add(p);
  p.m = nullptr;
}

bool Fragment(WorkerContext& ctx, Packet& p, Burst& out) {
  [[gnu::uninitialized]] Cut cut;
  const auto* data = rte_pktmbuf_mtod(p.m, const uint8_t*);
  bool v4 = p.family == 4;
  auto refuse = [&](culvert::Drop why) {
    ctx.Drop(p, why);
    return false;
  };
  if (!(v4 ? PlanV4(data, cut) : PlanV6(ctx, p, data, cut))) return refuse(Drop::kFragmentNeeded);
  uint32_t header = cut.first_length + (v4 ? 0 : kV6Fragment);
  uint32_t room = p.split_to > header ? (p.split_to - header) & ~(kUnit - 1) : 0, left = p.length - cut.from;
  if (room == 0 || (left + room - 1) / room > kBurstMax) return refuse(Drop::kFragmentNeeded);

  bool was_first = !p.fragment || p.first_fragment;
  for (uint32_t done = 0; left != 0;) {
    uint32_t size = left <= room ? left : room;
    rte_mbuf* m = MakePiece(ctx, p, cut, done, size);
    if (m == nullptr) {
      while (out.n != 0) rte_pktmbuf_free(out.p[--out.n]->m);
      return refuse(Drop::kNoMbuf);
    }
    AddPiece(ctx, p, m, was_first && done == 0, out);
    done += size;
    left -= size;
  }
  ctx.counters.injected.Add(out.n);
  ctx.Consume(p);
  return true;
}

}  // namespace culvert::dp
