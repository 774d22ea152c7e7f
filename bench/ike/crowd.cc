#include "bench/ike/crowd.h"

#include <absl/log/check.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include <algorithm>
#include <format>

#include "config/load.h"

namespace culvert::bench {
namespace {

constexpr unsigned kPerSource = 16;        // initiators behind one address
constexpr uint16_t kInitiatorPort = 1500;  // a responder may hold port 500 of every address
constexpr int kTickMs = 20;                // timers of all: nothing here is due sooner than a retransmission

Time Now() { return std::chrono::steady_clock::now(); }

// One text in memory, in place of a folder of configuration.
class OneFile final : public config::FileSource {
 public:
  explicit OneFile(std::string text) : text_(std::move(text)) {}
  std::expected<config::FileText, std::string> Read(const std::string&, size_t) override {
    return config::FileText{.text = text_};
  }
  std::vector<std::string> Glob(const std::string& pattern) override { return {pattern}; }

 private:
  std::string text_;
};

}  // namespace

double Quantile(std::vector<double>& values, double q) {
  if (values.empty()) return 0;
  auto at = values.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

std::unique_ptr<config::Control> Crowd::Load(const Shape& shape, const std::string& connections) {
  OneFile file(std::format("control {{\n retransmit_timeout = {}\n{}}}\n", shape.retransmit_timeout, connections));
  config::Complaints complaints;
  auto control = config::LoadControl(file, "", nullptr, complaints);
  CHECK(control) << (complaints.empty() ? "" : complaints.front().text);
  for (auto& connection : control->connections) connection.local_port = kInitiatorPort;
  return std::make_unique<config::Control>(std::move(*control));
}

Crowd::Crowd(const Handshake& h, const Shape& shape) : shape_(shape), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  const rlimit files{.rlim_cur = 65536, .rlim_max = 65536};
  (void)setrlimit(RLIMIT_NOFILE, &files);
  // A responder lets one address have few handshakes under way at a time.
  unsigned sources = std::max((shape.count + kPerSource - 1) / kPerSource, std::min(shape.count, shape.concurrency));
  const auto credentials = h.pki ? h.pki->OfInitiators() : nullptr;
  for (uint32_t i = 0; i < sources; ++i) {
    const unsigned source = shape.first + i;
    controls_.push_back(Load(shape, InitiatorConnections(h, kResponder, source * kPerSource, kPerSource)));
    groups_.push_back(std::make_unique<Initiators>(
        *controls_.back(), credentials, Endpoint{IpAddress::V4(kFirstSource + source), kInitiatorPort}, random_));
    epoll_event e{.events = EPOLLIN, .data = {.u32 = i}};
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, groups_.back()->fd(), &e);
  }
}

unsigned Crowd::All(Step step, unsigned count, std::vector<double>* milliseconds) {
  unsigned begun = 0, ended = 0, failed = 0;
  while (ended < count) {
    for (; begun < count && begun - ended < shape_.concurrency; ++begun) {
      const Time start = Now();
      (*groups_[begun % groups_.size()].*step)(
          static_cast<unsigned>(begun / groups_.size()), [&, start](const ike::Reply& r) {
            ++ended;
            failed += !r.ok;
            if (r.ok && milliseconds) {
              milliseconds->push_back(std::chrono::duration<double, std::milli>(Now() - start).count());
            }
          });
    }
    Turn();
  }
  return failed;
}

void Crowd::Hold(std::chrono::seconds how_long) {
  for (const Time end = Now() + how_long; Now() < end;) Turn();
}

size_t Crowd::Established() const {
  size_t n = 0;
  for (const auto& g : groups_) n += g->Established();
  return n;
}

void Crowd::Turn() {
  epoll_event ready[64];
  int n = epoll_wait(epoll_.get(), ready, 64, kTickMs);
  for (int i = 0; i < n; ++i) groups_[ready[i].data.u32]->Receive();
  if (Now() < next_tick_) return;
  next_tick_ = Now() + std::chrono::milliseconds(kTickMs);
  for (const auto& g : groups_) g->OnTime();
}

}  // namespace culvert::bench
