#include "drivers/offload/engines.h"

#include <gtest/gtest.h>
#include <rte_cryptodev.h>
#include <rte_dev.h>
#include <rte_mbuf.h>

#include <cstring>
#include <random>

#include "drivers/crypto/key_arena.h"
#include "drivers/crypto/mb_engine.h"

// Devices against the engine of the processor, whose own test is against OpenSSL: the same octets, whoever makes them.
namespace culvert::offload {
namespace {

using crypto::CryptoOp;
using crypto::Suite;

constexpr uint32_t kEspHeader = 8;  // octets

struct Driver {
  const char* name;
  bool chains;  // has ciphers with a MAC beside them
};
constexpr Driver kDrivers[] = {{"crypto_aesni_mb", true}, {"crypto_aesni_gcm", false}, {"crypto_openssl", true}};

std::vector<Suite> AllSuites() {
  std::vector<Suite> all;
  for (size_t i = 0; i < crypto::kSuites; ++i) all.push_back(static_cast<Suite>(i));
  return all;
}

class LookasideTest : public ::testing::TestWithParam<Driver> {
 protected:
  void SetUp() override {
    device_ = std::string(GetParam().name) + "_test" + std::to_string(++number_);
    ASSERT_EQ(rte_eal_hotplug_add("vdev", device_.c_str(), ""), 0);
    Open(8);
    pool_ = rte_pktmbuf_pool_create(("p" + std::to_string(number_)).c_str(), 1024, 0, 0, 4096, SOCKET_ID_ANY);
    ASSERT_NE(pool_, nullptr);
    auto engine = crypto::MbEngine::Create();
    ASSERT_TRUE(engine.ok());
    engine_ = std::move(*engine);
  }
  void TearDown() override {
    devices_.reset();
    rte_eal_hotplug_remove("vdev", device_.c_str());
    rte_mempool_free(pool_);
  }
  void Open(uint32_t sessions) {
    auto devices = LookasideDevices::Open({{"test", device_, sessions}}, 1);
    ASSERT_TRUE(devices.ok()) << devices.status();
    devices_ = std::move(*devices);
  }
  Bytes Random(size_t n) {
    Bytes out(n);
    for (uint8_t& b : out) b = static_cast<uint8_t>(rng_());
    return out;
  }

  // A packet with ESP header and IV before its text, and room for the ICV behind.
  struct Sample {
    rte_mbuf* m;
    CryptoOp op;
  };
  Sample Make(Suite suite, bool esn, size_t length) {
    const auto& info = crypto::Info(suite);
    rte_mbuf* m = rte_pktmbuf_alloc(pool_);
    size_t before = 20 + kEspHeader + info.iv;
    auto* data = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(m, static_cast<uint16_t>(before + length + info.icv)));
    Bytes random = Random(before + length);
    std::memcpy(data, random.data(), random.size());
    Sample s{m, {}};
    Bytes iv = Random(16), aad = Random(16);
    std::memcpy(s.op.iv, iv.data(), 16);
    std::memcpy(s.op.aad, aad.data(), 16);
    s.op.text = data + before;
    s.op.text_length = static_cast<uint32_t>(length);
    s.op.suite = suite;
    s.op.aad_length = crypto::IsCipherMac(suite) ? (esn ? 4 : 0) : esn ? 12 : 8;
    return s;
  }
  static Bytes Contents(const rte_mbuf* m) {
    const auto* data = rte_pktmbuf_mtod(m, const uint8_t*);
    return Bytes(data, data + m->data_len);
  }
  // All that was submitted, in order.
  std::vector<std::pair<int, LookasideQueue::Result::Kind>> CollectAll() {
    std::vector<std::pair<int, LookasideQueue::Result::Kind>> all;
    LookasideQueue& q = devices_->queue(0, 0);
    LookasideQueue::Result results[crypto::kMaxOps];
    for (int turn = 0; turn < 10000 && q.in_flight() != 0; ++turn) {
      uint16_t n = q.Collect(results, crypto::kMaxOps);
      for (uint16_t i = 0; i < n; ++i) {
        int number;
        std::memcpy(&number, results[i].context, sizeof number);
        all.emplace_back(number, results[i].kind);
      }
    }
    return all;
  }

  static inline int number_ = 0;
  std::string device_;
  std::unique_ptr<LookasideDevices> devices_;
  rte_mempool* pool_ = nullptr;
  std::unique_ptr<crypto::MbEngine> engine_;
  std::mt19937_64 rng_{1};
};

TEST_P(LookasideTest, MakesTheOctetsTheProcessorMakes) {
  constexpr size_t kLengths[] = {16, 48, 64, 256, 1424};
  crypto::KeyArena arena;
  unsigned taken = 0;
  for (Suite suite : AllSuites()) {
    const auto& info = crypto::Info(suite);
    Bytes cipher_key = Random(info.cipher_key), integ_key = Random(info.integ_key);
    for (bool esn : {false, true}) {
      Session seal, open;
      StepDown why = devices_->Create({true, esn, suite, cipher_key, integ_key}, Wish::kAny, seal);
      if (why != StepDown::kNone) {
        EXPECT_EQ(why, StepDown::kSuite);
        continue;
      }
      ASSERT_EQ(devices_->Create({false, esn, suite, cipher_key, integ_key}, Wish::kAny, open), StepDown::kNone);
      ++taken;
      void* keys[2];
      for (int i = 0; i < 2; ++i) {
        keys[i] = arena.Allocate(info.expanded);
        ASSERT_TRUE(crypto::ExpandKeys(engine_->manager(), suite, i == 0 ? crypto::Use::kSeal : crypto::Use::kOpen, cipher_key,
                                       integ_key, keys[i]));
      }
      LookasideQueue& queue = devices_->queue(0, 0);
      std::vector<Sample> samples;
      std::vector<Bytes> clear, expected;
      for (size_t length : kLengths) {
        Sample s = Make(suite, esn, length);
        clear.push_back(Contents(s.m));
        int number = static_cast<int>(samples.size());
        CryptoOp own = s.op;
        own.key = keys[0];
        engine_->Seal(&own, 1);
        expected.push_back(Contents(s.m));
        std::memcpy(rte_pktmbuf_mtod(s.m, uint8_t*), clear.back().data(), clear.back().size());
        ASSERT_TRUE(queue.Submit(seal.handle, s.op, true, esn, s.m, &number, sizeof number));
        samples.push_back(s);
      }
      auto done = CollectAll();
      ASSERT_EQ(done.size(), samples.size());
      for (size_t i = 0; i < samples.size(); ++i) {
        EXPECT_EQ(done[i].first, static_cast<int>(i));
        EXPECT_EQ(done[i].second, LookasideQueue::Result::kDone);
        EXPECT_EQ(Contents(samples[i].m), expected[i]) << "suite " << static_cast<int>(suite) << " esn " << esn;
      }
      // Back again; every other one with an octet of the ICV flipped.
      for (size_t i = 0; i < samples.size(); ++i) {
        int number = static_cast<int>(i);
        if (i % 2 == 1) samples[i].op.text[samples[i].op.text_length + i % info.icv] ^= 1;
        ASSERT_TRUE(queue.Submit(open.handle, samples[i].op, false, esn, samples[i].m, &number, sizeof number));
      }
      done = CollectAll();
      ASSERT_EQ(done.size(), samples.size());
      for (size_t i = 0; i < samples.size(); ++i) {
        size_t text_end = clear[i].size() - info.icv;
        EXPECT_EQ(done[i].second, i % 2 == 1 ? LookasideQueue::Result::kBadIcv : LookasideQueue::Result::kDone);
        if (i % 2 == 0) {
          Bytes got = Contents(samples[i].m);
          EXPECT_TRUE(std::equal(got.begin(), got.begin() + static_cast<long>(text_end), clear[i].begin()))
              << "suite " << static_cast<int>(suite) << " esn " << esn;
        }
        rte_pktmbuf_free(samples[i].m);
      }
      for (void* k : keys) arena.Free(k, info.expanded);
      devices_->Destroy(seal);
      devices_->Destroy(open);
    }
  }
  EXPECT_GE(taken, GetParam().chains ? 40u : 6u) << "suites, with and without extended sequence numbers";
  EXPECT_EQ(devices_->facts(0).sessions, 0u);
}

TEST_P(LookasideTest, HoldsAsManySessionsAsItWasToldTo) {
  Bytes key = Random(16);
  SessionSpec spec{true, false, Suite::kGcm128, key, {}};
  std::vector<Session> held(8);
  for (auto& s : held) ASSERT_EQ(devices_->Create(spec, Wish::kAny, s), StepDown::kNone);
  Session more;
  EXPECT_EQ(devices_->Create(spec, Wish::kAny, more), StepDown::kFull);
  EXPECT_EQ(more.handle, nullptr);
  devices_->Destroy(held.back());
  EXPECT_EQ(devices_->Create(spec, Wish::kAny, held.back()), StepDown::kNone);
  for (auto& s : held) devices_->Destroy(s);
}

// No device of software offers IPsec as a whole; some offer other protocols of rte_security.
TEST_P(LookasideTest, HasNoSaAsAWhole) {
  Engines engines(nullptr, std::move(devices_));
  Bytes key = Random(16);
  const SessionSpec spec{true, false, Suite::kGcm128, key, {}};
  Session s;
  EXPECT_EQ(engines.Choose(spec, Engines::kNoPort, Wish::kProtocol, s), StepDown::kNoDevice);
  EXPECT_EQ(s.handle, nullptr);
  EXPECT_EQ(engines.Choose(spec, Engines::kNoPort, Wish::kAny, s), StepDown::kNone);
  EXPECT_EQ(s.engine, Engine::kLookaside);
  engines.GiveBack(s);
}

TEST_P(LookasideTest, SaysWhenThereIsNoRoomAndKeepsWhatItHas) {
  Bytes key = Random(16);
  Session s;
  ASSERT_EQ(devices_->Create({true, false, Suite::kGcm128, key, {}}, Wish::kAny, s), StepDown::kNone);
  LookasideQueue& queue = devices_->queue(0, 0);
  std::vector<rte_mbuf*> packets;
  for (int i = 0; i < crypto::kMaxOps; ++i) {
    Sample sample = Make(Suite::kGcm128, false, 64);
    packets.push_back(sample.m);
    ASSERT_TRUE(queue.Submit(s.handle, sample.op, true, false, sample.m, &i, sizeof i));
  }
  Sample sample = Make(Suite::kGcm128, false, 64);
  packets.push_back(sample.m);
  Bytes before = Contents(sample.m);
  int number = crypto::kMaxOps;
  EXPECT_FALSE(queue.Submit(s.handle, sample.op, true, false, sample.m, &number, sizeof number));
  EXPECT_EQ(Contents(sample.m), before);
  EXPECT_EQ(queue.in_flight(), uint32_t{crypto::kMaxOps});
  auto done = CollectAll();
  ASSERT_EQ(done.size(), size_t{crypto::kMaxOps});
  for (int i = 0; i < crypto::kMaxOps; ++i) EXPECT_EQ(done[static_cast<size_t>(i)].first, i);
  for (rte_mbuf* m : packets) rte_pktmbuf_free(m);
  devices_->Destroy(s);
}

INSTANTIATE_TEST_SUITE_P(EachDriver, LookasideTest, ::testing::ValuesIn(kDrivers),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(LookasideDevicesTest, RefusesWhatThereIsNot) {
  auto none = LookasideDevices::Open({{"qat", "0000:3d:01.0"}}, 1);
  EXPECT_EQ(none.status().message(), "crypto device qat: DPDK has no device 0000:3d:01.0");
  auto empty = LookasideDevices::Open({}, 1);
  ASSERT_TRUE(empty.ok());
  Session s;
  Bytes key(16, 1);
  EXPECT_EQ((*empty)->Create({true, false, Suite::kGcm128, key, {}}, Wish::kAny, s), StepDown::kNoDevice);
}

}  // namespace
}  // namespace culvert::offload
