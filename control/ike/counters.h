#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace culvert::ike {

// Everything the core refuses, drops or does unasked, by name: operators see these, tests assert them. One writer, the core.
enum class Count : uint8_t {
  // datagrams that never reached an IKE SA
  kKeepalive,            // a single 0xFF (RFC 3948 2.3)
  kMalformed,            // header or payload chain contradicts itself
  kOversized,            // larger than a stranger's message may be
  kBadMarker,            // non-ESP marker on port 500, or none on 4500
  kOldVersion,           // major version below 2, and no connection that speaks it
  kUndecipherable,       // IKEv1: what decrypted is no message, as with another pre-shared key
  kBadHash,              // IKEv1: HASH does not match
  kUsedMessageId,        // IKEv1: of an exchange that is over
  kTooManyExchanges,     // IKEv1: under way at once
  kNewVersion,           // major version above 2
  kBadSpi,               // zero where an SPI must be, or set where none may be
  kUnknownSpi,
  kWrongFlags,           // I or R contradicts who sent what
  // datagrams refused by their IKE SA
  kBadMessageId,         // neither the next request nor the last, or a response nobody waits for
  kUnprotected,          // in clear what must be inside SK
  kFragment,             // SKF without RFC 7383 negotiated
  kFragmentRepeat,       // a fragment there already
  kFragmentRefused,      // of a cut given up, of another exchange, or beyond what is kept of one message
  kReassembled,          // a message put together from fragments
  kReassemblyExpired,    // fragments whose rest never came
  kBadIcv,
  kTriesLimited,         // more IKE_AUTH attempts per second than a half-open SA hears
  kExchangesLimited,     // more exchanges per second than an IKE SA answers
  kUnexpected,           // the state table has no handler for it
  kBadGrammar,           // authenticated, but not a message of that exchange
  kCriticalPayload,
  kRepeatAnswered,       // a request heard before: the same octets again
  kRepeatIgnored,        // a request heard before whose answer is still being made
  // admission of strangers
  kCookieSent,
  kCookieAccepted,
  kCookieRefused,
  kSourceBlocked,        // too many half-open SAs of one source
  kHalfOpenFull,
  kHalfOpenExpired,
  kHalfOpenTwin,         // another request with an SPI and nonce already half-open
  kMemoryShort,          // something new refused, for the memory in reserve is in use
  kJobsFull,             // too much public-key work waiting, in all
  kSourceJobsFull,       // or of one source
  kErrorsLimited,        // an error notify in clear not sent, for its rate
  kAnswerTooLarge,       // IKEv1's aggressive mode: the answer not sent, for its size
  // negotiation
  kNoProposalChosen,
  kInvalidKeSent,
  kInvalidKeReceived,
  kCookieReceived,
  kRivalAnswer,          // a second, different answer to our IKE_SA_INIT
  kPublicValueRefused,
  kAuthenticationFailed,
  kPpkNotUsed,           // an IKE SA without the optional post-quantum key one side wished for
  kTsUnacceptable,
  kNoAddress,            // INTERNAL_ADDRESS_FAILURE or FAILED_CP_REQUIRED sent
  kTemporaryFailureSent,
  kTemporaryFailureReceived,
  kChildSaNotFoundSent,
  kNoAdditionalSasSent,
  kInvalidSyntaxSent,
  kStateNotFoundSent,    // IKE_FOLLOWUP_KE that belongs to nothing, or to what was given up
  kFollowUpExpired,      // a CREATE_CHILD_SA the peer did not go on with
  kChildCollision,
  kIkeCollision,
  // upkeep
  kRetransmitted,
  kFragmented,           // a message of ours sent in fragments
  kRefragmented,         // and cut smaller, for nothing larger was answered
  kPeerDead,
  kLivenessSent,
  kKeepaliveSent,
  kPeerMoved,
  kMoved,                // MOBIKE: we have gone on between other addresses
  kMoveRefused,          // and a move refused, ours by the peer or the peer's by us
  kCookie2Wrong,         // a peer's new address was not the peer
  kLateJob,              // public-key work that outlived what it was for
  kCount
};
inline constexpr size_t kCounts = static_cast<size_t>(Count::kCount);

const char* Name(Count c);  // "cookie-sent"; static storage

struct CoreCounters {
  std::array<uint64_t, kCounts> values{};

  void Bump(Count c) { ++values[static_cast<size_t>(c)]; }
  uint64_t operator[](Count c) const { return values[static_cast<size_t>(c)]; }
};

}  // namespace culvert::ike
