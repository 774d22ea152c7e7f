#pragma once

#include <expected>

#include "control/ike/sa/child_selectors.h"
#include "control/ike/v1/quick_mode_state.h"
#include "control/ike/v1/receive.h"

// What a message of quick mode holds (RFC 2409 5.5), as it comes and as it goes.
namespace culvert::ike::v1 {

// Borrows, as Inbound does.
struct QuickPayloads {
  const SaPayload* sa = nullptr;
  ByteView nonce, ke;                       // ke is empty: there is none
  const IdPayload* id_i = nullptr;          // nullptr: neither is there
  const IdPayload* id_r = nullptr;
  ByteView id_i_body, id_r_body;
  std::vector<IpAddress> original;          // of NAT-OA, in order
};
// The first message, or the second. Error: what is wrong with it.
std::expected<QuickPayloads, std::string> ReadQuick(const Inbound& in);

// What the peer's IDs name, in our own view, as a tunnel's; nullopt: no addresses. Without IDs it is the two ends themselves
// (RFC 2409 5.5).
std::optional<Selectors> SelectorsIn(const QuickPayloads& m, const Path& path, bool we_are_requester);
// As transport mode's: an ID that names no addresses stands for its end, and of those on the other side of a NAT are made what
// they are on this side. `original`: what the peer has in its checksums, by its NAT-OA or, where there is none, by its IDs.
struct AtEnds {
  Selectors ts;
  std::optional<OriginalAddresses> original;
};
AtEnds TransportSelectorsIn(const QuickPayloads& m, const Path& path, bool we_are_requester);

// The first message, or the second: SA, nonce, KE, IDs, NAT-OA and RESPONDER-LIFETIME.
class QuickMessage {
 public:
  QuickMessage(const IkeSa& sa, const Exchange& exchange);
  std::span<const Payload> payloads() const { return payloads_; }

 private:
  void AddOriginal(const IkeSa& sa, const QuickMode& q);
  void AddLife(const QuickMode& q);

  std::vector<Payload> payloads_;
  Bytes spi_, life_;
  std::array<IpAddress, 2> original_;
};

}  // namespace culvert::ike::v1
