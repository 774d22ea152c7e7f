#include <algorithm>
#include <map>
#include <set>

#include "absl/log/check.h"
#include "common/bytes/reader.h"
#include "control/ike/admission/cookie.h"
#include "control/ike/admission/half_open.h"
#include "tests/support/seeded_random.h"

// Input: caps (half-open in all, of a source, cookies from, 1 octet each), then steps of an op and three octets: half-open SAs
// that come and go, public-key jobs, error notifies, cookies made and shown, changed or not, and time. Against a reference that
// counts by walking a list of everything there is.
namespace culvert::ike {
namespace {

using namespace std::chrono_literals;

IpAddress From(uint8_t n) {
  // Of the v6 addresses every two share a /64 (D01).
  IpAddress a = *IpAddress::Parse(n & 1 ? "2001:db8::1" : "192.0.2.1");
  a.octets[n & 1 ? 7 : 3] = static_cast<uint8_t>(n >> 2);
  if (n & 1) a.octets[15] = n & 2;
  return a;
}

std::string Source(const IpAddress& a) {
  const size_t significant = a.family == Family::kV4 ? 4 : 8;
  return std::string(a.family == Family::kV4 ? "4" : "6") +
         std::string(reinterpret_cast<const char*>(a.octets.data()), significant);
}

class Run {
 public:
  explicit Run(Reader& in) : in_(in) {
    dos_.half_open_cap = 1u + in.U8() % 64;
    dos_.block_threshold = 1u + in.U8() % 8;
    dos_.cookie_threshold = 1u + in.U8() % 64;
    dos_.cookie_threshold_ip = 1u + in.U8() % 4;
  }

  void Step() {
    const uint8_t op = in_.U8(), x = in_.U8(), y = in_.U8(), z = in_.U8();
    if (!in_.ok()) return;
    switch (op % 7) {
      case 0: return Come(x, y, z);
      case 1: return Go(x);
      case 2: return StartJob(x);
      case 3: return EndJob(x);
      case 4: return Complain(x);
      case 5: return Cookie(x, y, z);
      case 6: now_ += std::chrono::milliseconds(x * y); return;
    }
  }

 private:
  size_t HalfOpenOf(const IpAddress& a) const {
    return static_cast<size_t>(std::ranges::count_if(there_, [&](const auto& e) { return Source(e.first.address) == Source(a); }));
  }

  void Come(uint8_t x, uint8_t spi, uint8_t nonce) {
    HalfOpenKey key{.address = From(x), .spi_i = spi};
    key.nonce.fill(nonce);
    auto same = [&](const auto& e) { return e.first == key; };
    auto it = std::ranges::find_if(there_, same);
    CHECK_EQ(table_.Find(key), it == there_.end() ? 0u : it->second);
    using Verdict = HalfOpenTable::Verdict;
    const size_t of_source = HalfOpenOf(key.address);
    const bool busy = there_.size() >= dos_.cookie_threshold;
    const Verdict expected = there_.size() >= dos_.half_open_cap             ? Verdict::kFull
                             : of_source >= dos_.block_threshold             ? Verdict::kSourceBlocked
                             : busy || of_source >= dos_.cookie_threshold_ip ? Verdict::kCookie
                                                                             : Verdict::kAdmit;
    const Verdict verdict = table_.Admit(key.address, dos_);
    CHECK(verdict == expected);
    CHECK_EQ(table_.Life(dos_) <= kHalfOpenLifeUnderLoad, busy || dos_.half_open_timeout <= kHalfOpenLifeUnderLoad);
    // Cookies are shown by some.
    const bool may = verdict == Verdict::kAdmit || (verdict == Verdict::kCookie && (nonce & 1));
    if (!may || it != there_.end()) return;
    there_.push_back({key, next_id_});
    table_.Add(key, next_id_++);
    CHECK_EQ(table_.size(), there_.size());
  }

  void Go(uint8_t x) {
    if (there_.empty()) return;
    auto it = there_.begin() + static_cast<ptrdiff_t>(x % there_.size());
    table_.Remove(it->first);
    CHECK_EQ(table_.Find(it->first), 0u);
    there_.erase(it);
    CHECK_EQ(table_.size(), there_.size());
  }

  void StartJob(uint8_t x) {
    const IpAddress a = From(x);
    const auto of_source = std::ranges::count_if(jobs_, [&](const auto& e) { return e.second == Source(a); });
    using Verdict = HalfOpenTable::JobVerdict;
    const Verdict verdict = table_.AdmitJob(a);
    CHECK(verdict == (of_source >= kMaxJobsPerSource ? Verdict::kSourceFull : Verdict::kRun));
    if (verdict != Verdict::kRun) return;
    jobs_[next_id_] = Source(a);
    table_.JobStarted(next_id_++, a);
  }

  // Also of jobs that there are not, or no longer.
  void EndJob(uint8_t x) {
    auto it = jobs_.empty() ? jobs_.end() : std::next(jobs_.begin(), x % static_cast<ptrdiff_t>(jobs_.size()));
    const JobId id = it == jobs_.end() ? 0 : it->first;
    if (it != jobs_.end()) jobs_.erase(it);
    table_.JobEnded(id);
    table_.JobEnded(id);
  }

  // D07: one a second to a source, ten a second in all.
  void Complain(uint8_t x) {
    auto recent = [this](const auto& e) { return now_ - e.second < 1s; };
    auto ours = [&](const auto& e) { return recent(e) && e.first == Source(From(x)); };
    const bool may = std::ranges::count_if(told_, recent) < 10 && !std::ranges::any_of(told_, ours);
    CHECK_EQ(errors_.Allow(From(x), now_), may);
    if (may) told_.push_back({Source(From(x)), now_});
  }

  // RFC 7296 2.6: counts for what it was made for, and for ten seconds; the cookie tells whole ones.
  void Cookie(uint8_t x, uint8_t which, uint8_t change) {
    Bytes nonce(16 + change % 3, x);
    CookieJar::Bound to{.nonce_i = nonce, .source = From(x), .spi_i = which};
    if (cookies_.size() < 64) cookies_.push_back({jar_.Make(to, now_), x, which, change, now_});
    const Shown& shown = cookies_[which % cookies_.size()];
    Bytes cookie = shown.cookie;
    nonce.assign(16 + shown.nonce % 3, shown.x);
    to = {.nonce_i = nonce, .source = From(shown.x), .spi_i = shown.spi};
    auto whole = [](Time t) { return std::chrono::floor<std::chrono::seconds>(t.time_since_epoch()); };
    bool good = whole(now_) - whole(shown.made) <= kCookieLife;
    switch (change % 8) {
      case 0: cookie[change / 8 % cookie.size()] ^= 1; good = false; break;
      case 1: cookie.resize(change / 8 % cookie.size()); good = false; break;
      case 2: cookie.push_back(0); good = false; break;
      case 3: to.spi_i ^= 1; good = false; break;
      case 4: nonce[0] ^= 1; good = false; break;
      case 5: to.source.octets[3] ^= 1; good = false; break;
      default: break;
    }
    CHECK_EQ(jar_.Verify(cookie, to, now_), good);
  }

  struct Shown {
    Bytes cookie;
    uint8_t x, spi, nonce;
    Time made;
  };

  Reader& in_;
  config::Dos dos_;
  Time now_ = Time(1h);
  SeededRandom random_{15};
  HalfOpenTable table_;
  CookieJar jar_{random_};
  ErrorLimiter errors_;
  uint64_t next_id_ = 1;
  std::vector<std::pair<HalfOpenKey, IkeId>> there_;
  std::map<JobId, std::string> jobs_;
  std::vector<std::pair<std::string, Time>> told_;
  std::vector<Shown> cookies_;
};

}  // namespace
}  // namespace culvert::ike

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  culvert::Reader in(culvert::ByteView(data, size));
  culvert::ike::Run run(in);
  while (in.ok() && !in.done()) run.Step();
  return 0;
}
