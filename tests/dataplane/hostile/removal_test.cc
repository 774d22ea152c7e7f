#include <gtest/gtest.h>
#include <rte_cycles.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <thread>

#include "tests/support/reference_transport.h"
#include "tests/support/tunnel_rig.h"

// F07: SAs come and go by the hundred thousand while two workers, on threads of their own, have packets for them in every place
// where a packet may wait: bursts, rings between workers, early packets, fragments.
//
//   CULVERT_REMOVALS=N   SAs that are installed and removed, both directions of each
namespace culvert::testing {
namespace {

using channel::Direction;
using channel::Status;
using test::MakeUdp;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t kDefaultRemovals = 4000;  // each takes so much longer
#else
constexpr size_t kDefaultRemovals = 100000;
#endif
constexpr uint16_t kWan = GatewayRig::kWan, kLan = GatewayRig::kLan;
constexpr unsigned kLive = 64, kCaptured = 24;  // SAs at a time; packets of each
constexpr unsigned kInFlight = 1500;            // buffers

size_t Removals() {
  const char* s = std::getenv("CULVERT_REMOVALS");
  return s == nullptr ? kDefaultRemovals : std::stoul(s);
}

struct Victim {
  test::SaSpec sa;
  std::vector<Bytes> frames;  // from the peer; good again after each installation, which begins with an empty window
  unsigned waits = 0;         // for answers
  bool there = false;
};

class Removal : public ::testing::Test {
 protected:
  Removal() : t_({.workers = 2, .esp = {.early = 32}}), victims_(kLive) {
    t_.Install();
    for (unsigned i = 0; i < kLive; ++i) Make(i);
    for (bool mine : {true, false}) {
      out_.push_back(Ethernet(rig().port(kLan).mac, Mac(2), 0x0800,
                              MakeUdp(t_.alice(false), mine ? t_.bob(false) : Ip("10.9.3.3"), 1000, 2000, 200)));
    }
  }
  GatewayRig& rig() { return t_.rig(); }
  dp::SaDatabase& database() { return t_.ipsec().database(); }

  void Make(unsigned i) {
    Victim& v = victims_[i];
    v.sa = t_.sa();
    v.sa.spi = MakeSpi(3, i, 100 + i);
    v.sa.sa_index = SaIndex(v.sa.spi);
    v.sa.preference = 1 + i;
    v.sa.encr_key.assign(v.sa.encr_key.size(), static_cast<uint8_t>(i + 1));
    for (unsigned n = 1; n <= kCaptured; ++n) {
      test::SealChoices c;
      c.sequence = n;
      c.iv.assign(8, static_cast<uint8_t>(n));
      Bytes outer = ReferenceSealAny(v.sa.Inbound(), MakeUdp(t_.bob(false), t_.alice(false), 2000, 1000, 300), c);
      // Every third in fragments, and the last fragment of every ninth never comes.
      std::vector<Bytes> packets = n % 3 == 0 ? ReferenceFragment(outer, {200}, i * kCaptured + n) : std::vector<Bytes>{outer};
      if (n % 9 == 0) packets.pop_back();
      for (const Bytes& p : packets) v.frames.push_back(Ethernet(rig().port(kWan).mac, Mac(9), 0x0800, p));
    }
  }
  void Install(Victim& v) {
    for (Direction d : {Direction::kInbound, Direction::kOutbound}) {
      ++v.waits;
      database().Install(v.sa.Install(d), v.sa.local, v.sa.remote, [this, &v](const channel::Ack& a) {
        EXPECT_EQ(a.status, Status::kOk);
        v.there = --v.waits == 0;
      });
    }
  }
  void Remove(Victim& v) {
    v.there = false;
    for (Direction d : {Direction::kInbound, Direction::kOutbound}) {
      channel::RemoveSa r{};
      r.spi = v.sa.spi;
      r.sa_index = v.sa.sa_index;
      r.direction = d;
      ++v.waits;
      database().Remove(r, [this, &v](const channel::Ack& a) {
        EXPECT_EQ(a.status, Status::kOk);
        if (--v.waits == 0) ++removed_;
      });
    }
  }
  void Feed(uint16_t port, const Bytes& frame) {
    if (rig().buffers_in_use() > kInFlight) return;
    rte_mbuf* m = rte_pktmbuf_alloc(rig().pool());
    if (m == nullptr) return;
    std::ranges::copy(frame, reinterpret_cast<uint8_t*>(rte_pktmbuf_append(m, static_cast<uint16_t>(frame.size()))));
    if (rig().port(port).Feed(m))
      ++fed_;
    else
      rte_pktmbuf_free(m);
  }
  void Turn() {
    rig().gateway().Poll(rig().now());
    database().Poll([](const channel::Event&) {});
    rig().gateway().grace().Reclaim();
    came_ += Drain(kLan);
    went_ += Drain(kWan);
  }
  size_t Drain(uint16_t port) {
    size_t n = 0;
    for (; rte_mbuf* m = rig().port(port).Drain(); ++n) rte_pktmbuf_free(m);
    return n;
  }

  TunnelRig t_;
  std::vector<Victim> victims_;
  std::vector<Bytes> out_;
  size_t removed_ = 0, fed_ = 0, came_ = 0, went_ = 0;
};

TEST_F(Removal, BesideTrafficEverywhere) {
  const size_t wanted = Removals(), keys = t_.ipsec().database().keys_in_use();
  rig().gateway().Start();
  for (size_t turn = 0; removed_ < wanted; ++turn) {
    Victim& v = victims_[turn % kLive];
    // Before it is there, while, and after: some come early, some late, some for the window of the one before.
    for (size_t k = 0; k < 4; ++k) Feed(kWan, v.frames[(turn / kLive * 4 + k) % v.frames.size()]);
    if (v.waits == 0) v.there ? Remove(v) : Install(v);
    Feed(kWan, victims_[(turn + kLive / 2) % kLive].frames[turn % v.frames.size()]);
    Feed(kLan, out_[turn % out_.size()]);
    Turn();
  }
  rig().gateway().Stop();
  for (Victim& v : victims_) {
    while (v.waits != 0) t_.Settle();
    if (v.there) Remove(v);
  }
  for (int i = 0; i < 10; ++i) t_.Settle();
  std::this_thread::sleep_for(std::chrono::milliseconds(150));  // early packets end
  t_.Settle();
  Turn();
  EXPECT_EQ(t_.ipsec().database().keys_in_use(), keys);
  EXPECT_EQ(t_.ipsec().database().sas(), 2u);
  EXPECT_FALSE(t_.ipsec().database().busy());
  EXPECT_GT(came_, removed_ / 10) << "it was beside traffic";
  EXPECT_GT(went_, removed_ / 10);
  EXPECT_TRUE(rig().Balanced());
  EXPECT_EQ(rig().buffers_in_use(), rig().fragments());
  for (Drop never : {Drop::kBadIcv, Drop::kBadPad, Drop::kBadHeader, Drop::kInnerMismatch, Drop::kRunt, Drop::kNoMbuf,
                     Drop::kCryptoFailed}) {
    EXPECT_EQ(rig().drops(never), 0u) << Name(never);
  }
  // What stays is as it was.
  EXPECT_EQ(t_.FromPeer(t_.Seal(MakeUdp(t_.bob(false), t_.alice(false), 2000, 1000, 100))).size(), 1u);
  RecordProperty("came", std::to_string(came_));
  std::printf("%zu removals beside %zu frames: %zu came in, %zu went out\n", removed_, fed_, came_, went_);
}

}  // namespace
}  // namespace culvert::testing
