#pragma once

#include <utility>

#include "common/bytes/bytes.h"

namespace culvert {

// Overwrites in a way the compiler may not remove.
void WipeBytes(ByteSpan b);

// Time depends on the lengths only (hostile.md R7). Different lengths are unequal.
[[nodiscard]] bool EqualConstantTime(ByteView a, ByteView b);

// Key material: wiped on destruction and before it is replaced, move-only, never printed, compared in constant time.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(size_t n) : data_(n, 0) {}
  explicit SecretBytes(ByteView copy_of) : data_(copy_of.begin(), copy_of.end()) {}
  explicit SecretBytes(Bytes&& taken) : data_(std::move(taken)) {}
  SecretBytes(SecretBytes&& o) noexcept : data_(std::exchange(o.data_, {})) {}
  SecretBytes& operator=(SecretBytes&& o) noexcept {
    if (this != &o) { Wipe(); data_ = std::exchange(o.data_, {}); }
    return *this;
  }
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes() { Wipe(); }

  SecretBytes Clone() const { return SecretBytes(view()); }  // a copy is asked for by name
  void Wipe() { WipeBytes(data_); data_.clear(); }
  ByteView view() const { return data_; }
  ByteSpan span() { return data_; }
  size_t size() const { return data_.size(); }
  bool empty() const { return data_.empty(); }
  friend bool operator==(const SecretBytes& a, const SecretBytes& b) { return EqualConstantTime(a.data_, b.data_); }

 private:
  Bytes data_;
};

}  // namespace culvert
