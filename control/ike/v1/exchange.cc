#include "control/ike/v1/exchange.h"

#include "control/ike/v1/quick_mode_state.h"
#include "control/ike/v1/transaction_state.h"

namespace culvert::ike::v1 {

Exchange::Exchange() = default;
Exchange::Exchange(Exchange&&) noexcept = default;
Exchange& Exchange::operator=(Exchange&&) noexcept = default;
Exchange::~Exchange() = default;

}  // namespace culvert::ike::v1
