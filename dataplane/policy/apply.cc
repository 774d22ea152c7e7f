#include <rte_ip.h>

#include "dataplane/policy/flow.h"
#include "dataplane/stage/esp_worker.h"
#include "dataplane/stage/forward.h"
#include "dataplane/stage/ike_ports.h"
#include "dataplane/stage/parse.h"
#include "dataplane/stage/route.h"

// What the policy says about packets in clear, on their way out and on their way in (RFC 4301 5.1, 5.2).
namespace culvert::dp {
namespace {

using channel::PolicyAction;

constexpr uint8_t kUdp = 17, kIcmpV6 = 58;

// Router and neighbour discovery (RFC 4861 4): how packets find their next hop is not theirs to protect (RFC 4301 5.1 leaves
// it to the SPD; here nobody needs to write that entry).
bool IsNeighbourDiscovery(const Packet& p, const uint8_t* data) {
  return p.family == 6 && p.protocol == kIcmpV6 && p.length > p.l4 && data[p.l4] >= 133 && data[p.l4] <= 137;
}

// The gateway's own packets that no policy concerns: IKE, whose SAs the policies wait for, and neighbour discovery.
bool IsOwnException(const Packet& p) {
  if (!p.local_origin || p.from_host) return false;
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

// The policy of a packet on its way out: what the ports' says, unless that leaves it to the routes and they lead into a
// tunnel, which then has the say.
struct Found {
  const Policy* policy;
  uint32_t if_id;  // 0: of the ports
};
Found PolicyOut(const WorkerContext& ctx, const Spd& spd, const Flow& f) {
  const Policy* out = spd.FindOutbound(f);
  if (out != nullptr && out->action != PolicyAction::kBypass) return {out, 0};
  const uint32_t if_id = ctx.fib->TunnelTowards(f.DestinationAddress());
  return if_id == 0 ? Found{out, 0} : Found{spd.FindOutbound(f, if_id), if_id};
}

// And of one that came in: what would go back into a tunnel and be protected there does not come in clear, even where the
// ports' policy says nothing of it.
Found PolicyIn(const WorkerContext& ctx, const Spd& spd, const Flow& f) {
  const Policy* in = spd.FindInbound(f);
  if (in != nullptr) return {in, 0};
  const uint32_t if_id = ctx.fib->TunnelTowards(f.SourceAddress());
  return if_id == 0 ? Found{nullptr, 0} : Found{spd.FindInbound(f, if_id), if_id};
}

// Any port may be the protected side or the other (RFC 4301 3.1), so a packet on its way through is held against the policies
// both ways. What a policy wants one way, a `drop` of a later rank does not mean the other way: it is for the rest.
bool IsMeant(const Found& discard, const Found& other_way) {
  return other_way.policy == nullptr || discard.if_id != 0 || other_way.if_id != 0 ||
         other_way.policy->action == PolicyAction::kDiscard || other_way.policy->rank >= discard.policy->rank;
}

FlowVerdict::In InOf(const Found& in, const Found& out) {
  if (in.policy == nullptr || in.policy->action == PolicyAction::kBypass) return FlowVerdict::kPlain;
  if (in.policy->action == PolicyAction::kProtect) return FlowVerdict::kProtected;
  return IsMeant(in, out) ? FlowVerdict::kRefused : FlowVerdict::kPlain;
}

// What the first policy of a packet coming in has against it; `opened`: it came out of an SA. kCount: nothing.
Drop RefusedBy(const Policy& in, bool opened) {
  switch (in.action) {
    case PolicyAction::kProtect: return opened ? Drop::kCount : Drop::kPlaintextInbound;
    case PolicyAction::kDiscard: return Drop::kPolicy;
    case PolicyAction::kBypass: break;
  }
  return Drop::kCount;
}

}  // namespace

// Fills in the way of a packet that is forwarded as it is, where it is known and the packet fits: a look-up of the routes is
// spared. False, with nothing done, for all else: Forward() knows what to do about it.
inline bool EspWorker::RouteByFlow(WorkerContext& ctx, FlowVerdict& v, Packet& p, uint16_t run) {
  auto generation = static_cast<uint32_t>(ctx.fib->generation());
  bool known = v.next_hop() != 0 && v.stamp() == generation && ctx.neighbours->Current(v.next_hop());
  if (!known) [[unlikely]] {
    Packet way;
    way.port = p.port;
    const auto* destination = rte_pktmbuf_mtod_offset(
        p.m, const uint8_t*, p.family == 4 ? offsetof(rte_ipv4_hdr, dst_addr) : offsetof(rte_ipv6_hdr, dst_addr));
    const RouteTarget* target = RouteTo(ctx, p.family, destination, way);
    if (target == nullptr || way.next_hop == 0) return false;
    v.SetRoute(way.next_hop, way.out_port, target->mtu, generation);
    flows_.Put(flow_keys_[run], flow_generation_, v);
  }
  if (p.length > v.mtu()) return false;
  p.next_hop = v.next_hop();
  p.out_port = v.port();
  return true;
}

inline void EspWorker::Obey(WorkerContext& ctx, FlowVerdict& v, Packet& p, uint16_t run, Burst& forward, Burst& seal) {
  // RFC 4301 5.2 step 2: in clear what should be protected. What came out of an SA was checked against that SA's selectors;
  // what is refused is refused out of an SA too.
  if (v.in() != FlowVerdict::kPlain && !p.local_origin) {
    if (v.in() == FlowVerdict::kRefused) return ctx.Drop(p, Drop::kPolicy);
    if (!p.opened) return ctx.Drop(p, Drop::kPlaintextInbound);
  }
  switch (v.out()) {
    case FlowVerdict::kSeal: break;
    case FlowVerdict::kForward:
      if (RouteByFlow(ctx, v, p, run) || Forward(ctx, p)) forward.Add(p);
      return;
    case FlowVerdict::kUnmatched:
      if (!p.local_origin || p.from_host) return ctx.Drop(p, Drop::kPolicy);
      if (Forward(ctx, p)) forward.Add(p);
      return;
    case FlowVerdict::kNoSa: return ctx.Drop(p, Drop::kNoSa);
    case FlowVerdict::kUnknown:
    case FlowVerdict::kDiscard: return ctx.Drop(p, Drop::kPolicy);
  }
  OutboundSa* sa = v.sa();
  if (!IsMine(*sa)) return SealAtOwner(ctx, *sa, p);
  p.sa = sa;
  seal.Add(p);
}

// What flows were told depends on the policies and, where there are tunnels, on the routes.
void EspWorker::RenewFlows(const Spd& spd, const Forwarding& fib) {
  const uint64_t routes = fib.has_tunnels() ? fib.generation() : 0;
  if (spd.generation == flows_spd_ && routes == flows_fib_) [[likely]]
    return;
  flows_spd_ = spd.generation;
  flows_fib_ = routes;
  if (++flow_generation_ == 0) flow_generation_ = 1;
}

void EspWorker::ApplyPolicy(WorkerContext& ctx, Burst& plain, Burst& forward, Burst& seal) {
  const Spd& spd = *tables_.spd.current();
  RenewFlows(spd, *ctx.fib);
  uint16_t runs = 0;  // of packets of one flow; they count from 1, behind a key that no packet has
  flow_keys_[0].family = 0;
  for (uint16_t i = 0; i < plain.n; ++i) {
    const Packet& p = *plain.p[i];
    const auto* data = rte_pktmbuf_mtod(p.m, const char*);
    __builtin_prefetch(data - kCacheLine, 1);  // where the outer header will come to stand
    __builtin_prefetch(data + p.length, 1);    // and the ICV
    if (flow_keys_[runs + 1].Fill(p, flows_.seed(), flow_keys_[runs])) flows_.Prefetch(flow_keys_[++runs]);
    run_of_[i] = runs;
  }
  for (uint16_t r = 1; r <= runs; ++r) {
    verdicts_[r] = flows_.Find(flow_keys_[r], flow_generation_);
    if (verdicts_[r].out() != FlowVerdict::kSeal) continue;
    const auto* sa = reinterpret_cast<const char*>(verdicts_[r].sa());
    for (unsigned line = 0; line < 4; ++line) __builtin_prefetch(sa + line * kCacheLine);
  }
  for (uint16_t i = 0; i < plain.n; ++i) {
    Packet& p = *plain.p[i];
    if (p.local_origin && IsOwnException(p)) {
      if (Forward(ctx, p)) forward.Add(p);
      continue;
    }
    uint16_t r = run_of_[i];
    if (!IsCurrent(verdicts_[r])) [[unlikely]]
      LookUp(ctx, spd, p, r);
    Obey(ctx, verdicts_[r], p, r, forward, seal);
  }
  plain.n = 0;
}

bool EspWorker::IsCurrent(const FlowVerdict& v) {
  if (v.out() != FlowVerdict::kSeal) return v.out() != FlowVerdict::kUnknown;
  return v.sa()->generation.load(std::memory_order_relaxed) == v.stamp();
}

void EspWorker::LookUp(WorkerContext& ctx, const Spd& spd, const Packet& p, uint16_t run) {
  verdicts_[run] = Decide(ctx, spd, p);
  // Not remembered: the SA this packet asks for may stand before the next one.
  if (verdicts_[run].out() != FlowVerdict::kNoSa) flows_.Put(flow_keys_[run], flow_generation_, verdicts_[run]);
}

FlowVerdict EspWorker::Decide(WorkerContext& ctx, const Spd& spd, const Packet& p) {
  Flow f = Flow::Of(p);
  const Found found = PolicyOut(ctx, spd, f), found_in = PolicyIn(ctx, spd, f);
  const Policy* out = found.policy;
  const FlowVerdict::In in = InOf(found_in, found);
  // Into a tunnel goes what it protects, and nothing as it is.
  if (found.if_id != 0 && (out == nullptr || out->action != PolicyAction::kProtect)) return {FlowVerdict::kDiscard, in};
  if (out == nullptr) return {options_.default_forward ? FlowVerdict::kForward : FlowVerdict::kUnmatched, in};
  if (out->action == PolicyAction::kBypass) return {FlowVerdict::kForward, in};
  if (out->action == PolicyAction::kDiscard) {
    const bool meant = p.local_origin || IsMeant(found, found_in);
    return {meant ? FlowVerdict::kDiscard : FlowVerdict::kForward, in};
  }
  if (OutboundSa* sa = spd.FindSa(*out, f)) return FlowVerdict::Seal(in, sa, sa->generation.load(std::memory_order_relaxed));
  bool arrives_plain = !p.opened && !p.local_origin && in != FlowVerdict::kPlain;
  if (out->acquire && !arrives_plain) RaiseAcquire(ctx, *out, f);
  return {FlowVerdict::kNoSa, in};
}

void EspWorker::RaiseAcquire(WorkerContext& ctx, const Policy& policy, const Flow& f) {
  if (!acquires_.Take(policy, f, ctx.now, ctx.tsc_hz)) return;
  WorkerReport r{};
  r.kind = WorkerReport::kAcquire;
  r.policy = policy.id;
  r.acquire.local = ExactSelector(f.SourceAddress(), f, f.source_port);
  r.acquire.remote = ExactSelector(f.DestinationAddress(), f, f.destination_port);
  if (!Send(ctx, r)) acquires_.GiveBack(policy, f);
}

Drop EspWorker::RefuseHere(WorkerContext& ctx, const Packet& p) {
  const auto* data = rte_pktmbuf_mtod(p.m, const uint8_t*);
  if (p.protocol == kUdp) {
    auto ports = PortsOf(p);
    if (ports && IsIkePort(ports->destination)) return Drop::kCount;
  }
  if (IsNeighbourDiscovery(p, data)) return Drop::kCount;
  const Policy* in = PolicyIn(ctx, *tables_.spd.current(), Flow::Of(p)).policy;
  return in == nullptr ? Drop::kCount : RefusedBy(*in, p.opened);
}

Drop EspWorker::RefuseToHost(WorkerContext& ctx, const Packet& p) {
  if (p.opened) return RefuseHere(ctx, p);
  const Spd& spd = *tables_.spd.current();
  if (auto quoted = Flow::QuotedBy(p)) {
    const Policy* out = PolicyOut(ctx, spd, *quoted).policy;
    if (out != nullptr && out->action == PolicyAction::kProtect) return Drop::kPlaintextInbound;
  }
  const Policy* in = PolicyIn(ctx, spd, Flow::Of(p)).policy;
  if (in == nullptr) return options_.default_forward ? Drop::kCount : Drop::kPolicy;
  return RefusedBy(*in, false);
}

}  // namespace culvert::dp
