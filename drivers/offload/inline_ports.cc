#include "drivers/offload/inline_ports.h"

#include <absl/log/log.h>
#include <absl/strings/str_cat.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_security.h>

#include <cstring>

#include "drivers/offload/session.h"

namespace culvert::offload {
namespace {

rte_security_ipsec_sa_mode ModeOf(const SessionSpec& spec) {
  return spec.tunnel ? RTE_SECURITY_IPSEC_SA_MODE_TUNNEL : RTE_SECURITY_IPSEC_SA_MODE_TRANSPORT;
}
rte_security_ipsec_sa_direction DirectionOf(const SessionSpec& spec) {
  return spec.seal ? RTE_SECURITY_IPSEC_SA_DIR_EGRESS : RTE_SECURITY_IPSEC_SA_DIR_INGRESS;
}

// The capability that has this transform with these lengths, in this direction and mode; null where there is none.
const rte_security_capability* Find(void* context, const SessionSpec& spec) {
  const rte_security_capability_idx which = {
      .action = RTE_SECURITY_ACTION_TYPE_INLINE_CRYPTO,
      .protocol = RTE_SECURITY_PROTOCOL_IPSEC,
      .ipsec = {.proto = RTE_SECURITY_IPSEC_SA_PROTO_ESP,
                .mode = ModeOf(spec),
                .direction = DirectionOf(spec)}};
  return rte_security_capability_get(context, const_cast<rte_security_capability_idx*>(&which));
}

bool Lists(const rte_security_capability& can, const rte_crypto_sym_xform& x) {
  for (const auto* c = can.crypto_capabilities; c != nullptr && c->op != RTE_CRYPTO_OP_TYPE_UNDEFINED; ++c) {
    if (c->op != RTE_CRYPTO_OP_TYPE_SYMMETRIC || c->sym.xform_type != x.type) continue;
    if (Fits(c->sym, x)) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<std::unique_ptr<InlinePorts>> InlinePorts::Open(const std::vector<Port*>& ports,
                                                               const std::vector<bool>& wanted) {
  std::unique_ptr<InlinePorts> all(new InlinePorts);
  all->devices_.resize(ports.size());
  for (size_t i = 0; i < ports.size(); ++i) {
    Device& d = all->devices_[i];
    d.port = ports[i];
    void* context = d.port->SecurityContext();
    if (context == nullptr || !wanted[i]) continue;
    d.pool = rte_mempool_create(absl::StrCat("inline-", d.port->name()).c_str(), kSessions,
                                rte_security_session_get_size(context), 0, 0, nullptr, nullptr, nullptr, nullptr,
                                SOCKET_ID_ANY, 0);
    if (d.pool == nullptr) {
      return absl::ResourceExhaustedError(absl::StrCat("port ", d.port->name(), ": memory for inline IPsec: ",
                                                       rte_strerror(rte_errno)));
    }
    d.context = context;
    LOG(INFO) << "port " << d.port->name() << ": inline IPsec, " << kSessions << " sessions";
  }
  return all;
}

InlinePorts::~InlinePorts() {
  for (Device& d : devices_) rte_mempool_free(d.pool);
}

StepDown InlinePorts::Create(uint16_t port, const SessionSpec& spec, Session& out) {
  if (port >= devices_.size() || devices_[port].context == nullptr) return StepDown::kNoDevice;
  Device& d = devices_[port];
  Transforms t{};
  const rte_security_capability* can = Find(d.context, spec);
  // A checksum over IPv6 is one over what the port makes of the text.
  if (spec.encap && spec.local.address.family == Family::kV6) return StepDown::kSuite;
  if (can == nullptr || !MakeTransforms(spec, 0, t) || (spec.encap && !can->ipsec.options.udp_encap)) return StepDown::kSuite;
  // With extended numbers the AAD is longer: what does not know them is not to be asked whether it takes 12 octets.
  if (spec.esn && !can->ipsec.options.esn) return StepDown::kEsn;
  if (!Lists(*can, t.first) || (t.first.next != nullptr && !Lists(*can, t.second))) return StepDown::kSuite;
  if (d.sessions == kSessions) return StepDown::kFull;

  rte_security_session_conf conf{};
  conf.action_type = RTE_SECURITY_ACTION_TYPE_INLINE_CRYPTO;
  conf.protocol = RTE_SECURITY_PROTOCOL_IPSEC;
  conf.crypto_xform = &t.first;
  conf.ipsec.spi = spec.spi;
  std::memcpy(&conf.ipsec.salt, spec.salt.data(), std::min<size_t>(spec.salt.size(), sizeof conf.ipsec.salt));
  conf.ipsec.options.esn = spec.esn;
  conf.ipsec.options.udp_encap = spec.encap;
  conf.ipsec.direction = DirectionOf(spec);
  conf.ipsec.proto = RTE_SECURITY_IPSEC_SA_PROTO_ESP;
  conf.ipsec.mode = ModeOf(spec);
  Session made{.engine = Engine::kInlineCrypto,
               .device = port,
               .handle = rte_security_session_create(d.context, &conf, d.pool)};
  if (made.handle == nullptr) return rte_errno == ENOSPC ? StepDown::kFull : StepDown::kRefused;
  ++d.sessions;
  if (!spec.seal) {
    made.flow = d.port->CreateFlow({.spi = spec.spi,
                                    .destination = spec.local.address,
                                    .udp_port = spec.encap ? spec.local.port : uint16_t{0},
                                    .session = made.handle});
    if (made.flow == nullptr) {
      Destroy(made);
      return StepDown::kFull;
    }
  }
  out = made;
  return StepDown::kNone;
}

void InlinePorts::Destroy(const Session& s) {
  Device& d = devices_[s.device];
  if (s.flow != nullptr) d.port->DestroyFlow(s.flow);
  if (int rc = rte_security_session_destroy(d.context, s.handle); rc != 0) {
    LOG(WARNING) << "port " << d.port->name() << ": an inline session does not go: " << rte_strerror(-rc);
    return;
  }
  --d.sessions;
}

bool InlinePorts::Mark(uint16_t port, const void* session, rte_mbuf* m, uint16_t l2, uint16_t l3) const {
  m->l2_len = l2 & 0x7f;
  m->l3_len = l3 & 0x1ff;
  if (rte_security_set_pkt_metadata(devices_[port].context, const_cast<void*>(session), m, nullptr) != 0) return false;
  m->ol_flags |= RTE_MBUF_F_TX_SEC_OFFLOAD;
  return true;
}

std::vector<InlinePorts::Facts> InlinePorts::facts() const {
  std::vector<Facts> all;
  for (const Device& d : devices_) {
    if (d.context != nullptr) all.push_back({d.port->name(), d.sessions, kSessions});
  }
  return all;
}

}  // namespace culvert::offload
