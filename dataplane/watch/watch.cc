#include "dataplane/watch/watch.h"

#include <rte_cycles.h>

#include <algorithm>

#include "dataplane/sa/outbound_sa.h"
#include "dataplane/stage/ike_ports.h"

namespace culvert::dp {
namespace {

constexpr uint32_t kPathBits = 24;          // of a worker's own count, behind which the worker stands
constexpr size_t kRingOctets = 16u << 20;   // of one worker
constexpr size_t kFewestSlots = 64, kMostSlots = 1024;
constexpr uint8_t kUdp = 17, kEsp = 50;

size_t SlotOctets(const WatchOrder& o) { return sizeof(PathRecord) + (o.frames ? kPlaces * size_t{o.snap} : 0); }

size_t SlotsFor(const WatchOrder& o) {
  if (!o.paths) return 1;
  return std::clamp(kRingOctets / SlotOctets(o), kFewestSlots, kMostSlots);
}

// What the gateway's own programs say, and nobody behind it.
bool IsOwn(const Packet& p, const SeenPacket& seen) {
  if (!p.local_origin || p.from_host) return false;
  return p.framed || (seen.protocol == kUdp && seen.has_ports && IsIkePort(seen.source_port));
}

}  // namespace

Watch::Watch(const WatchOrder& order, unsigned worker, uint32_t first_path, const WatchFilter* filter, Bell* bell)
    : order_(order), worker_(static_cast<uint8_t>(worker)), bell_(bell), filter_(filter), wanted_(filter),
      next_path_(first_path % (1u << kPathBits)), since_(rte_rdtsc()), ring_(SlotsFor(order), SlotOctets(order)) {
  if (!order.paths) return;
  live_ = std::make_unique<Live[]>(kRecords);
  if (order.frames) octets_ = std::make_unique_for_overwrite<uint8_t[]>(kRecords * kPlaces * order.snap);
}

// ---- passes ----

void Watch::Charge(Stage next) {
  uint64_t now = rte_rdtsc();
  uses_[static_cast<size_t>(stage_)].cycles.Add(now - since_);
  since_ = now;
  stage_ = next;
}

void Watch::BeginPass() {
  wanted_ = filter_.load(std::memory_order_acquire);
  Charge(Stage::kIdle);
}

void Watch::Found(Stage s, uint16_t n) {
  stage_ = s;
  StageUse& use = uses_[static_cast<size_t>(s)];
  use.bursts.Add(1);
  use.packets.Add(n);
}

void Watch::Enter(Stage s, uint16_t n) {
  Charge(s);
  if (n == 0) return;
  Found(s, n);
  for (uint16_t i = 0; i < in_hand_n_; ++i) {
    if (!in_hand_[i]->ended) Step(*in_hand_[i], s);
  }
}

void Watch::Enter(Stage s, Burst& burst) {
  in_hand_n_ = 0;
  Enter(s, burst.n);
  if (!order_.paths) return;
  for (uint16_t i = 0; i < burst.n; ++i) {
    Live& l = Of(*burst.p[i]);
    in_hand_[in_hand_n_++] = &l;
    Describe(l, s, *burst.p[i]);
  }
}

// ---- records ----

Watch::Live& Watch::New(uint32_t id) {
  if (++next_path_ >> kPathBits != 0) next_path_ = 1;
  Live& l = live_[next_path_ % kRecords];
  if (!l.ended) missed_.Add(1);
  l.ended = false;
  l.mbuf = nullptr;
  l.record = {};
  l.record.path = uint32_t{worker_} << kPathBits | next_path_;
  l.record.id = id != 0 ? id : l.record.path;
  l.record.earlier = id != 0;
  l.record.worker = worker_;
  l.record.exit_port = kNoStepPort;
  l.record.sa_in = l.record.sa_out = kNoSa;
  return l;
}

Watch::Live* Watch::Find(const Packet& p) {
  if (p.path == 0) return nullptr;
  Live& l = live_[p.path % (1u << kPathBits) % kRecords];
  return l.record.path == p.path ? &l : nullptr;
}

Watch::Live& Watch::Of(Packet& p) {
  Live* was = Find(p);
  if (was != nullptr && !was->ended) return *was;
  if (was == nullptr) {
    Live& l = New(p.path);
    p.path = l.record.path;
    return l;
  }
  // What it came of has ended here: a fragment of a packet that was cut.
  const PathRecord whole = was->record;
  Live& l = New(whole.id);
  l.record.ipsec = whole.ipsec;
  l.record.opened = whole.opened;
  l.record.sealed = whole.sealed;
  l.record.protected_ = whole.protected_;
  l.record.sa_in = whole.sa_in;
  l.record.sa_out = whole.sa_out;
  p.path = l.record.path;
  return l;
}

PathStep& Watch::Step(Live& l, Stage s) {
  PathRecord& r = l.record;
  PathStep& step = r.steps[std::min<size_t>(r.steps_n, PathRecord::kSteps - 1)];
  if (r.steps_n < PathRecord::kSteps) ++r.steps_n;
  step = {.tsc = since_, .sa_index = kNoSa, .port = kNoStepPort, .length = 0, .stage = s, .seen = kNothingSeen, .unused = {}};
  return step;
}

void Watch::See(Live& l, PathStep& step, const SeenPacket& seen) {
  PathRecord& r = l.record;
  if (seen.family == 0 || (r.seen_n != 0 && r.seen[r.seen_n - 1] == seen)) return;
  if (r.seen_n == PathRecord::kSeen) return;
  r.seen[r.seen_n] = seen;
  step.seen = r.seen_n++;
}

void Watch::Describe(Live& l, Stage s, const Packet& p) {
  PathRecord& r = l.record;
  // What goes its own way beside the short one enters the same pass once more.
  if (r.steps_n != 0 && r.steps[r.steps_n - 1].stage == s) return;
  PathStep& step = Step(l, s);
  const auto* data = rte_pktmbuf_mtod(p.m, const uint8_t*);
  size_t available = rte_pktmbuf_data_len(p.m), headers;
  SeenPacket seen = p.framed ? SeeFrame(data, available, headers) : SeeIp(data, available, headers);
  l.mbuf = p.m;
  step.length = p.length;
  See(l, step, seen);
  r.opened |= p.opened;
  switch (s) {
    case Stage::kOpen:
      r.ipsec = true;
      r.spi_in = seen.spi;
      r.sequence_in = seen.sequence;
      if (p.by_port) {
        r.spi_in = 0;
        step.sa_index = r.sa_in = static_cast<uint32_t>(p.tag);
        r.sequence_in = p.sequence;
      } else if (seen.spi != 0) {
        step.sa_index = r.sa_in = SaIndex(seen.spi);
      }
      break;
    case Stage::kInside:
      if (order_.frames) Snap(l, Place::kInside, p.port, p.m, 0);
      break;
    case Stage::kSeal:
      r.sealed = true;
      r.sa_out = p.sa != nullptr ? static_cast<const OutboundSa*>(p.sa)->sa_index : static_cast<uint32_t>(p.tag);
      step.sa_index = r.sa_out;
      if (order_.frames) Snap(l, Place::kInside, p.port, p.m, 0);
      break;
    case Stage::kTransmit:
      step.port = p.out_port;
      r.by_port = p.by_port;
      r.sealed |= p.by_port;
      if (p.by_port) break;
      // Sealed before it came here: by another worker, or it waited for its neighbour.
      if (p.local_origin && !p.from_host && seen.protocol == kEsp) r.sealed = true;
      r.own |= IsOwn(p, seen);
      if (seen.spi != 0 && (r.sealed || p.local_origin)) {
        r.spi_out = seen.spi;
        r.sequence_out = seen.sequence;
      }
      break;
    default: break;
  }
}

// ---- where packets come from ----

uint32_t Watch::Received(uint16_t port, rte_mbuf** frames, uint16_t n) {
  in_hand_n_ = 0;
  if (!order_.paths) return 0;
  if ((next_path_ + n) >> kPathBits != 0) next_path_ = 0;
  uint32_t first = 0;
  for (uint16_t i = 0; i < n; ++i) {
    Live& l = New(0);
    if (i == 0) first = l.record.path;
    in_hand_[in_hand_n_++] = &l;
    l.mbuf = frames[i];
    PathStep& step = Step(l, Stage::kReceive);
    step.port = port;
    step.length = static_cast<uint16_t>(rte_pktmbuf_pkt_len(frames[i]));
    size_t headers;
    See(l, step, SeeFrame(rte_pktmbuf_mtod(frames[i], const uint8_t*), rte_pktmbuf_data_len(frames[i]), headers));
    if (order_.frames) Snap(l, Place::kReceived, port, frames[i], 0);
  }
  return first;
}

void Watch::Uncovered(const Packet& p) {
  Live* l = Find(p);
  if (l == nullptr) return;
  l->record.ipsec = true;
  l->record.frames[static_cast<size_t>(Place::kReceived)].inner = true;
}

void Watch::Taken(Packet& p, HandOverKind kind, const rte_ether_addr& own_mac) {
  if (!order_.paths) return;
  Live& l = New(p.path);
  p.path = l.record.path;
  l.record.protected_ = kind == HandOverKind::kSeal;
  Describe(l, Stage::kTake, p);
  if (!order_.frames || kind != HandOverKind::kOpen) return;
  SnapBehind(l, p, own_mac);
  l.record.frames[static_cast<size_t>(Place::kReceived)].inner = p.by_port;
}

// ---- where they go ----

void Watch::Dropped(Packet& p, Drop why) {
  if (!order_.paths) return;
  Live& l = Of(p);
  l.record.drop = why;
  l.record.protected_ |= why == Drop::kNoSa || why == Drop::kPlaintextInbound || why == Drop::kNotSynced;
  End(l, Exit::kDropped);
}

void Watch::Consumed(Packet& p) {
  if (order_.paths) End(Of(p), stage_ == Stage::kCut ? Exit::kCut : Exit::kConsumed);
}

void Watch::HandedOver(Packet& p, unsigned worker, HandOverKind kind) {
  if (!order_.paths) return;
  Live& l = Of(p);
  l.record.to = static_cast<uint8_t>(worker);
  l.record.protected_ |= kind == HandOverKind::kSeal;
  End(l, Exit::kHandedOver);
}

void Watch::ToMain(Packet& p, MainKind kind) {
  if (!order_.paths) return;
  Live& l = Of(p);
  l.record.to = static_cast<uint8_t>(kind);
  l.record.own |= kind == MainKind::kIkeKnown || kind == MainKind::kIkeNew || kind == MainKind::kNeighbour;
  End(l, Exit::kToMain);
}

void Watch::ToHost(Packet& p) {
  if (!order_.paths) return;
  Live& l = Of(p);
  l.record.exit_port = p.out_port;
  End(l, Exit::kToHost);
}

void Watch::Held(Packet& p) {
  if (!order_.paths) return;
  Live& l = Of(p);
  p.path = l.record.id;
  End(l, Exit::kHeld);
}

void Watch::Sending(rte_mbuf* const* m, uint16_t n, uint16_t port) {
  sending_n_ = 0;
  if (!order_.paths) return;
  for (uint16_t i = 0; i < n; ++i) {
    auto end = in_hand_.begin() + in_hand_n_;
    auto at = std::find_if(in_hand_.begin(), end, [&](const Live* l) { return !l->ended && l->mbuf == m[i]; });
    Live* l = at == end ? nullptr : *at;
    sending_[sending_n_++] = l;
    if (l == nullptr) continue;
    l->record.exit_port = port;
    if (!order_.frames) continue;
    Snap(*l, Place::kSent, port, m[i], 0);
    l->record.frames[static_cast<size_t>(Place::kSent)].inner = l->record.by_port;
  }
}

void Watch::Sent(uint16_t sent, Drop why) {
  for (uint16_t i = 0; i < sending_n_; ++i) {
    if (sending_[i] == nullptr) continue;
    sending_[i]->record.drop = why;
    if (i >= sent) sending_[i]->record.frames[static_cast<size_t>(Place::kSent)] = {};
    End(*sending_[i], i < sent ? Exit::kTransmitted : Exit::kDropped);
  }
  sending_n_ = 0;
}

void Watch::End(Live& l, Exit exit) {
  PathRecord& r = l.record;
  l.ended = true;
  r.end_tsc = rte_rdtsc();
  r.exit = exit;
  r.exit_stage = stage_;
  bool resolves = exit == Exit::kToMain && r.to == static_cast<uint8_t>(MainKind::kResolve);
  r.continues = resolves || exit == Exit::kHandedOver || exit == Exit::kHeld || exit == Exit::kCut;
  const PathRecord* part = &r;
  // Only main knows all parts of a packet's way.
  if (r.earlier || r.continues || wanted_->Matches({&part, 1})) Publish(l);
}

}  // namespace culvert::dp
