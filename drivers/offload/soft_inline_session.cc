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
  c.crypto_capabilities = SoftEspCrypto(false);
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

}  // namespace

SoftInlinePort::Session* SessionOf(void* handle) {
  return static_cast<SoftInlinePort::Session*>(SECURITY_GET_SESS_PRIV(handle));
}

SoftInlinePort::Session* SessionIn(const rte_mbuf* m) { return In(m).session; }

void NoteOpened(rte_mbuf* m, const Port::OpenedPacket& opened) { In(m) = {.session = nullptr, .opened = opened}; }

Port::OpenedPacket NoteOf(const rte_mbuf* m) { return In(m).opened; }

struct SoftInlineOps {
  static int Create(void* device, rte_security_session_conf* conf, rte_security_session* handle) {
    auto& port = *static_cast<SoftInlinePort*>(device);
    if (port.faults_.on_create) port.faults_.on_create();
    if (port.faults_.refuses) return -EIO;
    const auto& ipsec = conf->ipsec;
    auto limit = [](uint64_t packets) { return packets == 0 ? UINT64_MAX : packets; };
    auto& s = *SessionOf(handle);
    s = {.sa = {},
         .made = port.resets_.load(std::memory_order_relaxed),
         .protocol = conf->action_type == RTE_SECURITY_ACTION_TYPE_INLINE_PROTOCOL,
         .userdata = reinterpret_cast<uint64_t>(conf->userdata),
         .soft_packets = limit(ipsec.life.packets_soft_limit),
         .hard_packets = limit(ipsec.life.packets_hard_limit),
         .next = ipsec.esn.value,
         .packets = 0};
    if (int rc = MakeSoftSa(*conf, port.keys_, port.main_engine_->manager(), s.sa); rc != 0) return rc;
    ++port.sessions_;
    return 0;
  }
  static int Destroy(void* device, rte_security_session* handle) {
    auto& port = *static_cast<SoftInlinePort*>(device);
    FreeSoftSa(SessionOf(handle)->sa, port.keys_);
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

void* SoftInlinePort::SecurityContext() { return AsksReset() ? nullptr : context_.get(); }

Port::ProtocolFacts SoftInlinePort::protocol_facts() const {
  return {.counted_ivs = true, .tells_numbers = true, .tells_apart = true};
}

}  // namespace culvert::offload
