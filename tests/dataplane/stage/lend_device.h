#pragma once

#include <gtest/gtest.h>
#include <rte_cryptodev.h>
#include <rte_dev.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <string>

#include "dataplane/worker/packet.h"
#include "drivers/offload/engines.h"
#include "drivers/offload/soft_security_device.h"
#include "tests/support/tunnel_rig.h"
#include "tests/support/watching.h"

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

// Of SAs that are lent, one out, one in and a forged one. Their way is told in two parts, and of what they were before the
// device has sealed or judged them nothing but headers, unless clear text may be told.
inline void ExpectWatchedUnderOneNumber(TunnelRig& t) {
  for (bool clear : {false, true}) {
    SCOPED_TRACE(clear);
    Watching w(t.rig().gateway(), {.paths = true, .frames = true, .clear_text = clear, .snap = 2048});
    auto sent = t.FromAlice(test::MakeUdp(t.alice(false), t.bob(false), 1000, 2000, 100));
    ASSERT_EQ(sent.size(), 1u);
    ASSERT_EQ(t.FromPeer(t.Seal(test::MakeUdp(t.bob(false), t.alice(false), 2000, 1000, 100))).size(), 1u);
    Bytes bad = t.Seal(test::MakeUdp(t.bob(false), t.alice(false), 2000, 1000, 100));
    bad.back() ^= 1;
    ASSERT_EQ(t.FromPeer(bad).size(), 0u);
    auto ways = w.Ways();
    ASSERT_EQ(ways.size(), 3u);
    EXPECT_EQ(ways[0].Passes(), "receive classify policy seal; held; transmit; transmitted");
    EXPECT_EQ(ways[1].Passes(), "receive classify open; held; accept inside policy transmit; transmitted");
    EXPECT_EQ(ways[2].Passes(), "receive classify open; held; accept; bad-icv");
    EXPECT_EQ(ways[0].Octets(dp::Place::kReceived).empty(), !clear);
    EXPECT_TRUE(std::ranges::equal(ByteView(ways[0].Octets(dp::Place::kSent)).subspan(14), sent[0]));
    EXPECT_EQ(ways[1].Octets(dp::Place::kInside).empty(), !clear);
    EXPECT_EQ(ways[1].last().sa_in, t.sa().sa_index);
    for (const auto& part : ways[2].parts) {
      EXPECT_LE(part.frame(dp::Place::kReceived).size(), 14u + 20 + 8);
      EXPECT_TRUE(part.frame(dp::Place::kInside).empty());
    }
  }
}

}  // namespace culvert::testing
