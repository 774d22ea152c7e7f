#include "dataplane/main/commands.h"

#include "absl/log/check.h"
#include "common/bytes/secret.h"
#include "common/ipsec/algorithm.h"

namespace culvert::dp {

using channel::Ack;
using channel::Command;
using channel::CommandType;
using channel::Status;
using channel::Violation;

namespace {

IpPrefix PrefixOf(const channel::WireAddress& w, uint8_t length) {
  IpPrefix p;
  CHECK(FromWire(w, p.address)) << "not validated";
  p.length = length;
  return p;
}

bool Taken(Status s) { return s == Status::kOk || s == Status::kExists; }

}  // namespace

void CommandExecutor::BeginEpoch(uint64_t epoch) {
  epoch_ = epoch;
  txn_ = 0;
  synced_ = false;
  collecting_ = false;
  selectors_.Clear();
  WipeBytes({reinterpret_cast<uint8_t*>(&pending_), sizeof pending_});
  database_.BeginSync();
}

Violation CommandExecutor::Handle(const Command& c) {
  if (c.type == CommandType::kMoreSelectors) {
    if (!collecting_ || c.txn != txn_) return Violation::kTransaction;
    return Collect(c.more.head, c.more.selectors);
  }
  if (collecting_ || c.txn != txn_ + 1) return Violation::kTransaction;
  txn_ = c.txn;
  return Start(c);
}

Violation CommandExecutor::Start(const Command& c) {
  switch (c.type) {
    case CommandType::kInstallSa:
      pending_ = c;
      return Collect(c.install.head, c.install.selectors);
    case CommandType::kAddPolicy:
      pending_ = c;
      return Collect(c.add_policy.head, c.add_policy.selectors);
    case CommandType::kUpdateSa: database_.Update(c.update, AnswerLater()); break;
    case CommandType::kRemoveSa: database_.Remove(c.remove, AnswerLater()); break;
    case CommandType::kRemovePolicy:
      Acknowledge(database_.RemovePolicy(c.remove_policy.policy_id));
      break;
    case CommandType::kAddAddress:
    case CommandType::kRemoveAddress: Address(c); break;
    case CommandType::kAddRoute:
    case CommandType::kRemoveRoute: Route(c); break;
    case CommandType::kQuerySource: QuerySource(c.query_source); break;
    case CommandType::kQueryUse: {
      Ack ack{};
      ack.status = database_.QueryUse(c.query_use, ack);
      Acknowledge(ack);
      break;
    }
    case CommandType::kSyncDone: SyncDone(); break;
    case CommandType::kMoreSelectors: return Violation::kTransaction;
  }
  return Violation::kNone;
}

Violation CommandExecutor::Collect(const channel::SelectorPairHead& head,
                                   const channel::WireSelector (&selectors)[kMaxSelectorsPerMessage]) {
  collecting_ = true;
  switch (selectors_.Add(head, selectors)) {
    case channel::SelectorAssembler::Result::kMore: return Violation::kNone;
    case channel::SelectorAssembler::Result::kTooMany: return Violation::kValue;
    case channel::SelectorAssembler::Result::kComplete: break;
  }
  return Complete();
}

Violation CommandExecutor::Complete() {
  collecting_ = false;
  // An SA or a policy without selectors on one side would match nothing or, worse, be taken to match everything.
  if (selectors_.local.empty() || selectors_.remote.empty()) return Violation::kValue;
  if (pending_.type == CommandType::kInstallSa) Install();
  else AddPolicy();
  selectors_.Clear();
  WipeBytes({reinterpret_cast<uint8_t*>(&pending_), sizeof pending_});
  return Violation::kNone;
}

void CommandExecutor::Install() {
  constexpr uint8_t kAh = 51;   // integrity alone (RFC 4302)
  const bool ah = pending_.install.protocol == kAh;
  const EspSuite suite{.encr = static_cast<EncrId>(pending_.install.encr), .encr_key_bits = pending_.install.encr_key_bits,
                       .integ = static_cast<IntegId>(pending_.install.integ), .esn = pending_.install.esn != 0};
  const bool encr_known = ah ? suite.encr == EncrId::kNone : Find(suite.encr) != nullptr;
  const bool integ_known = Find(suite.integ) || (!ah && suite.integ == IntegId::kNone);
  if (!encr_known || !integ_known) return Acknowledge(Status::kUnsupported);
  if (pending_.install.encr_key_len != suite.encr_keymat() || pending_.install.integ_key_len != suite.integ_keymat()) {
    return Acknowledge(Status::kMalformed);
  }
  database_.Install(pending_.install, selectors_.local, selectors_.remote, AnswerLater());
}

void CommandExecutor::AddPolicy() {
  Acknowledge(database_.AddPolicy(pending_.add_policy, selectors_.local, selectors_.remote));
}

void CommandExecutor::Address(const Command& c) {
  const std::pair key{std::string(channel::GetName(c.address.port)), PrefixOf(c.address.address, c.address.prefix_length)};
  if (c.type == CommandType::kRemoveAddress) {
    addresses_.erase(key);
    return Acknowledge(gateway_.RemoveAddress(key.first, key.second));
  }
  const Status status = gateway_.AddAddress(key.first, key.second);
  // One that culvert.conf has is not ours to take away later.
  if (status == Status::kOk || addresses_.contains(key)) addresses_[key] = epoch_;
  Acknowledge(Taken(status) ? Status::kOk : status);
}

void CommandExecutor::Route(const Command& c) {
  GatewayControl::Route r{.to = PrefixOf(c.route.prefix, c.route.prefix_length), .via = {},
                          .port = std::string(channel::GetName(c.route.port))};
  if (IpAddress via; FromWire(c.route.via, via)) r.via = via;
  if (c.type == CommandType::kRemoveRoute) {
    routes_.erase(r);
    return Acknowledge(gateway_.RemoveRoute(r));
  }
  const Status status = gateway_.AddRoute(r);
  if (status == Status::kOk || routes_.contains(r)) routes_[r] = epoch_;
  Acknowledge(Taken(status) ? Status::kOk : status);
}

void CommandExecutor::QuerySource(const channel::QuerySource& q) {
  IpAddress destination;
  CHECK(FromWire(q.destination, destination)) << "not validated";
  Ack ack{};
  if (auto source = gateway_.SourceFor(destination)) {
    ack.source = channel::ToWire(source->local);
    channel::SetName(ack.port, source->port);
  } else {
    ack.status = Status::kNotFound;
  }
  Acknowledge(ack);
}

void CommandExecutor::SyncDone() {
  std::erase_if(addresses_, [&](const auto& a) {
    return a.second != epoch_ && (gateway_.RemoveAddress(a.first.first, a.first.second), true);
  });
  std::erase_if(routes_, [&](const auto& r) { return r.second != epoch_ && (gateway_.RemoveRoute(r.first), true); });
  database_.OpenForwarding();
  synced_ = true;
  Acknowledge(Status::kOk);
}

void CommandExecutor::Acknowledge(const Ack& ack) {
  channel::Event e = channel::NewEvent(channel::EventType::kAck);
  e.txn = txn_;
  e.ack = ack;
  sink_(e);
}

SaDatabase::Done CommandExecutor::AnswerLater() {
  ++in_flight_;
  return [this, epoch = epoch_, txn = txn_](const Ack& ack) {
    --in_flight_;
    if (epoch != epoch_) return;
    channel::Event e = channel::NewEvent(channel::EventType::kAck);
    e.txn = txn;
    e.ack = ack;
    sink_(e);
  };
}

}  // namespace culvert::dp
