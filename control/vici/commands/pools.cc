#include "control/vici/commands.h"
#include "control/vici/pool_report.h"

namespace culvert::control {

void ViciGetPools(ViciCommands& vici, const ViciCommands::Call& call) {
  const bool with_leases = call.request.Get("leases") == "yes";
  vici.Respond(call, DescribePools(vici.world().driver.core().leases(), call.request.Get("name"), with_leases));
}

}  // namespace culvert::control
