#pragma once

#include <deque>
#include <span>

#include "control/ike/wire/v1/message.h"

namespace culvert::ike::v1 {

// The payloads of a message being made, and the octets they borrow.
class PayloadList {
 public:
  void Add(Payload p) { payloads_.push_back(std::move(p)); }
  // Of a type whose body is octets of its reader's business (KE, HASH, SIG, NONCE, VID, NAT-D), or encoded already.
  void AddOpaque(PayloadType type, ByteView data) { Add(OpaquePayload{type, data}); }
  void AddOpaque(PayloadType type, Bytes&& data) { AddOpaque(type, Keep(std::move(data))); }
  ByteView Keep(Bytes b) { return kept_.emplace_back(std::move(b)); }

  std::span<const Payload> view() const { return payloads_; }

 private:
  std::vector<Payload> payloads_;
  std::deque<Bytes> kept_;   // a deque: views of earlier entries stay good
};

}  // namespace culvert::ike::v1
