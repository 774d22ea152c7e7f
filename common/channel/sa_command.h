#pragma once

#include <cstring>

#include "common/base/limits.h"
#include "common/channel/wire_types.h"
#include "common/ipsec/spi.h"

// culvert-ike → culvert-dataplane. One slot is one Command; a transaction of several (more selectors) shares its txn and is
// acted on when the last arrives. Every transaction is answered by one Ack event, and nothing counts as done before it.
//
// What an earlier epoch added and this one has not added again when kSyncDone comes (policies, addresses, routes; never SAs)
// is taken away then, so a control process that returns with a new configuration leaves no gap and no remains.
namespace culvert::channel {

inline constexpr size_t kMessageSlot = 1280;      // octets of one command or event slot, zero after the message

enum class CommandType : uint32_t {
  kInstallSa = 1,
  kUpdateSa,          // peer endpoint, soft lifetimes or preference of a live SA; keys and selectors never change
  kRemoveSa,
  kAddPolicy,         // adds or replaces policy_id
  kRemovePolicy,
  kMoreSelectors,     // continues the install or add before it
  kAddAddress,
  kRemoveAddress,
  kAddRoute,
  kRemoveRoute,
  kQuerySource,       // which local address and port would reach a destination
  kQueryUse,          // last-use times and counters of one SA
  kSyncDone,          // the whole policy set has been sent: forwarding may open
};

enum class Direction : uint8_t { kInbound = 1, kOutbound = 2 };
enum class Mode : uint8_t { kTunnel = 1, kTransport = 2 };
enum class Offload : uint8_t { kAuto = 1, kNo, kCrypto, kPacket };
enum class PolicyAction : uint8_t { kProtect = 1, kBypass = 2, kDiscard = 3 };

inline constexpr uint16_t kTfcToMtu = 0xffff;     // InstallSa::tfc_padding: to what the path takes
inline constexpr uint32_t kMaxDummyPackets = 1000;  // a second, of one SA: workers look after them once in a millisecond

struct SelectorPairHead {
  uint8_t local_count, remote_count;      // selectors in this message; their sum is at most kMaxSelectorsPerMessage
  uint8_t more;                           // 1: a kMoreSelectors of the same txn follows
  uint8_t zero;
};

// Absolute CLOCK_MONOTONIC nanoseconds; 0 = none. Byte and packet limits count ESP payload as RFC 4301 4.4.2.1 does; 0 = none.
struct WireLifetime {
  int64_t soft_at, hard_at;
  uint64_t soft_bytes, hard_bytes;
  uint64_t soft_packets, hard_packets;
};

struct InstallSa {
  uint32_t spi;                           // host order; inbound: ours (spi.h layout), outbound: the peer's
  uint32_t sa_index;                      // SaIndex() of the Child SA's inbound SPI, in both directions (spi.h)
  // Outbound: which policy this SA serves; 0: none, and no packet finds it. Inbound: for display and reverse checks.
  uint32_t policy_id;
  uint32_t preference;                    // among outbound SAs of one policy whose selectors match, the highest is used
  uint64_t child_id;                      // control's name for the Child SA, equal in both directions, never reused
  uint64_t ike_id;                        // control's name for the IKE SA; 0 for a manual SA
  Direction direction;
  uint8_t protocol;                       // 50 or 51
  Mode mode;
  uint8_t udp_encap;                      // 1: ESP in UDP (RFC 3948) between local.port and remote.port
  uint16_t encr, encr_key_bits, integ;    // IANA numbers
  uint8_t esn;
  Offload offload;
  uint8_t encr_key[40];                   // cipher key then salt; zeroed by the reader
  uint8_t integ_key[64];
  uint8_t encr_key_len, integ_key_len;
  uint16_t iv_generation;                 // 0..kMaxIvGeneration
  uint32_t replay_window;                 // packets, a power of two, 64..65536; 0 = no replay protection (manual SAs only)
  uint16_t tfc_padding;                   // outbound ESP tunnel: octets each inner packet is padded to, or kTfcToMtu; 0 = none
  // ESP in transport mode and UDP: the peer's UDP port as it writes it, where that is another than the one port of `remote`'s
  // selectors, by which the host here knows it (two clients of one NAT have the same otherwise, RFC 3948 5.2). 0: the same.
  uint16_t wire_port;
  uint64_t sequence;                      // outbound: last number used (0 = fresh); inbound: right edge, window full below it
  WireEndpoint local, remote;             // outer addresses; ports matter with udp_encap
  WireLifetime lifetime;
  uint32_t if_id;                         // of a tunnel interface the dataplane has; 0 = none
  uint8_t copy_dscp, copy_ecn, copy_df;
  uint8_t zero3;
  char connection[32];                    // names for people; NUL-terminated, cut
  char child[32];
  char peer_id[64];
  // Inbound transport mode in UDP: the two ends as the peer writes them into the checksums of what it sends, to be mended by
  // the difference to `local` and `remote` (RFC 3948 3.1.2). Family 0, both: not through UDP.
  WireAddress original_local, original_remote;
  SelectorPairHead head;
  uint32_t dummy_packets;                 // outbound ESP: to be sent a second, of no meaning (RFC 4303 2.6)
  WireSelector selectors[kMaxSelectorsPerMessage];  // local_count local ones, then remote_count remote ones
};

struct UpdateSa {
  uint32_t spi;
  uint32_t sa_index;
  Direction direction;
  uint8_t set_remote, set_lifetime, set_preference;
  uint32_t preference;
  uint8_t udp_encap;                      // with set_remote: whether the new path is encapsulated
  uint8_t zero[7];
  WireEndpoint local, remote;
  WireLifetime lifetime;
};

struct RemoveSa {
  uint32_t spi;
  uint32_t sa_index;
  Direction direction;
  uint8_t zero[7];
};

struct AddPolicy {
  uint32_t policy_id;
  uint32_t priority;                      // lower is looked at first; protect policies of one priority: longest prefix first
  PolicyAction action;
  uint8_t acquire;                        // 1: a packet without an SA raises an acquire event
  uint8_t zero[2];
  // The tunnel interfaces its packets go into and come out of, and by which alone it is reached; 0: none, the policy is of the
  // ports. A packet of a port never meets the policy of a tunnel, nor the other way round.
  uint32_t if_id_out, if_id_in;
  char child[32];
  SelectorPairHead head;
  WireSelector selectors[kMaxSelectorsPerMessage];
};

struct RemovePolicy {
  uint32_t policy_id;
  uint32_t zero;
};

struct MoreSelectors {
  SelectorPairHead head;
  uint8_t zero[4];
  WireSelector selectors[kMaxSelectorsPerMessage];
};

struct AddressCommand {
  WireAddress address;
  uint8_t prefix_length;
  uint8_t zero[3];
  char port[16];
};

struct RouteCommand {
  WireAddress prefix;
  WireAddress via;                        // family 0: on-link through `port`
  uint8_t prefix_length;
  uint8_t zero[3];
  char port[16];                          // empty: found by `via`
};

struct QuerySource {
  WireAddress destination;
  uint8_t zero[4];
};

struct QueryUse {
  uint32_t spi;
  uint32_t sa_index;
  Direction direction;
  uint8_t zero[7];
};

struct Command {
  CommandType type;
  uint32_t zero;
  uint64_t epoch;                         // the connection's, from HELLO; any other is stale and refused
  uint64_t txn;                           // rises by one per transaction
  union {
    InstallSa install;
    UpdateSa update;
    RemoveSa remove;
    AddPolicy add_policy;
    RemovePolicy remove_policy;
    MoreSelectors more;
    AddressCommand address;
    RouteCommand route;
    QuerySource query_source;
    QueryUse query_use;
  };
};
static_assert(std::is_trivially_copyable_v<Command> && sizeof(Command) <= kMessageSlot);

// All octets zero but the type: the only way to begin a message, for what is not set must be zero.
inline Command NewCommand(CommandType type) {
  Command c;
  std::memset(&c, 0, sizeof c);
  c.type = type;
  return c;
}

// Every octet of a message is a named field, so nothing of the sender's stack crosses and every padding octet can be checked.
template <typename T>
inline constexpr bool kNoHiddenPadding = std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>;
static_assert(kNoHiddenPadding<InstallSa> && kNoHiddenPadding<UpdateSa> && kNoHiddenPadding<RemoveSa> &&
              kNoHiddenPadding<AddPolicy> && kNoHiddenPadding<RemovePolicy> && kNoHiddenPadding<MoreSelectors> &&
              kNoHiddenPadding<AddressCommand> && kNoHiddenPadding<RouteCommand> && kNoHiddenPadding<QuerySource> &&
              kNoHiddenPadding<QueryUse>);

}  // namespace culvert::channel
