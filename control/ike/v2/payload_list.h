#pragma once

#include <deque>

#include "control/ike/sa/task.h"
#include "control/ike/wire/message.h"

namespace culvert::ike {

// The payloads of a message being made, and the octets they borrow.
class PayloadList {
 public:
  void Add(Payload p) { payloads_.push_back(std::move(p)); }
  ByteView Keep(Bytes b) { return kept_.emplace_back(std::move(b)); }
  void AddNotify(NotifyType type, Bytes data = {}) {
    Add(NotifyPayload{.protocol = {}, .type = type, .spi = {}, .data = Keep(std::move(data))});
  }

  std::span<const Payload> view() const { return payloads_; }
  Chain Encode() const { return {payloads_.empty() ? PayloadType::kNone : TypeOf(payloads_[0]), EncodeChain(payloads_)}; }

 private:
  std::vector<Payload> payloads_;
  std::deque<Bytes> kept_;   // a deque: views of earlier entries stay good
};

// A chain of one notify.
inline Chain NotifyChain(NotifyType type, Bytes data = {}) {
  PayloadList list;
  list.AddNotify(type, std::move(data));
  return list.Encode();
}

}  // namespace culvert::ike
