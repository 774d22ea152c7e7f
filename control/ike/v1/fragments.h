#pragma once

#include <map>

#include "config/model.h"
#include "control/ike/event.h"
#include "control/ike/wire/v1/message.h"

namespace culvert::ike::v1 {

// IKE fragmentation as Cisco and Microsoft have it: a message, encrypted or not, cut into payloads of type 132, each under a
// header in clear. Nothing authenticates a fragment, so all that is kept of them is bounded (D06): one message at a time of an
// SA, and of those an SA's peer has announced the vendor id for.
inline constexpr size_t kMaxFragments = 16, kMaxFragmentedOctets = 16384;
inline constexpr std::chrono::seconds kFragmentsLife{5};

class FragmentsIn {
 public:
  enum class Verdict : uint8_t { kKept, kRepeat, kRefused, kComplete };
  // Keeps a copy. With kComplete, TakeMessage() gives the whole. One of another id than those before it takes their place.
  Verdict Take(const FragmentPayload& fragment, Time now);
  Bytes TakeMessage();                        // after kComplete; forgets all
  void Expire(Time now);                      // what has waited for longer than kFragmentsLife
  void Forget();
  bool empty() const { return pieces_.empty(); }

 private:
  std::map<uint8_t, Bytes> pieces_;           // by number
  uint16_t id_ = 0;
  uint8_t last_ = 0;                          // number of the last one; 0: not here yet
  size_t octets_ = 0;
  Time since_{};
};

// Off (D06) but in a connection of profile `legacy`, or one that says `fragmentation = force`.
inline bool TakesFragments(const config::Connection& c) {
  using config::Fragmentation;
  return c.fragmentation == Fragmentation::kForce ||
         (c.profile == config::Profile::kLegacy && c.fragmentation != Fragmentation::kNo);
}

// The datagrams of one message, each of at most `room` octets; the message itself where it fits. `id` is not 0. Headers are the
// message's own but for what says that it is encrypted, which no fragment is.
std::vector<Bytes> CutMessage(Bytes message, uint16_t id, size_t room);

}  // namespace culvert::ike::v1
