#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>

namespace culvert {

// What was wrong with bytes a peer sent. The caller turns it into a counter and, where the RFC names one, a notify.
enum class Malformed : uint8_t {
  kTruncated,        // a field runs past its enclosing length
  kBadLength,        // a length field contradicts its own contents
  kBadValue,         // a value the RFC forbids
  kTooMany,          // above a cap of common/base/limits.h
  kTrailing,         // bytes left where none may be
  kMissing,          // the grammar demands a payload that is not there
  kUnexpected,       // the grammar forbids a payload that is there
};

struct DecodeError {
  Malformed what;
  size_t offset = 0;  // octets from the start of the buffer being decoded
};

template <typename T>
using Decoded = std::expected<T, DecodeError>;

// What a decoder returns on failure, whatever its result type.
inline std::unexpected<DecodeError> Refuse(Malformed what, size_t offset) { return std::unexpected(DecodeError{what, offset}); }

const char* Name(Malformed what);  // "truncated", ...; static storage

}  // namespace culvert
