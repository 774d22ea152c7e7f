#include "absl/log/log.h"
#include "common/channel/validate.h"
#include "control/sadb/sadb.h"

// What the dataplane tells.
namespace culvert::sadb {

using channel::Direction;
using channel::Event;
using channel::EventType;

void Sadb::OnConnected(uint64_t instance) {
  phase_ = Phase::kDump;
  coming_instance_ = instance;
  inventory_.clear();
  collecting_.reset();
  network_ = {};
  transactions_.Reset();
}

void Sadb::OnLost() {
  phase_ = Phase::kDown;
  transactions_.Reset();
  while (!asked_.empty()) Answer(asked_.begin()->first, channel::Status::kBusy);
}

void Sadb::OnDatagram(channel::Datagram d) {
  Emit(ike::DatagramIn{.local = d.info.local, .remote = d.info.remote, .marker = d.info.marker, .data = std::move(d.payload)});
}

void Sadb::OnEvent(const Event& e) {
  switch (e.type) {
    case EventType::kAck:
      if (!transactions_.OnAck(e)) ++counters_.strange_events;
      break;
    case EventType::kSaInventory:
    case EventType::kSaSelectors: OnInventory(e); break;
    case EventType::kDumpEnd:
      if (phase_ == Phase::kDump) Resync();
      else ++counters_.strange_events;
      break;
    case EventType::kLink:
    case EventType::kAddressAdded:
    case EventType::kAddressRemoved:
    case EventType::kRouteAdded:
    case EventType::kRouteRemoved: OnNetwork(e); break;
    case EventType::kAcquire: OnAcquire(e.acquire); break;
    case EventType::kSoftExpiry: OnExpiry(e.expiry, false); break;
    case EventType::kHardExpiry: OnExpiry(e.expiry, true); break;
    case EventType::kPeerMoved: OnPeerMoved(e.moved); break;
  }
}

void Sadb::OnInventory(const Event& e) {
  if (phase_ != Phase::kDump || (e.type == EventType::kSaSelectors) != collecting_.has_value()) {
    ++counters_.strange_events;
    return;
  }
  const bool first = e.type == EventType::kSaInventory;
  const SaKey key = first ? SaKey{e.sa.sa_index, e.sa.direction} : *collecting_;
  Inventoried& i = inventory_[key];
  if (first) {
    i.sa = e.sa;
    i.selectors.Clear();
  }
  const auto result = first ? i.selectors.Add(e.sa.head, e.sa.selectors) : i.selectors.Add(e.more.head, e.more.selectors);
  collecting_.reset();
  if (result == channel::SelectorAssembler::Result::kMore) collecting_ = key;
  if (result == channel::SelectorAssembler::Result::kTooMany) ++counters_.strange_events;
}

void Sadb::OnExpiry(const channel::Expiry& e, bool hard) {
  const SaKey key{e.sa_index, e.direction};
  if (SaRecord* r = registry_.Find(key); r && r->install.sa.spi == e.spi) {
    if (!hard) Emit(ike::ChildSoftExpired{r->install.child});
    else if (r->state == SaState::kLive) Expire(*r);
    return;
  }
  const Orphan* o = orphans_.Find(e.sa_index);
  if (!o || (e.direction == Direction::kInbound ? o->spi_in : o->spi_out) != e.spi) {
    ++counters_.strange_events;   // of an SA whose removal is under way
    return;
  }
  if (!hard) return;              // nobody can rekey an orphan
  ++counters_.orphans_ended;
  LOG(INFO) << "orphan " << o->connection << "/" << o->child << " reached its hard lifetime";
  RemoveOrphanHalf(e.sa_index, e.direction);
}

void Sadb::OnAcquire(const channel::Acquire& a) {
  const Policy* p = policies_.Find(a.policy_id);
  TrafficSelector local, remote;
  if (!p || !FromWire(a.local, local) || !FromWire(a.remote, remote)) {
    ++counters_.strange_events;
    return;
  }
  Emit(ike::TrapHit{p->connection, p->child, local, remote});
}

void Sadb::OnPeerMoved(const channel::PeerMoved& m) {
  const SaRecord* r = registry_.Find({m.sa_index, Direction::kInbound});
  Endpoint local, remote;
  if (!r || r->install.sa.spi != m.spi || !FromWire(m.local, local) || !FromWire(m.remote, remote)) {
    ++counters_.strange_events;
    return;
  }
  Emit(ike::PeerMovedByEsp{r->install.child, local, remote});
}

void Sadb::TellAddresses() {
  ike::LocalAddresses own;
  // A dataplane that comes back has not been told yet of those beside culvert.conf's; nothing is to move for that.
  for (const auto* some : {&network_.addresses, &addresses_}) {
    for (const Address& a : *some) {
      if (!a.prefix.address.is_link_local()) own.addresses.push_back(a.prefix.address);
    }
  }
  Emit(std::move(own));
}

void Sadb::OnNetwork(const Event& e) {
  if (e.type == EventType::kLink) {
    network_.links[std::string(channel::GetName(e.link.port))] = e.link;
    return;
  }
  if (e.type == EventType::kAddressAdded || e.type == EventType::kAddressRemoved) {
    Address a{.port = std::string(channel::GetName(e.address.port)), .prefix = {}};
    a.prefix.length = e.address.prefix_length;
    (void)FromWire(e.address.address, a.prefix.address);
    if (e.type == EventType::kAddressAdded) network_.addresses.insert(a);
    else network_.addresses.erase(a);
    if (phase_ != Phase::kDump) TellAddresses();
    return;
  }
  Route r{.to = {}, .via = {}, .port = std::string(channel::GetName(e.route.port))};
  r.to.length = e.route.prefix_length;
  (void)FromWire(e.route.prefix, r.to.address);
  if (IpAddress via; FromWire(e.route.via, via)) r.via = via;
  if (e.type == EventType::kRouteAdded) network_.routes.insert(r);
  else network_.routes.erase(r);
}

}  // namespace culvert::sadb
