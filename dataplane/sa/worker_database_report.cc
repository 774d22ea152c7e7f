#include <algorithm>
#include <utility>

#include "absl/log/log.h"
#include "dataplane/sa/worker_database.h"

// What WorkerDatabase hears from its workers and from the clock.
namespace culvert::dp {

using channel::Direction;
using channel::Event;
using channel::EventType;

void WorkerDatabase::Poll(const std::function<void(const Event&)>& sink) {
  for (WorkerMail* mail : mail_) {
    WorkerReport report;
    for (unsigned i = 0; i < WorkerMail::kSlots && mail->reports.Take(report); ++i) HandleReport(report, sink);
  }
  RunDeadlines(sink);
  PollEngines(sink);
  AgePaths();
  GoOnMoving();
  tables_.spd.Poll();
  FlushOrders();
  while (!retired_.empty() && grace_.Passed(retired_.front().token)) {
    Answer then = std::move(retired_.front().then);
    retired_.pop_front();
    then();
  }
}

void WorkerDatabase::HandleReport(const WorkerReport& report, const std::function<void(const Event&)>& sink) {
  Event e{};
  switch (report.kind) {
    case WorkerReport::kTooBig: return FindTooBig(report.too_big);
    case WorkerReport::kDone: {
      if (report.path_mtu != 0) PathLearned(report);
      auto at = answers_.find(report.ticket);
      if (at == answers_.end()) return;
      Answer answer = std::move(at->second);
      answers_.erase(at);
      if (answer) answer();
      return;
    }
    case WorkerReport::kAcquire: {
      auto policy = by_id_.find(report.policy);
      if (policy == by_id_.end() || !policies_.contains(policy->second->wire_id)) return;
      e.type = EventType::kAcquire;
      e.acquire = {policy->second->wire_id, 0, report.acquire.local, report.acquire.remote};
      return sink(e);
    }
    default: break;
  }
  SaRecord* r = FindInstallation(report.direction, report.sa_index, report.installation);
  if (r == nullptr || r->state != SaRecord::State::kLive) return;
  if (report.kind == WorkerReport::kMoved && r->manual) return;  // nobody would take it after its peer
  if (report.kind == WorkerReport::kLeftDevice) {
    if (r->session.handle == nullptr) return;
    const Record left = Of(report.direction)[report.sa_index];
    LeaveDevice(left, offload::StepDown::kPath);
    return GiveBackLeft(left);
  }
  if (report.kind != WorkerReport::kMoved) return Expire(*r, report.kind == WorkerReport::kHard, &report, sink);
  e.type = EventType::kPeerMoved;
  e.moved = {r->spi, r->sa_index, r->child_id, report.moved.local, report.moved.remote};
  sink(e);
}

void WorkerDatabase::RunDeadlines(const std::function<void(const Event&)>& sink) {
  if (deadlines_.empty()) return;
  int64_t now = TscClock::Now();
  while (!deadlines_.empty() && deadlines_.top().at <= now) {
    Deadline d = deadlines_.top();
    deadlines_.pop();
    SaRecord* r = FindInstallation(d.direction, d.sa_index, d.installation);
    if (r == nullptr || r->state != SaRecord::State::kLive) continue;
    if ((d.hard ? r->lifetime.hard_at : r->lifetime.soft_at) != d.at) continue;  // moved since
    Expire(*r, d.hard, nullptr, sink);
  }
}

// Worker and clock may both see an end coming; each kind is told once.
void WorkerDatabase::Expire(SaRecord& r, bool hard, const WorkerReport* exact, const std::function<void(const Event&)>& sink) {
  Record keep = Of(r.direction)[r.sa_index];
  bool& told = hard ? r.expired : r.soft_reported;
  if (std::exchange(told, true) || r.expired != hard) return;
  if (r.manual) {
    if (!hard) return;  // nobody would replace it
    LOG(WARNING) << "manual SA " << r.child << " is at its end: what it protects is dropped from now on";
    return;
  }
  Event e{};
  e.type = hard ? EventType::kHardExpiry : EventType::kSoftExpiry;
  e.expiry.spi = r.spi;
  e.expiry.sa_index = r.sa_index;
  e.expiry.child_id = r.child_id;
  e.expiry.direction = r.direction;
  int64_t last_use;
  FillUse(r, e.expiry.packets, e.expiry.bytes, last_use);
  e.expiry.sequence = r.in != nullptr ? r.in->window.edge() : r.out->sequence.get();
  if (exact != nullptr) {
    e.expiry.packets = exact->packets;
    e.expiry.bytes = exact->bytes;
    e.expiry.sequence = exact->sequence;
  }
  sink(e);
  // Nobody else would ever remove an orphan.
  if (hard && r.orphan && r.state == SaRecord::State::kLive) Leave(keep, {});
}

void WorkerDatabase::SetStatePage(channel::StatePage* page, std::function<void()> released) {
  tables_.page.store(page, std::memory_order_release);
  AfterGrace([this, page, released = std::move(released)] {
    // No worker writes the old page any more, and all write the new one.
    if (released) released();
    if (page != nullptr && tables_.page.load(std::memory_order_relaxed) == page) FillPage(page);
  });
}

// What workers published before this page came. They go on publishing meanwhile, and what they wrote is never lowered.
void WorkerDatabase::FillPage(channel::StatePage* page) {
  auto raise = [](std::atomic<uint64_t>& word, uint64_t value) {
    uint64_t seen = word.load(std::memory_order_relaxed);
    while (seen < value && !word.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {}
  };
  for (const Records& records : records_) {
    for (const auto& [index, r] : records) {
      if (r->manual) continue;
      if (r->in != nullptr) raise(page->inbound[index], r->in->window.edge());
      if (r->out != nullptr) raise(page->outbound[index], r->out->sequence.get());
    }
  }
}

}  // namespace culvert::dp
