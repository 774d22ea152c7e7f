#include "drivers/offload/soft_inline_port.h"

#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_pause.h>
#include <rte_security_driver.h>
#include <rte_udp.h>

#include <algorithm>
#include <utility>

#include "drivers/offload/soft_inline_session.h"

namespace culvert::offload {
namespace {

constexpr unsigned kProbes = 16;  // slots looked at for one flow

size_t SlotOf(uint32_t spi) { return spi * 0x9e3779b1u >> 20; }

bool Same(const Port::SecurityFlow& a, const Port::SecurityFlow& b) {
  return a.spi == b.spi && a.udp_port == b.udp_port && a.destination == b.destination;
}

}  // namespace

SoftInlinePort::SoftInlinePort(std::unique_ptr<Port> port, Offer offer)
    : Port(port->name(), port->index()), port_(std::move(port)), offer_(offer) {
  mac = port_->mac;
  mtu = port_->mtu;
}

SoftInlinePort::~SoftInlinePort() {
  for (auto& slot : flows_) delete slot.load(std::memory_order_relaxed);
  for (auto& queue : queues_) rte_pktmbuf_free(queue->late);
}

void SoftInlinePort::Set(const Faults& faults) {
  faults_ = faults;
  miss_every_.store(faults.miss_every, std::memory_order_relaxed);
  soft_at_.store(faults.soft_at, std::memory_order_relaxed);
  hard_at_.store(faults.hard_at, std::memory_order_relaxed);
  disorder_.store(faults.disorder, std::memory_order_relaxed);
}

void SoftInlinePort::Reset() {
  resets_.fetch_add(1, std::memory_order_relaxed);
  WaitForQueues();
  asks_reset_.store(true, std::memory_order_release);
  if (sink_) sink_({.kind = IpsecEvent::kReset, .userdata = 0});
}

absl::Status SoftInlinePort::ResetDevice() {
  if (security_sessions != 0) {
    if (sink_) sink_({.kind = IpsecEvent::kReset, .userdata = 0});
    return absl::UnavailableError("its sessions are on their way out");
  }
  if (port_->AsksReset()) {
    if (auto s = port_->ResetDevice(); !s.ok()) return s;
  }
  asks_reset_.store(false, std::memory_order_release);
  return absl::OkStatus();
}

void SoftInlinePort::Rest(bool on) {
  resting_.store(on, std::memory_order_release);
  port_->Rest(on);
}

Port::Stats SoftInlinePort::stats() const {
  Stats s = port_->stats();
  s.tx_errors += lost_.load(std::memory_order_relaxed);
  return s;
}

void* SoftInlinePort::CreateFlow(const SecurityFlow& flow) {
  if (faults_.flows != 0 && flow_count_ >= faults_.flows) return nullptr;
  auto made = std::make_unique<Flow>(Flow{flow, SessionOf(flow.session)});
  size_t at = SlotOf(flow.spi);
  for (unsigned i = 0; i < kProbes; ++i) {
    auto& slot = flows_[(at + i) % kSlots];
    if (slot.load(std::memory_order_relaxed) != nullptr) continue;
    slot.store(made.get(), std::memory_order_release);
    ++flow_count_;
    return made.release();
  }
  return nullptr;
}

void SoftInlinePort::DestroyFlow(void* flow) {
  auto* gone = static_cast<Flow*>(flow);
  size_t at = SlotOf(gone->key.spi);
  for (unsigned i = 0; i < kProbes; ++i) {
    auto& slot = flows_[(at + i) % kSlots];
    if (slot.load(std::memory_order_relaxed) != gone) continue;
    slot.store(nullptr, std::memory_order_relaxed);
    --flow_count_;
    WaitForQueues();
    delete gone;
    return;
  }
}

// Until nobody who may have seen a flow is still in the burst it was seen in.
void SoftInlinePort::WaitForQueues() const {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (const auto& queue : queues_) {
    uint64_t turn = queue->turn.load(std::memory_order_acquire);
    while (turn % 2 == 1 && queue->turn.load(std::memory_order_acquire) == turn) rte_pause();
  }
}

const SoftInlinePort::Flow* SoftInlinePort::Match(const SecurityFlow& key) const {
  size_t at = SlotOf(key.spi);
  for (unsigned i = 0; i < kProbes; ++i) {
    const Flow* flow = flows_[(at + i) % kSlots].load(std::memory_order_acquire);
    if (flow != nullptr && Same(flow->key, key)) return flow;
  }
  return nullptr;
}

void SoftInlinePort::Open(Queue& queue, rte_mbuf* m) {
  Esp esp;
  SecurityFlow key{};
  if (!FindEsp(m, esp, key)) return;
  const Flow* flow = Match(key);
  if (flow == nullptr || flow->session->made != resets_.load(std::memory_order_relaxed)) return;
  uint32_t miss = miss_every_.load(std::memory_order_relaxed);
  if (miss != 0 && ++queue.hits % miss == 0) return;
  if (flow->session->protocol) return OpenProtocol(queue, m, *flow->session, esp);
  crypto::CryptoOp op;
  FillSoft(op, flow->session->sa, rte_pktmbuf_mtod_offset(m, uint8_t*, esp.at),
           esp.end - esp.at - kSoftEspHeader - kSoftIv - kSoftIcv);
  queue.engine->Open(&op, 1);
  NoteOpened(m, {});
  m->ol_flags |= RTE_MBUF_F_RX_SEC_OFFLOAD | (op.ok ? 0 : RTE_MBUF_F_RX_SEC_OFFLOAD_FAILED);
  opened_.fetch_add(1, std::memory_order_relaxed);
}

bool SoftInlinePort::OpenedByProtocol(rte_mbuf* m, OpenedPacket& out) {
  out = NoteOf(m);
  return out.userdata != 0;
}

// Backwards, and the last one when the next ones come, or nothing does.
uint16_t SoftInlinePort::Disorder(Queue& queue, rte_mbuf** frames, uint16_t n, uint16_t room) {
  rte_mbuf* late = queue.late;
  if (late != nullptr && n == room) return n;
  const bool keep = n > 1 || (n == 1 && late == nullptr);
  queue.late = keep ? frames[--n] : nullptr;
  std::reverse(frames, frames + n);
  if (late != nullptr) frames[n++] = late;
  return n;
}

uint16_t SoftInlinePort::Receive(uint16_t queue, rte_mbuf** out, uint16_t n) {
  if (resting_.load(std::memory_order_acquire)) return 0;
  const uint16_t room = n;
  n = port_->Receive(queue, out, n);
  Queue& own = *queues_[queue];
  own.turn.store(own.turn.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (uint16_t i = 0; i < n; ++i) Open(own, out[i]);
  own.turn.store(own.turn.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  return disorder_.load(std::memory_order_relaxed) || own.late != nullptr ? Disorder(own, out, n, room) : n;
}

// False: nobody can seal it any more.
bool SoftInlinePort::Seal(Queue& queue, rte_mbuf* m) {
  Session* session = SessionIn(m);
  m->ol_flags &= ~RTE_MBUF_F_TX_SEC_OFFLOAD;  // what is not taken now comes again, and is sealed already
  if (session->made != resets_.load(std::memory_order_relaxed)) return false;
  sealed_.fetch_add(1, std::memory_order_relaxed);
  if (session->protocol) {
    SealProtocol(queue, m, *session);
    return true;
  }
  uint32_t at = m->l2_len + m->l3_len;
  if (session->sa.udp) at += sizeof(rte_udp_hdr);
  crypto::CryptoOp op;
  FillSoft(op, session->sa, rte_pktmbuf_mtod_offset(m, uint8_t*, at), m->data_len - at - kSoftEspHeader - kSoftIv - kSoftIcv);
  queue.engine->Seal(&op, 1);
  return true;
}

// As a NIC's queue does, it takes what it cannot seal, and that is never seen again.
uint16_t SoftInlinePort::Transmit(uint16_t queue, rte_mbuf** packets, uint16_t n) {
  if (resting_.load(std::memory_order_acquire)) return 0;
  for (uint16_t i = 0; i < n; ++i) {
    if ((packets[i]->ol_flags & RTE_MBUF_F_TX_SEC_OFFLOAD) == 0 || Seal(*queues_[queue], packets[i])) continue;
    const uint16_t sent = port_->Transmit(queue, packets, i);
    if (sent != i) {
      packets[i]->ol_flags |= RTE_MBUF_F_TX_SEC_OFFLOAD;
      return sent;
    }
    rte_pktmbuf_free(packets[i]);
    lost_.fetch_add(1, std::memory_order_relaxed);
    return static_cast<uint16_t>(i + 1);
  }
  return port_->Transmit(queue, packets, n);
}

}  // namespace culvert::offload
