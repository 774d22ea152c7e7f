#pragma once

#include "control/ike/v2/receive.h"

namespace culvert::ike {

// What may arrive at an IKE SA. IKE_SA_INIT requests are not here: they come before there is one.
enum class Arrival : uint8_t {
  kSaInitResponse, kIntermediateRequest, kIntermediateResponse, kAuthRequest, kAuthResponse, kCreateChildRequest,
  kCreateChildResponse, kFollowUpRequest, kFollowUpResponse, kInformationalRequest, kInformationalResponse, kOther,
};
inline constexpr size_t kArrivals = 12;
Arrival ArrivalOf(const IkeHeader& header);

using Handler = void (*)(Context&, IkeSa&, const Inbound&);

// nullptr: dropped and counted, whatever it says.
Handler HandlerFor(IkeState state, Arrival arrival);

}  // namespace culvert::ike
