#pragma once

#include "common/bytes/bytes.h"

namespace culvert {

// Appends big-endian fields to a growing buffer it owns. Length fields are written as a placeholder and patched.
class Writer {
 public:
  void U8(uint8_t v) { out_.push_back(v); }
  void U16(uint16_t v) { U8(static_cast<uint8_t>(v >> 8)); U8(static_cast<uint8_t>(v)); }
  void U32(uint32_t v) { U16(static_cast<uint16_t>(v >> 16)); U16(static_cast<uint16_t>(v)); }
  void U64(uint64_t v) { U32(static_cast<uint32_t>(v >> 32)); U32(static_cast<uint32_t>(v)); }
  void Put(ByteView b) { Append(out_, b); }
  void Zeros(size_t n) { out_.resize(out_.size() + n, 0); }
  void PatchU8(size_t at, uint8_t v) { out_[at] = v; }
  void PatchU16(size_t at, uint16_t v) { out_[at] = static_cast<uint8_t>(v >> 8); out_[at + 1] = static_cast<uint8_t>(v); }
  void PatchU32(size_t at, uint32_t v) {
    PatchU16(at, static_cast<uint16_t>(v >> 16));
    PatchU16(at + 2, static_cast<uint16_t>(v));
  }

  size_t size() const { return out_.size(); }
  ByteView view() const { return out_; }
  Bytes Release() { return std::move(out_); }

 private:
  Bytes out_;
};

}  // namespace culvert
