#pragma once

#include <expected>

#include "control/ike/v1/phase1_auth.h"

// Which connection a peer means: as far as its first message tells, and once it has said who it is.
namespace culvert::ike::v1 {

// How the peer has shown who it is, and we who we are.
struct Proven {
  Bytes signature;           // ours; empty: HASH does
  std::string how;           // of the peer, for the log
};

struct ChosenConnection {
  ConnectionRef connection;
  ChosenPhase1 phase1;
};
// The first connection for the addresses, of the mode and (aggressive mode) for that identity, that takes a transform. Why
// there is none, for the log.
struct FirstWord {
  const DatagramIn& datagram;
  const SaPayload& offer;
  bool aggressive = false;
  const Identity* id = nullptr;   // aggressive mode
};
std::expected<ChosenConnection, std::string> ChooseConnection(Context& cx, const FirstWord& word);
// Aggressive mode with a pre-shared key: only where the connection and the global switch ask for it (B57).
bool MayBeAggressive(const Context& cx, const config::Connection& c);

// Main mode: the connections that `id` may be meaning, the closest first: one, or several where its certificate decides between
// them. Each would have led to the suite and method agreed on, and to the same pre-shared key. Why there is none.
std::expected<std::vector<Candidate>, std::string> ConnectionsOf(Context& cx, const IkeSa& sa, const DatagramIn& d,
                                                                 const Identity& id);

}  // namespace culvert::ike::v1
