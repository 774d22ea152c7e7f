#include "dataplane/stage/transmit.h"

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_pause.h>

#include <cstring>

#include "dataplane/stage/route.h"
#include "dataplane/watch/watch.h"

namespace culvert::dp {
namespace {

constexpr int kTransmitTries = 8;  // a full queue of a virtual port is often drained by the very call that found it full

// Packets of one port, ready to go.
struct Outbox {
  rte_mbuf* m[kBurstMax];
  uint16_t n;
};

// A handle kept in an SA or a ring may be of a neighbour that went and came back: then the destination is looked up again, as
// long as that leads out of the same port.
bool FindMacAnew(WorkerContext& ctx, const Packet& p, rte_ether_addr& to) {
  const auto* data = rte_pktmbuf_mtod(p.m, const uint8_t*);
  Packet again = p;
  again.port = p.out_port;  // where a link-local destination lies
  const uint8_t* destination = data + (p.family == 4 ? offsetof(rte_ipv4_hdr, dst_addr) : offsetof(rte_ipv6_hdr, dst_addr));
  if (RouteTo(ctx, p.family, destination, again) == nullptr || again.out_port != p.out_port) return false;
  return again.next_hop != 0 && ctx.neighbours->Mac(again.next_hop, ctx.stamp, to);
}

// The Ethernet header last made, and for whom: packets come in trains of one next hop.
struct LastHeader {
  NextHop hop = 0;
  uint8_t family = 0;
  rte_ether_hdr header;
};

// False: the packet went another way.
bool Frame(WorkerContext& ctx, Packet& p, LastHeader& last) {
  if (p.framed) return true;
  if (p.next_hop == 0 || p.next_hop != last.hop || p.family != last.family) {
    bool found = p.next_hop != 0 && ctx.neighbours->Mac(p.next_hop, ctx.stamp, last.header.dst_addr);
    last.hop = found ? p.next_hop : 0;
    // Of what the port is to seal whole, the outer destination is not there to be looked up.
    if (!found && (p.by_port || !FindMacAnew(ctx, p, last.header.dst_addr))) {
      // The port was to seal it: nobody but the port may have it as it is.
      if (p.m->ol_flags & RTE_MBUF_F_TX_SEC_OFFLOAD) {
        ctx.Drop(p, Drop::kNoNeighbour);
        return false;
      }
      ctx.ToMain(MainKind::kResolve, p);
      return false;
    }
    last.family = p.family;
    last.header.src_addr = ctx.ports[p.out_port].port->mac;
    last.header.ether_type = rte_cpu_to_be_16(p.family == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
  }
  rte_mbuf* m = p.m;
  if (m->data_off < sizeof(rte_ether_hdr)) {
    ctx.Drop(p, Drop::kNoMbuf);
    return false;
  }
  m->data_off = static_cast<uint16_t>(m->data_off - sizeof(rte_ether_hdr));
  m->data_len = static_cast<uint16_t>(m->data_len + sizeof(rte_ether_hdr));
  m->pkt_len += sizeof(rte_ether_hdr);
  std::memcpy(rte_pktmbuf_mtod(m, void*), &last.header, sizeof last.header);
  return true;
}

// Puts the tag of a VLAN into a frame. False: dropped.
bool Tag(WorkerContext& ctx, Packet& p, uint16_t vid) {
  constexpr size_t kMacs = 2 * RTE_ETHER_ADDR_LEN;
  auto* frame = reinterpret_cast<uint8_t*>(rte_pktmbuf_prepend(p.m, sizeof(rte_vlan_hdr)));
  if (frame == nullptr) {
    ctx.Drop(p, Drop::kNoMbuf);
    return false;
  }
  std::memmove(frame, frame + sizeof(rte_vlan_hdr), kMacs);
  const uint8_t tag[] = {RTE_ETHER_TYPE_VLAN >> 8, RTE_ETHER_TYPE_VLAN & 255, static_cast<uint8_t>(vid >> 8),
                         static_cast<uint8_t>(vid)};
  std::memcpy(frame + kMacs, tag, sizeof tag);
  return true;
}

void Flush(WorkerContext& ctx, WorkerPort& port, Outbox& out) {
  uint16_t sent = 0;
  if (ctx.watch != nullptr) [[unlikely]]
    ctx.watch->Sending(out.m, out.n, port.port->index());
  for (int tries = 0; sent < out.n && tries < kTransmitTries; ++tries) {
    if (tries > 0) rte_pause();
    sent = static_cast<uint16_t>(sent + port.port->Transmit(port.tx_queue, out.m + sent, static_cast<uint16_t>(out.n - sent)));
  }
  ctx.counters.forwarded.Add(sent);
  if (ctx.watch == nullptr && sent == out.n) [[likely]]
    return;
  const Drop why = port.port->link_up() ? Drop::kTxFull : Drop::kPortDown;
  if (ctx.watch != nullptr) ctx.watch->Sent(sent, why);
  if (sent == out.n) return;
  ctx.counters.Drop(why, out.n - sent);
  rte_pktmbuf_free_bulk(out.m + sent, out.n - sent);
}

}  // namespace

void Transmit(WorkerContext& ctx, Burst& burst) {
  static_assert(kBurstMax <= 64);
  // Packets of the first one's port are collected as they are framed; the few of others wait for their port's turn.
  [[gnu::uninitialized]] Outbox out;
  for (uint16_t n = burst.n; n != 0;) {
    uint16_t out_port = burst.p[0]->out_port, left = 0;
    WorkerPort& port = ctx.ports[out_port];
    out.n = 0;
    LastHeader last;
    for (uint16_t i = 0; i < n; ++i) {
      Packet& p = *burst.p[i];
      if (p.out_port != out_port)
        burst.p[left++] = &p;
      else if (port.tx_queue == kNoQueue)
        ctx.HandOver(port.tx_owner, HandOverKind::kTransmit, p);
      else if (Frame(ctx, p, last) && (port.vlan == 0 || Tag(ctx, p, port.vlan)))
        out.m[out.n++] = p.m;
    }
    if (out.n != 0) Flush(ctx, port, out);
    n = left;
  }
  burst.n = 0;
}

}  // namespace culvert::dp
