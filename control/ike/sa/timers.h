#pragma once

#include <cmath>
#include <chrono>

#include "config/model.h"
#include "control/ike/crypto/random.h"
#include "control/ike/event.h"

namespace culvert::ike {

// Every timer the core has. One of a kind per owner; arming it again replaces it, and one that fires for an owner already
// gone means nothing, because owners' ids are never used twice.
enum class TimerKind : uint8_t {
  // of an IKE SA
  kRetransmit = 1,   // the request in flight is sent again, or given up
  kHandshake,        // a half-open SA, ours or theirs, has had its time
  kRouteRetry,       // the way to the peer is asked for again
  kTask,             // a task that waits (after TEMPORARY_FAILURE) may start
  kRekeyIke,
  kReauthIke,
  kExpireIke,        // rekeying, or authenticating again, failed for too long
  kLiveness,         // nothing heard for dpd_delay
  kUseAnswer,        // the data plane's answer about ESP traffic is overdue
  kKeepalive,        // nothing sent for keep_alive
  kFollowUp,         // the peer has not gone on with the additional key exchanges of a CREATE_CHILD_SA
  kReassembly,       // the rest of a message in fragments is overdue
  kLinger,           // a replaced SA's Delete is overdue, or a closed one need not answer repeats any more
  // of a Child SA
  kRekeyChild,
  kRetireChild,      // the inbound half of a deleted SA has seen its last stragglers
  kChildOverdue,     // the peer has not deleted what it was to delete
  kChildUse,         // look whether the peer already sends on the new SA
};

inline constexpr unsigned kTimerKindShift = 56;
inline constexpr TimerId MakeTimerId(TimerKind kind, uint64_t owner) {
  return uint64_t{static_cast<uint8_t>(kind)} << kTimerKindShift | owner;
}
inline constexpr TimerKind KindOf(TimerId id) { return static_cast<TimerKind>(id >> kTimerKindShift); }
inline constexpr uint64_t OwnerOf(TimerId id) { return id & ((uint64_t{1} << kTimerKindShift) - 1); }
inline constexpr bool IsChildTimer(TimerKind kind) { return kind >= TimerKind::kRekeyChild; }

// How long is not the operator's to say:
inline constexpr std::chrono::seconds kFollowUpLife{60};          // longer than any peer goes on retransmitting
inline constexpr std::chrono::seconds kReassemblyLife{30};        // of fragments of one message (D05)
inline constexpr std::chrono::seconds kReplacedIkeLife{90};      // longer than any peer goes on retransmitting its Delete
inline constexpr std::chrono::seconds kTombstoneLife{30};        // answers repeats of the request that closed the SA
inline constexpr std::chrono::seconds kReauthOverlap{2};          // of the old IKE SA and the new: both sides have changed over
inline constexpr std::chrono::seconds kReauthPatience{5};         // for a peer to show that it has our answer
inline constexpr std::chrono::seconds kReplaceGrace{10};         // for a peer that authenticates again to delete the old one
inline constexpr std::chrono::seconds kChildOverdueAfter{90};
inline constexpr std::chrono::seconds kChildUsePoll{1};
// After INITIAL_CONTACT the answer must have reached the peer's data plane before we send on the new SA; a peer that really
// has lost everything waits no longer than this.
inline constexpr std::chrono::milliseconds kHandOverDelay{100};
inline constexpr std::chrono::seconds kUseAnswerWait{1};
inline constexpr std::chrono::seconds kRouteRetryAfter{5};
inline constexpr std::chrono::seconds kAgainAfterRefusal{10};    // a rekey the peer refused for good is tried again
inline constexpr std::chrono::milliseconds kAgainAfterTemporaryFailure{500};  // doubled by attempt, up to 8 s
inline constexpr unsigned kSlowLiveness = 4;  // raw ESP proves the peer, not the way of IKE: probe at dpd_delay times this

inline Duration Seconds(double s) { return Duration(std::llround(s * 1e9)); }
// Uniform in [0, 1).
inline double Fraction(Random& random) { return static_cast<double>(random.U64() >> 11) * 0x1p-53; }
inline Duration UpTo(Random& random, Duration longest) {
  return Duration(std::llround(static_cast<double>(longest.count()) * Fraction(random)));
}

// Interval before retransmission number `sent` + 1, jitter taken off (D08).
Duration RetransmitInterval(const config::Retransmit& r, unsigned sent, Random& random);
// Before try `attempt` (1 for the first repetition) of what met TEMPORARY_FAILURE: random, so that two peers do not stay in
// step.
Duration TemporaryFailureWait(unsigned attempt, Random& random);
// When to rekey: `rekey` less a random part of `rand`; 0 stays 0 (never).
uint64_t Jittered(uint64_t rekey, uint64_t rand, Random& random);

}  // namespace culvert::ike
