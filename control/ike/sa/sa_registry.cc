#include "control/ike/sa/ike_sa.h"
#include "control/ike/sa/sa_registry_impl.h"

namespace culvert::ike {

template class SaRegistryOf<IkeSa>;

}  // namespace culvert::ike
