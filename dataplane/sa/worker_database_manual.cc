#include <algorithm>
#include <utility>

#include "common/bytes/secret.h"
#include "dataplane/sa/worker_database.h"

// The SAs of culvert.conf, which are no connection's: they enter at start and stay.
namespace culvert::dp {

using channel::Direction;
using channel::Status;

// One of each direction between the same ends, with the same selectors, are a pair: they share a place, and with it the worker.
uint32_t WorkerDatabase::PlaceOfManual(const ManualSa& manual) const {
  const channel::InstallSa& sa = manual.sa;
  Endpoint local, remote;
  const bool whole = channel::FromWire(sa.local, local) && channel::FromWire(sa.remote, remote);
  const bool inbound = sa.direction == Direction::kInbound;
  const Records &same = records_[!inbound], &other = records_[inbound];
  uint32_t next = kSaIndexLimit;
  for (const Records& records : records_) {
    for (const auto& [index, r] : records) {
      if (r->manual) next = std::max(next, index + 1);
    }
  }
  for (const auto& [index, r] : other) {
    const bool alike = r->manual && r->protocol == sa.protocol && r->mode == sa.mode && r->if_id == sa.if_id;
    const bool ends = whole && r->local.address == local.address && r->remote.address == remote.address;
    if (alike && ends && r->local_ts == manual.local && r->remote_ts == manual.remote && !same.contains(index)) return index;
  }
  return next;
}

WorkerDatabase::Record WorkerDatabase::FindCarrier(const ManualSa& manual) const {
  Endpoint local, remote;
  if (!channel::FromWire(manual.sa.local, local) || !channel::FromWire(manual.sa.remote, remote)) return nullptr;
  for (const auto& [index, r] : Of(manual.sa.direction)) {
    const bool carries = r->manual && r->protocol == 51 && r->mode == channel::Mode::kTransport && manual.over == r->child;
    if (carries && r->local.address == local.address && r->remote.address == remote.address) return r;
  }
  return nullptr;
}

Status WorkerDatabase::PrepareManual(const ManualSa& manual, channel::InstallSa& sa, const Record& r) {
  const Records& same = Of(sa.direction);
  auto has_spi = [&](const auto& e) { return e.second->manual && e.second->spi == sa.spi; };
  if (std::ranges::any_of(same, has_spi)) return Status::kExists;
  const bool inbound = sa.direction == Direction::kInbound;
  if (auto at = same.find(SaIndex(sa.spi)); inbound && at != same.end() && at->second->spi == sa.spi) return Status::kExists;
  if (tables_.manual.size() == kMaxManualSas) return Status::kNoMemory;
  if (manual.worker && *manual.worker >= mail_.size()) return Status::kMalformed;
  r->manual = true;
  r->wanted_worker = manual.worker;
  r->pinned = manual.worker || manual.carrier || !manual.over.empty();
  if (!manual.over.empty()) {
    // RFC 3948 is for ESP as it is, and AH under a NAT is for nobody.
    if (sa.protocol != 50 || sa.udp_encap || (r->over = FindCarrier(manual)) == nullptr) return Status::kMalformed;
    r->wanted_worker = r->over->worker;
  }
  sa.sa_index = PlaceOfManual(manual);
  if (sa.sa_index >= kSaSlots) return Status::kNoMemory;
  if (Status s = Prepare(sa, manual.local, manual.remote, r); s != Status::kOk) return s;
  if (manual.carrier) return Status::kOk;
  // RFC 4301 4.4.1: protected is what the selectors say, whichever way it goes and whether or not there is an SA for that way.
  auto policy = ManualPolicy(*r, manual.priority);
  if (!inbound) r->policy = policy;
  if (policy != nullptr) return Status::kOk;
  --use_of_engines_.sas[static_cast<size_t>(r->session.engine)];
  Free(*r);
  --sas_of_[r->worker].sas;
  return Status::kNoMemory;
}

SaEngine WorkerDatabase::InstallManual(const ManualSa& manual, Done done) {
  auto r = std::make_shared<SaRecord>();
  channel::InstallSa sa = manual.sa;
  if (Status s = PrepareManual(manual, sa, r); s != Status::kOk) {
    channel::Ack refused{};
    refused.status = s;
    done(refused);
  } else {
    if (r->in != nullptr) tables_.manual.Add(r->spi, r->sa_index);
    Build(r, sa, std::move(done));
  }
  WipeBytes({reinterpret_cast<uint8_t*>(&sa), sizeof sa});
  return {.engine = r->session.engine, .step_down = r->step_down};
}

}  // namespace culvert::dp
