#include "control/ike/admission/cookie.h"

#include <gtest/gtest.h>

#include "tests/support/seeded_random.h"

namespace culvert::ike {
namespace {

using namespace std::chrono_literals;

class Cookie : public testing::Test {
 protected:
  SeededRandom random_{1};
  CookieJar jar_{random_};
  Bytes nonce_ = Bytes(32, 7);
  CookieJar::Bound bound_{nonce_, IpAddress::V4(192, 0, 2, 1), 42};
  Time now_ = Time(24h);
};

TEST_F(Cookie, IsGoodForTenSeconds) {
  Bytes c = jar_.Make(bound_, now_);
  EXPECT_LE(c.size(), 64u);   // RFC 7296 2.6
  EXPECT_TRUE(jar_.Verify(c, bound_, now_));
  EXPECT_TRUE(jar_.Verify(c, bound_, now_ + 10s));
  EXPECT_FALSE(jar_.Verify(c, bound_, now_ + 11s));
  EXPECT_FALSE(jar_.Verify(c, bound_, now_ - 1s));   // from the future: not ours
}

TEST_F(Cookie, BindsNonceAddressAndSpi) {
  Bytes c = jar_.Make(bound_, now_);
  Bytes other_nonce(32, 8);
  EXPECT_FALSE(jar_.Verify(c, {other_nonce, bound_.source, bound_.spi_i}, now_));
  EXPECT_FALSE(jar_.Verify(c, {nonce_, IpAddress::V4(192, 0, 2, 2), bound_.spi_i}, now_));
  EXPECT_FALSE(jar_.Verify(c, {nonce_, bound_.source, 43}, now_));
}

TEST_F(Cookie, EveryBitCounts) {
  Bytes c = jar_.Make(bound_, now_);
  for (size_t bit = 0; bit < c.size() * 8; ++bit) {
    Bytes changed = c;
    changed[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(jar_.Verify(changed, bound_, now_)) << bit;
  }
  for (size_t n = 0; n < c.size(); ++n) EXPECT_FALSE(jar_.Verify(ByteView(c).first(n), bound_, now_));
}

TEST_F(Cookie, TheSecretBeforeThisOneStillCountsAndNoOlderOne) {
  (void)jar_.Make(bound_, now_);
  Bytes late = jar_.Make(bound_, now_ + 119s);
  EXPECT_TRUE(jar_.Verify(late, bound_, now_ + 121s));
  // Two changes of secret later even its age would not be what refuses it.
  (void)jar_.Make(bound_, now_ + 245s);
  EXPECT_FALSE(jar_.Verify(late, bound_, now_ + 245s));
}

TEST_F(Cookie, AJarLeftAloneForgetsItsSecrets) {
  Bytes old = jar_.Make(bound_, now_);
  (void)jar_.Make(bound_, now_ + 1h);
  EXPECT_FALSE(jar_.Verify(old, bound_, now_ + 1h));
}

TEST_F(Cookie, TwoJarsDoNotKnowEachOther) {
  SeededRandom random(2);
  CookieJar other(random);
  EXPECT_FALSE(other.Verify(jar_.Make(bound_, now_), bound_, now_));
}

}  // namespace
}  // namespace culvert::ike
