#pragma once

#include <array>
#include <unordered_map>
#include <vector>

#include "absl/hash/hash.h"
#include "common/base/time.h"
#include "config/model.h"
#include "control/ike/event.h"

namespace culvert::ike {

// What counts as one source: a v4 address, a v6 /64 (D01).
IpAddress SourceOf(const IpAddress& a);

// Names an IKE_SA_INIT request by who sent it: the SPI alone is the attacker's to choose, the nonce is not shared by two
// honest initiators. Only the nonce's first 16 octets count; every nonce has them.
struct HalfOpenKey {
  IpAddress address;
  uint64_t spi_i = 0;
  std::array<uint8_t, 16> nonce{};
  friend bool operator==(const HalfOpenKey&, const HalfOpenKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const HalfOpenKey& k) { return H::combine(std::move(h), k.address, k.spi_i, k.nonce); }
};

// Responder IKE SAs that have not authenticated anybody yet, and the public-key work strangers cause: what is counted here
// decides whether a new one is let in. Counts are per source and in all; each has a cap (D01, D02, D04).
class HalfOpenTable {
 public:
  enum class Verdict : uint8_t { kAdmit, kCookie, kSourceBlocked, kFull };
  Verdict Admit(const IpAddress& address, const config::Dos& dos) const;
  bool UnderLoad(const config::Dos& dos) const { return index_.size() >= dos.cookie_threshold; }
  // Half-open SAs live shorter under load (D02).
  Duration Life(const config::Dos& dos) const;

  IkeId Find(const HalfOpenKey& key) const;   // 0: none
  void Add(const HalfOpenKey& key, IkeId id);
  void Remove(const HalfOpenKey& key);
  size_t size() const { return index_.size(); }

  // Public-key jobs in hand for strangers: at most kMaxStrangerJobs in all, kMaxJobsPerSource of one source.
  enum class JobVerdict : uint8_t { kRun, kFull, kSourceFull };
  JobVerdict AdmitJob(const IpAddress& address) const;
  void JobStarted(JobId job, const IpAddress& address);
  void JobEnded(JobId job);                   // any job; also one whose IKE SA is gone by now

 private:
  struct Load {
    unsigned half_open = 0, jobs = 0;
  };
  void Drop(const IpAddress& source);

  std::unordered_map<HalfOpenKey, IkeId, absl::Hash<HalfOpenKey>> index_;
  std::unordered_map<IpAddress, Load, absl::Hash<IpAddress>> load_;
  std::unordered_map<JobId, IpAddress, absl::Hash<JobId>> jobs_;   // and the source that caused it
};

inline constexpr unsigned kMaxStrangerJobs = 1024, kMaxJobsPerSource = 4;
inline constexpr std::chrono::seconds kHalfOpenLifeUnderLoad{10};

// Error notifies in clear: one a second to a source, ten a second in all (D07).
class ErrorLimiter {
 public:
  bool Allow(const IpAddress& address, Time now);

 private:
  static constexpr size_t kPerSecond = 10;
  struct Sent {
    IpAddress source;
    Time at{};
    bool used = false;
  };
  std::array<Sent, kPerSecond> ring_;  // the last ten: at ten a second in all nothing older matters
  size_t next_ = 0;
};

}  // namespace culvert::ike
