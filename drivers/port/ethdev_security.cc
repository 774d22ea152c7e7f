#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_flow.h>
#include <rte_pause.h>
#include <rte_security.h>

#include <cstring>
#include <optional>
#include <utility>

#include "drivers/port/esp_number.h"
#include "drivers/port/ethdev_port.h"

// Inline IPsec of a DPDK device. No device that has it was at hand: this follows DPDK's headers.
namespace culvert {
namespace {

using Event = Port::IpsecEvent;

// What a device says of a session; nothing of what is Culvert's concern: nullopt.
std::optional<Event::Kind> KindOf(rte_eth_event_ipsec_subtype subtype) {
  switch (subtype) {
    case RTE_ETH_EVENT_IPSEC_SA_TIME_EXPIRY:
    case RTE_ETH_EVENT_IPSEC_SA_BYTE_EXPIRY:
    case RTE_ETH_EVENT_IPSEC_SA_PKT_EXPIRY: return Event::kSoft;
    case RTE_ETH_EVENT_IPSEC_SA_BYTE_HARD_EXPIRY:
    case RTE_ETH_EVENT_IPSEC_SA_PKT_HARD_EXPIRY:
    case RTE_ETH_EVENT_IPSEC_ESN_OVERFLOW: return Event::kHard;
    default: return std::nullopt;
  }
}

}  // namespace

// On DPDK's interrupt thread.
struct EthdevEvents {
  static constexpr rte_eth_event_type kTypes[] = {RTE_ETH_EVENT_IPSEC, RTE_ETH_EVENT_INTR_RESET,
                                                  RTE_ETH_EVENT_RECOVERY_SUCCESS};

  static int Told(uint16_t, rte_eth_event_type type, void* self, void* parameter) {
    const auto& sink = static_cast<EthdevPort*>(self)->ipsec_sink_;
    if (type != RTE_ETH_EVENT_IPSEC) {
      sink({.kind = Event::kReset, .userdata = 0});
      return 0;
    }
    const auto* event = static_cast<const rte_eth_event_ipsec_desc*>(parameter);
    if (event == nullptr) return 0;
    if (auto kind = KindOf(event->subtype)) sink({.kind = *kind, .userdata = event->metadata});
    return 0;
  }
};

void EthdevPort::OnIpsecEvent(std::function<void(const IpsecEvent&)> sink) {
  if (ipsec_sink_) {
    for (auto type : EthdevEvents::kTypes) {
      while (rte_eth_dev_callback_unregister(id_, type, EthdevEvents::Told, this) == -EAGAIN) rte_pause();  // it is running
    }
  }
  ipsec_sink_ = std::move(sink);
  if (!ipsec_sink_) return;
  for (auto type : EthdevEvents::kTypes) rte_eth_dev_callback_register(id_, type, EthdevEvents::Told, this);
}

void* EthdevPort::SecurityContext() { return security_ && !AsksReset() ? rte_eth_dev_get_sec_ctx(id_) : nullptr; }

// Drivers make IVs at random. A packet's number is on it as it came, which a device keeps where it is told to (ingress_oop).
void EthdevPort::ReadSecurity() {
  protocol_ = false;
  facts_ = {};
  if (!security_) return;
  const auto* can = rte_security_capabilities_get(rte_eth_dev_get_sec_ctx(id_));
  for (; can != nullptr && can->action != RTE_SECURITY_ACTION_TYPE_NONE; ++can) {
    if (can->action != RTE_SECURITY_ACTION_TYPE_INLINE_PROTOCOL || can->protocol != RTE_SECURITY_PROTOCOL_IPSEC) continue;
    protocol_ = true;
    facts_.tells_numbers |= can->ipsec.direction == RTE_SECURITY_IPSEC_SA_DIR_INGRESS && can->ipsec.options.ingress_oop;
  }
}

bool EthdevPort::OpenedByProtocol(rte_mbuf* m, OpenedPacket& out) {
  // Either is registered by the driver once a session needs it.
  if (!protocol_ || !rte_security_dynfield_is_registered() || rte_security_oop_dynfield_offset < 0) return false;
  rte_mbuf*& original = *RTE_MBUF_DYNFIELD(m, rte_security_oop_dynfield_offset, rte_mbuf**);
  std::optional<uint32_t> number;
  if (original != nullptr) number = EspNumberOf(original);
  rte_pktmbuf_free(std::exchange(original, nullptr));
  out = {.userdata = *rte_security_dynfield(m), .sequence = number.value_or(0)};
  if (!number) m->ol_flags |= RTE_MBUF_F_RX_SEC_OFFLOAD_FAILED;  // nobody can say whether it is new
  return true;
}

void* EthdevPort::CreateFlow(const SecurityFlow& f) {
  rte_flow_item_ipv4 v4{};
  rte_flow_item_ipv6 v6{};
  rte_flow_item_udp udp{};
  rte_flow_item_esp esp{};
  const bool is_v4 = f.destination.family == Family::kV4;
  std::memcpy(&v4.hdr.dst_addr, f.destination.octets.data(), sizeof v4.hdr.dst_addr);
  std::memcpy(&v6.hdr.dst_addr, f.destination.octets.data(), sizeof v6.hdr.dst_addr);
  udp.hdr.dst_port = rte_cpu_to_be_16(f.udp_port);
  esp.hdr.spi = rte_cpu_to_be_32(f.spi);
  rte_flow_item items[5]{};
  size_t n = 0;
  items[n++].type = RTE_FLOW_ITEM_TYPE_ETH;
  items[n].type = is_v4 ? RTE_FLOW_ITEM_TYPE_IPV4 : RTE_FLOW_ITEM_TYPE_IPV6;
  items[n++].spec = is_v4 ? static_cast<const void*>(&v4) : &v6;
  if (f.udp_port != 0) {
    items[n].type = RTE_FLOW_ITEM_TYPE_UDP;
    items[n++].spec = &udp;
  }
  items[n].type = RTE_FLOW_ITEM_TYPE_ESP;
  items[n++].spec = &esp;
  items[n].type = RTE_FLOW_ITEM_TYPE_END;
  // No masks: the items' default ones take whole addresses, ports and SPIs.
  rte_flow_action_security security{.security_session = f.session};
  rte_flow_action actions[] = {{RTE_FLOW_ACTION_TYPE_SECURITY, &security}, {RTE_FLOW_ACTION_TYPE_END, nullptr}};
  rte_flow_attr attributes{};
  attributes.ingress = 1;
  rte_flow_error error{};
  return rte_flow_create(id_, &attributes, items, actions, &error);
}

void EthdevPort::DestroyFlow(void* flow) {
  rte_flow_error error{};
  rte_flow_destroy(id_, static_cast<rte_flow*>(flow), &error);
}

}  // namespace culvert
