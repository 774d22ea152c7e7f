#include "dataplane/main/neighbours.h"

#include <absl/log/log.h>
#include <rte_ip.h>

namespace culvert::dp {
namespace {

// Entries made because somebody asked for us leave room for those we ask for.
constexpr size_t kMaxUnasked = NeighbourTable::kCapacity / 2;

uint32_t Stamp(Time t) {
  return static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(t.time_since_epoch()).count());
}

IpAddress DestinationOf(const Packet& p) {
  const auto* data = rte_pktmbuf_mtod(p.m, const uint8_t*);
  if (p.family == 4) return *IpAddress::FromBytes({data + offsetof(rte_ipv4_hdr, dst_addr), 4});
  return *IpAddress::FromBytes({data + offsetof(rte_ipv6_hdr, dst_addr), 16});
}

bool HasMac(Neighbours::State s) {
  return s == Neighbours::State::kReachable || s == Neighbours::State::kStale || s == Neighbours::State::kProbing;
}

}  // namespace

const char* Name(Neighbours::State s) {
  constexpr const char* kNames[] = {"idle", "incomplete", "reachable", "stale", "probing"};
  return kNames[static_cast<size_t>(s)];
}

Neighbours::~Neighbours() {
  for (auto& [key, e] : entries_) {
    for (Packet& p : e.held) rte_pktmbuf_free(p.m);
  }
}

Neighbours::Entry* Neighbours::Add(const Key& key) {
  NextHop hop = table_.Add(key.port, key.address);
  if (hop == 0) return nullptr;
  Entry& e = entries_[key];
  e.hop = hop;
  return &e;
}

NextHop Neighbours::Pin(uint16_t port, const IpAddress& address) {
  Key key{port, address};
  auto it = entries_.find(key);
  Entry* e = it != entries_.end() ? &it->second : Add(key);
  if (e == nullptr) return 0;
  ++e->pins;
  return e->hop;
}

void Neighbours::Unpin(uint16_t port, const IpAddress& address) {
  auto it = entries_.find({port, address});
  if (it == entries_.end() || it->second.pins == 0) return;
  Entry& e = it->second;
  if (--e.pins == 0 && e.state == State::kIdle) {
    Forget(e);
    entries_.erase(it);
  }
}

void Neighbours::SetState(Entry& e, State s, Time now) {
  if (e.state == State::kIncomplete) --incomplete_;
  if (s == State::kIncomplete) ++incomplete_;
  e.state = s;
  e.asked = 0;
  e.next = now;
  if (s == State::kReachable) e.next = now + kReachableTime;
  if (s == State::kStale) {
    e.stale_stamp = Stamp(now);
    e.next = now + kForgetAfter;
  }
}

void Neighbours::Forget(Entry& e) {
  GiveHeld(e, HandOverKind::kUnreachable);
  if (e.state == State::kIncomplete) --incomplete_;
  table_.Unlink(e.hop);
  // The slot is reused only when no worker can stand on the entry any more.
  struct Slot {
    NeighbourTable* table;
    NextHop hop;
  };
  auto release = [](void* what) {
    auto* slot = static_cast<Slot*>(what);
    slot->table->Release(slot->hop);
    delete slot;
  };
  grace_.Retire(release, new Slot{&table_, e.hop});
}

bool Neighbours::OnLink(const Key& key) const {
  if (key.address.family == Family::kV6 && key.address.is_link_local()) return true;
  const RouteTarget* r = fib_.get()->Lookup(static_cast<uint8_t>(key.address.family), key.address.octets.data());
  return r != nullptr && r->port == key.port && r->gateway == 0 && !r->blackhole;
}

void Neighbours::Ask(const Key& key, Entry& e, const rte_ether_addr* to) {
  ++e.asked;
  uint8_t family = static_cast<uint8_t>(key.address.family);
  const OwnAddress* own = fib_.get()->SourceFor(key.port, family, key.address.octets.data());
  if (own == nullptr) return;
  const rte_ether_addr& mac = macs_[key.port];
  ++requests_;
  sender_.SendFrame(key.port, EncodeRequest({mac, family == 6 ? LinkLocalOf(mac) : own->address}, key.address, to));
}

void Neighbours::Answer(uint16_t port, const NeighbourMessage& m, const OwnAddress& own) {
  rte_ether_addr to{};
  if (m.mac) {
    to = *m.mac;
  } else if (!m.sender.is_unspecified()) {
    // RFC 4861 7.2.4: a unicast solicitation may leave its source MAC out; then it is answered from what we know.
    NextHop hop = table_.Find(port, 6, m.sender.octets.data());
    if (hop == 0 || !table_.Mac(hop, table_.used(hop), to)) return;
  }
  Asker asker{to, m.sender};
  sender_.SendFrame(port, EncodeReply({macs_[port], own.address}, &asker));
}

void Neighbours::Receive(Packet p, Time now) {
  auto message = DecodeNeighbour({rte_pktmbuf_mtod(p.m, const uint8_t*), rte_pktmbuf_data_len(p.m)});
  rte_pktmbuf_free(p.m);
  if (!message) return sender_.counters().Drop(Drop::kBadHeader);
  const NeighbourMessage& m = *message;
  uint8_t family = static_cast<uint8_t>(m.target.family);
  const Forwarding& fib = *fib_.get();
  if (!m.sender.is_unspecified() && fib.FindOwn(family, m.sender.octets.data(), p.port) != nullptr) {
    LOG_EVERY_N_SEC(WARNING, 1) << "another host uses our address " << m.sender.ToString();
    return sender_.counters().Drop(Drop::kMartian);
  }
  sender_.counters().consumed.Add(1);
  const OwnAddress* own = fib.FindOwn(family, m.target.octets.data(), p.port);
  bool asks_us = m.request && own != nullptr && own->port == p.port;
  Key about{p.port, m.request ? m.sender : m.target};
  // RFC 4861 4.4, 7.2.5: an answer to a unicast probe may leave the MAC out; then it confirms what is known.
  if (!m.mac && m.solicited) {
    auto it = entries_.find(about);
    if (it != entries_.end() && HasMac(it->second.state)) SetState(it->second, State::kReachable, now);
  }
  if (m.mac && !about.address.is_unspecified() && !about.address.is_multicast() && OnLink(about)) {
    if (auto it = entries_.find(about); it != entries_.end()) {
      Learn(it->second, m, now);
    } else if (asks_us && entries_.size() < kMaxUnasked) {
      // Who asks for us is about to speak to us (RFC 826; RFC 4861 7.2.3).
      if (Entry* e = Add(about)) Confirm(*e, *m.mac, false, now);
    }
  }
  if (asks_us) Answer(p.port, m, *own);
}

// RFC 4861 7.2.5 for advertisements and 7.2.3 for what a request tells of its sender. ARP has no flags: a reply to us counts as
// solicited, and every message may replace the MAC of a known neighbour.
void Neighbours::Learn(Entry& e, const NeighbourMessage& m, Time now) {
  bool same = HasMac(e.state) && rte_is_same_ether_addr(&e.mac, &*m.mac) != 0;
  if (m.request) {
    if (!same) Confirm(e, *m.mac, false, now);
    return;
  }
  if (HasMac(e.state) && !same && !m.override_mac) {
    if (e.state == State::kReachable) SetState(e, State::kStale, now);
    return;
  }
  if (m.solicited || !same) Confirm(e, *m.mac, m.solicited, now);
}

void Neighbours::Confirm(Entry& e, const rte_ether_addr& mac, bool reachable, Time now) {
  e.mac = mac;
  table_.SetMac(e.hop, mac);
  SetState(e, reachable ? State::kReachable : State::kStale, now);
  GiveHeld(e, HandOverKind::kTransmit);
}

void Neighbours::GiveHeld(Entry& e, HandOverKind kind) {
  for (Packet& p : e.held) {
    sender_.counters().unparked.Add(1);
    p.next_hop = e.hop;
    sender_.Give(kind, p);
  }
  e.held.clear();
}

// Looked up again, not taken from the packet: routes may have changed while it was on its way here.
std::optional<Neighbours::Key> Neighbours::NextHopKey(const Packet& p) const {
  Key key{p.out_port, DestinationOf(p)};
  if (p.family == 6 && key.address.is_link_local()) return key;
  const RouteTarget* r = fib_.get()->Lookup(p.family, key.address.octets.data());
  if (r == nullptr || r->blackhole || r->port != p.out_port) return std::nullopt;
  if (r->gateway != 0) key.address = table_.address(r->gateway);
  return key;
}

void Neighbours::Resolve(Packet p, Time now) {
  auto drop = [&] {
    sender_.counters().Drop(Drop::kNoNeighbour);
    rte_pktmbuf_free(p.m);
  };
  auto key = NextHopKey(p);
  if (!key) return drop();
  auto it = entries_.find(*key);
  bool room = incomplete_ < kMaxIncomplete;
  if (it == entries_.end()) {
    if (!room || Add(*key) == nullptr) return drop();
    it = entries_.find(*key);
  }
  Entry& e = it->second;
  if (e.state == State::kIdle) {
    if (!room) return drop();
    SetState(e, State::kIncomplete, now);
    e.next = now + kRequestInterval;
    Ask(*key, e, nullptr);
  }
  if (p.by_port) return drop();  // clear text waits for nobody; it has asked, and the next one finds the answer
  if (e.state != State::kIncomplete) {  // answered while the packet was on its way
    p.next_hop = e.hop;
    return sender_.Give(HandOverKind::kTransmit, p);
  }
  if (e.held.size() >= kMaxHeldPackets) return drop();
  sender_.counters().parked.Add(1);
  e.held.push_back(p);
}

bool Neighbours::TickEntry(const Key& key, Entry& e, Time now) {
  // A stale neighbour in use is probed, by unicast: it is most likely still there (RFC 4861 7.3.3).
  if (e.state == State::kStale && table_.used(e.hop) > e.stale_stamp) SetState(e, State::kProbing, now);
  if (now < e.next) return true;
  switch (e.state) {
    case State::kIdle: return e.pins > 0;
    case State::kReachable: SetState(e, State::kStale, now); return true;
    case State::kStale: break;
    case State::kIncomplete:
      if (e.asked >= kMaxRequests) break;
      Ask(key, e, nullptr);
      e.next = now + kRequestInterval;
      return true;
    case State::kProbing:
      if (e.asked >= kMaxProbes) break;
      Ask(key, e, &e.mac);
      e.next = now + kProbeInterval;
      return true;
  }
  if (e.pins == 0) return false;
  GiveHeld(e, HandOverKind::kUnreachable);
  table_.ClearMac(e.hop);
  SetState(e, State::kIdle, now);
  return true;
}

void Neighbours::Tick(Time now) {
  for (auto it = entries_.begin(); it != entries_.end();) {
    auto here = it++;
    if (TickEntry(here->first, here->second, now)) continue;
    Forget(here->second);
    entries_.erase(here);
  }
}

void Neighbours::Announce(uint16_t port, const IpAddress& own) {
  sender_.SendFrame(port, EncodeReply({macs_[port], own}, nullptr));
}

void Neighbours::ForgetOffLink() {
  for (auto it = entries_.begin(); it != entries_.end();) {
    auto here = it++;
    if (here->second.pins > 0 || OnLink(here->first)) continue;
    Forget(here->second);
    entries_.erase(here);
  }
}

void Neighbours::Visit(const std::function<void(const View&)>& visit) const {
  for (const auto& [key, e] : entries_) {
    visit({key.port, key.address, e.state, HasMac(e.state) ? std::optional(e.mac) : std::nullopt, e.held.size(), e.pins > 0});
  }
}

}  // namespace culvert::dp
