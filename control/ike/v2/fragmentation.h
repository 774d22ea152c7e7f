#pragma once

#include "control/ike/v2/receive.h"

// IKEv2 message fragmentation (RFC 7383). Both peers have said in IKE_SA_INIT that they can (IkeSa::fragments); each decides
// by itself when to: a message whose IP datagram would be larger than `fragment_size` goes in fragments, unless the connection
// says `fragmentation = accept`. Every fragment is a message of its own as far as sealing goes, so none is kept before its ICV
// was good (D05). Which octets were sent is kept, not what they held: all fragments are repeated as they were.
namespace culvert::ike {

// Whether `fragmentation` lets us say that we take fragments.
inline bool AnnouncesFragments(const config::Connection& c) { return c.fragmentation != config::Fragmentation::kNo; }

// ---- out ----
// MessageRoom() for an answer. Where the request came in fragments, the way is taken to carry no larger ones.
size_t ReplyRoom(const config::ControlSettings& settings, const IkeSa& sa);
// Seals the chain into one message of `header`, or into fragments of at most `room` octets where it is larger and the SA's
// messages may be cut. Never more than a peer like us takes: fragments grow rather than be too many.
Datagrams SealMessage(IkeSa& sa, const IkeHeader& header, const Chain& chain, size_t room);
// Whether the SA's own messages may be cut.
bool MayFragment(const IkeSa& sa);

// ---- in ----
// What the SK or SKF payload of a datagram says of itself.
struct Sealed {
  ByteView body;
  PayloadType first = PayloadType::kNone;
  std::optional<FragmentPlace> place;    // of SKF
  bool repeat = false;                   // of the last request answered
};
// nullopt where the message has neither.
std::optional<Sealed> SealedPart(const Message& message);
// Whether the fragment may be of use; counts it where not. Before its ICV.
bool WantsFragment(Context& cx, const IkeSa& sa, const IkeHeader& header, const FragmentPlace& place);
// Keeps an authenticated fragment. The whole message where it was the last one missing.
std::optional<Plain> TakeFragment(Context& cx, IkeSa& sa, const IkeHeader& header, const FragmentPlace& place, Plain contents);
// The message of that direction has come whole, or will not be waited for any more: what there is of it goes.
void ForgetFragments(IkeSa& sa, bool response);
void OnReassemblyTimer(Context& cx, IkeSa& sa);

}  // namespace culvert::ike
