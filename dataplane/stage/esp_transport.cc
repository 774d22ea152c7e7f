#include <rte_ip.h>
#include <rte_udp.h>

#include <cstring>

#include "dataplane/stage/accept.h"
#include "dataplane/stage/esp_worker.h"
#include "dataplane/stage/esp_write.h"
#include "dataplane/stage/nat_checksum.h"
#include "dataplane/stage/parse.h"

// Transport mode: ESP as it is written (RFC 4303 3.1.1), and what is left of a packet when ESP or AH is off.
namespace culvert::dp {
namespace {

constexpr uint8_t kEsp = 50, kUdp = 17;

}  // namespace

void EspWorker::WriteTransport(WorkerContext& ctx, Packet& p, OutboundSa& sa, const SealPlan& plan, crypto::CryptoOp& op) {
  auto* packet = rte_pktmbuf_mtod(p.m, uint8_t*);
  PutWirePort(p, sa);
  uint8_t* begin = packet - plan.front;
  const IpFront& front = plan.at;
  WriteTrailer(packet + p.length, plan.pad, packet[front.next_at]);
  std::memmove(begin, packet, front.length);
  SetFront(begin, p.family, front, sa.encap ? kUdp : kEsp, plan.total);
  uint8_t* esp = begin + front.length;
  const uint8_t* spi = sa.header + sa.header_length - 4;
  if (sa.encap) {
    std::memcpy(esp, spi - sizeof(rte_udp_hdr), sizeof(rte_udp_hdr));
    StoreBe16(esp + offsetof(rte_udp_hdr, dgram_len), plan.total - front.length);
    esp += sizeof(rte_udp_hdr);
  }
  uint64_t sequence = TakeNumber(ctx, sa, plan.text);
  uint32_t low = rte_cpu_to_be_32(static_cast<uint32_t>(sequence));
  std::memcpy(esp, spi, 4);
  std::memcpy(esp + 4, &low, 4);
  op.suite = sa.suite;
  if (crypto::IsSaltedAead(sa.suite))
    FillAead(op, sa, esp, sequence);
  else
    FillOther(op, sa, esp, sequence, *engine_);
  op.text = packet + front.length;
  op.key = sa.key;
  op.text_length = plan.text;
  Sealed(p, plan, front, sa.encap ? kUdp : kEsp);
}

bool EspWorker::AcceptTransport(WorkerContext& ctx, OpenLane& lane, const Stripped& s) {
  Packet& p = *lane.packet;
  auto* data = rte_pktmbuf_mtod(p.m, uint8_t*);
  IpFront front = FrontBefore(data, p.family, p.l4);
  std::memmove(data + s.cut, data, front.length);
  auto total = static_cast<uint16_t>(front.length + s.length);
  p.m->data_off = static_cast<uint16_t>(p.m->data_off + s.cut);
  p.m->data_len = total;
  p.m->pkt_len = total;
  SetFront(data + s.cut, p.family, front, s.next, total);
  return AcceptAtEnd(ctx, *lane.sa, p);
}

// RFC 4301 5.2 step 4, and for transport mode RFC 4301 4.1: the SA's selectors are between its two ends alone, so a packet that
// came from elsewhere goes no further.
bool EspWorker::AcceptAtEnd(WorkerContext& ctx, const InboundSa& sa, Packet& p) {
  auto drop = [&](Drop why) {
    ctx.Drop(p, why);
    return false;
  };
  if (auto why = ParseIp(p)) return drop(*why);
  if (p.fragment) return drop(Drop::kTransportFragment);
  if (sa.wire_port != 0) {
    auto ports = PortsOf(p);
    if (p.protocol != kUdp || !ports || ports->source != sa.wire_port) return drop(Drop::kInnerMismatch);
    StoreBe16(rte_pktmbuf_mtod_offset(p.m, uint8_t*, p.l4), sa.host_port);
  }
  if (!MatchesSelectors(sa, p)) return drop(Drop::kInnerMismatch);
  if (sa.nat_difference != 0) MendChecksum(p, sa.nat_difference);
  p.opened = true;
  p.next_hop = 0;
  p.sa = nullptr;
  return true;
}

}  // namespace culvert::dp
