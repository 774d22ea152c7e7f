#pragma once

#include "common/bytes/bytes.h"
#include "common/base/decoded.h"

namespace culvert {

// A bounds-checked cursor over borrowed bytes, big-endian. Failure is sticky: after the first read past the end every
// read returns zero or an empty view and ok() is false, so a decoder reads a whole layout and tests once. Never loop or
// allocate on a value read before ok() was tested.
class Reader {
 public:
  explicit Reader(ByteView data) : data_(data) {}

  uint8_t U8() { auto b = Take(1); return b.empty() ? 0 : b[0]; }
  uint16_t U16() { auto b = Take(2); return b.empty() ? 0 : static_cast<uint16_t>(b[0] << 8 | b[1]); }
  uint32_t U32() {
    auto b = Take(4);
    return b.empty() ? 0 : uint32_t{b[0]} << 24 | uint32_t{b[1]} << 16 | uint32_t{b[2]} << 8 | b[3];
  }
  uint64_t U64() { uint64_t hi = U32(); return hi << 32 | U32(); }
  ByteView Take(size_t n) {
    if (failed_ || n > data_.size() - at_) { Fail(); return {}; }
    ByteView r = data_.subspan(at_, n);
    at_ += n;
    return r;
  }
  ByteView Rest() { return Take(remaining()); }
  void Skip(size_t n) { (void)Take(n); }
  // A cursor fenced to the next n octets: an inner length cannot reach past it. Fails with this one if n is too long.
  Reader Sub(size_t n) {
    size_t start = base_ + at_;
    Reader r(Take(n));
    r.base_ = start;
    r.failed_ = failed_;
    return r;
  }
  void Fail() { if (!failed_) { failed_ = true; } }

  bool ok() const { return !failed_; }
  bool done() const { return failed_ || at_ == data_.size(); }
  size_t remaining() const { return failed_ ? 0 : data_.size() - at_; }
  size_t offset() const { return base_ + at_; }  // octets from the start of the outermost cursor
  DecodeError error(Malformed what = Malformed::kTruncated) const { return {what, offset()}; }

 private:
  ByteView data_;
  size_t at_ = 0;
  size_t base_ = 0;
  bool failed_ = false;
};

}  // namespace culvert
