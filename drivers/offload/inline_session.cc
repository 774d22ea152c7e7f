#include "drivers/offload/inline_session.h"

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

rte_security_ipsec_tunnel_param TunnelOf(const SessionSpec& spec) {
  rte_security_ipsec_tunnel_param t{};
  if (spec.local.address.family == Family::kV4) {
    t.type = RTE_SECURITY_IPSEC_TUNNEL_IPV4;
    std::memcpy(&t.ipv4.src_ip, spec.local.address.octets.data(), 4);
    std::memcpy(&t.ipv4.dst_ip, spec.remote.address.octets.data(), 4);
    t.ipv4.ttl = kTtl;
  } else {
    t.type = RTE_SECURITY_IPSEC_TUNNEL_IPV6;
    std::memcpy(&t.ipv6.src_addr, spec.local.address.octets.data(), 16);
    std::memcpy(&t.ipv6.dst_addr, spec.remote.address.octets.data(), 16);
    t.ipv6.hlimit = kTtl;
  }
  return t;
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
  // In transport mode it says no more than whom to expect.
  ipsec.tunnel = TunnelOf(spec);
  const Endpoint& from = spec.seal ? spec.local : spec.remote;
  const Endpoint& to = spec.seal ? spec.remote : spec.local;
  ipsec.udp = {.sport = from.port, .dport = to.port};
  ipsec.options.copy_dscp = spec.copy_dscp;
  ipsec.options.copy_df = spec.copy_df;
  ipsec.options.ecn = spec.copy_ecn;
  if (!spec.seal) {
    ipsec.options.tunnel_hdr_verify = offers.tunnel_hdr_verify;
    ipsec.options.udp_ports_verify = spec.encap && offers.udp_ports_verify;
    ipsec.options.ingress_oop = offers.ingress_oop;
    if (spec.local.address.family == Family::kV4)
      std::swap(ipsec.tunnel.ipv4.src_ip, ipsec.tunnel.ipv4.dst_ip);
    else
      std::swap(ipsec.tunnel.ipv6.src_addr, ipsec.tunnel.ipv6.dst_addr);
  }
  ipsec.esn.value = spec.sequence + 1;
  ipsec.life.packets_soft_limit = spec.soft_packets;
  ipsec.life.packets_hard_limit = spec.hard_packets;
}

}  // namespace

const rte_security_capability* FindInline(void* context, bool protocol, const SessionSpec& spec) {
  rte_security_capability_idx which = {
      .action = protocol ? RTE_SECURITY_ACTION_TYPE_INLINE_PROTOCOL : RTE_SECURITY_ACTION_TYPE_INLINE_CRYPTO,
      .protocol = RTE_SECURITY_PROTOCOL_IPSEC,
      .ipsec = {.proto = RTE_SECURITY_IPSEC_SA_PROTO_ESP, .mode = ModeOf(spec), .direction = DirectionOf(spec)}};
  return rte_security_capability_get(context, &which);
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

rte_security_session_conf InlineConf(const rte_security_capability& can, const SessionSpec& spec, Transforms& t) {
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
  return conf;
}

}  // namespace culvert::offload
