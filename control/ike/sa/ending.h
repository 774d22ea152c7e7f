#pragma once

#include <chrono>

#include "config/model.h"

// Why IKE SAs and Child SAs end, and what is to follow.
namespace culvert::ike {

enum class Why : uint8_t { kPeerDeleted, kPeerDead, kOperator, kExpired, kReplaced, kRekeyed, kAuthFailed, kProtocolError };
const char* Describe(Why why);   // "the peer is dead", for the end of a line; static storage

// What a child's dpd_action or close_action asks for.
enum class AfterEnd : uint8_t { kNothing, kTrap, kStart };
AfterEnd NextFor(const config::Child& child, Why why);

// A child that its peer deletes as soon as it is up is not brought up again at once, for ever.
inline constexpr std::chrono::seconds kFlapGuard{10};

}  // namespace culvert::ike
