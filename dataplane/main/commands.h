#pragma once

#include <functional>
#include <map>

#include "common/channel/selectors.h"
#include "common/channel/validate.h"
#include "dataplane/main/gateway_control.h"
#include "dataplane/sa/database.h"

namespace culvert::dp {

// Carries out culvert-ike's commands, one connection after the other: puts transactions together, calls the SA database and
// the gateway, and turns every outcome into an Ack. Main thread only.
class CommandExecutor {
 public:
  // Receives Acks with their txn set, only of the epoch that is open.
  using Sink = std::function<void(const channel::Event&)>;
  // Both borrowed; neither calls back once this is gone.
  CommandExecutor(SaDatabase& database, GatewayControl& gateway, Sink sink)
      : database_(database), gateway_(gateway), sink_(std::move(sink)) {}

  // Transactions count from 1 again. Answers still owed to an earlier epoch are dropped when they come.
  void BeginEpoch(uint64_t epoch);

  // `c` passed Decode(). Anything but kNone must end the connection. Copies with keys are wiped by the caller and in here.
  [[nodiscard]] channel::Violation Handle(const channel::Command& c);

  // Operations begun and not yet answered, of any epoch. A dump of the inventory is complete only when there are none.
  size_t in_flight() const { return in_flight_; }
  bool synced() const { return synced_; }   // this epoch's sync-done came

 private:
  [[nodiscard]] channel::Violation Start(const channel::Command& c);
  [[nodiscard]] channel::Violation Collect(const channel::SelectorPairHead& head,
                                           const channel::WireSelector (&selectors)[kMaxSelectorsPerMessage]);
  [[nodiscard]] channel::Violation Complete();
  void Install();
  void AddPolicy();
  void Address(const channel::Command& c);
  void Route(const channel::Command& c);
  void QuerySource(const channel::QuerySource& q);
  void SyncDone();
  void Acknowledge(const channel::Ack& ack);
  void Acknowledge(channel::Status status) { Acknowledge({.status = status}); }
  SaDatabase::Done AnswerLater();

  SaDatabase& database_;
  GatewayControl& gateway_;
  Sink sink_;
  uint64_t epoch_ = 0;
  uint64_t txn_ = 0;                       // the last one begun
  size_t in_flight_ = 0;
  bool synced_ = false;

  bool collecting_ = false;                // pending_ waits for kMoreSelectors
  channel::Command pending_{};
  channel::SelectorAssembler selectors_;

  // What the channel added and in which epoch; sync-done takes away what this epoch did not repeat. (Policies: the database.)
  std::map<std::pair<std::string, IpPrefix>, uint64_t> addresses_;
  std::map<GatewayControl::Route, uint64_t> routes_;
};

}  // namespace culvert::dp
