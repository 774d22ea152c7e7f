#include "dataplane/main/watch_service.h"

#include <absl/log/log.h>
#include <absl/strings/str_cat.h>
#include <rte_cycles.h>
#include <rte_random.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace culvert::dp {
namespace {

using nlohmann::ordered_json;
using Kind = WatchRequest::Kind;

constexpr unsigned kPerTurn = 64;  // packets of one worker
constexpr Duration kFilterInterval = std::chrono::seconds(1);

WatchOrder OrderFor(const WatchRequest& r) {
  return {.stages = r.kind == Kind::kStages,
          .paths = r.kind != Kind::kStages,
          .frames = r.kind == Kind::kCapture,
          .clear_text = r.clear_text,
          .snap = r.kind == Kind::kCapture ? r.snap : uint16_t{0}};
}

void LogAsker(const Streamer::Asker& who, const WatchRequest& r, const nlohmann::json& question) {
  std::string text = absl::StrCat("uid ", who.uid, " (pid ", who.pid, ") watches packets", r.clear_text ? " IN CLEAR: " : ": ",
                                  question.dump());
  if (r.clear_text)
    LOG(WARNING) << text;
  else
    LOG(INFO) << text;
}

}  // namespace

struct WatchService::Session {
  Streamer::Asker who;
  WatchRequest request;
  std::unique_ptr<const WatchFilter> filter;
  std::vector<std::unique_ptr<Watch>> watches;  // by worker
  std::vector<WorkerUse> begun;                 // polls as they were
  WatchNames names;
  WallClock clock;
  std::unique_ptr<PathParts> parts;
  Time until, renew_at;
  uint64_t packets = 0, hidden = 0;
  bool announced = false, client_gone = false;
  const char* ending = nullptr;  // why; null: goes on
  uint64_t grace = 0;            // once it ends
};

WatchService::WatchService(Gateway& gateway, const SaDatabase* database, ControlSocket& control)
    : gateway_(gateway), database_(database), control_(control) {
  control_.SetStreamer(this);
}

WatchService::~WatchService() {
  control_.SetStreamer(nullptr);
  for (unsigned w = 0; w < gateway_.workers(); ++w) gateway_.context(w).armed.store(nullptr, std::memory_order_release);
}

std::string WatchService::Begin(const Asker& who, const nlohmann::json& question) {
  if (session_ != nullptr) {
    const auto& [client, uid, pid] = session_->who;
    return absl::StrCat("one at a time; uid ", uid, " (pid ", pid, ") is watching: ", Name(session_->request.kind), ", for ",
                        session_->request.seconds, " s at most");
  }
  auto s = std::make_unique<Session>();
  for (const auto& p : gateway_.ports()) s->names.ports.push_back(p->name());
  auto request = ReadWatchRequest(question, s->names.ports);
  if (!request.ok()) return std::string(request.status().message());
  s->who = who;
  s->request = std::move(*request);
  auto filter = std::make_unique<WatchFilter>(s->request.filter);
  if (!s->request.sa.empty()) {
    filter->sas = database_ != nullptr ? database_->SasNamed(s->request.sa) : std::vector<uint32_t>{};
    if (filter->sas->empty()) return absl::StrCat("no SA is up of a child or connection named ", s->request.sa);
  }
  s->filter = std::move(filter);
  s->names.label = [this](channel::Direction d, uint32_t index) {
    return database_ != nullptr ? database_->LabelOf(d, index) : std::nullopt;
  };
  s->parts = std::make_unique<PathParts>([this](std::span<PathPart* const> parts) { Tell(parts); });
  session_ = std::move(s);
  LogAsker(who, session_->request, question);
  Arm();
  return "";
}

void WatchService::Arm() {
  Session& s = *session_;
  const Time now = std::chrono::steady_clock::now();
  s.until = now + std::chrono::seconds(s.request.seconds);
  s.renew_at = now + kFilterInterval;
  s.clock = {.tsc = rte_rdtsc(),
             .hz = gateway_.context(0).tsc_hz,
             .nanos = std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count()};
  const WatchOrder order = OrderFor(s.request);
  for (unsigned w = 0; w < gateway_.workers(); ++w) {
    WorkerContext& ctx = gateway_.context(w);
    auto first_path = static_cast<uint32_t>(rte_rand());
    s.watches.push_back(std::make_unique<Watch>(order, w, first_path, s.filter.get(), ctx.rings->main_bell));
    s.begun.push_back({s.watches.back().get(), ctx.counters.polls.get(), ctx.counters.empty_polls.get()});
    ctx.armed.store(s.watches.back().get(), std::memory_order_release);
  }
}

void WatchService::Disarm(const char* why) {
  Session& s = *session_;
  if (s.ending != nullptr) return;
  s.ending = why;
  for (unsigned w = 0; w < gateway_.workers(); ++w) gateway_.context(w).armed.store(nullptr, std::memory_order_release);
  s.grace = gateway_.grace().Begin();
}

void WatchService::Gone(uint64_t client) {
  if (session_ == nullptr || session_->who.client != client) return;
  session_->client_gone = true;
  Disarm("stopped");
}

void WatchService::Announce() {
  Session& s = *session_;
  s.announced = true;
  ordered_json interfaces = ordered_json::array();
  for (const std::string& name : s.names.ports) interfaces.push_back({{"name", name}, {"link", "ethernet"}});
  interfaces.push_back({{"name", "inside"}, {"link", "raw"}});
  ordered_json what{{"kind", Name(s.request.kind)}, {"seconds", s.request.seconds}};
  if (s.request.kind != Kind::kStages) what["count"] = s.request.count;
  if (s.request.kind == Kind::kCapture) {
    what["snap"] = s.request.snap;
    what["clear_text"] = s.request.clear_text;
    what["interfaces"] = std::move(interfaces);
  }
  (void)control_.Push(s.who.client, {{"watching", std::move(what)}});
}

bool WatchService::Drain(unsigned most) {
  bool found = false;
  for (auto& watch : session_->watches) {
    for (unsigned i = 0; i < most; ++i) {
      const uint8_t* slot = watch->records().Peek();
      if (slot == nullptr) break;
      PathPart part(slot);
      watch->records().Release();
      session_->parts->Add(std::move(part));
      found = true;
    }
  }
  return found;
}

void WatchService::Tell(std::span<PathPart* const> parts) {
  Session& s = *session_;
  if (s.client_gone || s.packets >= s.request.count) return;
  std::vector<const PathRecord*> records;
  for (const PathPart* p : parts) records.push_back(&p->record());
  if (!s.filter->Matches(records)) return;
  std::vector<ordered_json> lines;
  if (s.request.kind == Kind::kTrace) {
    lines.push_back(PathReport(parts, s.names));
  } else {
    auto frames = FrameReports(parts, s.names, s.clock, s.request.clear_text);
    for (auto& frame : frames) lines.push_back({{"frame", std::move(frame)}});
  }
  bool first = std::ranges::none_of(parts, &PathPart::told);
  for (PathPart* p : parts) p->told = true;
  if (lines.empty()) {
    s.hidden += first ? 1 : 0;
    return;
  }
  ++s.packets;
  for (const ordered_json& line : lines) {
    if (s.client_gone || control_.Push(s.who.client, line)) continue;
    LOG(WARNING) << "uid " << s.who.uid << " (pid " << s.who.pid << ") watches packets no longer: it reads too slowly";
    s.client_gone = true;
    return Disarm("stopped");
  }
  if (s.packets >= s.request.count) Disarm("count");
}

bool WatchService::Poll() {
  if (session_ == nullptr) return false;
  if (!session_->announced && !session_->client_gone) Announce();
  bool found = Drain(kPerTurn);
  if (!found && session_->ending != nullptr && gateway_.grace().Passed(session_->grace)) Close();
  return found;
}

void WatchService::RenewFilter() {
  Session& s = *session_;
  if (s.request.sa.empty() || database_ == nullptr) return;
  auto sas = database_->SasNamed(s.request.sa);
  if (sas == s.filter->sas) return;
  auto next = std::make_unique<WatchFilter>(*s.filter);
  next->sas = std::move(sas);
  for (auto& watch : s.watches) watch->SetFilter(next.get());
  auto forget = [](void* p) { delete static_cast<const WatchFilter*>(p); };
  gateway_.grace().Retire(forget, const_cast<WatchFilter*>(s.filter.release()));
  s.filter = std::move(next);
}

void WatchService::Tick(Time now) {
  if (session_ == nullptr) return;
  if (now >= session_->until) Disarm("time");
  if (now >= session_->renew_at && session_->ending == nullptr) {
    session_->renew_at = now + kFilterInterval;
    RenewFilter();
  }
  (void)Poll();
}

void WatchService::Close() {
  Session& s = *session_;
  while (Drain(kPerTurn)) {
  }
  s.parts->Flush();
  if (!s.client_gone) {
    uint64_t missed = 0, hidden = s.hidden;
    for (unsigned w = 0; w < s.watches.size(); ++w) {
      missed += s.watches[w]->missed();
      hidden += s.watches[w]->hidden();
      const Counters& c = gateway_.context(w).counters;
      s.begun[w].polls = c.polls.get() - s.begun[w].polls;
      s.begun[w].empty_polls = c.empty_polls.get() - s.begun[w].empty_polls;
    }
    ordered_json end{{"why", s.ending}, {"packets", s.packets}, {"missed", missed}, {"hidden", hidden}};
    bool there = s.request.kind != Kind::kStages ||
                 control_.Push(s.who.client, {{"stages", StagesReport(s.begun, s.clock.hz)}});
    if (there && control_.Push(s.who.client, {{"end", std::move(end)}})) control_.Finish(s.who.client);
  }
  session_.reset();
}

}  // namespace culvert::dp
