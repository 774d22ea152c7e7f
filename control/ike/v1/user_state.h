#pragma once

#include "control/ike/v1/ike_sa.h"
#include "control/pools/lease_table.h"

namespace culvert::ike::v1 {

// Of XAUTH and mode config. Who asks for a password or leases addresses is called the server here, whoever began phase 1.
struct UserPhase {
  enum class Step : uint8_t {
    kAsking,       // server: XAUTH's REQUEST is out
    kJudging,      // server: a job looks the user up
    kGranted,      // server: STATUS OK is out, its ACK due
    kRefused,      // server: STATUS FAIL is out; its ACK ends the SA
    kPushing,      // server: the SET of mode config is out
    kAwaitsXauth,  // client: XAUTH's REQUEST, or its STATUS, is due
    kPulling,      // client: the REQUEST of mode config is out
    kAwaitsPush,   // client: the SET of mode config is due
    kDone,
  };
  Step step = Step::kDone;
  uint32_t pending = 0;                       // message ID of our own transaction; 0: none is under way
  std::string name;                           // of the user who the peer is, as XAUTH had it; empty: nobody asked
  std::vector<IpAddress> leased;              // by us to the peer, one of a family
  std::vector<pools::Lease> holds;            // what of `leased` is from pools
  std::optional<IpAddress> framed;            // what RADIUS says is the user's (Framed-IP-Address)
  std::vector<IpAddress> vips;                // leased by the peer to us
  std::vector<IpPrefix> split_include;        // what the peer says is behind it (Unity); empty: it does not say
  unsigned asked = 0;                         // client: XAUTH requests answered
  bool told_password = false;                 // client: in one of them
};

// What a `dynamic` selector stands for instead of an outer address: on the peer's side what it has leased from us, on ours what
// we have leased from it. nullptr: nothing of that family.
const IpAddress* LeasedToPeer(const IkeSa& sa, Family family);
const IpAddress* LeasedFromPeer(const IkeSa& sa, Family family);

}  // namespace culvert::ike::v1
