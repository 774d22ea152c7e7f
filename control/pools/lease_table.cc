#include "control/pools/lease_table.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace culvert::pools {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

// b - a of one family, a <= b; saturates.
uint64_t Distance(const IpAddress& a, const IpAddress& b) {
  uint64_t low = 0;
  int borrow = 0;
  bool high = false;
  const size_t n = a.size();
  for (size_t i = 0; i < n; ++i) {
    const size_t at = n - 1 - i;
    int digit = int{b.octets[at]} - int{a.octets[at]} - borrow;
    borrow = digit < 0 ? 1 : 0;
    if (digit < 0) digit += 256;
    if (i < 8) low |= static_cast<uint64_t>(digit) << (8 * i);
    else high = high || digit != 0;
  }
  return high ? kMax : low;
}

IpAddress Plus(IpAddress a, uint64_t n) {
  unsigned carry = 0;
  for (size_t i = a.size(); i-- > 0;) {
    const unsigned sum = a.octets[i] + static_cast<unsigned>(n & 0xff) + carry;
    a.octets[i] = static_cast<uint8_t>(sum);
    carry = sum >> 8;
    n >>= 8;
  }
  return a;
}

}  // namespace

std::string_view Name(Refusal r) {
  return r == Refusal::kNoSuchPool ? "no pool has addresses of that family" : "every address is leased";
}

Lease& Lease::operator=(Lease&& o) noexcept {
  if (this != &o) {
    Release();
    table_ = std::exchange(o.table_, nullptr);
    address_ = o.address_;
    pool_ = std::move(o.pool_);
  }
  return *this;
}

void Lease::Release() {
  if (LeaseTable* table = std::exchange(table_, nullptr)) table->Release(address_);
}

Lease Lease::Share() const {
  if (!table_) return {};
  table_->Share(address_);
  return Lease(*table_, address_, pool_);
}

LeaseTable::LeaseTable() : strays_(std::make_unique<Pool>()) {}
LeaseTable::~LeaseTable() = default;

void LeaseTable::Reload(std::span<const config::Pool> pools) {
  // Kept until the records have moved over: their owners are inside.
  std::vector<std::unique_ptr<Pool>> old = std::exchange(pools_, {});
  old.push_back(std::exchange(strays_, std::make_unique<Pool>()));
  auto old_names = std::exchange(by_name_, {});
  by_range_.clear();
  for (const config::Pool& p : pools) {
    if (!p.addrs) continue;
    const uint64_t distance = Distance(p.addrs->first, p.addrs->last);
    auto pool = std::make_unique<Pool>(Pool{.name = p.name, .range = *p.addrs, .size = distance == kMax ? kMax : distance + 1});
    if (auto it = old_names.find(p.name); it != old_names.end()) pool->counters = it->second->counters;
    by_name_.emplace(p.name, pool.get());
    by_range_.push_back(pool.get());
    pools_.push_back(std::move(pool));
  }
  std::ranges::sort(by_range_, {}, [](const Pool* p) { return p->range; });

  std::vector<IpAddress> forgotten;
  auto move = [&](Record& record, bool online) {
    Owners::value_type* was = record.owner;
    record.owner = nullptr;
    record.pool = PoolOf(record.address);
    if (!record.pool && !online) return forgotten.push_back(record.address);
    if (!record.pool) record.pool = strays_.get();
    SetOwner(record, was->first, was->second.shown);
    if (online) ++record.pool->online;
    else GoOffline(record);
  };
  for (auto& [address, record] : records_) {
    if (record.holders != 0) move(record, true);
  }
  // In the order of their ages, for two pools may have become one.
  std::vector<Record*> offline;
  for (auto& pool : old) std::ranges::copy(pool->offline, std::back_inserter(offline));
  std::ranges::sort(offline, {}, &Record::released);
  for (Record* record : offline) move(*record, false);
  for (const IpAddress& address : forgotten) records_.erase(address);
}

std::expected<Lease, Refusal> LeaseTable::Acquire(std::span<const std::string> names, const Ask& ask) {
  std::vector<Pool*> candidates;
  for (const std::string& name : names) {
    Pool* pool = FindPool(name);
    if (pool && pool->range.first.family == ask.wanted.family) candidates.push_back(pool);
  }
  // As charon: what is the client's own in any pool goes before what is fresh in the first.
  for (Step step : {Step::kOwn, Step::kFresh, Step::kReuse}) {
    for (Pool* pool : candidates) {
      Record* record = Try(*pool, ask, step);
      if (!record) continue;
      record->peer = ask.peer;
      return Lease(*this, record->address, pool->name);
    }
  }
  for (Pool* pool : candidates) ++pool->counters.refused;
  return std::unexpected(candidates.empty() ? Refusal::kNoSuchPool : Refusal::kExhausted);
}

LeaseTable::Record* LeaseTable::Try(Pool& pool, const Ask& ask, Step step) {
  if (step == Step::kOwn) {
    if (Record* wanted = TryWanted(pool, ask)) return wanted;
    auto owner = pool.owners.find(std::string(ask.key));
    if (owner == pool.owners.end() || owner->second.offline.empty()) return nullptr;
    Record* record = owner->second.offline.front();
    GoOnline(*record);
    ++pool.counters.returned;
    return record;
  }
  Record* record = nullptr;
  if (step == Step::kFresh) {
    record = TakeFresh(pool);
    if (record) ++pool.counters.fresh;
  } else if (!pool.offline.empty()) {
    record = pool.offline.front();
    ++pool.counters.reused;
  }
  if (!record) return nullptr;
  GoOnline(*record);
  SetOwner(*record, ask.key, ask.shown);
  return record;
}

LeaseTable::Record* LeaseTable::TryWanted(Pool& pool, const Ask& ask) {
  if (ask.wanted.is_unspecified() || !pool.range.Contains(ask.wanted)) return nullptr;
  auto it = records_.find(ask.wanted);
  if (it == records_.end()) {
    Record* record = Add(pool, ask.wanted);
    GoOnline(*record);
    SetOwner(*record, ask.key, ask.shown);
    ++pool.counters.fresh;
    return record;
  }
  Record& record = it->second;
  if (record.owner->first != ask.key) return nullptr;
  if (record.holders == 0) {
    GoOnline(record);
    ++pool.counters.returned;
    return &record;
  }
  // It authenticates again while the older SA still has the address (RFC 7296 2.8.3): another device comes from elsewhere.
  if (record.peer != ask.peer) return nullptr;
  ++record.holders;
  ++pool.counters.shared;
  return &record;
}

LeaseTable::Record* LeaseTable::TakeFresh(Pool& pool) {
  if (pool.offline.size() >= kMaxOffline) return nullptr;
  // Each step passes for good what was leased by number, or before a reload.
  for (; pool.next < pool.size; ++pool.next) {
    const IpAddress address = Plus(pool.range.first, pool.next);
    if (records_.contains(address)) continue;
    ++pool.next;
    return Add(pool, address);
  }
  return nullptr;
}

LeaseTable::Record* LeaseTable::Add(Pool& pool, const IpAddress& address) {
  Record& record = records_[address];
  record.address = address;
  record.pool = &pool;
  return &record;
}

LeaseTable::Pool* LeaseTable::FindPool(std::string_view name) {
  auto it = by_name_.find(std::string(name));
  return it == by_name_.end() ? nullptr : it->second;
}

LeaseTable::Pool* LeaseTable::PoolOf(const IpAddress& address) {
  auto after = std::ranges::upper_bound(by_range_, address, {}, [](const Pool* p) { return p->range.first; });
  if (after == by_range_.begin()) return nullptr;
  Pool* pool = *std::prev(after);
  return pool->range.Contains(address) ? pool : nullptr;
}

void LeaseTable::SetOwner(Record& record, std::string_view key, std::string_view shown) {
  LeaveOwner(record);
  auto [it, added] = record.pool->owners.try_emplace(std::string(key));
  it->second.shown = shown;
  ++it->second.records;
  record.owner = &*it;
}

void LeaseTable::LeaveOwner(Record& record) {
  if (!record.owner) return;
  if (--record.owner->second.records == 0) record.pool->owners.erase(std::string(record.owner->first));
  record.owner = nullptr;
}

// Fresh or offline before.
void LeaseTable::GoOnline(Record& record) {
  if (record.owner) {
    record.pool->offline.erase(record.in_pool);
    record.owner->second.offline.erase(record.in_owner);
  }
  record.holders = 1;
  ++record.pool->online;
}

void LeaseTable::GoOffline(Record& record) {
  record.in_pool = record.pool->offline.insert(record.pool->offline.end(), &record);
  Records& own = record.owner->second.offline;
  record.in_owner = own.insert(own.begin(), &record);
}

void LeaseTable::Share(const IpAddress& address) {
  Record& record = records_.at(address);
  ++record.holders;
  ++record.pool->counters.shared;
}

void LeaseTable::Release(const IpAddress& address) {
  auto it = records_.find(address);
  if (it == records_.end() || --it->second.holders != 0) return;
  Record& record = it->second;
  --record.pool->online;
  record.released = ++releases_;
  if (record.pool != strays_.get()) return GoOffline(record);
  LeaveOwner(record);
  records_.erase(it);
}

bool LeaseTable::HasAddresses(std::span<const std::string> names) const {
  return std::ranges::any_of(names, [this](const std::string& name) { return by_name_.contains(name); });
}

std::vector<PoolView> LeaseTable::Pools() const {
  std::vector<PoolView> out;
  for (const auto& p : pools_) {
    out.push_back({p->name, p->range.first, p->size, p->online, p->offline.size(), p->counters});
  }
  return out;
}

std::vector<LeaseView> LeaseTable::Leases(std::string_view pool, size_t limit) const {
  std::vector<LeaseView> out;
  auto wanted = by_name_.find(std::string(pool));
  if (wanted == by_name_.end()) return out;
  for (const auto& [address, record] : records_) {
    if (out.size() >= limit) break;
    if (record.pool == wanted->second) out.push_back({address, record.owner->second.shown, record.holders != 0});
  }
  std::ranges::sort(out, {}, &LeaseView::address);
  return out;
}

}  // namespace culvert::pools
