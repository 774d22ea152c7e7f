#pragma once

#include <memory>

#include "control/ike/core.h"
#include "control/ike/sa/task.h"

namespace culvert::ike {
class Context;
}

namespace culvert::ike::v1 {

// IKEv1 as the core has it: all it does, behind one door. A build without it has none.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual void OnDatagram(const DatagramIn& d) = 0;    // of major version 1
  // These are given to whichever version's they are: false where not this one's.
  virtual bool OnTimer(TimerId timer) = 0;
  virtual bool OnJob(JobDone& done) = 0;
  virtual bool OnSource(const SourceFound& found) = 0;
  virtual bool OnChild(const ChildInstalled& e) = 0;
  virtual bool OnChild(const ChildSoftExpired& e) = 0;
  virtual bool OnChild(const ChildHardExpired& e) = 0;
  virtual bool OnChild(const ChildUse& e) = 0;
  virtual bool OnChild(const PeerMovedByEsp& e) = 0;
  // Operators.
  virtual void Want(const ConnectionRef& connection, Task task) = 0;
  virtual bool IsUpOrComing(const ChildName& name) = 0;
  virtual size_t Matches(const Terminate& command) = 0;
  virtual void OnTerminate(const Terminate& command) = 0;
  virtual size_t Matches(const Rekey& command) = 0;
  virtual void OnRekey(const Rekey& command) = 0;
  virtual void List(std::vector<IkeView>& into) const = 0;
  virtual void Reap() = 0;
};
// nullptr in a build without IKEv1. `shared` outlives it.
std::unique_ptr<Engine> MakeEngine(ike::Context& shared);

}  // namespace culvert::ike::v1
