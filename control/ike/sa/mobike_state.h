#pragma once

#include <optional>
#include <vector>

#include "common/bytes/bytes.h"
#include "control/ike/admission/token_bucket.h"
#include "control/ike/sa/path.h"

namespace culvert::ike {

// Of the peer's addresses kept, and of ours told to it: RFC 4555 has no limit, a message has.
inline constexpr size_t kMaxAdditionalAddresses = 8;

// An IKE SA whose two sides have both announced MOBIKE (RFC 4555). Its successors by rekeying inherit it. RFC 4555 1.3: who
// initiated the first IKE SA of the line (`IkeSa::caller`) decides on addresses, whoever rekeyed since.
struct Mobike {
  std::vector<IpAddress> peers;        // the peer's additional addresses, by its latest word
  std::vector<IpAddress> told;         // ours, as the peer has heard them
  uint64_t moves = 0;                  // changes of the SA's addresses
  uint64_t asked_at = 0;               // `moves` as the latest request about addresses was made
  bool strayed = false;                // it has gone by other ways than the one then in use

  // Where ESP goes on as long as that is not `IkeSa::path`: a new address of the peer's takes ESP only once it is proven.
  std::optional<Path> esp;
  bool unproven = false;               // `path` is such an address
  Bytes cookie;                        // COOKIE2 of the proof under way

  bool looking = false;                // our own address is gone; a way to the peer is being asked for
  size_t asked = 0;                    // to which of its addresses: 0 is the one in use, then `peers`
  TokenBucket resends{3, 1};           // of the request in flight because of moves: an address is not proven by asking for it
  Bytes mapping;                       // NAT_DETECTION_DESTINATION_IP of the peer's last answer: as whom it sees us
  std::vector<Path> tried;             // other ways the request in flight has gone
};

}  // namespace culvert::ike
