#pragma once

#include "control/ike/action.h"

namespace culvert::control {

// The data plane as the driver sees it: it carries out the core's actions and answers with events. Loop thread only. Answers
// never come before the call returns. control/sadb is the real one; a null one serves handshake benchmarks.
class DataPlane {
 public:
  virtual ~DataPlane() = default;

  virtual void Send(ike::SendDatagram datagram) = 0;    // may be dropped when the way is full: IKE retransmits
  virtual void Install(ike::InstallChild install) = 0;  // → ChildInstalled
  virtual void Remove(const ike::RemoveChild& remove) = 0;
  virtual void Update(const ike::UpdateChild& update) = 0;
  virtual void SetTrap(const ike::SetTrap& trap) = 0;
  virtual void QueryUse(const ike::QueryChildUse& query) = 0;   // → ChildUse
  virtual void QuerySource(const ike::QuerySource& query) = 0;  // → SourceFound
};

}  // namespace culvert::control
