#include "control/ike/sa/timers.h"

#include <algorithm>

namespace culvert::ike {

Duration RetransmitInterval(const config::Retransmit& r, unsigned sent, Random& random) {
  double s = r.timeout_s * std::pow(r.base, sent);
  if (r.limit_s > 0) s = std::min(s, r.limit_s);
  return Seconds(s * (1 - r.jitter * Fraction(random)));
}

Duration TemporaryFailureWait(unsigned attempt, Random& random) {
  Duration longest = kAgainAfterTemporaryFailure * (1u << std::min(attempt, 4u));
  return longest / 2 + UpTo(random, longest / 2);
}

uint64_t Jittered(uint64_t rekey, uint64_t rand, Random& random) {
  if (rekey == 0) return 0;
  uint64_t off = static_cast<uint64_t>(static_cast<double>(std::min(rand, rekey)) * Fraction(random));
  return std::max<uint64_t>(rekey - off, 1);
}

}  // namespace culvert::ike
