#include "drivers/offload/soft_inline_session.h"

#include <rte_cryptodev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_security_driver.h>

#include <cerrno>
#include <cstring>

// The stand-in's rte_security_ops.
namespace culvert::offload {
namespace {

// Where a packet carries its session; one for all stand-ins of the process.
int MetadataOffset() {
  static const int offset = [] {
    rte_mbuf_dynfield field{};
    std::strcpy(field.name, "culvert_soft_inline");
    field.size = sizeof(void*);
    field.align = alignof(void*);
    return rte_mbuf_dynfield_register(&field);
  }();
  return offset;
}

constexpr rte_crypto_param_range kGcmKeys{16, 32, 8}, kDigest{16, 16, 0}, kAad{8, 8, 0}, kNonce{12, 12, 0};
const rte_cryptodev_capabilities kCrypto[] = {
    {.op = RTE_CRYPTO_OP_TYPE_SYMMETRIC,
     .sym = {.xform_type = RTE_CRYPTO_SYM_XFORM_AEAD,
             .aead = {.algo = RTE_CRYPTO_AEAD_AES_GCM,
                      .block_size = 16,
                      .key_size = kGcmKeys,
                      .digest_size = kDigest,
                      .aad_size = kAad,
                      .iv_size = kNonce}}},
    {.op = RTE_CRYPTO_OP_TYPE_UNDEFINED, .sym = {}}};

rte_security_capability Capability(rte_security_ipsec_sa_mode mode, rte_security_ipsec_sa_direction direction) {
  rte_security_capability c{};
  c.action = RTE_SECURITY_ACTION_TYPE_INLINE_CRYPTO;
  c.protocol = RTE_SECURITY_PROTOCOL_IPSEC;
  c.ipsec.proto = RTE_SECURITY_IPSEC_SA_PROTO_ESP;
  c.ipsec.mode = mode;
  c.ipsec.direction = direction;
  c.ipsec.options.udp_encap = 1;
  c.crypto_capabilities = kCrypto;
  c.ol_flags = RTE_SECURITY_TX_OLOAD_NEED_MDATA;
  return c;
}

const rte_security_capability* Capabilities(void*) {
  static const rte_security_capability all[] = {
      Capability(RTE_SECURITY_IPSEC_SA_MODE_TUNNEL, RTE_SECURITY_IPSEC_SA_DIR_EGRESS),
      Capability(RTE_SECURITY_IPSEC_SA_MODE_TUNNEL, RTE_SECURITY_IPSEC_SA_DIR_INGRESS),
      Capability(RTE_SECURITY_IPSEC_SA_MODE_TRANSPORT, RTE_SECURITY_IPSEC_SA_DIR_EGRESS),
      Capability(RTE_SECURITY_IPSEC_SA_MODE_TRANSPORT, RTE_SECURITY_IPSEC_SA_DIR_INGRESS),
      {.action = RTE_SECURITY_ACTION_TYPE_NONE}};
  return all;
}

crypto::Suite SuiteOf(size_t key) {
  return key == 16 ? crypto::Suite::kGcm128 : key == 24 ? crypto::Suite::kGcm192 : crypto::Suite::kGcm256;
}

}  // namespace

SoftInlinePort::Session* SessionOf(void* handle) {
  return static_cast<SoftInlinePort::Session*>(SECURITY_GET_SESS_PRIV(handle));
}

const SoftInlinePort::Session* SessionIn(const rte_mbuf* m) {
  return *RTE_MBUF_DYNFIELD(m, MetadataOffset(), SoftInlinePort::Session* const*);
}

struct SoftInlineOps {
  static int Create(void* device, rte_security_session_conf* conf, rte_security_session* handle) {
    auto& port = *static_cast<SoftInlinePort*>(device);
    if (port.faults_.refuses) return -EIO;
    const auto& aead = conf->crypto_xform->aead;
    auto& s = *SessionOf(handle);
    s.suite = SuiteOf(aead.key.length);
    s.salt = conf->ipsec.salt;
    s.udp = conf->ipsec.options.udp_encap;
    const auto& info = crypto::Info(s.suite);
    s.key = port.keys_.Allocate(info.expanded);
    if (s.key == nullptr) return -ENOMEM;
    auto use = conf->ipsec.direction == RTE_SECURITY_IPSEC_SA_DIR_EGRESS ? crypto::Use::kSeal : crypto::Use::kOpen;
    if (!crypto::ExpandKeys(port.main_engine_->manager(), s.suite, use, {aead.key.data, aead.key.length}, {}, s.key)) {
      port.keys_.Free(s.key, info.expanded);
      return -EINVAL;
    }
    ++port.sessions_;
    return 0;
  }
  static int Destroy(void* device, rte_security_session* handle) {
    auto& port = *static_cast<SoftInlinePort*>(device);
    auto& s = *SessionOf(handle);
    port.keys_.Free(s.key, crypto::Info(s.suite).expanded);
    --port.sessions_;
    return 0;
  }
  static unsigned Size(void*) { return sizeof(SoftInlinePort::Session); }
  static int SetMetadata(void*, rte_security_session* handle, rte_mbuf* m, void*) {
    *RTE_MBUF_DYNFIELD(m, MetadataOffset(), SoftInlinePort::Session**) = SessionOf(handle);
    return 0;
  }
  static constexpr rte_security_ops kOps = {.session_create = Create,
                                            .session_update = nullptr,
                                            .session_get_size = Size,
                                            .session_stats_get = nullptr,
                                            .session_destroy = Destroy,
                                            .set_pkt_metadata = SetMetadata,
                                            .capabilities_get = Capabilities};
};

absl::StatusOr<std::unique_ptr<SoftInlinePort>> SoftInlinePort::Wrap(std::unique_ptr<Port> port) {
  if (MetadataOffset() < 0) return absl::ResourceExhaustedError("no room in packet buffers for a session");
  std::unique_ptr<SoftInlinePort> made(new SoftInlinePort(std::move(port)));
  auto engine = crypto::MbEngine::Create();
  if (!engine.ok()) return engine.status();
  made->main_engine_ = std::move(*engine);
  for (uint16_t q = 0; q < std::max(made->rx_queues(), made->tx_queues()); ++q) {
    auto own = crypto::MbEngine::Create();
    if (!own.ok()) return own.status();
    made->queues_.push_back(std::make_unique<SoftInlinePort::Queue>());
    made->queues_.back()->engine = std::move(*own);
  }
  made->context_ = std::make_unique<rte_security_ctx>();
  made->context_->device = made.get();
  made->context_->ops = &SoftInlineOps::kOps;
  return made;
}

void* SoftInlinePort::SecurityContext() { return context_.get(); }

}  // namespace culvert::offload
