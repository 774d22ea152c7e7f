#include <rte_ip.h>

#include "dataplane/policy/flow.h"
#include "dataplane/stage/esp_worker.h"
#include "dataplane/stage/parse.h"

// What the policy says about packets in clear, on their way out and on their way in (RFC 4301 5.1, 5.2).
namespace culvert::dp {
namespace {

using channel::PolicyAction;

constexpr uint8_t kUdp = 17, kIcmpV6 = 58;
constexpr uint16_t kIke = 500, kIkeNat = 4500;

bool IsIkePort(uint16_t port) { return port == kIke || port == kIkeNat; }

// Router and neighbour discovery (RFC 4861 4): how packets find their next hop is not theirs to protect (RFC 4301 5.1 leaves
// it to the SPD; here nobody needs to write that entry).
bool IsNeighbourDiscovery(const Packet& p, const uint8_t* data) {
  return p.family == 6 && p.protocol == kIcmpV6 && p.length > p.l4 && data[p.l4] >= 133 && data[p.l4] <= 137;
}

// The gateway's own packets that no policy concerns: IKE, whose SAs the policies wait for, and neighbour discovery.
bool IsOwnException(const Packet& p) {
  if (!p.local_origin) return false;
  if (p.protocol == kUdp) {
    auto ports = PortsOf(p);
    return ports && IsIkePort(ports->source);
  }
  return IsNeighbourDiscovery(p, rte_pktmbuf_mtod(p.m, const uint8_t*));
}

channel::WireSelector ExactSelector(const IpAddress& a, const Flow& f, uint16_t port) {
  TrafficSelector ts;
  ts.addresses = {a, a};
  ts.protocol = f.protocol;
  if (f.ports_known) ts.port_first = ts.port_last = port;
  return channel::ToWire(ts);
}

}  // namespace

void EspWorker::ApplyPolicy(WorkerContext& ctx, Burst& plain, Burst& forward, Burst& seal) {
  const Spd& spd = *tables_.spd.current();
  for (uint16_t i = 0; i < plain.n; ++i) {
    flow_keys_[i].Fill(*plain.p[i], flows_.seed());
    flows_.Prefetch(flow_keys_[i]);
  }
  for (uint16_t i = 0; i < plain.n; ++i) {
    known_[i] = flows_.Find(flow_keys_[i], spd.generation, verdicts_[i]);
    if (known_[i] && verdicts_[i].sa != nullptr) __builtin_prefetch(verdicts_[i].sa);
  }
  for (uint16_t i = 0; i < plain.n; ++i) {
    Packet& p = *plain.p[i];
    FlowVerdict& v = verdicts_[i];
    if (p.local_origin && IsOwnException(p)) {
      forward.Add(p);
      continue;
    }
    if (known_[i] && v.out == FlowVerdict::kSeal && v.sa->generation.load(std::memory_order_relaxed) != v.sa_generation)
      known_[i] = false;
    if (!known_[i]) {
      bool cacheable;
      v = Decide(ctx, spd, p, cacheable);
      if (cacheable) flows_.Put(flow_keys_[i], spd.generation, v);
    }
    Obey(ctx, v, p, forward, seal);
  }
  plain.n = 0;
}

FlowVerdict EspWorker::Decide(WorkerContext& ctx, const Spd& spd, const Packet& p, bool& cacheable) {
  Flow f = Flow::Of(p);
  FlowVerdict v;
  cacheable = true;
  const Policy* in = spd.FindInbound(f);
  if (in != nullptr && in->action == PolicyAction::kProtect) v.in = FlowVerdict::kProtected;
  if (in != nullptr && in->action == PolicyAction::kDiscard) v.in = FlowVerdict::kRefused;
  const Policy* out = spd.FindOutbound(f);
  if (out == nullptr) {
    v.out = options_.default_forward ? FlowVerdict::kForward : FlowVerdict::kUnmatched;
    return v;
  }
  if (out->action == PolicyAction::kBypass) return v;
  if (out->action == PolicyAction::kDiscard) {
    v.out = FlowVerdict::kDiscard;
    return v;
  }
  v.sa = spd.FindSa(*out, f);
  if (v.sa != nullptr) {
    v.out = FlowVerdict::kSeal;
    v.sa_generation = v.sa->generation.load(std::memory_order_relaxed);
    return v;
  }
  // Not remembered: the SA this packet asks for may stand before the next one.
  v.out = FlowVerdict::kNoSa;
  cacheable = false;
  bool arrives_plain = !p.opened && !p.local_origin && v.in != FlowVerdict::kPlain;
  if (out->acquire && !arrives_plain) RaiseAcquire(ctx, *out, f);
  return v;
}

// At most once a second for each policy, whichever workers its packets come to.
void EspWorker::RaiseAcquire(WorkerContext& ctx, const Policy& policy, const Flow& f) {
  uint64_t due = policy.next_acquire.load(std::memory_order_relaxed);
  if (ctx.now < due || !policy.next_acquire.compare_exchange_strong(due, ctx.now + ctx.tsc_hz, std::memory_order_relaxed))
    return;
  WorkerReport r{};
  r.kind = WorkerReport::kAcquire;
  r.policy = policy.id;
  r.acquire.local = ExactSelector(f.SourceAddress(), f, f.source_port);
  r.acquire.remote = ExactSelector(f.DestinationAddress(), f, f.destination_port);
  if (!Send(ctx, r)) policy.next_acquire.store(0, std::memory_order_relaxed);
}

void EspWorker::Obey(WorkerContext& ctx, const FlowVerdict& v, Packet& p, Burst& forward, Burst& seal) {
  // RFC 4301 5.2 step 2: in clear what should be protected. What came out of an SA was checked against that SA's selectors.
  if (!p.opened && !p.local_origin && v.in != FlowVerdict::kPlain) {
    return ctx.Drop(p, v.in == FlowVerdict::kProtected ? Drop::kPlaintextInbound : Drop::kPolicy);
  }
  switch (v.out) {
    case FlowVerdict::kForward: forward.Add(p); return;
    case FlowVerdict::kUnmatched:
      if (!p.local_origin) return ctx.Drop(p, Drop::kPolicy);
      forward.Add(p);
      return;
    case FlowVerdict::kDiscard: return ctx.Drop(p, Drop::kPolicy);
    case FlowVerdict::kNoSa: return ctx.Drop(p, Drop::kNoSa);
    case FlowVerdict::kSeal: break;
  }
  if (v.sa->owner == id_) {
    p.sa = v.sa;
    seal.Add(p);
    return;
  }
  p.tag = uint64_t{v.sa->installation} << 32 | v.sa->sa_index;
  ctx.HandOver(v.sa->owner, HandOverKind::kSeal, p);
}

bool EspWorker::PlainAllowed(WorkerContext&, const Packet& p) {
  const auto* data = rte_pktmbuf_mtod(p.m, const uint8_t*);
  if (p.protocol == kUdp) {
    auto ports = PortsOf(p);
    if (ports && IsIkePort(ports->destination)) return true;
  }
  if (IsNeighbourDiscovery(p, data)) return true;
  const Policy* in = tables_.spd.current()->FindInbound(Flow::Of(p));
  return in == nullptr || in->action == PolicyAction::kBypass;
}

}  // namespace culvert::dp
