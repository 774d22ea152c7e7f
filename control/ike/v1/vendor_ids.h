#pragma once

#include "control/ike/v1/ike_sa.h"
#include "control/ike/v1/payload_list.h"

// Vendor ids: what IKEv1 has in the place of a negotiation of extensions, and how implementations name themselves. Pure.
namespace culvert::ike::v1 {

// Of those that are not always said: what the connection and the settings let us say.
struct Announced {
  bool fragments = false, unity = false;
};

// In a first message: everything we can.
void AddVendorIds(const Announced& ours, PayloadList& list);
// An id that means nothing, of so many octets with its header: it makes room for an answer that may be so many times as large.
void AddPadding(size_t octets, PayloadList& list);
// In the answer to one: of ours only what the peer has said too, of NAT traversal only the best, and none longer than the
// peer's, so that the answer is no larger than what it answers (hostile.md D07).
void AnswerVendorIds(const Announced& ours, const Chain& theirs, PayloadList& list);

// What a peer's message and ours agree on.
Abilities AgreedAbilities(const Announced& ours, const Chain& theirs);

// The implementations and extensions a message names, for the log: "strongSwan, XAUTH, DPD, and 2 unknown ones"; empty: none.
std::string DescribeVendors(const Chain& theirs);

}  // namespace culvert::ike::v1
