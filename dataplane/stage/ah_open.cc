#include <cstring>

#include "common/bytes/secret.h"
#include "dataplane/stage/accept.h"
#include "dataplane/stage/ah_header.h"
#include "dataplane/stage/esp_worker.h"
#include "dataplane/stage/writable.h"

// Verifying AH (RFC 4302 3.4), by the steps of esp_open.cc. The packets were put aside in others_.
namespace culvert::dp {
namespace {

constexpr uint32_t kEsnHigh = 4;  // octets
constexpr uint8_t kEsp = 50;

// RFC 4302 2.2 and 2.6. Over IPv4 some senders pad the ICV to 64 bits as over IPv6 (Linux, unless told otherwise).
bool IsLength(uint8_t family, uint32_t icv_field, uint32_t octets) {
  return octets == AhLength(family, icv_field) || octets == AhLength(6, icv_field);
}

}  // namespace

void EspWorker::LocateAh(WorkerContext& ctx) {
  uint16_t n = 0;
  for (uint16_t i = 0; i < others_.n; ++i) {
    Packet& p = *others_.p[i];
    if (!MakeWritable(ctx, p, 0, kEsnHigh)) continue;
    if (p.length < p.l4 + kAhFixed) {
      ctx.Drop(p, Drop::kRunt);
      continue;
    }
    Spi spi = LoadBe32(rte_pktmbuf_mtod_offset(p.m, const uint8_t*, p.l4 + 4));
    InboundSa* sa = tables_.inbound.Get(SaIndex(spi));
    lanes_[n++] = {.sa = sa, .sequence = 0, .packet = &p, .spi = spi, .esp = p.l4, .encap = false};
  }
  others_.n = 0;
  lanes_n_ = n;
}

bool EspWorker::AdmitAh(WorkerContext& ctx, OpenLane& lane, uint16_t at) {
  Packet& p = *lane.packet;
  auto drop = [&](Drop why) {
    ctx.Drop(p, why);
    return false;
  };
  InboundSa* sa = lane.sa;
  if (sa == nullptr || sa->spi != lane.spi) sa = lane.sa = FindManual(lane.spi);
  if (sa == nullptr) {
    HoldEarly(ctx, p, lane.spi);
    return false;
  }
  if (!IsAh(sa->form)) return drop(Drop::kWrongProtocol);
  if (!IsMine(*sa)) {
    OpenAtOwner(ctx, *sa, p);
    return false;
  }
  bool limit = sa->packets.get() >= sa->alarm_packets || sa->bytes.get() >= sa->alarm_bytes || ctx.now >= sa->alarm_at;
  if (limit && !CheckLimits(ctx, *sa)) return drop(Drop::kExpired);
  auto* data = rte_pktmbuf_mtod(p.m, uint8_t*);
  uint8_t* ah = data + p.l4;
  uint32_t length = (ah[1] + 2u) * 4;
  if (!IsLength(p.family, IcvField(*sa), length)) return drop(Drop::kBadHeader);
  if (p.length < p.l4 + length) return drop(Drop::kRunt);
  uint32_t low = LoadBe32(ah + 8);
  lane.sequence = sa->esn ? sa->window.Infer(low) : low;
  if (!sa->window.Check(sa->words(), lane.sequence)) return drop(Drop::kReplayed);

  if (p.l4 > kMaxAhFront) return drop(Drop::kBadHeader);
  std::memcpy(ah_[at].front, data, p.l4);
  if (!MuteFront(data, p.family, p.l4)) return drop(Drop::kBadHeader);
  crypto::MacOp& op = macs_[at];
  uint8_t* field = ah + kAhFixed;
  std::memcpy(op.nonce, sa->salt, sizeof sa->salt);
  std::memcpy(op.nonce + sizeof sa->salt, field, sa->iv_length);
  std::memcpy(ah_[at].icv, field + sa->iv_length, sa->icv_length);
  std::memset(field, 0, IcvField(*sa));
  uint32_t high = rte_cpu_to_be_32(static_cast<uint32_t>(lane.sequence >> 32));
  std::memcpy(data + p.length, &high, kEsnHigh);
  op.data = data;
  op.length = p.length + (sa->esn ? kEsnHigh : 0);
  op.key = sa->key;
  op.suite = sa->suite;
  return true;
}

bool EspWorker::AcceptAh(WorkerContext& ctx, OpenLane& lane, uint16_t at) {
  constexpr uint8_t kNoNextHeader = 59;
  Packet& p = *lane.packet;
  InboundSa& sa = *lane.sa;
  auto* data = rte_pktmbuf_mtod(p.m, uint8_t*);
  std::memcpy(data, ah_[at].front, p.l4);
  if (!EqualConstantTime({macs_[at].icv, sa.icv_length}, {ah_[at].icv, sa.icv_length})) {
    ctx.Drop(p, Drop::kBadIcv);
    return false;
  }
  // RFC 4302 3.4.3: the window moves only now; and one twice in this burst is found out here.
  if (!sa.window.Commit(sa.words(), lane.sequence)) {
    ctx.Drop(p, Drop::kReplayed);
    return false;
  }
  Count(ctx, lane, p.length);
  const uint8_t* ah = data + p.l4;
  uint32_t length = (ah[1] + 2u) * 4;
  auto behind = static_cast<uint16_t>(p.length - p.l4 - length);
  if (sa.form == SaForm::kAhTransport) {
    if (ah[0] != kNoNextHeader) return AcceptTransport(ctx, lane, {static_cast<uint16_t>(length), behind, ah[0]});
    ctx.Consume(p);  // RFC 8200 4.7: there is nothing to deliver
    return false;
  }
  return AcceptInner(ctx, lane, {static_cast<uint16_t>(p.l4 + length), behind, ah[0]});
}

void EspWorker::OpenAh(WorkerContext& ctx, Burst& opened) {
  ctx.Enter(Stage::kOpen, others_);
  LocateAh(ctx);
  uint16_t n = 0;
  for (uint16_t i = 0; i < lanes_n_; ++i) {
    if (!AdmitAh(ctx, lanes_[i], n)) continue;
    if (n != i) lanes_[n] = lanes_[i];
    ++n;
  }
  ctx.Enter(Stage::kVerify, n);
  engine_->ComputeIcvs(macs_, n);
  ctx.Enter(Stage::kAccept, n);
  for (uint16_t i = 0; i < n; ++i) {
    if (!AcceptAh(ctx, lanes_[i], i)) continue;
    Packet& p = *lanes_[i].packet;
    if (p.protocol == kEsp && lanes_[i].sa->form == SaForm::kAhTransport) {
      p.sa = lanes_[i].sa;
      under_ah_.Add(p);
      continue;
    }
    opened.Add(p);
    if (options_.mss != 0) ClampIn(ctx, *lanes_[i].sa, p);
  }
  PublishEdges(n);
  if (under_ah_.n != 0) OpenUnderAh(ctx, opened);
}

// RFC 4301 5.2 step 3: ESP behind AH on one packet, and no deeper. An SA says which AH it comes under; one that does not say so
// comes under none.
void EspWorker::OpenUnderAh(WorkerContext& ctx, Burst& opened) {
  Locate(ctx, under_ah_);
  under_ah_.n = 0;
  uint16_t n = 0;
  for (uint16_t i = 0; i < lanes_n_; ++i) {
    OpenLane& lane = lanes_[i];
    if (lane.sa == nullptr || lane.sa->spi != lane.spi) lane.sa = FindManual(lane.spi);
    if (lane.sa != nullptr && !IsUnderAh(lane.sa->form) && !IsAh(lane.sa->form)) {
      ctx.Drop(*lane.packet, Drop::kNesting);
      continue;
    }
    if (n != i) lanes_[n] = lane;
    ++n;
  }
  lanes_n_ = n;
  OpenLocated(ctx, opened);
}

}  // namespace culvert::dp
