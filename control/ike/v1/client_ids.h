#pragma once

#include <optional>

#include "common/ipsec/traffic_selector.h"
#include "control/ike/wire/v1/payloads.h"

// IDci and IDcr of quick mode (RFC 2409 5.5, RFC 2407 4.6.2): one traffic selector each. Pure.
namespace culvert::ike::v1 {

// Protocol and port alone, of an ID that names no addresses (FQDN, say): some clients send one in transport mode.
TrafficSelector PortsOf(const IdPayload& id);
// nullopt: it names no addresses, or none that there are.
std::optional<TrafficSelector> SelectorOf(const IdPayload& id);
// The body of an ID payload, an address where that is all, a subnet where it is one, otherwise a range. nullopt: IKEv1 has one
// port or all of them, and neither some nor opaque ones.
std::optional<Bytes> ClientIdOf(const TrafficSelector& ts);

}  // namespace culvert::ike::v1
