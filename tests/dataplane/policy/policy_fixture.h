#pragma once

#include <gtest/gtest.h>
#include <rte_cycles.h>

#include "tests/support/esp_rig.h"
#include "tests/support/frames.h"

// A worker with policies and one SA, and what becomes of packets there.
namespace culvert::test {

inline const IpAddress kHere = testing::Ip("10.1.0.9"), kThere = testing::Ip("10.9.0.9");

inline SelectorList One(const char* range, uint8_t protocol = 0, uint16_t first = 0, uint16_t last = 65535) {
  return {{*IpRange::Parse(range), protocol, first, last}};
}

inline Bytes Tcp(const IpAddress& from, const IpAddress& to, uint16_t source, uint16_t destination) {
  Bytes header(40, 0);
  header[0] = static_cast<uint8_t>(source >> 8);
  header[1] = static_cast<uint8_t>(source);
  header[2] = static_cast<uint8_t>(destination >> 8);
  header[3] = static_cast<uint8_t>(destination);
  return testing::IpPacket(from, to, 6, header);
}

inline Bytes Icmp(const IpAddress& from, const IpAddress& to, uint8_t type, uint8_t code) {
  Bytes message(16, 0);
  message[0] = type;
  message[1] = code;
  return testing::IpPacket(from, to, from.family == Family::kV4 ? 1 : 58, message);
}

class PolicyPath : public ::testing::Test {
 protected:
  explicit PolicyPath(dp::EspWorker::Options options = {}) : rig_(1, options) {
    sa_.gateway = {*IpAddress::Parse("192.0.2.1"), 4500, 0};
    sa_.peer = {*IpAddress::Parse("198.51.100.9"), 4500, 0};
    sa_.local = One("10.1.0.0/16");
    sa_.remote = One("10.9.0.0/16");
    rig_.MakeKeys(sa_);
  }

  void Add(uint32_t id, channel::PolicyAction action, const SelectorList& local, const SelectorList& remote,
           uint32_t priority = 0) {
    ASSERT_EQ(rig_.AddPolicy(id, local, remote, action, priority), channel::Status::kOk);
  }
  // What becomes of a packet: "sealed", "clear", or the reason it was dropped for. Twice, for the second finds the flow cached.
  std::string Fate(ByteView packet) {
    std::string first = FateOnce(packet);
    EXPECT_EQ(FateOnce(packet), first) << "the cache says otherwise";
    return first;
  }
  // What the peer seals comes out and is to be forwarded; else why not.
  std::string Opened(ByteView packet) {
    dp::Burst esp, opened, forward, seal;
    SealChoices c;
    c.sequence = ++sequence_;
    c.iv = Bytes(8, 7);
    esp.Add(rig_.MakePacket(ReferenceSeal(sa_.Inbound(), packet, c)));
    rig_.worker().Open(rig_.context(), esp, opened);
    if (opened.n == 0) return WhyDropped();
    rig_.worker().ApplyPolicy(rig_.context(), opened, forward, seal);
    std::string fate = forward.n != 0 ? "clear" : WhyDropped();
    rig_.Free(forward);
    return fate;
  }

  EspRig rig_;
  SaSpec sa_;

 private:
  std::string FateOnce(ByteView packet) {
    dp::Burst plain, forward, seal, sealed;
    plain.Add(rig_.MakePacket(packet));
    rig_.context().now = rte_rdtsc();
    rig_.worker().ApplyPolicy(rig_.context(), plain, forward, seal);
    rig_.worker().Seal(rig_.context(), seal, sealed);
    std::string fate = sealed.n != 0 ? "sealed" : forward.n != 0 ? "clear" : WhyDropped();
    rig_.Free(rig_.context().originated);   // what its sender is told
    rig_.Free(forward);
    rig_.Free(sealed);
    return fate;
  }
  std::string WhyDropped() {
    std::string why;
    for (size_t i = 0; i < kDropReasons; ++i) {
      if (rig_.Drops(static_cast<Drop>(i)) != 0) why += Name(static_cast<Drop>(i));
    }
    return why;
  }

  uint64_t sequence_ = 0;
};

}  // namespace culvert::test
