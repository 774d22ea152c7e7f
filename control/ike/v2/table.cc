#include "control/ike/v2/table.h"

#include "control/ike/v2/auth.h"
#include "control/ike/v2/create_child.h"
#include "control/ike/v2/follow_up.h"
#include "control/ike/v2/informational.h"
#include "control/ike/v2/intermediate.h"
#include "control/ike/v2/rivals.h"
#include "control/ike/v2/sa_init.h"

namespace culvert::ike {
namespace {

constexpr Handler kDrop = nullptr;

// The IKEv2 state machine. Rows are IkeState's values in their order, columns Arrival's; every pair is decided here.
// hostile.md B30: nothing but IKE_AUTH and the rounds before it reaches an SA whose peer is not authenticated, whatever keys
// the sender has.
//
//   initiator: kRouting - kInitKeying - kInitSent - kInitDeriving - [kRound...] - [kAuthSigning] - kAuthSent -
//              [kAuthVerifying] - kEstablished
//   responder: kAnswerKeying - kHalfOpen - kAnswerDeriving - kKeyed - [kRoundAnswering - kKeyed] - [kAuthJudging] -
//              kEstablished
//   both:      kEstablished - kRekeyed - kDeleting - kClosed - kDead
constexpr Handler kTable[kIkeStates][kArrivals] = {
    // SA_INIT resp, INTERMEDIATE req, resp, AUTH req, resp, CREATE_CHILD req, resp, FOLLOWUP_KE req, resp, INFORMATIONAL req,
    // resp, other
    /* kRouting */
    {kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop},
    /* kInitKeying */
    {kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop},
    /* kInitSent */
    {OnSaInitResponse, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop},
    /* kInitDeriving */
    {OnRivalAnswer, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop},
    /* kRoundKeying */
    {OnRivalAnswer, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop},
    /* kRoundSent */
    {OnRivalAnswer, kDrop, OnIntermediateResponse, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop},
    /* kRoundDeriving */
    {OnRivalAnswer, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop},
    /* kAuthSigning */
    {OnRivalAnswer, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop},
    /* kAuthSent */
    {OnRivalAnswer, kDrop, kDrop, kDrop, OnAuthResponse, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop},
    /* kAuthVerifying */
    {OnRivalAnswer, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop},
    /* kAnswerKeying */
    {kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop},
    /* kHalfOpen */
    {kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop},
    /* kAnswerDeriving */
    {kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop},
    /* kKeyed */
    {kDrop, OnIntermediateRequest, kDrop, OnAuthRequest, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop},
    /* kRoundAnswering */
    {kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop},
    /* kAuthJudging */
    {kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop},
    /* kEstablished */
    {kDrop, OnUnknownExchange, kDrop, kDrop, kDrop,
     OnCreateChildRequest, OnCreateChildResponse, OnFollowUpRequest, OnFollowUpResponse,
     OnInformationalRequest, OnInformationalResponse, OnUnknownExchange},
    /* kRekeyed */
    {kDrop, OnUnknownExchange, kDrop, kDrop, kDrop, RefuseForNow,
     kDrop, RefuseFollowUp, kDrop, OnInformationalRequest, OnInformationalResponse, OnUnknownExchange},
    /* kDeleting */
    {kDrop, OnUnknownExchange, kDrop, kDrop, kDrop, RefuseForNow,
     kDrop, RefuseFollowUp, kDrop, OnInformationalRequest, OnInformationalResponse, OnUnknownExchange},
    /* kClosed */
    {kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop},
    /* kDead */
    {kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop, kDrop},
};
static_assert(static_cast<size_t>(IkeState::kDead) + 1 == kIkeStates);
static_assert(static_cast<size_t>(Arrival::kOther) + 1 == kArrivals);

}  // namespace

Arrival ArrivalOf(const IkeHeader& header) {
  bool response = header.response;
  switch (header.exchange) {
    case ExchangeType::kIkeSaInit: return response ? Arrival::kSaInitResponse : Arrival::kOther;
    case ExchangeType::kIkeIntermediate: return response ? Arrival::kIntermediateResponse : Arrival::kIntermediateRequest;
    case ExchangeType::kIkeFollowupKe: return response ? Arrival::kFollowUpResponse : Arrival::kFollowUpRequest;
    case ExchangeType::kIkeAuth: return response ? Arrival::kAuthResponse : Arrival::kAuthRequest;
    case ExchangeType::kCreateChildSa: return response ? Arrival::kCreateChildResponse : Arrival::kCreateChildRequest;
    case ExchangeType::kInformational: return response ? Arrival::kInformationalResponse : Arrival::kInformationalRequest;
    default: return Arrival::kOther;
  }
}

Handler HandlerFor(IkeState state, Arrival arrival) {
  return kTable[static_cast<size_t>(state)][static_cast<size_t>(arrival)];
}

}  // namespace culvert::ike
