#pragma once

#include <cstdint>
#include <expected>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/hash/hash.h"
#include "config/model.h"

// Which address of which pool belongs to whom. Both IKE versions lease here, and RFC 7296 2.19's and mode config's clients meet
// in the same pools.
//
// An address is fresh (never leased), online (leased by an SA) or offline (kept for the identity that had it). A lease is, in
// that order: what the client asks for by number where it is its own or fresh; an address this identity had; a fresh one; the
// one that has been offline for longest. So a client that comes back finds its old address for as long as nobody needs it.
//
// Nothing here has a clock or draws numbers: the same calls give the same addresses. Acquire() and the end of a lease take a
// time that grows neither with the pool nor with the leases. Not thread-safe.
namespace culvert::pools {

class LeaseTable;

// One holder's claim to an address, which ends with it. Outlives no table.
class Lease {
 public:
  Lease() = default;
  Lease(Lease&& o) noexcept : table_(std::exchange(o.table_, nullptr)), address_(o.address_), pool_(std::move(o.pool_)) {}
  Lease& operator=(Lease&& o) noexcept;
  ~Lease() { Release(); }

  explicit operator bool() const { return table_ != nullptr; }
  const IpAddress& address() const { return address_; }
  const std::string& pool() const { return pool_; }      // by its name when the lease was given
  void Release();
  // Another holder of the same address.
  Lease Share() const;

 private:
  friend class LeaseTable;
  Lease(LeaseTable& table, const IpAddress& address, std::string pool)
      : table_(&table), address_(address), pool_(std::move(pool)) {}

  LeaseTable* table_ = nullptr;
  IpAddress address_;
  std::string pool_;
};

// What a client asks for, and who it is.
struct Ask {
  std::string_view key;      // equal for one identity alone (ike::FoldedKey)
  std::string_view shown;    // the identity for operators
  IpAddress wanted;          // unspecified: whichever of that family
  IpAddress peer;            // its outer address, by which an SA that takes over from an older one is told from another device
};
enum class Refusal : uint8_t {
  kNoSuchPool,               // none of the names is a pool with addresses of that family
  kExhausted,                // every address is online
};
std::string_view Name(Refusal r);

// Per pool: what more identities have left behind is forgotten, the oldest first.
inline constexpr uint64_t kMaxOffline = 1 << 20;

struct PoolCounters {
  uint64_t fresh = 0;        // leases of addresses nobody had before
  uint64_t returned = 0;     // of addresses the identity had before
  uint64_t shared = 0;       // of an address the same client has online in an older SA
  uint64_t reused = 0;       // of addresses that another identity had
  uint64_t refused = 0;      // kExhausted, once for every pool that was asked in vain
};
struct PoolView {
  std::string name;
  IpAddress base;
  uint64_t size = 0;         // addresses; saturates
  uint64_t online = 0, offline = 0;
  PoolCounters counters;
};
struct LeaseView {
  IpAddress address;
  std::string identity;
  bool online = false;
};

class LeaseTable {
 public:
  LeaseTable();
  LeaseTable(const LeaseTable&) = delete;
  LeaseTable& operator=(const LeaseTable&) = delete;
  ~LeaseTable();

  // Takes these pools, whose ranges do not overlap, instead of what was before. A leased address goes to the pool that has it
  // now, whatever that is called; an online one that no pool has stays leased until its holders end, then it is forgotten.
  // Counters stay with a pool's name.
  void Reload(std::span<const config::Pool> pools);

  // From the first of the named pools that can, as the file's head says; a name that is no pool is passed over.
  std::expected<Lease, Refusal> Acquire(std::span<const std::string> names, const Ask& ask);

  // Whether one of the names is a pool with addresses.
  bool HasAddresses(std::span<const std::string> names) const;

  std::vector<PoolView> Pools() const;                    // in the order of Reload(), those with addresses
  // Up to `limit` leases of a pool, whichever, by address.
  std::vector<LeaseView> Leases(std::string_view pool, size_t limit) const;

 private:
  friend class Lease;
  struct Record;
  using Records = std::list<Record*>;
  struct Owner {                                          // an identity in one pool
    std::string shown;
    Records offline;                                      // the latest first
    uint64_t records = 0;
  };
  using Owners = std::unordered_map<std::string, Owner>;
  struct Pool {
    std::string name;
    IpRange range;
    uint64_t size = 0;
    uint64_t next = 0;                                    // below it nothing is fresh
    Records offline;                                      // the longest offline first
    uint64_t online = 0;
    Owners owners;
    PoolCounters counters;
  };
  struct Record {
    IpAddress address, peer;
    Pool* pool = nullptr;                                 // `strays_`: no pool has it any more
    Owners::value_type* owner = nullptr;                  // never null between calls
    uint64_t holders = 0;                                 // 0: offline
    uint64_t released = 0;                                // which release of the table's was its last
    Records::iterator in_pool, in_owner;                  // where offline
  };
  enum class Step : uint8_t { kOwn, kFresh, kReuse };

  Pool* FindPool(std::string_view name);
  Pool* PoolOf(const IpAddress& address);
  Record* Try(Pool& pool, const Ask& ask, Step step);
  Record* TryWanted(Pool& pool, const Ask& ask);
  Record* TakeFresh(Pool& pool);
  Record* Add(Pool& pool, const IpAddress& address);
  void SetOwner(Record& record, std::string_view key, std::string_view shown);
  void LeaveOwner(Record& record);
  void GoOnline(Record& record);
  void GoOffline(Record& record);
  void Share(const IpAddress& address);
  void Release(const IpAddress& address);

  std::vector<std::unique_ptr<Pool>> pools_;              // as Reload() had them
  std::unique_ptr<Pool> strays_;                          // without addresses of its own
  std::unordered_map<std::string, Pool*> by_name_;
  std::vector<Pool*> by_range_;                           // ascending
  uint64_t releases_ = 0;
  std::unordered_map<IpAddress, Record, absl::Hash<IpAddress>> records_;
};

}  // namespace culvert::pools
