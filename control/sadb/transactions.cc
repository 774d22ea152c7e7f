#include "control/sadb/transactions.h"

#include "absl/log/log.h"
#include "common/bytes/secret.h"

namespace culvert::sadb {

void Transactions::Submit(const channel::Command& c, Done done) {
  Submit({.make = [c](std::vector<channel::Command>& out) { out.push_back(c); }, .sent = nullptr, .done = std::move(done)});
}

void Transactions::Pump(Link& link) {
  std::vector<channel::Command> messages;
  while (!queue_.empty() && link.connected()) {
    messages.clear();
    queue_.front().make(messages);
    channel::Violation v = channel::Violation::kNone;
    for (auto& m : messages) {
      m.txn = txn_ + 1;
      if (v == channel::Violation::kNone) v = Check(m);
    }
    const auto type = messages.empty() ? channel::CommandType{} : messages[0].type;
    bool written = false;
    if (v == channel::Violation::kNone && !messages.empty()) written = link.Write(messages);
    for (auto& m : messages) WipeBytes({reinterpret_cast<uint8_t*>(&m), sizeof m});
    if (v == channel::Violation::kNone && !messages.empty() && !written) {
      ++stalled_;
      return;
    }
    Transaction t = std::move(queue_.front());
    queue_.pop_front();
    if (v != channel::Violation::kNone) {
      // Our own mistake: sending it would cost every SA its connection.
      LOG(ERROR) << "a command of type " << static_cast<uint32_t>(type) << " breaks the channel's rules ("
                 << channel::Name(v) << "); not sent";
      if (t.done) t.done({.status = channel::Status::kMalformed});
      continue;
    }
    if (messages.empty()) continue;
    ++txn_;
    ++sent_;
    unanswered_[txn_] = std::move(t.done);
    if (t.sent) t.sent();
  }
}

bool Transactions::OnAck(const channel::Event& e) {
  auto node = unanswered_.extract(e.txn);
  if (node.empty()) return false;
  if (node.mapped()) node.mapped()(e.ack);
  return true;
}

void Transactions::Reset() {
  queue_.clear();
  unanswered_.clear();
  txn_ = 0;
}

}  // namespace culvert::sadb
