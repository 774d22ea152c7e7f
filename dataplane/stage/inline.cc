#include <rte_ether.h>

#include "dataplane/sa/sa_tag.h"
#include "dataplane/stage/esp_worker.h"

// Packets of SAs that a port runs by inline crypto: all is written here but what is enciphered, and on the way in all is done
// here but the deciphering. The processor has the keys too, for what the port lets through as it came, or may not have.
namespace culvert::dp {

// Not what takes another way, is cut yet or waits for its neighbour: between here and the port nobody may see it in clear.
bool EspWorker::MarkInline(const WorkerContext& ctx, Packet& p, const OutboundSa& sa) const {
  if (p.out_port != sa.device || !ctx.neighbours->Usable(p.next_hop) || p.length > sa.route_mtu) return false;
  if (!inline_ports_->Mark(sa.device, sa.session, p.m, RTE_ETHER_HDR_LEN, p.l4)) return false;
  p.tag = SaTag{sa.sa_index, sa.installation}.word();
  return true;
}

bool EspWorker::MaySealInline(const Packet& p) const {
  const OutboundSa* sa = FindOutbound(tables_, SaTag::Of(p.tag));
  return sa != nullptr && sa->engine == (p.by_port ? offload::Engine::kInlineProtocol : offload::Engine::kInlineCrypto);
}

void EspWorker::OpenRest(WorkerContext& ctx, uint16_t n) {
  inline_ = false;
  uint16_t rest = 0, at[kBurstMax];
  for (uint16_t i = 0; i < n; ++i) {
    uint64_t flags = lanes_[i].packet->m->ol_flags;
    const auto engine = lanes_[i].sa->engine;
    if (engine == offload::Engine::kInlineCrypto && (flags & RTE_MBUF_F_RX_SEC_OFFLOAD) != 0) {
      ops_[i].ok = (flags & RTE_MBUF_F_RX_SEC_OFFLOAD_FAILED) == 0;
      continue;
    }
    if (offload::IsInline(engine)) ctx.counters.inline_missed.Add(1);
    rest_[rest] = ops_[i];
    at[rest++] = i;
  }
  engine_->Open(rest_, rest);
  for (uint16_t i = 0; i < rest; ++i) ops_[at[i]].ok = rest_[i].ok;
}

}  // namespace culvert::dp
