#pragma once

#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "control/sadb/link.h"

namespace culvert::sadb {

// Commands in order, each answered once. A full ring is back-pressure: what does not fit waits here. Loop thread only.
class Transactions {
 public:
  // Fills in the messages when there is room for them, so that keys stay where they are until then; called again if there
  // was none. Nothing filled in: the matter is settled, nobody is asked and nobody answered.
  using Make = std::function<void(std::vector<channel::Command>&)>;
  using Sent = std::function<void()>;                        // the messages are in the ring
  using Done = std::function<void(const channel::Ack&)>;     // not called once the connection has ended
  struct Transaction {
    Make make;
    Sent sent;
    Done done;
  };

  void Submit(Transaction t) { queue_.push_back(std::move(t)); }
  void Submit(const channel::Command& c, Done done);
  void Pump(Link& link);
  // False: nobody asked that.
  [[nodiscard]] bool OnAck(const channel::Event& e);
  // The connection has ended: transactions of the next one count from 1, and whoever still wants something asks again.
  void Reset();

  size_t queued() const { return queue_.size(); }
  size_t unanswered() const { return unanswered_.size(); }
  uint64_t sent() const { return sent_; }
  uint64_t stalled() const { return stalled_; }              // times there was no room

 private:
  std::deque<Transaction> queue_;
  std::map<uint64_t, Done> unanswered_;                      // by txn
  uint64_t txn_ = 0;
  uint64_t sent_ = 0, stalled_ = 0;
};

}  // namespace culvert::sadb
