#include "control/ike/sa/exchange_window.h"

#include <gtest/gtest.h>

namespace culvert::ike {
namespace {

using Request = ExchangeWindow::Request;

// RFC 7296 2.2: two counters, one a direction, each from 0.
TEST(ExchangeWindow, OursRiseByOneAndOneIsInFlight) {
  ExchangeWindow w;
  for (uint32_t id = 0; id < 5; ++id) {
    EXPECT_EQ(w.next_id(), id);
    w.Sent(ExchangeType::kInformational, {{static_cast<uint8_t>(id)}}, 0);
    EXPECT_TRUE(w.busy());
    EXPECT_TRUE(w.Awaits(id, ExchangeType::kInformational));
    EXPECT_FALSE(w.Awaits(id, ExchangeType::kCreateChildSa));
    EXPECT_FALSE(w.Awaits(id + 1, ExchangeType::kInformational));
    EXPECT_EQ(w.outstanding()->datagrams, Datagrams{Bytes{static_cast<uint8_t>(id)}});
    w.Answered();
    EXPECT_FALSE(w.busy());
    EXPECT_FALSE(w.Awaits(id, ExchangeType::kInformational));
  }
}

TEST(ExchangeWindow, TheirsComeInOrderAndTheLastIsRemembered) {
  ExchangeWindow w;
  EXPECT_EQ(w.Classify(0xffffffff), Request::kOutside);
  for (uint32_t id = 0; id < 5; ++id) {
    EXPECT_EQ(w.Classify(id), Request::kNew);
    EXPECT_EQ(w.Classify(id + 1), Request::kOutside);
    w.Accepted(id);
    EXPECT_EQ(w.Classify(id), Request::kInProgress);
    if (id > 0) {
      EXPECT_EQ(w.Classify(id - 1), Request::kOutside);
    }
    w.Replied({{static_cast<uint8_t>(id), 1}, {2}});
    EXPECT_EQ(w.Classify(id), Request::kRepeat);
    EXPECT_EQ(w.last_reply(), (Datagrams{{static_cast<uint8_t>(id), 1}, {2}}));
  }
  EXPECT_EQ(w.Classify(3), Request::kOutside);   // before the last
}

TEST(ExchangeWindow, TheTwoDirectionsDoNotMeet) {
  ExchangeWindow w;
  w.Sent(ExchangeType::kIkeAuth, {{1}}, 0);
  EXPECT_EQ(w.Classify(0), Request::kNew);
  w.Accepted(0);
  EXPECT_TRUE(w.Awaits(0, ExchangeType::kIkeAuth));
  w.Replied({{2}});
  EXPECT_TRUE(w.busy());
}

// F32: message IDs end, they do not wrap: what was sent long ago is not new again.
TEST(ExchangeWindow, TheLastIdIsNotUsed) {
  ExchangeWindow w(0xfffffffd);
  EXPECT_TRUE(w.nearly_spent());
  EXPECT_FALSE(w.spent());
  for (uint32_t id : {0xfffffffdu, 0xfffffffeu}) {
    EXPECT_EQ(w.Classify(id), Request::kNew);
    w.Accepted(id);
    w.Replied({{1}});
  }
  EXPECT_EQ(w.Classify(0xffffffff), Request::kOutside);
  EXPECT_EQ(w.Classify(0), Request::kOutside);
  EXPECT_EQ(w.Classify(0xfffffffe), Request::kRepeat);
  EXPECT_TRUE(w.spent());
  ExchangeWindow fresh;
  EXPECT_FALSE(fresh.nearly_spent() || fresh.spent());
}

TEST(ExchangeWindow, InitGoesAgainUnderItsOwnId) {
  ExchangeWindow w;
  w.Sent(ExchangeType::kIkeSaInit, {{1}}, 0);
  w.outstanding()->sent = 3;
  w.Replaced({{2}});
  EXPECT_TRUE(w.Awaits(0, ExchangeType::kIkeSaInit));
  EXPECT_EQ(w.outstanding()->datagrams, Datagrams{Bytes{2}});
  EXPECT_EQ(w.outstanding()->sent, 0u);
  w.Answered();
  w.Sent(ExchangeType::kIkeAuth, {{3}}, 0);
  w.RestartAfterInit();
  EXPECT_FALSE(w.busy());
  EXPECT_EQ(w.next_id(), 1u);
}

}  // namespace
}  // namespace culvert::ike
