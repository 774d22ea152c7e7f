#pragma once

#include <utility>

#include "control/ike/action.h"

namespace culvert::ike {

// An inbound SPI drawn for a message under way. Given back when dropped, unless it went into an InstallChild: whatever
// becomes of an exchange, an SPI is released once.
class SpiLease {
 public:
  SpiLease() = default;
  SpiLease(SpiAllocator& from, uint8_t bucket) : from_(&from), spi_(from.Draw(bucket)) {}
  SpiLease(SpiLease&& o) noexcept : from_(o.from_), spi_(std::exchange(o.spi_, 0)) {}
  SpiLease& operator=(SpiLease&& o) noexcept {
    if (this != &o) {
      Release();
      from_ = o.from_;
      spi_ = std::exchange(o.spi_, 0);
    }
    return *this;
  }
  SpiLease(const SpiLease&) = delete;
  SpiLease& operator=(const SpiLease&) = delete;
  ~SpiLease() { Release(); }

  uint32_t spi() const { return spi_; }  // 0: none free
  [[nodiscard]] uint32_t Install() { return std::exchange(spi_, 0); }

 private:
  void Release() {
    if (spi_ != 0) from_->Release(spi_);
    spi_ = 0;
  }

  SpiAllocator* from_ = nullptr;
  uint32_t spi_ = 0;
};

}  // namespace culvert::ike
