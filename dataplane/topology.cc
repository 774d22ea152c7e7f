#include "dataplane/topology.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <set>

#include "dataplane/worker/context.h"

namespace culvert::dp {
namespace {

constexpr uint32_t kBetweenWorkers = 1024;  // packets: some bursts
constexpr uint32_t kFromMain = 2048;        // a thousand neighbours resolved at once, with what is held for them
constexpr uint32_t kControl = 1024;         // ARP, neighbour discovery, packets to resolve, fragments
constexpr uint32_t kIkeKnown = 1024;
constexpr uint32_t kHost = 1024;            // each way: some windows of TCP; what a flood has behind it is dropped
constexpr uint32_t kIkeNew = 256;           // what strangers may queue up before they are dropped

std::string Thread(unsigned t) { return t == Topology::kMain ? "main" : absl::StrCat("worker ", t); }

Topology::PortPlan PlanPort(unsigned workers, size_t index, const Topology::PortQueues& queues) {
  Topology::PortPlan p{.name = queues.name, .rx_worker = {}, .tx_queue = std::vector<uint16_t>(workers, kNoQueue)};
  // Ports of one queue are spread over the workers; queues of one port too.
  for (uint16_t q = 0; q < queues.rx; ++q) p.rx_worker.push_back(static_cast<unsigned>((index + q) % workers));
  // The worker that receives on a port also transmits there, so that one thread drives both sides of a virtual port.
  for (uint16_t q = 0; q < queues.tx && q < workers; ++q) {
    p.tx_queue[(index + q) % workers] = q;
  }
  p.tx_owner = static_cast<unsigned>(index % workers);
  return p;
}

}  // namespace

Topology Topology::Plan(unsigned workers, const std::vector<PortQueues>& ports) {
  Topology t;
  t.workers = workers;
  t.host = std::ranges::any_of(ports, &PortQueues::tap);
  for (size_t i = 0; i < ports.size(); ++i) t.ports.push_back(PlanPort(workers, i, ports[i]));
  for (size_t i = 0; i < ports.size(); ++i) {
    if (!ports[i].parent) continue;
    t.ports[i] = t.ports[*ports[i].parent];
    t.ports[i].name = ports[i].name;
    t.ports[i].rx_worker.clear();
    t.ports[i].vlan = true;
  }
  for (unsigned w = 0; w < workers; ++w) {
    t.rings.push_back({absl::StrCat("from-main-", w), kMain, w, kFromMain});
    t.rings.push_back({absl::StrCat("control-", w), w, kMain, kControl});
    t.rings.push_back({absl::StrCat("ike-known-", w), w, kMain, kIkeKnown});
    t.rings.push_back({absl::StrCat("ike-new-", w), w, kMain, kIkeNew});
    if (t.host) {
      t.rings.push_back({absl::StrCat("from-host-", w), kMain, w, kHost});
      t.rings.push_back({absl::StrCat("to-host-", w), w, kMain, kHost});
    }
    for (unsigned other = 0; other < workers; ++other) {
      if (other != w) t.rings.push_back({absl::StrCat("worker-", w, "-", other), w, other, kBetweenWorkers});
    }
  }
  return t;
}

std::string Topology::Check() const {
  for (const PortPlan& p : ports) {
    if (p.rx_worker.empty() != p.vlan) return absl::StrCat("port ", p.name, ": nobody receives");
    for (unsigned w : p.rx_worker) {
      if (w >= workers) return absl::StrCat("port ", p.name, ": no worker ", w);
    }
    std::set<uint16_t> seen;
    for (uint16_t q : p.tx_queue) {
      if (q != kNoQueue && !seen.insert(q).second) return absl::StrCat("port ", p.name, ": two workers on transmit queue ", q);
    }
    if (p.tx_queue.size() != workers || p.tx_queue[p.tx_owner] == kNoQueue) {
      return absl::StrCat("port ", p.name, ": its owner has no transmit queue");
    }
  }
  std::set<std::string> names;
  for (const RingPlan& r : rings) {
    if (!names.insert(r.name).second) return absl::StrCat("ring ", r.name, " has two producers or consumers");
    if (r.producer == r.consumer) return absl::StrCat("ring ", r.name, " leads back to its producer");
  }
  std::vector<const char*> kinds = {"from-main-", "control-", "ike-known-", "ike-new-"};
  if (host) kinds.insert(kinds.end(), {"from-host-", "to-host-"});
  for (unsigned w = 0; w < workers; ++w) {
    for (const char* kind : kinds) {
      if (!names.contains(absl::StrCat(kind, w))) return absl::StrCat("worker ", w, " lacks ring ", kind, w);
    }
  }
  return "";
}

std::string Topology::ToString() const {
  std::string out = absl::StrCat("threads: main, ", workers, workers == 1 ? " worker\n" : " workers\n");
  for (const PortPlan& p : ports) {
    absl::StrAppend(&out, "port ", p.name, "\n");
    for (size_t q = 0; q < p.rx_worker.size(); ++q) {
      absl::StrAppend(&out, "  receive queue ", q, " -> worker ", p.rx_worker[q], "\n");
    }
    for (unsigned w = 0; w < workers; ++w) {
      if (p.tx_queue[w] != kNoQueue) {
        absl::StrAppend(&out, "  transmit queue ", p.tx_queue[w], " <- worker ", w, "\n");
      } else {
        absl::StrAppend(&out, "  worker ", w, " hands over to worker ", p.tx_owner, "\n");
      }
    }
  }
  for (const RingPlan& r : rings) {
    absl::StrAppend(&out, "ring ", r.name, ": ", Thread(r.producer), " -> ", Thread(r.consumer), ", ", r.slots, " packets\n");
  }
  return out;
}

}  // namespace culvert::dp
