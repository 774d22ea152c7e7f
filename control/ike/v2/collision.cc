#include "control/ike/v2/collision.h"

#include <algorithm>

namespace culvert::ike {
namespace {

bool Lower(ByteView a, ByteView b) { return std::ranges::lexicographical_compare(a, b); }
ByteView Lowest(ByteView a, ByteView b) { return Lower(b, a) ? b : a; }

// The request, if it is of that kind and has been sent.
template <typename Detail>
Detail* SentRequest(IkeSa& sa) {
  if (!sa.request || sa.request->phase == RequestInProgress::Phase::kMakingKey) return nullptr;
  return std::get_if<Detail>(&sa.request->detail);
}

}  // namespace

bool OursIsRedundant(ByteView our_nonce_i, ByteView our_nonce_r, ByteView their_nonce_i, ByteView their_nonce_r) {
  return Lower(Lowest(our_nonce_i, our_nonce_r), Lowest(their_nonce_i, their_nonce_r));
}

ChildRequest* OurRekeyOf(IkeSa& sa, ChildId child) {
  auto* r = SentRequest<ChildRequest>(sa);
  return r && child != 0 && r->child.replaces == child ? r : nullptr;
}

IkeRekeyRequest* OurIkeRekey(IkeSa& sa) { return SentRequest<IkeRekeyRequest>(sa); }

ChildId CollisionSuccessor(IkeSa& sa, ChildId child) {
  auto* ours = OurRekeyOf(sa, child);
  if (!ours || !ours->collision || !sa.Find(ours->collision->successor)) return 0;
  return ours->collision->successor;
}

}  // namespace culvert::ike
