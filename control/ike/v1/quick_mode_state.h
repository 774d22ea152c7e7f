#pragma once

#include "control/ike/negotiate/phase2_proposal.h"
#include "control/ike/sa/child_sa.h"

namespace culvert::ike::v1 {

// A pair of IPsec SAs under negotiation, on either side of it. Nonces are the exchange's.
struct QuickMode {
  enum class Step : uint8_t {
    kKey,         // a job makes our public value, and the responder's derives at once
    kAsked,       // initiator: the first message is out
    kDeriving,    // initiator: a job derives
    kInstalling,  // the inbound half is on its way into the data plane; the next message waits for that
    kAnswered,    // responder: the second message is out
    kReady,       // the third was said or heard, and CONNECTED is due: the peer has set the commit bit (RFC 2408 3.1)
  };
  Step step = Step::kKey;
  ConnectionRef connection;
  const config::Child* config = nullptr;      // inside `connection`
  bool requester = false;
  ChildId replaces = 0;                       // the newest of the same selectors when it began; 0: there was none
  ChildId rekeyed = 0;                        // initiator: whose time had come
  SpiLease spi;                               // ours
  uint32_t our_spi = 0, peer_spi = 0;
  Bytes sa;                                   // body of our SA payload: the offer, or the answer
  IpsecProtocol protocol = IpsecProtocol::kEsp;
  EspSuite suite;
  KeGroup group = KeGroup::kNone;             // kNone: no PFS
  std::unique_ptr<KeyExchange> key;
  SecretBytes shared_secret;
  SelectorList local_ts, remote_ts;
  Bytes id_i, id_r;                           // bodies of IDci and IDcr as we say them; empty: neither is said
  std::optional<OriginalAddresses> original;  // of transport mode through a NAT (RFC 3947 5.2)
  SaLife life;                                // as agreed on
  bool tell_life = false;                     // responder: ours is shorter than what was offered
  bool commit = false;                        // the peer has set the commit bit: CONNECTED is due
  ChildId child = 0;                          // that it has made
};

}  // namespace culvert::ike::v1
