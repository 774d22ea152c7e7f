#include "drivers/offload/soft_security_device.h"

#include <rte_cryptodev.h>
#include <rte_mbuf.h>
#include <rte_security_driver.h>
#include <rte_udp.h>

#include <cerrno>
#include <cstring>

#include "drivers/offload/soft_esp.h"

namespace culvert::offload {

struct SoftSecurityDevice::Session {
  SoftSa sa;
  bool seal, given_ivs;
  uint16_t iv_at;   // octets from the operation to the IV
  uint64_t next;    // number of the next packet
};

namespace {

rte_security_capability Capability(rte_security_ipsec_sa_mode mode, rte_security_ipsec_sa_direction direction) {
  const bool egress = direction == RTE_SECURITY_IPSEC_SA_DIR_EGRESS;
  rte_security_capability c{};
  c.action = RTE_SECURITY_ACTION_TYPE_LOOKASIDE_PROTOCOL;
  c.protocol = RTE_SECURITY_PROTOCOL_IPSEC;
  c.ipsec.proto = RTE_SECURITY_IPSEC_SA_PROTO_ESP;
  c.ipsec.mode = mode;
  c.ipsec.direction = direction;
  c.ipsec.options.udp_encap = 1;
  c.ipsec.options.esn = egress;
  c.ipsec.options.iv_gen_disable = egress;
  c.crypto_capabilities = SoftEspCrypto(egress);
  return c;
}

using Rows = std::vector<rte_security_capability>;
Rows AllRows() {
  Rows rows;
  for (auto mode : {RTE_SECURITY_IPSEC_SA_MODE_TUNNEL, RTE_SECURITY_IPSEC_SA_MODE_TRANSPORT}) {
    for (auto direction : {RTE_SECURITY_IPSEC_SA_DIR_EGRESS, RTE_SECURITY_IPSEC_SA_DIR_INGRESS})
      rows.push_back(Capability(mode, direction));
  }
  rows.push_back({.action = RTE_SECURITY_ACTION_TYPE_NONE});
  return rows;
}

constexpr uint32_t kUdpHeader = sizeof(rte_udp_hdr);  // octets

rte_crypto_sym_op& SymOf(rte_crypto_op* op) {
  rte_crypto_sym_op& sym = *op->sym;
  return sym;
}

bool IsSecurity(const rte_crypto_op* op) { return op->sess_type == RTE_CRYPTO_OP_SECURITY_SESSION; }

}  // namespace

struct SoftSecurityOps {
  using Device = SoftSecurityDevice;
  static Device::Session* SessionOf(const void* handle) {
    return static_cast<Device::Session*>(SECURITY_GET_SESS_PRIV(const_cast<void*>(handle)));
  }
  static int Create(void* device, rte_security_session_conf* conf, rte_security_session* handle) {
    auto& d = *static_cast<Device*>(device);
    if (d.faults_.refuses) return -EIO;
    auto& s = *SessionOf(handle);
    s = {.sa = {},
         .seal = conf->ipsec.direction == RTE_SECURITY_IPSEC_SA_DIR_EGRESS,
         .given_ivs = conf->ipsec.options.iv_gen_disable != 0,
         .iv_at = conf->crypto_xform->aead.iv.offset,
         .next = conf->ipsec.esn.value};
    if (int rc = MakeSoftSa(*conf, d.keys_, d.main_engine_->manager(), s.sa); rc != 0) return rc;
    ++d.sessions_;
    return 0;
  }
  static int Destroy(void* device, rte_security_session* handle) {
    auto& d = *static_cast<Device*>(device);
    FreeSoftSa(SessionOf(handle)->sa, d.keys_);
    --d.sessions_;
    return 0;
  }
  static unsigned Size(void*) { return sizeof(Device::Session); }
  static const rte_security_capability* Capabilities(void*) {
    static const Rows rows = AllRows();
    return rows.data();
  }
  static constexpr rte_security_ops kOps = {.session_create = Create,
                                            .session_update = nullptr,
                                            .session_get_size = Size,
                                            .session_stats_get = nullptr,
                                            .session_destroy = Destroy,
                                            .set_pkt_metadata = nullptr,
                                            .capabilities_get = Capabilities};
};

SoftSecurityDevice::SoftSecurityDevice(std::unique_ptr<CryptoDevice> device) : device_(std::move(device)) {}

SoftSecurityDevice::~SoftSecurityDevice() = default;

absl::StatusOr<std::unique_ptr<SoftSecurityDevice>> SoftSecurityDevice::Wrap(std::unique_ptr<CryptoDevice> device,
                                                                             uint16_t pairs) {
  std::unique_ptr<SoftSecurityDevice> made(new SoftSecurityDevice(std::move(device)));
  auto engine = crypto::MbEngine::Create();
  if (!engine.ok()) return engine.status();
  made->main_engine_ = std::move(*engine);
  for (uint16_t i = 0; i < pairs; ++i) {
    auto own = crypto::MbEngine::Create();
    if (!own.ok()) return own.status();
    made->pairs_.push_back(std::make_unique<Pair>());
    made->pairs_.back()->engine = std::move(*own);
  }
  made->context_ = std::make_unique<rte_security_ctx>();
  made->context_->device = made.get();
  made->context_->ops = &SoftSecurityOps::kOps;
  return made;
}

void* SoftSecurityDevice::SecurityContext() { return context_.get(); }

CryptoDevice::Stats SoftSecurityDevice::stats() const {
  Stats s = device_->stats();
  for (const auto& pair : pairs_) {
    s.enqueued += pair->enqueued.load(std::memory_order_relaxed);
    s.dequeued += pair->dequeued.load(std::memory_order_relaxed);
    s.errors += pair->errors.load(std::memory_order_relaxed);
  }
  return s;
}

// The packet begins with its IP header; it needs room before and behind, which is the caller's care.
void SoftSecurityDevice::Seal(crypto::MbEngine& engine, Session& s, rte_crypto_op* op) {
  rte_mbuf* m = SymOf(op).m_src;
  const uint64_t number = s.next++;
  uint64_t iv = number;
  if (s.given_ivs) {
    std::memcpy(&iv, rte_crypto_op_ctod_offset(op, const uint8_t*, s.iv_at), sizeof iv);
    iv = rte_be_to_cpu_64(iv);
  }
  SoftPacket out = SealSoft(engine, s.sa, {rte_pktmbuf_mtod(m, uint8_t*), m->data_len}, m->l3_len, number, iv);
  m->data_off = static_cast<uint16_t>(out.begin - static_cast<uint8_t*>(m->buf_addr));
  m->data_len = static_cast<uint16_t>(out.length);
  m->pkt_len = out.length;
}

bool SoftSecurityDevice::Open(crypto::MbEngine& engine, Session& s, rte_crypto_op* op) {
  rte_mbuf* m = SymOf(op).m_src;
  auto* ip = rte_pktmbuf_mtod(m, uint8_t*);
  const uint32_t header = m->l3_len, at = header + (s.sa.udp ? kUdpHeader : 0);
  SoftPacket out;
  if (m->data_len < at + kSoftEspHeader + kSoftIv + kSoftIcv) return false;
  if (!OpenSoft(engine, s.sa, ip, header, ip + at, ip + m->data_len, out)) return false;
  m->data_off = static_cast<uint16_t>(out.begin - static_cast<uint8_t*>(m->buf_addr));
  m->data_len = static_cast<uint16_t>(out.length);
  m->pkt_len = out.length;
  return true;
}

void SoftSecurityDevice::Work(Pair& pair, rte_crypto_op* op) {
  const uint64_t n = pair.enqueued.fetch_add(1, std::memory_order_relaxed) + 1;
  Session& s = *SoftSecurityOps::SessionOf(SymOf(op).session);
  if (faults_.fail_every != 0 && n % faults_.fail_every == 0) {
    op->status = RTE_CRYPTO_OP_STATUS_ERROR;
  } else if (s.seal) {
    Seal(*pair.engine, s, op);
    op->status = RTE_CRYPTO_OP_STATUS_SUCCESS;
  } else {
    op->status = Open(*pair.engine, s, op) ? RTE_CRYPTO_OP_STATUS_SUCCESS : RTE_CRYPTO_OP_STATUS_AUTH_FAILED;
  }
  if (op->status != RTE_CRYPTO_OP_STATUS_SUCCESS) pair.errors.fetch_add(1, std::memory_order_relaxed);
  pair.done.push_back(op);
}

uint16_t SoftSecurityDevice::Enqueue(uint16_t pair, rte_crypto_op** ops, uint16_t n) {
  Pair& own = *pairs_[pair];
  uint16_t taken = 0;
  while (taken < n) {
    if (IsSecurity(ops[taken])) {
      if (own.done.size() >= faults_.room) break;
      Work(own, ops[taken++]);
      continue;
    }
    uint16_t end = taken;
    while (end < n && !IsSecurity(ops[end])) ++end;
    const auto run = static_cast<uint16_t>(end - taken);
    const uint16_t passed = device_->Enqueue(pair, ops + taken, run);
    taken = static_cast<uint16_t>(taken + passed);
    if (passed != run) break;
  }
  return taken;
}

uint16_t SoftSecurityDevice::Dequeue(uint16_t pair, rte_crypto_op** ops, uint16_t n) {
  Pair& own = *pairs_[pair];
  uint16_t out = 0;
  for (; out < n && !faults_.holds && !own.done.empty(); own.done.pop_front()) ops[out++] = own.done.front();
  own.dequeued.fetch_add(out, std::memory_order_relaxed);
  return static_cast<uint16_t>(out + device_->Dequeue(pair, ops + out, static_cast<uint16_t>(n - out)));
}

}  // namespace culvert::offload
