#pragma once

#include <memory>
#include <vector>

#include "drivers/offload/inline_ports.h"
#include "drivers/offload/lookaside.h"

namespace culvert::offload {

// Every engine beside the processor, and which of them an SA goes to. Main thread; workers use inline_ports().Mark and their
// queues.
class Engines {
 public:
  // Either may be null.
  Engines(std::unique_ptr<InlinePorts> inline_ports, std::unique_ptr<LookasideDevices> lookaside)
      : inline_(std::move(inline_ports)), lookaside_(std::move(lookaside)) {}

  // The best that takes it; `port`: the one that the SA's local address is of, kNoPort for none. Where that is the processor,
  // or not the best: why, as told by the last that there is and that did not.
  static constexpr uint16_t kNoPort = 0xffff;
  StepDown Choose(const SessionSpec& spec, uint16_t port, Wish wish, Session& out);
  // Nobody uses it any more.
  void GiveBack(const Session& s);

  const InlinePorts* inline_ports() const { return inline_.get(); }
  InlinePorts* inline_ports() { return inline_.get(); }
  const LookasideDevices* lookaside() const { return lookaside_.get(); }
  std::vector<LookasideQueue*> QueuesOf(unsigned worker);

 private:
  std::unique_ptr<InlinePorts> inline_;
  std::unique_ptr<LookasideDevices> lookaside_;
};

}  // namespace culvert::offload
