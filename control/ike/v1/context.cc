#include "control/ike/v1/context.h"

#include "control/ike/sa/sa_registry_impl.h"

namespace culvert::ike {

template class SaRegistryOf<v1::IkeSa>;

namespace v1 {

uint64_t Context::DrawCookie() {
  for (;;) {
    const uint64_t cookie = random().U64();
    if (cookie != 0 && !sas.SpiInUse(cookie)) return cookie;
  }
}

JobId Context::Run(const IkeSa& sa, std::unique_ptr<Job> job) {
  const bool stranger = sa.phase1 && !sa.initiator;
  JobId id = shared.Run(sa.id, std::move(job), stranger ? JobPriority::kStranger : JobPriority::kKnownPeer);
  sas.IndexJob(id, sa);
  return id;
}

}  // namespace v1
}  // namespace culvert::ike
