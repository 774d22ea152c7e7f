#include "drivers/offload/engines.h"

namespace culvert::offload {

StepDown Engines::Choose(const SessionSpec& spec, uint16_t port, Session& out) {
  StepDown why = StepDown::kNoDevice;
  if (inline_ != nullptr && port != kNoPort) {
    InlinePorts::Session s;
    why = inline_->Create(port, spec, s);
    if (s.handle != nullptr) {
      out = {Engine::kInlineCrypto, s.port, s.handle, s.flow};
      return StepDown::kNone;
    }
  }
  if (lookaside_ != nullptr && lookaside_->size() != 0) {
    LookasideDevices::Session s;
    StepDown refused = lookaside_->Create(spec, s);
    if (s.handle == nullptr) return refused;
    out = {Engine::kLookaside, s.device, s.handle, nullptr};
    if (why == StepDown::kNoDevice) why = StepDown::kNone;
  }
  return why;
}

void Engines::GiveBack(const Session& s) {
  if (s.engine == Engine::kInlineCrypto)
    inline_->Destroy({s.device, const_cast<void*>(s.handle), s.flow});
  else if (s.engine == Engine::kLookaside)
    lookaside_->Destroy({static_cast<uint8_t>(s.device), const_cast<void*>(s.handle)});
}

std::vector<LookasideQueue*> Engines::QueuesOf(unsigned worker) {
  std::vector<LookasideQueue*> queues;
  for (size_t d = 0; lookaside_ != nullptr && d < lookaside_->size(); ++d) queues.push_back(&lookaside_->queue(worker, d));
  return queues;
}

}  // namespace culvert::offload
