#include "drivers/offload/engines.h"

namespace culvert::offload {

StepDown Engines::Choose(const SessionSpec& spec, uint16_t port, Wish wish, Session& out) {
  StepDown why = StepDown::kNoDevice;
  if (inline_ != nullptr && port != kNoPort) {
    why = inline_->Create(port, spec, wish, out);
    if (out.handle != nullptr) return why;
  }
  if (lookaside_ != nullptr && lookaside_->size() != 0) {
    const StepDown lent = lookaside_->Create(spec, wish, out);
    if (why == StepDown::kNoDevice || (out.handle == nullptr && lent != StepDown::kNoDevice)) why = lent;
  }
  return why;
}

void Engines::GiveBack(const Session& s) {
  if (IsInline(s.engine))
    inline_->Destroy(s);
  else if (s.engine != Engine::kCpu)
    lookaside_->Destroy(s);
}

std::vector<LookasideQueue*> Engines::QueuesOf(unsigned worker) {
  std::vector<LookasideQueue*> queues;
  for (size_t d = 0; lookaside_ != nullptr && d < lookaside_->size(); ++d) queues.push_back(&lookaside_->queue(worker, d));
  return queues;
}

}  // namespace culvert::offload
