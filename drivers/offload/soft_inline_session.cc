#include "drivers/offload/soft_inline_session.h"

#include <rte_cryptodev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_security_driver.h>

#include <cerrno>
#include <cstring>
#include <vector>

// The stand-in's rte_security_ops.
namespace culvert::offload {
namespace {

// What a packet carries for the stand-ins of the process; on the way in, `session` is null.
struct Metadata {
  SoftInlinePort::Session* session;
  Port::OpenedPacket opened;
};

int MetadataOffset() {
  static const int offset = [] {
    rte_mbuf_dynfield field{};
    std::strcpy(field.name, "culvert_soft_inline");
    field.size = sizeof(Metadata);
    field.align = alignof(Metadata);
    return rte_mbuf_dynfield_register(&field);
  }();
  return offset;
}

Metadata& In(const rte_mbuf* m) { return *RTE_MBUF_DYNFIELD(const_cast<rte_mbuf*>(m), MetadataOffset(), Metadata*); }

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

rte_security_capability Capability(bool protocol, rte_security_ipsec_sa_mode mode,
                                   rte_security_ipsec_sa_direction direction) {
  rte_security_capability c{};
  c.action = protocol ? RTE_SECURITY_ACTION_TYPE_INLINE_PROTOCOL : RTE_SECURITY_ACTION_TYPE_INLINE_CRYPTO;
  c.protocol = RTE_SECURITY_PROTOCOL_IPSEC;
  c.ipsec.proto = RTE_SECURITY_IPSEC_SA_PROTO_ESP;
  c.ipsec.mode = mode;
  c.ipsec.direction = direction;
  c.ipsec.options.udp_encap = 1;
  if (protocol) {
    c.ipsec.options.copy_dscp = c.ipsec.options.copy_df = c.ipsec.options.ecn = 1;
    c.ipsec.options.tunnel_hdr_verify = RTE_SECURITY_IPSEC_TUNNEL_VERIFY_SRC_DST_ADDR;
    c.ipsec.options.udp_ports_verify = 1;
  }
  c.crypto_capabilities = kCrypto;
  c.ol_flags = RTE_SECURITY_TX_OLOAD_NEED_MDATA;
  return c;
}

using Rows = std::vector<rte_security_capability>;
Rows RowsOf(SoftInlinePort::Offer offer) {
  Rows rows;
  for (bool protocol : {true, false}) {
    if (!(protocol ? offer.protocol : offer.crypto)) continue;
    for (auto mode : {RTE_SECURITY_IPSEC_SA_MODE_TUNNEL, RTE_SECURITY_IPSEC_SA_MODE_TRANSPORT}) {
      for (auto direction : {RTE_SECURITY_IPSEC_SA_DIR_EGRESS, RTE_SECURITY_IPSEC_SA_DIR_INGRESS})
        rows.push_back(Capability(protocol, mode, direction));
    }
  }
  rows.push_back({.action = RTE_SECURITY_ACTION_TYPE_NONE});
  return rows;
}

const rte_security_capability* CapabilitiesOf(SoftInlinePort::Offer offer) {
  static const Rows rows[] = {RowsOf({false, false}), RowsOf({true, false}), RowsOf({false, true}), RowsOf({true, true})};
  return rows[offer.crypto + 2 * offer.protocol].data();
}

crypto::Suite SuiteOf(size_t key) {
  return key == 16 ? crypto::Suite::kGcm128 : key == 24 ? crypto::Suite::kGcm192 : crypto::Suite::kGcm256;
}

}  // namespace

SoftInlinePort::Session* SessionOf(void* handle) {
  return static_cast<SoftInlinePort::Session*>(SECURITY_GET_SESS_PRIV(handle));
}

SoftInlinePort::Session* SessionIn(const rte_mbuf* m) { return In(m).session; }

void NoteOpened(rte_mbuf* m, const Port::OpenedPacket& opened) { In(m) = {.session = nullptr, .opened = opened}; }

Port::OpenedPacket NoteOf(const rte_mbuf* m) { return In(m).opened; }

struct SoftInlineOps {
  static void ReadProtocol(const rte_security_session_conf& conf, SoftInlinePort::Session& s) {
    const auto& ipsec = conf.ipsec;
    auto limit = [](uint64_t packets) { return packets == 0 ? UINT64_MAX : packets; };
    s.protocol = conf.action_type == RTE_SECURITY_ACTION_TYPE_INLINE_PROTOCOL;
    s.tunnel = ipsec.mode == RTE_SECURITY_IPSEC_SA_MODE_TUNNEL;
    s.copy_dscp = ipsec.options.copy_dscp;
    s.copy_ecn = ipsec.options.ecn;
    s.copy_df = ipsec.options.copy_df;
    s.family = ipsec.tunnel.type == RTE_SECURITY_IPSEC_TUNNEL_IPV6 ? 6 : 4;
    s.spi = ipsec.spi;
    s.source_port = ipsec.udp.sport;
    s.destination_port = ipsec.udp.dport;
    if (s.family == 4) {
      std::memcpy(s.source, &ipsec.tunnel.ipv4.src_ip, 4);
      std::memcpy(s.destination, &ipsec.tunnel.ipv4.dst_ip, 4);
    } else {
      std::memcpy(s.source, &ipsec.tunnel.ipv6.src_addr, 16);
      std::memcpy(s.destination, &ipsec.tunnel.ipv6.dst_addr, 16);
    }
    s.userdata = reinterpret_cast<uint64_t>(conf.userdata);
    s.soft_packets = limit(ipsec.life.packets_soft_limit);
    s.hard_packets = limit(ipsec.life.packets_hard_limit);
    s.next = ipsec.esn.value;
    s.packets = 0;
  }
  static int Create(void* device, rte_security_session_conf* conf, rte_security_session* handle) {
    auto& port = *static_cast<SoftInlinePort*>(device);
    if (port.faults_.on_create) port.faults_.on_create();
    if (port.faults_.refuses) return -EIO;
    const auto& aead = conf->crypto_xform->aead;
    auto& s = *SessionOf(handle);
    s.suite = SuiteOf(aead.key.length);
    s.salt = conf->ipsec.salt;
    s.udp = conf->ipsec.options.udp_encap;
    s.made = port.resets_.load(std::memory_order_relaxed);
    ReadProtocol(*conf, s);
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
    In(m).session = SessionOf(handle);
    return 0;
  }
  static const rte_security_capability* Capabilities(void* device) {
    return CapabilitiesOf(static_cast<SoftInlinePort*>(device)->offer_);
  }
  static constexpr rte_security_ops kOps = {.session_create = Create,
                                            .session_update = nullptr,
                                            .session_get_size = Size,
                                            .session_stats_get = nullptr,
                                            .session_destroy = Destroy,
                                            .set_pkt_metadata = SetMetadata,
                                            .capabilities_get = Capabilities};
};

absl::StatusOr<std::unique_ptr<SoftInlinePort>> SoftInlinePort::Wrap(std::unique_ptr<Port> port, Offer offer) {
  if (MetadataOffset() < 0) return absl::ResourceExhaustedError("no room in packet buffers for a session");
  std::unique_ptr<SoftInlinePort> made(new SoftInlinePort(std::move(port), offer));
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

Port::ProtocolFacts SoftInlinePort::protocol_facts() const {
  return {.counted_ivs = true, .tells_numbers = true, .tells_apart = true};
}

}  // namespace culvert::offload
