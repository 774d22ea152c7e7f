#pragma once

#include <string.h>

#include <algorithm>
#include <span>

#include "common/channel/sa_event.h"

// The ring is a trust boundary: what a slot holds is believed only after these said so, about a private copy of it. They
// check form (types, ranges, strings, padding, unused octets); whether a value makes sense here and now (a key length for
// its cipher, an SA that exists) is the handler's business and is answered, not punished.
namespace culvert::channel {

// Why a connection was closed. Counted by name.
enum class Violation : uint8_t {
  kNone,
  kIndex,         // a ring index jumped or went back
  kType,          // no such message
  kEpoch,         // from another connection
  kValue,         // a field outside its contract
  kPadding,       // octets that must be zero are not
  kTransaction,   // numbers that do not rise by one, or a continuation that continues nothing
  kLength,        // a datagram longer than its slots, or than a datagram can be
  kSocket,        // octets on the socket after the handshake, or a handshake that is none
  kCount
};
const char* Name(Violation v);  // "index", ...; static storage

using MessageSlot = std::span<const uint8_t, kMessageSlot>;

// Decodes a private copy of a slot. On kNone `out` is a message whose every field is within its contract.
[[nodiscard]] Violation Decode(MessageSlot slot, uint64_t epoch, Command& out);
[[nodiscard]] Violation Decode(MessageSlot slot, uint64_t epoch, Event& out);

// The same tests on a message about to be sent: a sender's own mistake must not cost it the connection.
[[nodiscard]] Violation Check(const Command& c);
[[nodiscard]] Violation Check(const Event& e);

// Octets of a message up to its last field in use; everything after is zero.
size_t UsedSize(const Command& c);
size_t UsedSize(const Event& e);

// Copies as much of `text` as fits before the NUL; the rest of the field is zero.
template <size_t N>
void SetName(char (&field)[N], std::string_view text) {
  std::memset(field, 0, N);
  std::memcpy(field, text.data(), std::min(text.size(), N - 1));
}
template <size_t N>
std::string_view GetName(const char (&field)[N]) { return {field, strnlen(field, N)}; }

}  // namespace culvert::channel
