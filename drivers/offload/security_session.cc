#include "drivers/offload/security_session.h"

#include <rte_mempool.h>

#include <algorithm>
#include <cstring>

namespace culvert::offload {
namespace {

constexpr uint8_t kTtl = 64;  // of outer headers, as the processor writes it

rte_security_ipsec_sa_mode ModeOf(const SessionSpec& spec) {
  return spec.tunnel ? RTE_SECURITY_IPSEC_SA_MODE_TUNNEL : RTE_SECURITY_IPSEC_SA_MODE_TRANSPORT;
}
rte_security_ipsec_sa_direction DirectionOf(const SessionSpec& spec) {
  return spec.seal ? RTE_SECURITY_IPSEC_SA_DIR_EGRESS : RTE_SECURITY_IPSEC_SA_DIR_INGRESS;
}

bool Lists(const rte_security_capability& can, const rte_crypto_sym_xform& x) {
  for (const auto* c = can.crypto_capabilities; c != nullptr && c->op != RTE_CRYPTO_OP_TYPE_UNDEFINED; ++c) {
    if (c->op != RTE_CRYPTO_OP_TYPE_SYMMETRIC || c->sym.xform_type != x.type) continue;
    if (Fits(c->sym, x)) return true;
  }
  return false;
}

// The ends as its packets have them, and the first number. In transport mode the addresses say no more than whom to expect.
void FillOuter(const SessionSpec& spec, rte_security_session_conf& conf) {
  const Endpoint& from = spec.seal ? spec.local : spec.remote;
  const Endpoint& to = spec.seal ? spec.remote : spec.local;
  auto& t = conf.ipsec.tunnel;
  if (from.address.family == Family::kV4) {
    t.type = RTE_SECURITY_IPSEC_TUNNEL_IPV4;
    std::memcpy(&t.ipv4.src_ip, from.address.octets.data(), 4);
    std::memcpy(&t.ipv4.dst_ip, to.address.octets.data(), 4);
    t.ipv4.ttl = kTtl;
  } else {
    t.type = RTE_SECURITY_IPSEC_TUNNEL_IPV6;
    std::memcpy(&t.ipv6.src_addr, from.address.octets.data(), 16);
    std::memcpy(&t.ipv6.dst_addr, to.address.octets.data(), 16);
    t.ipv6.hlimit = kTtl;
  }
  conf.ipsec.udp = {.sport = from.port, .dport = to.port};
  conf.ipsec.esn.value = spec.sequence + 1;
}

// What stands before the text is the device's: where it does less than the SA wants, the packets would be others.
bool DoesHeaders(const rte_security_capability& can, const SessionSpec& spec) {
  const auto& o = can.ipsec.options;
  if (!spec.plain) return false;
  if (!spec.tunnel) return true;
  if ((spec.copy_dscp && !o.copy_dscp) || (spec.copy_ecn && !o.ecn)) return false;
  if (spec.seal) return !spec.copy_df || o.copy_df;
  // A peer behind a NAT may move (RFC 7296 2.23): what comes from elsewhere has to come as it is, or nobody would know.
  return !spec.encap || (o.tunnel_hdr_verify == RTE_SECURITY_IPSEC_TUNNEL_VERIFY_SRC_DST_ADDR && o.udp_ports_verify);
}

void FillProtocol(const rte_security_capability& can, const SessionSpec& spec, rte_security_session_conf& conf) {
  auto& ipsec = conf.ipsec;
  const auto& offers = can.ipsec.options;
  conf.userdata = reinterpret_cast<void*>(spec.userdata);
  FillOuter(spec, conf);
  ipsec.options.copy_dscp = spec.copy_dscp;
  ipsec.options.copy_df = spec.copy_df;
  ipsec.options.ecn = spec.copy_ecn;
  if (!spec.seal) {
    ipsec.options.tunnel_hdr_verify = offers.tunnel_hdr_verify;
    ipsec.options.udp_ports_verify = spec.encap && offers.udp_ports_verify;
    ipsec.options.ingress_oop = offers.ingress_oop;
  }
  ipsec.life.packets_soft_limit = spec.soft_packets;
  ipsec.life.packets_hard_limit = spec.hard_packets;
}

}  // namespace

const rte_security_capability* FindCapability(void* context, rte_security_session_action_type action,
                                              const SessionSpec& spec) {
  rte_security_capability_idx which = {
      .action = action,
      .protocol = RTE_SECURITY_PROTOCOL_IPSEC,
      .ipsec = {.proto = RTE_SECURITY_IPSEC_SA_PROTO_ESP, .mode = ModeOf(spec), .direction = DirectionOf(spec)}};
  return rte_security_capability_get(context, &which);
}

rte_mempool* MakeSessionPool(const std::string& name, void* context, uint32_t sessions) {
  return rte_mempool_create(name.c_str(), sessions, rte_security_session_get_size(context), 0, 0, nullptr, nullptr, nullptr,
                            nullptr, SOCKET_ID_ANY, 0);
}

StepDown JudgeCrypto(const rte_security_capability& can, const SessionSpec& spec, const Transforms& t) {
  if (spec.encap && !can.ipsec.options.udp_encap) return StepDown::kSuite;
  // With extended numbers the AAD is longer: what does not know them is not to be asked whether it takes 12 octets.
  if (spec.esn && !can.ipsec.options.esn) return StepDown::kEsn;
  return Lists(can, t.first) && (t.first.next == nullptr || Lists(can, t.second)) ? StepDown::kNone : StepDown::kSuite;
}

StepDown JudgeProtocol(const rte_security_capability& can, const Port::ProtocolFacts& port, const SessionSpec& spec,
                       const Transforms& t) {
  if (StepDown why = JudgeCrypto(can, spec, t); why != StepDown::kNone) return why;
  if (!DoesHeaders(can, spec)) return StepDown::kHeaders;
  if (spec.seal) return port.counted_ivs || crypto::IsCbc(spec.suite) ? StepDown::kNone : StepDown::kIv;
  return port.tells_numbers ? StepDown::kNone : StepDown::kNumbers;
}

StepDown JudgeLookaside(const rte_security_capability& can, const SessionSpec& spec, const Transforms& t) {
  if (StepDown why = JudgeCrypto(can, spec, t); why != StepDown::kNone) return why;
  if (!spec.plain) return StepDown::kHeaders;
  if (spec.seal) return can.ipsec.options.iv_gen_disable || crypto::IsCbc(spec.suite) ? StepDown::kNone : StepDown::kIv;
  return spec.esn ? StepDown::kEsn : StepDown::kNone;
}

rte_security_session_conf SecurityConf(const rte_security_capability& can, const SessionSpec& spec, Transforms& t) {
  rte_security_session_conf conf{};
  conf.action_type = can.action;
  conf.protocol = RTE_SECURITY_PROTOCOL_IPSEC;
  conf.crypto_xform = &t.first;
  conf.ipsec.spi = spec.spi;
  std::memcpy(&conf.ipsec.salt, spec.salt.data(), std::min<size_t>(spec.salt.size(), sizeof conf.ipsec.salt));
  conf.ipsec.options.esn = spec.esn;
  conf.ipsec.options.udp_encap = spec.encap;
  conf.ipsec.direction = DirectionOf(spec);
  conf.ipsec.proto = RTE_SECURITY_IPSEC_SA_PROTO_ESP;
  conf.ipsec.mode = ModeOf(spec);
  if (can.action == RTE_SECURITY_ACTION_TYPE_INLINE_PROTOCOL) FillProtocol(can, spec, conf);
  if (can.action == RTE_SECURITY_ACTION_TYPE_LOOKASIDE_PROTOCOL) {
    FillOuter(spec, conf);
    conf.ipsec.options.iv_gen_disable = spec.seal && can.ipsec.options.iv_gen_disable;
  }
  return conf;
}

}  // namespace culvert::offload
