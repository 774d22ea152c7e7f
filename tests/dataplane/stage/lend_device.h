#pragma once

#include <gtest/gtest.h>
#include <rte_cryptodev.h>
#include <rte_dev.h>

#include <deque>
#include <memory>
#include <string>

#include "dataplane/worker/packet.h"
#include "drivers/offload/engines.h"
#include "drivers/offload/soft_security_device.h"

namespace culvert::testing {

// A device that can be made to keep what it was given: DPDK's own callback on what comes back.
class Device {
 public:
  using Ipsec = offload::CryptoDeviceOptions::Ipsec;
  explicit Device(const std::string& driver, uint32_t sessions = 64, unsigned workers = 1, Ipsec ipsec = Ipsec::kAuto) {
    name_ = driver + "_lend" + std::to_string(++number_);
    EXPECT_EQ(rte_eal_hotplug_add("vdev", name_.c_str(), ""), 0);
    auto opened = offload::LookasideDevices::Open({{"dev", name_, sessions, ipsec}}, workers);
    EXPECT_TRUE(opened.ok()) << opened.status();
    devices_ = opened->get();
    engines_ = std::make_unique<offload::Engines>(nullptr, std::move(*opened));
    id_ = static_cast<uint8_t>(rte_cryptodev_get_dev_id(name_.c_str()));
    callback_ = rte_cryptodev_add_deq_callback(id_, 0, &Keep, this);
    EXPECT_NE(callback_, nullptr);
  }
  ~Device() {
    rte_cryptodev_remove_deq_callback(id_, 0, callback_);
    engines_.reset();
    rte_eal_hotplug_remove("vdev", name_.c_str());
  }
  offload::Engines* get() { return engines_.get(); }
  // The stand-in for lookaside protocol, where it was asked for.
  offload::SoftSecurityDevice& soft() { return static_cast<offload::SoftSecurityDevice&>(devices_->device(0)); }
  uint64_t enqueued() const { return devices_->facts(0).enqueued; }
  uint32_t sessions() const { return devices_->facts(0).sessions; }
  void Hold() { holds_ = true; }
  void LetGo() { holds_ = false; }
  size_t held() const { return held_.size(); }

 private:
  static uint16_t Keep(uint16_t, uint16_t, rte_crypto_op** ops, uint16_t n, void* self) {
    auto& device = *static_cast<Device*>(self);
    device.held_.insert(device.held_.end(), ops, ops + n);
    if (device.holds_) return 0;
    // As many as were asked for is not told here: a burst's worth is always.
    uint16_t out = 0;
    while (out < dp::kBurstMax && !device.held_.empty()) {
      ops[out++] = device.held_.front();
      device.held_.pop_front();
    }
    return out;
  }

  static inline int number_ = 0;
  std::string name_;
  std::unique_ptr<offload::Engines> engines_;
  offload::LookasideDevices* devices_ = nullptr;
  uint8_t id_ = 0;
  rte_cryptodev_cb* callback_ = nullptr;
  bool holds_ = false;
  std::deque<rte_crypto_op*> held_;
};

}  // namespace culvert::testing
