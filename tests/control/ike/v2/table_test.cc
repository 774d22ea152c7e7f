#include "control/ike/v2/table.h"

#include <gtest/gtest.h>

namespace culvert::ike {
namespace {

constexpr Arrival kAll[] = {Arrival::kSaInitResponse, Arrival::kIntermediateRequest, Arrival::kIntermediateResponse,
                            Arrival::kAuthRequest, Arrival::kAuthResponse, Arrival::kCreateChildRequest,
                            Arrival::kCreateChildResponse, Arrival::kFollowUpRequest, Arrival::kFollowUpResponse,
                            Arrival::kInformationalRequest, Arrival::kInformationalResponse, Arrival::kOther};

// hostile.md B30, R15: before a peer is authenticated nothing but IKE_AUTH, and the rounds before it, has a handler; after it
// IKE_AUTH has none.
TEST(Table, OnlyIkeAuthBeforeAuthentication) {
  for (auto state : {IkeState::kRouting, IkeState::kInitKeying, IkeState::kInitSent, IkeState::kInitDeriving, IkeState::kAuthSigning,
                     IkeState::kAuthSent, IkeState::kAuthVerifying, IkeState::kAuthJudging,
                     IkeState::kRoundKeying, IkeState::kRoundSent, IkeState::kRoundDeriving, IkeState::kRoundAnswering,
                     IkeState::kAnswerKeying, IkeState::kHalfOpen, IkeState::kAnswerDeriving, IkeState::kKeyed, IkeState::kClosed,
                     IkeState::kDead}) {
    for (Arrival a : kAll) {
      bool may = (state == IkeState::kInitSent && a == Arrival::kSaInitResponse) ||
                 (state == IkeState::kInitDeriving && a == Arrival::kSaInitResponse) ||
                 ((state == IkeState::kRoundKeying || state == IkeState::kRoundDeriving) && a == Arrival::kSaInitResponse) ||
                 (state == IkeState::kRoundSent && (a == Arrival::kSaInitResponse || a == Arrival::kIntermediateResponse)) ||
                 (state == IkeState::kAuthSigning && a == Arrival::kSaInitResponse) ||
                 (state == IkeState::kAuthVerifying && a == Arrival::kSaInitResponse) ||
                 (state == IkeState::kAuthSent && (a == Arrival::kSaInitResponse || a == Arrival::kAuthResponse)) ||
                 (state == IkeState::kKeyed && (a == Arrival::kAuthRequest || a == Arrival::kIntermediateRequest));
      EXPECT_EQ(HandlerFor(state, a) != nullptr, may) << Name(state) << " " << static_cast<int>(a);
    }
  }
  for (auto state : {IkeState::kEstablished, IkeState::kRekeyed, IkeState::kDeleting}) {
    for (Arrival a : {Arrival::kSaInitResponse, Arrival::kIntermediateResponse, Arrival::kAuthRequest, Arrival::kAuthResponse}) EXPECT_EQ(HandlerFor(state, a), nullptr);
    for (Arrival a : {Arrival::kCreateChildRequest, Arrival::kFollowUpRequest, Arrival::kInformationalRequest, Arrival::kInformationalResponse}) {
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
  EXPECT_EQ(of(ExchangeType::kIkeIntermediate, true), Arrival::kIntermediateResponse);
  EXPECT_EQ(of(ExchangeType::kIkeFollowupKe, false), Arrival::kFollowUpRequest);
  for (unsigned other : {0u, 33u, 38u, 42u, 45u, 255u}) EXPECT_EQ(of(static_cast<ExchangeType>(other), false), Arrival::kOther);
}

}  // namespace
}  // namespace culvert::ike
