#include "control/ike/sa/exchange_window.h"

#include "absl/log/check.h"

namespace culvert::ike {

void ExchangeWindow::Sent(ExchangeType exchange, Bytes datagram, uint64_t commit) {
  CHECK(!outstanding_);
  CHECK_NE(next_id_, kLast);
  outstanding_ = Outstanding{next_id_++, exchange, std::move(datagram), 0, commit};
}

void ExchangeWindow::Replaced(Bytes datagram) {
  CHECK(outstanding_ && outstanding_->id <= 1);
  outstanding_->datagram = std::move(datagram);
  outstanding_->sent = 0;
}

ExchangeWindow::Request ExchangeWindow::Classify(uint32_t id) const {
  if (id == expected_id_ && id != kLast) return answering_ ? Request::kInProgress : Request::kNew;
  if (replied_ && !answering_ && id + 1 == expected_id_) return Request::kRepeat;
  return Request::kOutside;
}

void ExchangeWindow::Replied(Bytes datagram) {
  CHECK(answering_);
  last_reply_ = std::move(datagram);
  answering_ = false;
  replied_ = true;
  ++expected_id_;
}

}  // namespace culvert::ike
