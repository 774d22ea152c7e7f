#pragma once

#include "control/ike/v1/context.h"

// A datagram's way in: header, cookies, fragments, repeats, decryption, HASH; then to phase1.h, quick_mode.h, transaction.h or
// informational.h.
namespace culvert::ike::v1 {

// A message of the peer's, as its handler gets it. Borrows: valid during the call.
struct Inbound {
  const DatagramIn& datagram;
  const Header& header;
  const Chain& chain;
  ByteView octets;           // of the chain: in clear, as decrypted
  Bytes next_iv;             // of its exchange; empty where it came in clear
  Bytes digest;              // what Exchange::heard is to be

  template <typename P>
  const P* Get() const { return chain.Get<P>(); }
  // KE, HASH, SIG, NONCE ...: the body of the first of that type; empty: there is none.
  ByteView Opaque(PayloadType type) const;
  const NotifyPayload* Notify(NotifyType type) const;
  const NotifyPayload* Error() const;        // the first error notify, or nullptr
};

void OnDatagram(Context& cx, const DatagramIn& d);

// The handler believes the message: its exchange's chain goes on from it, its repeats are known, what we said need not be
// repeated any more, and the peer is alive. In phase 1, where only the handler can tell a forged message from a true one,
// it is not called before that; in phase 2 HASH was good, and OnDatagram has called it.
void Accept(Context& cx, IkeSa& sa, Exchange& exchange, const Inbound& in);

void OnReassemblyTimer(Context& cx, IkeSa& sa);
// Of an SA that ends.
void ForgetFragments(Context& cx, IkeSa& sa);

}  // namespace culvert::ike::v1
