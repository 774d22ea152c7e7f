#pragma once

#include <list>
#include <optional>
#include <string>
#include <variant>

#include "control/ike/sa/child_sa.h"
#include "control/ike/sa/exchange_window.h"

namespace culvert::ike {

// Something an IKE SA is to do with a request of its own, as soon as its window is free.
struct Task {
  enum class Kind : uint8_t {
    kLiveness, kNewChild, kRekeyChild, kDeleteChild, kRekeyIke, kDeleteIke,
    kUpdateAddresses,  // MOBIKE: we have moved the SA
    kProveAddress,     // MOBIKE: the peer has, and is asked at its new address whether it is there
    kTellAddresses,    // MOBIKE: our additional addresses
  };
  Kind kind{};
  std::string child_name;                     // kNewChild
  ChildId child = 0;                          // kRekeyChild, kDeleteChild
  IpsecProtocol protocol{};                   // kDeleteChild without `child`: what the peer made for us and we cannot use
  uint32_t spi = 0;                           // ditto
  RequestId request = 0;                      // an operator waiting, 0 for nobody
  std::optional<TriggeringPacket> packet{};   // kNewChild by a trap
  bool only_packet = false;                   // kNewChild: the peer wants it to protect nothing but that packet's flow
  Time not_before{};
  unsigned attempt = 0;                       // TEMPORARY_FAILUREs met so far
  bool and_successors = false;                // kDeleteChild: whatever has replaced it by then goes too
  bool expired = false;                       // kDeleteIke: because it could not be rekeyed in time
  bool unauthenticated = false;               // kDeleteIke: because the responder could not authenticate itself
};

class Context;
// Ends a task that cannot be done any more. A wish to be rid of an SA that is gone counts as granted.
void FailTask(Context& cx, const Task& task, std::string_view why);

using Tasks = std::list<Task>;  // in their order; a list, because an SA mostly has none and that should take no room

// What a rekeying of the peer's, simultaneous with ours of the same SA, made: enough to judge by when ours is answered. The
// successor is 0 as long as its additional key exchanges are not done.
template <typename Id>
struct PeerRekey {
  Id successor = 0;
  Bytes nonce_i, nonce_r;
};

struct ChildRequest {
  ChildNegotiation child;
  unsigned rounds = 0;                        // INVALID_KE_PAYLOADs met
  std::optional<PeerRekey<ChildId>> collision{};
};
struct IkeRekeyRequest {
  SaPayload offer;
  uint64_t spi = 0;                           // ours
  Bytes nonce_i, nonce_r;
  KeGroup group = KeGroup::kNone;
  std::unique_ptr<KeyExchange> key;
  IkeSuite suite;
  uint64_t peer_spi = 0;
  SecretBytes shared_secret;
  FollowUp more;
  unsigned rounds = 0;
  std::optional<PeerRekey<IkeId>> collision{};
};

// Our one request: from the moment its task is taken up until all of its answer has been acted on.
struct RequestInProgress {
  enum class Phase : uint8_t { kMakingKey, kSent, kDeriving, kMakingNextKey, kFollowUpSent, kFollowUpDeriving };
  Task task;
  Phase phase = Phase::kMakingKey;
  JobId job = 0;
  bool confirmed = true;  // the child it is about was, when it was sent: the peer's answer means what it says
  std::variant<std::monostate, ChildRequest, IkeRekeyRequest> detail{};
};

struct ChildReply {
  ChildNegotiation child;
  SaPayload answer;
  Bytes peer_public;
  bool more_possible = false;                 // of what was offered, another child could have some that this one has not
};
struct IkeRekeyReply {
  IkeSuite suite;
  SaPayload answer;
  uint64_t spi = 0, peer_spi = 0;
  Bytes nonce_i, nonce_r;
  Bytes peer_public;
  SecretBytes shared_secret;
  FollowUp more;
};

// The peer's request whose answer waits for public-key work or for the data plane.
struct ReplyInProgress {
  uint32_t message_id = 0;
  ExchangeType exchange{};
  JobId job = 0;
  std::variant<std::monostate, ChildReply, IkeRekeyReply> detail{};
  std::optional<Chain> ready{};               // goes out when nothing is awaited any more
  Chain refused{};                            // instead, where the data plane took none of `awaiting`
  std::vector<ChildId> awaiting{};            // also of other IKE SAs
  bool then_close = false;                    // the answer is the IKE SA's last word
};

// A CREATE_CHILD_SA of the peer's that we have answered, whose additional key exchanges are to come.
struct PendingFollowUp {
  std::variant<ChildReply, IkeRekeyReply> detail;

  const FollowUp& more() const {
    auto* child = std::get_if<ChildReply>(&detail);
    return child ? child->child.more : std::get<IkeRekeyReply>(detail).more;
  }
  // The child it is to succeed; 0 where it is none.
  ChildId child() const {
    auto* r = std::get_if<ChildReply>(&detail);
    return r ? r->child.replaces : 0;
  }
  bool is_ike() const { return std::holds_alternative<IkeRekeyReply>(detail); }
};

}  // namespace culvert::ike
