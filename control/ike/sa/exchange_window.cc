#include "control/ike/sa/exchange_window.h"

#include "absl/log/check.h"

namespace culvert::ike {

void ExchangeWindow::Sent(ExchangeType exchange, Datagrams datagrams, uint64_t commit) {
  CHECK(!outstanding_);
  CHECK_NE(next_id_, kLast);
  outstanding_ = Outstanding{next_id_++, exchange, std::move(datagrams), 0, commit};
}

void ExchangeWindow::Replaced(Datagrams datagrams) {
  CHECK(outstanding_ && outstanding_->id <= 1);
  outstanding_->datagrams = std::move(datagrams);
  outstanding_->unsealed.reset();
  outstanding_->sent = 0;
}

void ExchangeWindow::Refragmented(Datagrams datagrams) {
  CHECK(outstanding_);
  outstanding_->datagrams = std::move(datagrams);
  outstanding_->unsealed.reset();
}

ExchangeWindow::Request ExchangeWindow::Classify(uint32_t id) const {
  if (id == expected_id_ && id != kLast) return answering_ ? Request::kInProgress : Request::kNew;
  if (replied_ && !answering_ && id + 1 == expected_id_) return Request::kRepeat;
  return Request::kOutside;
}

void ExchangeWindow::Replied(Datagrams datagrams) {
  CHECK(answering_);
  last_reply_ = std::move(datagrams);
  answering_ = false;
  replied_ = true;
  ++expected_id_;
}

}  // namespace culvert::ike
