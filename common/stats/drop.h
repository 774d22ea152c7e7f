#pragma once

#include <cstddef>
#include <cstdint>

namespace culvert {

// Every way a packet can end without being forwarded, punted, consumed or held. One list for workers, counters, JSON and
// documentation; order is free, names are what operators see and scripts rely on.
enum class Drop : uint8_t {
  kRunt,               // shorter than its headers say
  kBadHeader,          // version, header length or checksum wrong
  kUnknownEthertype,
  kVlan,               // tagged, and no sub-interface of that VLAN
  kNotForUs,           // a unicast frame to another MAC, or a broadcast/multicast nobody here listens to
  kMartian,            // a source or destination that may not be on a wire
  kNotSynced,          // forwarding is closed until culvert-ike has sent the policy set
  kUnknownSpi,
  kWrongProtocol,      // AH packet for an ESP SA or the reverse, UDP-encapsulated or not where the SA says otherwise
  kReplayed,           // left of the window, or seen
  kBadIcv,
  kBadPad,             // ESP trailer contradicts RFC 4303 2.4
  kSequenceExhausted,  // outbound sequence or IV space used up
  kExpired,            // hard lifetime reached
  kRetired,            // the SA was removed while the packet was in flight
  kInnerMismatch,      // opened, but outside the SA's selectors (RFC 4301 5.2)
  kNoSa,               // protected by policy, and no SA is up
  kPolicy,             // a discard policy, or default_policy = drop
  kPlaintextInbound,   // in clear what a policy protects
  kNoRoute,
  kNoNeighbour,        // resolution failed or its hold queue is full
  kTtlExpired,
  kTooBig,             // DF set (or IPv6) and larger than the path
  kFragmentNeeded,     // larger than the path, and beyond what can be cut into fragments
  kFragment,           // a fragment that is tiny, overlaps, repeats or says otherwise, or of what is too long to be whole here
  kFragmentTimeout,    // the rest of the datagram did not come in time
  kFragmentFull,       // given up for a newer datagram: of that source, or of all, no more are put together at once
  kPortDown,
  kTxFull,             // the transmit queue stayed full
  kHandoverFull,       // the ring to the owning worker was full
  kPuntFull,           // the way to culvert-ike was full or policed
  kNoMbuf,
  kUnconsumed,         // for an own address, and nothing here consumes it
  kIcmpIgnored,        // an ICMP error or type we neither answer nor use
  kCryptoFailed,       // an engine refused the job
  kHostFull,           // on its way to or from the host: the ring was full, or the TAP took no more
  kHostSource,         // the host sent from an address that is not its own, or as IKE
  kEcn,                // congestion marked outside, and inside no ECN to carry it (RFC 6040 4.2)
  kCryptoFull,         // the crypto device that the SA uses took no more
  kNesting,            // IPsec in IPsec otherwise than its SA says, or deeper than ESP under AH
  kTransportFragment,  // a fragment that an SA in transport mode would carry (RFC 4303 3.3.4, RFC 4302 3.3.4)
  kCount
};
inline constexpr size_t kDropReasons = static_cast<size_t>(Drop::kCount);

const char* Name(Drop d);  // "unknown-spi"; static storage

}  // namespace culvert
