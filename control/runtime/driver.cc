#include "control/runtime/driver.h"

#include <absl/log/log.h>

#include "common/base/memory_reserve.h"
#include "control/runtime/system_resolver.h"

namespace culvert::control {

Driver::Driver(World world, unsigned helper_threads)
    : core_(world.control, world.random, world.spis),
      timer_(world.loop, [this] { Run(); }),
      jobs_done_(world.loop,
                 [this] {
                   for (auto* pool : {&jobs_, &lookups_}) {
                     for (auto& done : pool->TakeDone()) Post(std::move(done));
                   }
                 }),
      jobs_(helper_threads, [](void* wakeup) { static_cast<Wakeup*>(wakeup)->Signal(); }, &jobs_done_),
      lookups_(kLookupThreads, [](void* wakeup) { static_cast<Wakeup*>(wakeup)->Signal(); }, &jobs_done_) {
  core_.set_resolver(std::make_shared<SystemResolver>());
}

Driver::~Driver() = default;

void Driver::set_key_log(std::unique_ptr<KeyLogFile> log) {
  key_log_ = std::move(log);
  core_.set_key_logging(key_log_ != nullptr);
}

void Driver::Post(ike::Event event) {
  events_.push_back(std::move(event));
  Run();
}

void Driver::Run() {
  if (running_) return;
  running_ = true;
  ike::Actions actions;
  for (;;) {
    Time now = EventLoop::Now();
    if (!events_.empty()) {
      ike::Event event = std::move(events_.front());
      events_.pop_front();
      core_.Handle(std::move(event), now, actions);
    } else if (auto due = timers_.PopDue(now)) {
      core_.Handle(ike::TimerFired{*due}, now, actions);
    } else {
      break;
    }
    for (auto& action : actions) std::visit([this](auto& a) { Do(a); }, action);
    actions.clear();
    if (!MemoryReserve::Whole()) OnMemoryShort();
  }
  running_ = false;
  Arm();
}

void Driver::OnMemoryShort() {
  LOG_EVERY_N_SEC(ERROR, 1) << "memory is short: nothing new is begun until the reserve is whole again";
  (void)MemoryReserve::Refill();
}

void Driver::Arm() {
  if (auto next = timers_.next()) {
    timer_.At(*next);
  } else {
    timer_.Stop();
  }
}

// There is no store yet, so every commit is durable at once and `after_commit` holds nothing back.
void Driver::Do(ike::Store&) {}
void Driver::Do(ike::SendDatagram& a) { data_plane_->Send(std::move(a)); }
void Driver::Do(ike::ArmTimer& a) { timers_.Arm(a.timer, a.at); }
void Driver::Do(ike::CancelTimer& a) { timers_.Cancel(a.timer); }
void Driver::Do(ike::RunJob& a) { (a.job->waits() ? lookups_ : jobs_).Submit(std::move(a)); }
void Driver::Do(ike::InstallChild& a) { data_plane_->Install(std::move(a)); }
void Driver::Do(ike::RemoveChild& a) { data_plane_->Remove(a); }
void Driver::Do(ike::UpdateChild& a) { data_plane_->Update(a); }
void Driver::Do(ike::SetTrap& a) { data_plane_->SetTrap(a); }
void Driver::Do(ike::QueryChildUse& a) { data_plane_->QueryUse(a); }
void Driver::Do(ike::QuerySource& a) { data_plane_->QuerySource(a); }

void Driver::Do(ike::Audit& a) {
  switch (a.severity) {
    case ike::Severity::kDebug: VLOG(1) << a.text; break;
    case ike::Severity::kInfo: LOG(INFO) << a.text; break;
    case ike::Severity::kWarning: LOG(WARNING) << a.text; break;
    case ike::Severity::kError: LOG(ERROR) << a.text; break;
  }
  auto it = requests_.find(a.request);
  if (it != requests_.end() && it->second.audit) it->second.audit(a);
}

void Driver::Do(ike::Reply& a) {
  auto node = requests_.extract(a.request);
  if (node && node.mapped().done) node.mapped().done(a);
}

void Driver::Do(ike::KeyLog& a) {
  if (key_log_) key_log_->Write(a);
}

void Driver::Do(ike::Notice& a) {
  if (on_notice) on_notice(a);
}

ike::RequestId Driver::Open(Request request) {
  ike::RequestId id = next_request_++;
  requests_.emplace(id, std::move(request));
  return id;
}

void Driver::Abandon(ike::RequestId id) { requests_.erase(id); }

}  // namespace culvert::control
