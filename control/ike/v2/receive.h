#pragma once

#include "control/ike/context.h"
#include "control/ike/wire/message.h"

namespace culvert::ike {

// A message that may be acted on: for every exchange but IKE_SA_INIT it was authenticated, in order and of good grammar.
// Payloads borrow octets that live as long as the handler runs.
struct Inbound {
  const DatagramIn& datagram;
  IkeHeader header;
  std::span<const Payload> payloads;
  MessageForm form = MessageForm::kNone;
  PayloadType first = PayloadType::kNone;   // what SK held: of a protected message
  ByteView plain;

  template <typename P>
  const P* Get() const {
    for (const auto& p : payloads) {
      if (auto* q = std::get_if<P>(&p)) return q;
    }
    return nullptr;
  }
  template <typename P>
  const P* Get(PayloadType type) const {
    auto* p = FindPayload(payloads, type);
    return p ? std::get_if<P>(p) : nullptr;
  }
  const NotifyPayload* Notify(NotifyType type) const { return FindNotify(payloads, type); }
  // The first error notify, or nullptr.
  const NotifyPayload* Error() const;
};

// The way in: header, SPIs, message ID, ICV, grammar, then the state table. Whatever fails on the way ends in a counter, and
// in an answer only where the RFC has one and the sender is authenticated.
void OnDatagram(Context& cx, const DatagramIn& datagram);

// What is needed to go on with a message later, and going on: `then` gets it as it came.
HeldMessage Hold(const Inbound& in);
template <typename Then>
void Resume(const HeldMessage& held, Then then) {
  auto payloads = DecodeChain(held.first, held.plain);  // did so before
  if (payloads) then(Inbound{held.datagram, held.header, *payloads, held.form, held.first, held.plain});
}

// The part from the message ID on: for what waited until the keys were derived.
void ReceiveProtected(Context& cx, IkeSa& sa, const DatagramIn& datagram, const IkeHeader& header);

}  // namespace culvert::ike
