#include "tests/support/fake_dataplane.h"

#include "common/channel/validate.h"

namespace culvert::testing {

using channel::Direction;
using channel::Status;

void FakeDatabase::Install(const channel::InstallSa& config, SelectorList local, SelectorList remote, Done done) {
  work_.push_back([this, config, local = std::move(local), remote = std::move(remote), done = std::move(done)] {
    const Key key{config.sa_index, config.direction};
    if (auto it = refuse.find(config.sa_index); it != refuse.end()) return done({.status = it->second});
    if (sas.contains(key)) return done({.status = Status::kExists});
    Sa& sa = sas[key];
    sa = {.config = config, .local = local, .remote = remote, .sequence = config.sequence};
    Publish(key, sa);
    ++installs;
    done({.status = Status::kOk});
  });
}

void FakeDatabase::Update(const channel::UpdateSa& u, Done done) {
  work_.push_back([this, u, done = std::move(done)] {
    auto it = sas.find({u.sa_index, u.direction});
    if (it == sas.end() || it->second.config.spi != u.spi) return done({.status = Status::kNotFound});
    if (u.set_remote) {
      it->second.config.local = u.local;
      it->second.config.remote = u.remote;
      it->second.config.udp_encap = u.udp_encap;
    }
    ++updates;
    done({.status = Status::kOk});
  });
}

void FakeDatabase::Remove(const channel::RemoveSa& r, Done done) {
  work_.push_back([this, r, done = std::move(done)] {
    auto it = sas.find({r.sa_index, r.direction});
    if (it == sas.end() || it->second.config.spi != r.spi) return done({.status = Status::kNotFound});
    sas.erase(it);
    ++removals;
    done({.status = Status::kOk});
  });
}

Status FakeDatabase::AddPolicy(const channel::AddPolicy& p, SelectorList local, SelectorList remote) {
  (synced_ ? policies : coming_)[p.policy_id] = {p, std::move(local), std::move(remote)};
  return Status::kOk;
}

Status FakeDatabase::RemovePolicy(uint32_t policy_id) {
  return (synced_ ? policies : coming_).erase(policy_id) ? Status::kOk : Status::kNotFound;
}

void FakeDatabase::BeginSync() {
  coming_.clear();
  synced_ = false;
}

void FakeDatabase::OpenForwarding() {
  if (!synced_) policies = std::exchange(coming_, {});
  synced_ = forwarding = true;
}

Status FakeDatabase::QueryUse(const channel::QueryUse& q, channel::Ack& answer) {
  auto it = sas.find({q.sa_index, q.direction});
  if (it == sas.end()) return Status::kNotFound;
  answer.packets = it->second.packets;
  answer.bytes = it->second.packets * 100;
  answer.last_use = it->second.packets ? 1 : 0;
  return Status::kOk;
}

void FakeDatabase::Inventory(const Visit& visit) const {
  for (const auto& [key, sa] : sas) {
    channel::SaInventory m;
    std::memset(&m, 0, sizeof m);
    const channel::InstallSa& c = sa.config;
    m.spi = c.spi;
    m.sa_index = c.sa_index;
    m.policy_id = c.policy_id;
    m.child_id = c.child_id;
    m.ike_id = c.ike_id;
    m.sequence = sa.sequence;
    m.packets = sa.packets;
    m.lifetime = c.lifetime;
    m.direction = c.direction;
    m.protocol = c.protocol;
    m.mode = c.mode;
    m.udp_encap = c.udp_encap;
    m.encr = c.encr;
    m.encr_key_bits = c.encr_key_bits;
    m.integ = c.integ;
    m.iv_generation = c.iv_generation;
    m.esn = c.esn;
    m.local = c.local;
    m.remote = c.remote;
    m.preference = c.preference;
    m.if_id = c.if_id;
    std::memcpy(m.connection, c.connection, sizeof m.connection);
    std::memcpy(m.child, c.child, sizeof m.child);
    std::memcpy(m.peer_id, c.peer_id, sizeof m.peer_id);
    visit(m, sa.local, sa.remote, {});
  }
}

void FakeDatabase::SetStatePage(channel::StatePage* page, std::function<void()> released) {
  work_.push_back([this, page, released = std::move(released)] {
    page_ = page;
    for (auto& [key, sa] : sas) Publish(key, sa);
    released();
  });
}

void FakeDatabase::Poll(const std::function<void(const channel::Event&)>& sink) {
  if (hold) return;
  for (auto work = std::move(work_); !work.empty(); work.pop_front()) work.front()();
  for (; !reports.empty(); reports.pop_front()) sink(reports.front());
}

void FakeDatabase::Publish(Key key, Sa& sa) {
  sa.published = sa.sequence;
  if (!page_) return;
  auto& slots = key.direction == Direction::kOutbound ? page_->outbound : page_->inbound;
  slots[key.sa_index].store(sa.sequence, std::memory_order_relaxed);
}

std::optional<uint64_t> FakeDatabase::Seal(Sa& sa) {
  if (sa.sequence >= (sa.config.esn ? kIvPacketLimit : 0xffffffffu)) return std::nullopt;
  ++sa.sequence;
  ++sa.packets;
  if (sa.sequence - sa.published >= kPublishEvery) Publish({sa.config.sa_index, Direction::kOutbound}, sa);
  return sa.sequence;
}

bool FakeDatabase::Open(Sa& sa, uint64_t sequence) {
  if (sequence <= sa.sequence) return false;   // the window starts full at the edge, and this model sends in order
  sa.sequence = sequence;
  ++sa.packets;
  Publish({sa.config.sa_index, Direction::kInbound}, sa);
  return true;
}

void FakeDatabase::Expire(Key key, bool hard) {
  const Sa& sa = sas.at(key);
  channel::Event e = channel::NewEvent(hard ? channel::EventType::kHardExpiry : channel::EventType::kSoftExpiry);
  e.expiry.spi = sa.config.spi;
  e.expiry.sa_index = key.sa_index;
  e.expiry.child_id = sa.config.child_id;
  e.expiry.direction = key.direction;
  e.expiry.sequence = sa.sequence;
  reports.push_back(e);
  if (hard) sas.erase(key);
}

std::optional<dp::GatewayControl::Source> FakeGateway::SourceFor(const IpAddress& destination) {
  for (const auto& [port, prefix] : addresses) {
    if (IpRange::Of({prefix.address, prefix.length}).Contains(destination)) return Source{{prefix.address, 0, 0}, port};
  }
  return std::nullopt;
}

void FakeGateway::Describe(const std::function<void(const channel::Event&)>& sink) {
  channel::Event link = channel::NewEvent(channel::EventType::kLink);
  channel::SetName(link.link.port, "wan");
  link.link.up = 1;
  link.link.mtu = 1500;
  sink(link);
  for (const auto& [port, prefix] : addresses) {
    channel::Event e = channel::NewEvent(channel::EventType::kAddressAdded);
    e.address.address = channel::ToWire(prefix.address);
    e.address.prefix_length = prefix.length;
    channel::SetName(e.address.port, port);
    sink(e);
  }
}

}  // namespace culvert::testing
