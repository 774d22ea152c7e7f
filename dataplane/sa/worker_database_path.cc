#include <algorithm>

#include "absl/log/log.h"
#include "dataplane/sa/worker_database.h"

// What WorkerDatabase knows of the paths to peers. A worker hands in what a router says, main finds the SA that it is about,
// the SA's owner believes it or not, and main remembers it for as long as it may count: for this SA, and for those that follow
// it between the same two ends.
namespace culvert::dp {

using channel::Direction;

void WorkerDatabase::FindTooBig(const TooBigNotice& notice) {
  auto family = static_cast<Family>(notice.family);
  auto same = [&](const IpAddress& a, const uint8_t* octets) {
    return a.family == family && std::equal(octets, octets + a.size(), a.octets.data());
  };
  auto [from, to] = by_outbound_spi_.equal_range(notice.spi);
  for (auto at = from; at != to; ++at) {
    const SaRecord& r = *Of(Direction::kOutbound).at(at->second);
    bool fits = r.state == SaRecord::State::kLive && r.protocol == notice.protocol && same(r.local.address, notice.source) &&
                same(r.remote.address, notice.destination);
    if (!fits) continue;
    Order(r, WorkerOrder::kPathMtu, {}, [&](WorkerOrder& o) { o.path = {notice.sequence, notice.mtu}; });
    return;
  }
}

void WorkerDatabase::PathLearned(const WorkerReport& report) {
  SaRecord* r = FindInstallation(Direction::kOutbound, report.sa_index, report.installation);
  if (r == nullptr) return;
  int64_t until = TscClock::Now() + path_age_.count();
  LOG(INFO) << "path MTU to " << r->remote.address.ToString() << " is " << report.path_mtu << " now (" << r->connection << "/"
            << r->child << ")";
  Path path{r->local.address, r->remote.address};
  paths_[path] = {report.path_mtu, until};
  old_paths_.emplace_back(until, path);
  AgePath(*r, until);
}

void WorkerDatabase::AgePath(SaRecord& r, int64_t until) {
  r.path_until = until;
  path_ages_.push({until, r.sa_index, r.installation, Direction::kOutbound, false});
}

void WorkerDatabase::InheritPath(SaRecord& r) {
  auto path = paths_.find({r.local.address, r.remote.address});
  if (path == paths_.end() || path->second.until <= TscClock::Now()) return;
  r.out->path_mtu = path->second.mtu;
  AgePath(r, path->second.until);
}

// RFC 1191 6.3, RFC 8201 4: then the path may have become wider.
void WorkerDatabase::AgePaths() {
  if (path_ages_.empty() && old_paths_.empty()) return;
  int64_t now = TscClock::Now();
  while (!old_paths_.empty() && old_paths_.front().first <= now) {
    auto path = paths_.find(old_paths_.front().second);
    if (path != paths_.end() && path->second.until <= now) paths_.erase(path);
    old_paths_.pop_front();
  }
  while (!path_ages_.empty() && path_ages_.top().at <= now) {
    Deadline d = path_ages_.top();
    path_ages_.pop();
    SaRecord* r = FindInstallation(d.direction, d.sa_index, d.installation);
    if (r == nullptr || r->path_until != d.at || r->state == SaRecord::State::kRemoving) continue;
    r->path_until = 0;
    Order(*r, WorkerOrder::kPathMtu, {}, [](WorkerOrder& o) { o.path = {}; });
  }
}

}  // namespace culvert::dp
