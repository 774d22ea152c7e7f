#include "common/stats/drop.h"

namespace culvert {
namespace {

constexpr const char* kNames[] = {
    "runt", "bad-header", "unknown-ethertype", "vlan", "not-for-us", "martian", "not-synced", "unknown-spi", "wrong-protocol",
    "replayed", "bad-icv", "bad-pad", "sequence-exhausted", "expired", "retired", "inner-mismatch", "no-sa", "policy",
    "plaintext-inbound", "no-route", "no-neighbour", "ttl-expired", "too-big", "fragment-needed", "fragment",
    "fragment-timeout", "fragment-full", "port-down", "tx-full", "handover-full", "punt-full", "no-mbuf", "unconsumed",
    "icmp-ignored", "crypto-failed", "host-full", "host-source", "ecn", "crypto-full", "nesting",
    "transport-fragment"};
static_assert(sizeof kNames / sizeof kNames[0] == kDropReasons);

}  // namespace

const char* Name(Drop d) { return d < Drop::kCount ? kNames[static_cast<size_t>(d)] : "unknown"; }

}  // namespace culvert
