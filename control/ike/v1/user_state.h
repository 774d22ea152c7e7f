#pragma once

#include "control/ike/v1/ike_sa.h"

namespace culvert::ike::v1 {

// Of XAUTH and mode config.
struct UserPhase {
  std::string name;                           // of the user, as XAUTH had it; empty: nobody
  std::vector<IpAddress> addresses;           // leased to the peer, or got from it
};

}  // namespace culvert::ike::v1
