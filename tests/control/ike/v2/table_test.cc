#include "control/ike/v2/table.h"

#include <gtest/gtest.h>

namespace culvert::ike {
namespace {

constexpr Arrival kAll[] = {Arrival::kSaInitResponse, Arrival::kAuthRequest, Arrival::kAuthResponse, Arrival::kCreateChildRequest,
                            Arrival::kCreateChildResponse, Arrival::kInformationalRequest, Arrival::kInformationalResponse,
                            Arrival::kOther};

// hostile.md B30, R15: before a peer is authenticated nothing but IKE_AUTH has a handler, and after it IKE_AUTH has none.
TEST(Table, OnlyIkeAuthBeforeAuthentication) {
  for (auto state : {IkeState::kRouting, IkeState::kInitKeying, IkeState::kInitSent, IkeState::kInitDeriving, IkeState::kAuthSent,
                     IkeState::kAnswerKeying, IkeState::kHalfOpen, IkeState::kAnswerDeriving, IkeState::kKeyed, IkeState::kClosed,
                     IkeState::kDead}) {
    for (Arrival a : kAll) {
      bool may = (state == IkeState::kInitSent && a == Arrival::kSaInitResponse) ||
                 (state == IkeState::kInitDeriving && a == Arrival::kSaInitResponse) ||
                 (state == IkeState::kAuthSent && (a == Arrival::kSaInitResponse || a == Arrival::kAuthResponse)) ||
                 (state == IkeState::kKeyed && a == Arrival::kAuthRequest);
      EXPECT_EQ(HandlerFor(state, a) != nullptr, may) << Name(state) << " " << static_cast<int>(a);
    }
  }
  for (auto state : {IkeState::kEstablished, IkeState::kRekeyed, IkeState::kDeleting}) {
    for (Arrival a : {Arrival::kSaInitResponse, Arrival::kAuthRequest, Arrival::kAuthResponse}) EXPECT_EQ(HandlerFor(state, a), nullptr);
    for (Arrival a : {Arrival::kCreateChildRequest, Arrival::kInformationalRequest, Arrival::kInformationalResponse}) {
      EXPECT_NE(HandlerFor(state, a), nullptr);
    }
  }
}

TEST(Table, ArrivalsByExchangeAndDirection) {
  auto of = [](ExchangeType exchange, bool response) { return ArrivalOf({.exchange = exchange, .response = response}); };
  EXPECT_EQ(of(ExchangeType::kIkeAuth, false), Arrival::kAuthRequest);
  EXPECT_EQ(of(ExchangeType::kIkeAuth, true), Arrival::kAuthResponse);
  EXPECT_EQ(of(ExchangeType::kCreateChildSa, false), Arrival::kCreateChildRequest);
  EXPECT_EQ(of(ExchangeType::kInformational, true), Arrival::kInformationalResponse);
  for (unsigned other : {0u, 33u, 38u, 43u, 44u, 255u}) EXPECT_EQ(of(static_cast<ExchangeType>(other), false), Arrival::kOther);
}

}  // namespace
}  // namespace culvert::ike
