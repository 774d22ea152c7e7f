#pragma once

#include "common/channel/sa_command.h"

// culvert-dataplane → culvert-ike.
namespace culvert::channel {

enum class EventType : uint32_t {
  kAck = 1,
  kSaInventory,        // one live SA, after HELLO; no keys
  kSaSelectors,        // more selectors of the inventory entry before it
  kDumpEnd,            // links, addresses, routes and SAs have all been told
  kLink,
  kAddressAdded,
  kAddressRemoved,
  kRouteAdded,
  kRouteRemoved,
  kAcquire,            // a packet of a trap policy met no SA
  kSoftExpiry,
  kHardExpiry,
  kPeerMoved,          // ESP with a good ICV came from another endpoint, at most one a second per SA
};

enum class Status : uint32_t {
  kOk = 0,
  kMalformed,          // fields that contradict each other, such as a key that is not its cipher's length; a message whose form
                       // is broken is not answered at all, its connection is closed
  kUnsupported,        // the suite or mode is not built, or no engine offers the asked offload
  kNotFound,
  kExists,
  kNoMemory,
  kBusy,               // the slot is in its grace period: try again
  kIvSpent,            // the IV generation would repeat
};

struct Ack {
  Status status;
  uint32_t worker;                        // owner of an installed SA
  WireEndpoint source;                    // answer to kQuerySource; port 0
  char port[16];                          // name of that port
  uint32_t zero;
  int64_t last_use;                       // answers to kQueryUse: CLOCK_MONOTONIC ns, 0 = never
  uint64_t packets, bytes;
};

struct SaInventory {
  uint32_t spi, sa_index, policy_id, worker;
  uint64_t child_id, ike_id;
  uint64_t sequence;                      // outbound: last used; inbound: right edge
  uint64_t packets, bytes;
  uint64_t dummies;                       // outbound, among `packets`
  int64_t last_use;
  WireLifetime lifetime;
  Direction direction;
  uint8_t protocol;
  Mode mode;
  uint8_t udp_encap;
  uint16_t encr, encr_key_bits, integ, iv_generation;
  uint8_t esn;
  uint8_t zero[3];
  WireEndpoint local, remote;
  uint32_t preference;
  uint32_t if_id;
  char connection[32];
  char child[32];
  char peer_id[64];
  SelectorPairHead head;
  uint8_t zero2[4];
  WireSelector selectors[kMaxSelectorsPerMessage];
};

struct LinkEvent {
  char port[16];
  uint8_t mac[6];
  uint8_t up;
  uint8_t zero;
  uint32_t mtu;
  uint32_t port_index;
};

struct Acquire {
  uint32_t policy_id;
  uint32_t zero;
  WireSelector local, remote;             // the triggering packet's exact addresses, protocol and ports
};

struct Expiry {
  uint32_t spi, sa_index;
  uint64_t child_id;
  uint64_t packets, bytes, sequence;
  Direction direction;
  uint8_t zero[7];
};

struct PeerMoved {
  uint32_t spi, sa_index;
  uint64_t child_id;
  WireEndpoint local, remote;
};

struct Event {
  EventType type;
  uint32_t zero;
  uint64_t epoch;
  uint64_t txn;                           // of the command an Ack answers, 0 otherwise
  union {
    Ack ack;
    SaInventory sa;
    MoreSelectors more;
    LinkEvent link;
    AddressCommand address;
    RouteCommand route;
    Acquire acquire;
    Expiry expiry;
    PeerMoved moved;
  };
};
static_assert(std::is_trivially_copyable_v<Event> && sizeof(Event) <= kMessageSlot);
inline Event NewEvent(EventType type) {   // as NewCommand
  Event e;
  std::memset(&e, 0, sizeof e);
  e.type = type;
  return e;
}

static_assert(kNoHiddenPadding<Ack> && kNoHiddenPadding<SaInventory> && kNoHiddenPadding<LinkEvent> &&
              kNoHiddenPadding<Acquire> && kNoHiddenPadding<Expiry> && kNoHiddenPadding<PeerMoved>);

}  // namespace culvert::channel
