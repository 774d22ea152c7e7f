#pragma once

#include <optional>
#include <vector>

#include "common/bytes/bytes.h"
#include "common/base/time.h"
#include "control/ike/wire/registry.h"

namespace culvert::ike {

// One message as it goes: whole, or in fragments in their order (RFC 7383).
using Datagrams = std::vector<Bytes>;

// A payload chain encoded ahead of being sealed.
struct Chain {
  PayloadType first = PayloadType::kNone;
  Bytes body;
};

// The message IDs of one IKE SA, window size 1 both ways (RFC 7296 2.1 to 2.3): at most one request of ours in flight, its
// octets kept for retransmission; of the peer's requests, the last answer's octets kept for repeats. The two directions do
// not know of each other.
class ExchangeWindow {
 public:
  ExchangeWindow() = default;
  explicit ExchangeWindow(uint32_t first_id) : next_id_(first_id), expected_id_(first_id) {}  // tests start near the end

  struct Outstanding {
    uint32_t id = 0;
    ExchangeType exchange{};
    Datagrams datagrams;
    unsigned sent = 0;       // retransmissions so far
    uint64_t commit = 0;
    std::optional<Chain> unsealed{};  // where it may be cut smaller, should the path not carry it (RFC 7383 2.5.2)
    Time since{};            // of an established SA: when it first went out
  };

  // Requests we send.
  uint32_t next_id() const { return next_id_; }
  bool busy() const { return outstanding_.has_value(); }
  // Message IDs are used once and never wrap (RFC 7296 2.2): the SA is to be rekeyed before that, and ended where it was not.
  bool nearly_spent() const { return next_id_ > kRekeyAt || expected_id_ > kRekeyAt; }
  bool spent() const { return next_id_ >= kLast || expected_id_ >= kLast; }
  void Sent(ExchangeType exchange, Datagrams datagrams, uint64_t commit);
  // Other contents under the same ID: IKE_SA_INIT after COOKIE or INVALID_KE_PAYLOAD (RFC 7296 2.6, 2.7), or IKE_AUTH to
  // another of several responders, which is another IKE SA.
  void Replaced(Datagrams datagrams);
  // The same contents in smaller fragments; retransmissions are counted on.
  void Refragmented(Datagrams datagrams);
  // Our next request is IKE_AUTH's first, of another IKE SA than the one given up.
  void RestartAfterInit() {
    outstanding_.reset();
    next_id_ = 1;
  }
  Outstanding* outstanding() { return outstanding_ ? &*outstanding_ : nullptr; }
  const Outstanding* outstanding() const { return outstanding_ ? &*outstanding_ : nullptr; }
  [[nodiscard]] bool Awaits(uint32_t id, ExchangeType exchange) const {
    return outstanding_ && outstanding_->id == id && outstanding_->exchange == exchange;
  }
  void Answered() { outstanding_.reset(); }

  // Requests the peer sends.
  enum class Request : uint8_t { kNew, kRepeat, kInProgress, kOutside };
  [[nodiscard]] Request Classify(uint32_t id) const;
  bool answering() const { return answering_; }
  void Accepted(uint32_t id) { answering_ = true; expected_id_ = id; }
  void Replied(Datagrams datagrams);
  const Datagrams& last_reply() const { return last_reply_; }

 private:
  static constexpr uint32_t kLast = 0xffffffff, kRekeyAt = 0xfffff000;

  uint32_t next_id_ = 0;
  std::optional<Outstanding> outstanding_;
  uint32_t expected_id_ = 0;   // of the peer's next request; while answering, of the one being answered
  bool answering_ = false;
  bool replied_ = false;
  Datagrams last_reply_;
};

}  // namespace culvert::ike
