#pragma once

#include <memory>
#include <optional>
#include <utility>

namespace culvert {

// An optional that takes a pointer's room while it is empty: for what is large, seldom there, and part of something there are
// many of. Used as std::optional is.
template <typename T>
class Boxed {
 public:
  Boxed() = default;
  Boxed(std::nullopt_t) {}
  Boxed(T value) : box_(std::make_unique<T>(std::move(value))) {}

  template <typename... Args>
  T& emplace(Args&&... args) {
    box_ = std::make_unique<T>(std::forward<Args>(args)...);
    return *box_;
  }
  void reset() { box_.reset(); }

  bool has_value() const { return box_ != nullptr; }
  explicit operator bool() const { return has_value(); }
  T& operator*() & { return *box_; }
  T&& operator*() && { return std::move(*box_); }
  const T& operator*() const& { return *box_; }
  T* operator->() { return box_.get(); }
  const T* operator->() const { return box_.get(); }

 private:
  std::unique_ptr<T> box_;
};

}  // namespace culvert
