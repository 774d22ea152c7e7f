#include "tests/dataplane/policy/policy_fixture.h"

// What policies do to packets on their way through a worker: in order, by every selector of RFC 4301 4.4.1.1, both ways.
namespace culvert::test {
namespace {

using channel::Direction;
using channel::PolicyAction;
using channel::Status;
using testing::IpPacket;

TEST_F(PolicyPath, ProtectBypassAndDiscardInOrder) {
  rig_.InstallBoth(sa_);
  Add(2, PolicyAction::kBypass, One("10.1.0.0/16"), One("10.9.0.0/16", 6, 22, 22), 0);
  Add(3, PolicyAction::kDiscard, One("0.0.0.0/0"), One("10.9.0.0/16", 6, 23, 23), 0);
  Add(4, PolicyAction::kDiscard, One("0.0.0.0/0"), One("0.0.0.0/0"), 9);
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 80)), "sealed");
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 22)), "clear");
  // Of one rank the longer remote prefix goes first, then the longer local one: what protects stands before the wider discard.
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 23)), "sealed");
  EXPECT_EQ(Fate(Tcp(kHere, testing::Ip("203.0.113.1"), 9, 80)), "policy") << "what nothing else wants";
  EXPECT_EQ(Fate(Tcp(testing::Ip("203.0.113.1"), kHere, 80, 9)), "policy");
  // A fixed rank goes before all that.
  Add(3, PolicyAction::kDiscard, One("0.0.0.0/0"), One("10.9.0.0/16", 6, 23, 23), 0);
  Add(1, PolicyAction::kProtect, sa_.local, sa_.remote, 5);
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 23)), "policy");
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 80)), "sealed");
  EXPECT_EQ(rig_.database().RemovePolicy(3), Status::kOk);
  rig_.Settle();
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 23)), "sealed") << "what a cache remembers goes with its policy";
}

// RFC 4301 5.2: in clear comes what policies let pass in clear.
TEST_F(PolicyPath, WhatComesInClear) {
  rig_.InstallBoth(sa_);
  Add(2, PolicyAction::kBypass, One("10.1.0.0/16", 6, 22, 22), One("10.9.0.0/16"), 0);
  Add(3, PolicyAction::kDiscard, One("10.1.0.0/16"), One("10.8.0.0/16"), 0);
  EXPECT_EQ(Fate(Tcp(kThere, kHere, 80, 9)), "plaintext-inbound");
  EXPECT_EQ(Fate(Tcp(kThere, kHere, 9, 22)), "clear");
  EXPECT_EQ(Fate(Tcp(testing::Ip("10.8.0.1"), kHere, 9, 22)), "policy");
  EXPECT_EQ(Fate(Tcp(testing::Ip("10.7.0.1"), kHere, 9, 22)), "clear");
}

// A gateway that lets through what its policies name and nothing else: the last one names everything both ways, and so also
// what the others let in.
TEST_F(PolicyPath, ADropOfTheRestMeansTheRest) {
  rig_.InstallBoth(sa_);
  Add(1, PolicyAction::kProtect, sa_.local, sa_.remote, 2);
  Add(2, PolicyAction::kBypass, One("10.1.0.0/16"), One("10.9.0.0/16", 1), 1);
  Add(3, PolicyAction::kDiscard, One("0.0.0.0/0"), One("0.0.0.0/0"), 3);
  EXPECT_EQ(Fate(Icmp(kHere, kThere, 8, 0)), "clear");
  EXPECT_EQ(Fate(Icmp(kThere, kHere, 0, 0)), "clear");
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 80)), "sealed");
  EXPECT_EQ(Opened(Tcp(kThere, kHere, 80, 9)), "clear");
  EXPECT_EQ(Fate(Tcp(kThere, kHere, 80, 9)), "plaintext-inbound") << "though what was opened is remembered";
  EXPECT_EQ(Fate(Tcp(kThere, testing::Ip("10.2.0.1"), 80, 9)), "policy");
  EXPECT_EQ(Fate(Tcp(testing::Ip("10.2.0.1"), kThere, 80, 9)), "policy");
  // Of a better rank it is no rest.
  Add(3, PolicyAction::kDiscard, One("0.0.0.0/0"), One("0.0.0.0/0"), 0);
  EXPECT_EQ(Fate(Icmp(kThere, kHere, 0, 0)), "policy");
  EXPECT_EQ(Opened(Tcp(kThere, kHere, 80, 9)), "policy");
}

// What comes out of an SA is held against the SA's selectors, and what is discarded is discarded out of an SA too.
TEST_F(PolicyPath, WhatComesOutOfAnSa) {
  sa_.local = One("10.1.0.0/16", 6, 1000, 2000);
  sa_.remote = One("10.9.0.0/16", 6);
  rig_.InstallBoth(sa_);
  Add(2, PolicyAction::kDiscard, One("10.1.0.0/16", 6, 1500, 1500), One("10.9.0.0/16"), 0);
  Add(1, PolicyAction::kProtect, sa_.local, sa_.remote, 5);
  EXPECT_EQ(Opened(Tcp(kThere, kHere, 7, 1000)), "clear");
  EXPECT_EQ(Opened(Tcp(kThere, kHere, 7, 999)), "inner-mismatch");
  EXPECT_EQ(Opened(Tcp(kThere, kHere, 7, 2001)), "inner-mismatch");
  EXPECT_EQ(Opened(MakeUdp(kThere, kHere, 7, 1000, 100)), "inner-mismatch");
  EXPECT_EQ(Opened(Tcp(testing::Ip("10.8.0.9"), kHere, 7, 1000)), "inner-mismatch");
  EXPECT_EQ(Opened(Icmp(kThere, kHere, 8, 0)), "inner-mismatch");
  EXPECT_EQ(Opened(Tcp(kThere, kHere, 7, 1500)), "policy");
}

// RFC 4301 4.4.1.1: type and code are what ports are to others, on both sides.
TEST_F(PolicyPath, IcmpTypesAndCodes) {
  constexpr uint16_t kEcho = 8 << 8, kEveryCode = 0xff, kTooBig = 3 << 8 | 4;
  sa_.local = One("10.1.0.0/16", 1, kEcho, kEcho | kEveryCode);
  sa_.remote = One("10.9.0.0/16", 1);
  rig_.InstallBoth(sa_);
  Add(2, PolicyAction::kDiscard, One("10.1.0.0/16"), One("10.9.0.0/16", 1, kTooBig, kTooBig));
  EXPECT_EQ(Fate(Icmp(kHere, kThere, 8, 0)), "sealed");
  EXPECT_EQ(Fate(Icmp(kHere, kThere, 8, 7)), "sealed");
  EXPECT_EQ(Fate(Icmp(kHere, kThere, 0, 0)), "clear");
  EXPECT_EQ(Fate(Icmp(kHere, kThere, 3, 4)), "policy");
  EXPECT_EQ(Fate(Icmp(kHere, kThere, 3, 3)), "clear");
  EXPECT_EQ(Opened(Icmp(kThere, kHere, 8, 1)), "clear");
  EXPECT_EQ(Opened(Icmp(kThere, kHere, 0, 0)), "inner-mismatch");
  EXPECT_EQ(Fate(Icmp(kThere, kHere, 8, 0)), "plaintext-inbound");
}

// RFC 4301 4.4.1.1 and 7: fragments but the first show no ports. A range of ports never takes them, OPAQUE takes them alone.
TEST_F(PolicyPath, FragmentsAreOpaque) {
  sa_.local = One("10.1.0.0/16", 17, 1000, 2000);
  sa_.remote = One("10.9.0.0/16", 17);
  rig_.InstallBoth(sa_);
  Bytes datagram = testing::UdpDatagram(kHere, kThere, {1000, 9}, Bytes(64, 1));
  const Bytes whole = IpPacket(kHere, kThere, 17, datagram), first = IpPacket(kHere, kThere, 17, datagram, {.more = true}),
              later = IpPacket(kHere, kThere, 17, datagram, {.offset = 64});
  EXPECT_EQ(Fate(whole), "sealed");
  EXPECT_EQ(Fate(first), "sealed");
  EXPECT_EQ(Fate(later), "clear") << "nobody asked for it to be protected";
  Add(2, PolicyAction::kDiscard, One("10.1.0.0/16", 17, 65535, 0), One("10.9.0.0/16"));
  EXPECT_EQ(Fate(later), "policy");
  EXPECT_EQ(Fate(first), "sealed");
  EXPECT_EQ(Fate(whole), "sealed");
  EXPECT_EQ(Fate(IpPacket(kHere, kThere, 17, Bytes(2, 0))), "policy") << "too short for ports";
}

TEST_F(PolicyPath, RangesOfAddressesOfBothFamilies) {
  Add(1, PolicyAction::kDiscard, One("10.1.0.5-10.1.0.9"), One("10.9.0.0/16"));
  Add(2, PolicyAction::kDiscard, One("fd01::5-fd01::1:0"), One("fd09::/16"));
  for (auto [last, fate] : {std::pair("10.1.0.4", "clear"), {"10.1.0.5", "policy"}, {"10.1.0.9", "policy"}, {"10.1.0.10", "clear"}}) {
    EXPECT_EQ(Fate(Tcp(testing::Ip(last), kThere, 1, 2)), fate) << last;
  }
  for (auto [last, fate] : {std::pair("fd01::4", "clear"), {"fd01::5", "policy"}, {"fd01::1:0", "policy"}, {"fd01::1:1", "clear"}}) {
    EXPECT_EQ(Fate(Tcp(testing::Ip(last), testing::Ip("fd09::9"), 1, 2)), fate) << last;
  }
}

// Of a child with `policies = no`: what the peer sends is opened, and nothing of ours finds it.
TEST_F(PolicyPath, AnSaWithoutAPolicy) {
  sa_.policy_id = 0;
  ASSERT_EQ(rig_.Install(sa_, Direction::kInbound), Status::kOk);
  ASSERT_EQ(rig_.Install(sa_, Direction::kOutbound), Status::kOk);
  EXPECT_EQ(Fate(Tcp(kHere, kThere, 9, 80)), "clear");
  EXPECT_EQ(Fate(Tcp(kThere, kHere, 9, 80)), "clear");
  EXPECT_EQ(Opened(Tcp(kThere, kHere, 9, 80)), "clear");
  rig_.database().BeginSync();
  rig_.database().OpenForwarding();
  rig_.Settle();
  EXPECT_EQ(rig_.Remove(sa_, Direction::kOutbound), Status::kOk);
  EXPECT_EQ(rig_.Remove(sa_, Direction::kInbound), Status::kOk);
  EXPECT_EQ(rig_.database().sas(), 0u);
  EXPECT_EQ(rig_.database().keys_in_use(), 0u);
}

}  // namespace
}  // namespace culvert::test
