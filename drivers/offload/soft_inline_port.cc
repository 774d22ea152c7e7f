#include "drivers/offload/soft_inline_port.h"

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_pause.h>
#include <rte_security_driver.h>
#include <rte_udp.h>

#include <cstring>

#include "drivers/offload/soft_inline_session.h"

namespace culvert::offload {
namespace {

constexpr uint32_t kEspHeader = 8, kIv = 8, kIcv = 16;  // octets
constexpr uint8_t kEsp = 50, kUdp = 17;
constexpr unsigned kProbes = 16;                         // slots looked at for one flow

uint16_t Load16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }
uint32_t Load32(const uint8_t* at) { return uint32_t{Load16(at)} << 16 | Load16(at + 2); }

size_t SlotOf(uint32_t spi) { return spi * 0x9e3779b1u >> 20; }

bool Same(const Port::SecurityFlow& a, const Port::SecurityFlow& b) {
  return a.spi == b.spi && a.udp_port == b.udp_port && a.destination == b.destination;
}

// RFC 4106: salt and IV make the nonce, SPI and sequence number the AAD.
void Fill(crypto::CryptoOp& op, const SoftInlinePort::Session& s, uint8_t* esp, uint32_t text) {
  std::memcpy(op.iv, &s.salt, sizeof s.salt);
  std::memcpy(op.iv + sizeof s.salt, esp + kEspHeader, kIv);
  std::memcpy(op.aad, esp, kEspHeader);
  op.aad_length = kEspHeader;
  op.suite = s.suite;
  op.key = s.key;
  op.text = esp + kEspHeader + kIv;
  op.text_length = text;
}

}  // namespace

SoftInlinePort::SoftInlinePort(std::unique_ptr<Port> port) : Port(port->name(), port->index()), port_(std::move(port)) {
  mac = port_->mac;
  mtu = port_->mtu;
}

SoftInlinePort::~SoftInlinePort() {
  for (auto& slot : flows_) delete slot.load(std::memory_order_relaxed);
}

void SoftInlinePort::Set(const Faults& faults) {
  faults_ = faults;
  miss_every_.store(faults.miss_every, std::memory_order_relaxed);
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

// Plain headers only, as NICs do: no fragments, no extension headers, no tags.
bool SoftInlinePort::FindEsp(const rte_mbuf* m, Esp& esp, SecurityFlow& key) {
  if (m->nb_segs != 1 || rte_mbuf_refcnt_read(m) != 1 || m->data_len < RTE_ETHER_HDR_LEN + sizeof(rte_ipv4_hdr)) return false;
  const auto* frame = rte_pktmbuf_mtod(m, const uint8_t*);
  const uint8_t* ip = frame + RTE_ETHER_HDR_LEN;
  uint32_t header, total;
  uint8_t protocol;
  if (Load16(frame + 12) == RTE_ETHER_TYPE_IPV4) {
    header = (ip[0] & 15u) * 4;
    total = Load16(ip + 2);
    protocol = ip[9];
    if ((Load16(ip + 6) & 0x3fff) != 0) return false;
    key.destination = IpAddress::V4(Load32(ip + 16));
  } else if (Load16(frame + 12) == RTE_ETHER_TYPE_IPV6 && m->data_len >= RTE_ETHER_HDR_LEN + sizeof(rte_ipv6_hdr)) {
    header = sizeof(rte_ipv6_hdr);
    total = header + Load16(ip + 4);
    protocol = ip[6];
    key.destination = *IpAddress::FromBytes({ip + 24, 16});
  } else {
    return false;
  }
  key.udp_port = 0;
  uint32_t at = RTE_ETHER_HDR_LEN + header, end = RTE_ETHER_HDR_LEN + total;
  if (end > m->data_len) return false;
  if (protocol == kUdp && at + sizeof(rte_udp_hdr) <= end) {
    key.udp_port = Load16(frame + at + 2);
    at += sizeof(rte_udp_hdr);
  } else if (protocol != kEsp) {
    return false;
  }
  if (at + kEspHeader + kIv + kIcv > end) return false;
  key.spi = Load32(frame + at);
  esp = {static_cast<uint16_t>(at), static_cast<uint16_t>(end)};
  return true;
}

void SoftInlinePort::Open(Queue& queue, rte_mbuf* m) {
  Esp esp;
  SecurityFlow key{};
  if (!FindEsp(m, esp, key)) return;
  const Flow* flow = Match(key);
  if (flow == nullptr) return;
  uint32_t miss = miss_every_.load(std::memory_order_relaxed);
  if (miss != 0 && ++queue.hits % miss == 0) return;
  crypto::CryptoOp op;
  Fill(op, *flow->session, rte_pktmbuf_mtod_offset(m, uint8_t*, esp.at), esp.end - esp.at - kEspHeader - kIv - kIcv);
  queue.engine->Open(&op, 1);
  m->ol_flags |= RTE_MBUF_F_RX_SEC_OFFLOAD | (op.ok ? 0 : RTE_MBUF_F_RX_SEC_OFFLOAD_FAILED);
  opened_.fetch_add(1, std::memory_order_relaxed);
}

uint16_t SoftInlinePort::Receive(uint16_t queue, rte_mbuf** out, uint16_t n) {
  n = port_->Receive(queue, out, n);
  Queue& own = *queues_[queue];
  own.turn.store(own.turn.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (uint16_t i = 0; i < n; ++i) Open(own, out[i]);
  own.turn.store(own.turn.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  return n;
}

void SoftInlinePort::Seal(Queue& queue, rte_mbuf* m) {
  const Session* session = SessionIn(m);
  m->ol_flags &= ~RTE_MBUF_F_TX_SEC_OFFLOAD;  // what is not taken now comes again, and is sealed already
  uint32_t at = m->l2_len + m->l3_len;
  if (session->udp) at += sizeof(rte_udp_hdr);
  crypto::CryptoOp op;
  Fill(op, *session, rte_pktmbuf_mtod_offset(m, uint8_t*, at), m->data_len - at - kEspHeader - kIv - kIcv);
  queue.engine->Seal(&op, 1);
  sealed_.fetch_add(1, std::memory_order_relaxed);
}

uint16_t SoftInlinePort::Transmit(uint16_t queue, rte_mbuf** packets, uint16_t n) {
  for (uint16_t i = 0; i < n; ++i) {
    if (packets[i]->ol_flags & RTE_MBUF_F_TX_SEC_OFFLOAD) Seal(*queues_[queue], packets[i]);
  }
  return port_->Transmit(queue, packets, n);
}

}  // namespace culvert::offload
