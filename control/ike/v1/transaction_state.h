#pragma once

#include <string>

#include "control/ike/wire/v1/payloads.h"

namespace culvert::ike::v1 {

// One exchange of XAUTH or mode config.
struct Transaction {
  uint16_t id = 0;                            // the attributes payload's
  TransactionType type{};                     // of its first message
  std::string user;                           // who the peer says it is, while a job looks that up
};

}  // namespace culvert::ike::v1
