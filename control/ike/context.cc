#include "control/ike/context.h"

#include "common/base/memory_reserve.h"
#include "control/ike/cat.h"

namespace culvert::ike {

template <typename A>
void Context::Emit(A action) {
  out_->emplace_back(std::move(action));
}
template void Context::Emit(SendDatagram);
template void Context::Emit(ArmTimer);
template void Context::Emit(CancelTimer);
template void Context::Emit(RunJob);
template void Context::Emit(InstallChild);
template void Context::Emit(RemoveChild);
template void Context::Emit(UpdateChild);
template void Context::Emit(SetTrap);
template void Context::Emit(QueryChildUse);
template void Context::Emit(QuerySource);
template void Context::Emit(Store);
template void Context::Emit(Audit);
template void Context::Emit(Reply);
template void Context::Emit(KeyLog);
template void Context::Emit(Notice);

bool Context::ShortOfMemory() {
  if (MemoryReserve::Whole()) return false;
  Bump(Count::kMemoryShort);
  return true;
}

JobId Context::Run(IkeId sa, std::unique_ptr<Job> job, JobPriority priority) {
  Emit(RunJob{next_job_, sa, std::move(job), priority});
  return next_job_++;
}

JobId Context::Run(const IkeSa& sa, std::unique_ptr<Job> job) {
  JobId id = Run(sa.id, std::move(job), sa.answering ? JobPriority::kStranger : JobPriority::kKnownPeer);
  sas.IndexJob(id, sa);
  return id;
}

void Context::CancelIkeTimers(IkeId sa) {
  for (auto k = TimerKind::kRetransmit; k <= TimerKind::kLinger; k = static_cast<TimerKind>(static_cast<uint8_t>(k) + 1)) {
    Cancel(k, sa);
  }
}

uint64_t Context::Commit(const SaBase& sa) {
  Emit(Store{next_commit_, sa.id});
  return next_commit_++;
}

uint32_t Context::ReqidOf(const std::string& connection, const std::string& child) {
  auto [it, fresh] = reqids_.try_emplace({connection, child}, next_reqid_);
  if (fresh) ++next_reqid_;
  return it->second;
}

void Context::Log(Severity severity, const SaBase& sa, std::string_view text, RequestId request) {
  Emit(Audit{severity, Cat(sa.ConnectionName(), "[", sa.id, "] ", sa.path.remote.ToString(), ": ", text), sa.id, request});
}

void Context::LogStranger(const Endpoint& remote, std::string_view text) {
  if (!stranger_lines_.Take(now)) {
    ++suppressed_lines_;
    return;
  }
  std::string more = suppressed_lines_ ? Cat(" (and ", suppressed_lines_, " more lines like this)") : "";
  suppressed_lines_ = 0;
  Emit(Audit{Severity::kInfo, Cat(remote.ToString(), ": ", text, more), 0, 0});
}

void Context::Answer(RequestId request, std::string_view error) {
  if (request == 0) return;
  auto it = requests_.find(request);
  if (it == requests_.end()) return Emit(Reply{request, error.empty(), std::string(error), error.empty() ? 1u : 0u});
  Parts& parts = it->second;
  if (parts.error.empty()) parts.error = error;
  if (--parts.open > 0) return;
  Emit(Reply{request, parts.error.empty(), parts.error, parts.all});
  requests_.erase(it);
}

}  // namespace culvert::ike
