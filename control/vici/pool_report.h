#pragma once

#include <string_view>

#include "common/vici/message.h"
#include "control/pools/lease_table.h"

namespace culvert::control {

// The answer to get-pools: of the pool of that name, of all where it is empty; as many leases as fit in a record.
vici::Section DescribePools(const pools::LeaseTable& table, std::string_view wanted, bool with_leases);

}  // namespace culvert::control
