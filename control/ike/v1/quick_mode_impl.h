#pragma once

#include "control/ike/v1/quick_mode.h"

// Between the files of quick mode: what only the one side or the other does, and what both do.
namespace culvert::ike::v1 {

inline constexpr size_t kQuickNonceSize = 32;   // octets

struct QuickRefusal {
  NotifyType type{};
  std::string why;
};
// quick_mode.cc: it comes to nothing, and the peer is told.
void RefuseQuick(Context& cx, IkeSa& sa, Exchange& exchange, const QuickRefusal& refusal);
// All is agreed on: keys are derived, and the inbound half goes into the data plane.
void InstallQuick(Context& cx, IkeSa& sa, Exchange& exchange);
// The last message has been said or heard: the exchange is over, its child is sent on.
void FinishQuick(Context& cx, IkeSa& sa, Exchange& exchange);
// The notifies beside its payloads.
void TakeNotifies(Context& cx, IkeSa& sa, Exchange& exchange, const Inbound& in);

// quick_mode_request.cc: the initiator's side.
void OnQuickAnswer(Context& cx, IkeSa& sa, Exchange& exchange, const Inbound& in);
void SendThird(Context& cx, IkeSa& sa, Exchange& exchange);
void OnRequesterJob(Context& cx, IkeSa& sa, Exchange& exchange, KeyExchangeJob& job);

// quick_mode_reply.cc: the responder's.
void SendSecond(Context& cx, IkeSa& sa, Exchange& exchange);
void OnThird(Context& cx, IkeSa& sa, Exchange& exchange);
void OnReplierJob(Context& cx, IkeSa& sa, Exchange& exchange, KeyExchangeJob& job);

}  // namespace culvert::ike::v1
