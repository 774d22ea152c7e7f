#include "control/ike/admission/half_open.h"

#include <algorithm>

#include "absl/log/check.h"

namespace culvert::ike {

IpAddress SourceOf(const IpAddress& a) {
  if (a.family == Family::kV4) return a;
  IpAddress prefix = a;
  std::fill(prefix.octets.begin() + 8, prefix.octets.end(), uint8_t{0});
  return prefix;
}

HalfOpenTable::Verdict HalfOpenTable::Admit(const IpAddress& address, const config::Dos& dos) const {
  if (index_.size() >= dos.half_open_cap) return Verdict::kFull;
  auto it = load_.find(SourceOf(address));
  unsigned of_source = it == load_.end() ? 0 : it->second.half_open;
  if (of_source >= dos.block_threshold) return Verdict::kSourceBlocked;
  if (of_source >= dos.cookie_threshold_ip || UnderLoad(dos)) return Verdict::kCookie;
  return Verdict::kAdmit;
}

Duration HalfOpenTable::Life(const config::Dos& dos) const {
  return UnderLoad(dos) ? std::min(dos.half_open_timeout, kHalfOpenLifeUnderLoad) : dos.half_open_timeout;
}

IkeId HalfOpenTable::Find(const HalfOpenKey& key) const {
  auto it = index_.find(key);
  return it == index_.end() ? 0 : it->second;
}

void HalfOpenTable::Add(const HalfOpenKey& key, IkeId id) {
  CHECK(index_.emplace(key, id).second);
  ++load_[SourceOf(key.address)].half_open;
}

void HalfOpenTable::Remove(const HalfOpenKey& key) {
  CHECK_EQ(index_.erase(key), 1u);
  IpAddress source = SourceOf(key.address);
  --load_[source].half_open;
  Drop(source);
}

HalfOpenTable::JobVerdict HalfOpenTable::AdmitJob(const IpAddress& address) const {
  if (jobs_.size() >= kMaxStrangerJobs) return JobVerdict::kFull;
  auto it = load_.find(SourceOf(address));
  return it != load_.end() && it->second.jobs >= kMaxJobsPerSource ? JobVerdict::kSourceFull : JobVerdict::kRun;
}

void HalfOpenTable::JobStarted(JobId job, const IpAddress& address) {
  IpAddress source = SourceOf(address);
  jobs_[job] = source;
  ++load_[source].jobs;
}

void HalfOpenTable::JobEnded(JobId job) {
  auto it = jobs_.find(job);
  if (it == jobs_.end()) return;
  IpAddress source = it->second;
  jobs_.erase(it);
  --load_[source].jobs;
  Drop(source);
}

void HalfOpenTable::Drop(const IpAddress& source) {
  auto it = load_.find(source);
  if (it->second.half_open == 0 && it->second.jobs == 0) load_.erase(it);
}

bool ErrorLimiter::Allow(const IpAddress& address, Time now) {
  IpAddress source = SourceOf(address);
  auto recent = [now](const Sent& s) { return s.used && now - s.at < std::chrono::seconds(1); };
  if (recent(ring_[next_])) return false;
  if (std::ranges::any_of(ring_, [&](const Sent& s) { return recent(s) && s.source == source; })) return false;
  ring_[next_] = {source, now, true};
  next_ = (next_ + 1) % kPerSecond;
  return true;
}

}  // namespace culvert::ike
