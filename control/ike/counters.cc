#include "control/ike/counters.h"

#include <algorithm>

namespace culvert::ike {
namespace {

// In the order of Count.
constexpr std::array<const char*, kCounts> kNames = {
    "keepalive", "malformed", "oversized", "bad-marker", "old-version", "undecipherable",
    "bad-hash", "used-message-id", "too-many-exchanges", "new-version", "bad-spi", "unknown-spi", "wrong-flags",
    "bad-message-id", "unprotected", "fragment", "fragment-repeat", "fragment-refused", "reassembled", "reassembly-expired",
    "bad-icv", "tries-limited", "exchanges-limited", "unexpected", "bad-grammar", "critical-payload",
    "repeat-answered", "repeat-ignored",
    "cookie-sent", "cookie-accepted", "cookie-refused", "source-blocked", "half-open-full", "half-open-expired",
    "half-open-twin", "memory-short", "jobs-full", "source-jobs-full", "errors-limited", "answer-too-large",
    "no-proposal-chosen", "invalid-ke-sent", "invalid-ke-received", "cookie-received", "rival-answer", "public-value-refused",
    "authentication-failed", "ppk-not-used", "ts-unacceptable", "no-address",
    "temporary-failure-sent", "temporary-failure-received",
    "child-sa-not-found-sent", "no-additional-sas-sent", "invalid-syntax-sent",
    "state-not-found-sent", "follow-up-expired", "child-collision", "ike-collision",
    "retransmitted", "fragmented", "refragmented", "peer-dead", "liveness-sent", "keepalive-sent", "peer-moved",
    "moved", "move-refused", "cookie2-wrong", "late-job",
};
static_assert(std::ranges::none_of(kNames, [](const char* n) { return n == nullptr; }));

}  // namespace

const char* Name(Count c) { return kNames[static_cast<size_t>(c)]; }

}  // namespace culvert::ike
