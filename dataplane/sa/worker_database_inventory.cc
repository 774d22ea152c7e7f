#include <algorithm>
#include <cstring>

#include "dataplane/sa/worker_database.h"

// What is told of SAs: to culvert-ike, and to operators.
namespace culvert::dp {

using channel::Ack;
using channel::Direction;
using channel::Status;

void WorkerDatabase::FillUse(const SaRecord& r, uint64_t& packets, uint64_t& bytes, int64_t& last_use) const {
  packets = bytes = 0;
  last_use = 0;
  if (r.in == nullptr && r.out == nullptr) return;
  packets = r.in != nullptr ? r.in->packets.get() : r.out->packets();
  bytes = r.in != nullptr ? r.in->bytes.get() : r.out->bytes.get();
  uint64_t tsc = r.in != nullptr ? r.in->last_use.get() : r.out->last_use.get();
  if (tsc != 0) last_use = clock_.ToNanosAt(tsc);
}

void WorkerDatabase::AddUse(const SaRecord& r, TunnelUse& to) const {
  uint64_t packets, bytes;
  int64_t last_use;
  FillUse(r, packets, bytes, last_use);
  const bool in = r.direction == Direction::kInbound;
  (in ? to.packets_in : to.packets_out) += packets;
  (in ? to.bytes_in : to.bytes_out) += bytes;
}

std::map<uint32_t, TunnelUse> WorkerDatabase::UseOfTunnels() const {
  auto all = tunnels_;
  if (all.empty()) return all;
  for (const Records& records : records_) {
    for (const auto& [index, r] : records) {
      auto tunnel = all.find(r->if_id);
      if (tunnel == all.end()) continue;
      AddUse(*r, tunnel->second);
      ++(r->direction == Direction::kInbound ? tunnel->second.sas_in : tunnel->second.sas_out);
    }
  }
  return all;
}

Ack WorkerDatabase::AckOf(const SaRecord& r) const {
  Ack a{};
  a.status = Status::kOk;
  a.worker = r.worker;
  FillUse(r, a.packets, a.bytes, a.last_use);
  return a;
}

Status WorkerDatabase::QueryUse(const channel::QueryUse& q, Ack& answer) {
  answer = {};
  if (q.direction != Direction::kInbound && q.direction != Direction::kOutbound) return answer.status = Status::kMalformed;
  SaRecord* r = Find(q.direction, q.sa_index, q.spi);
  if (r == nullptr || r->state == SaRecord::State::kInstalling) return answer.status = Status::kNotFound;
  answer = AckOf(*r);
  return Status::kOk;
}

void WorkerDatabase::Inventory(const Visit& visit) const {
  for (const Records& records : records_) {
    for (const auto& [index, r] : records) {
      if (r->state != SaRecord::State::kLive || r->expired) continue;
      channel::SaInventory i{};
      i.spi = r->spi;
      i.sa_index = r->sa_index;
      i.policy_id = r->policy_id;
      i.worker = r->worker;
      i.child_id = r->child_id;
      i.ike_id = r->ike_id;
      i.sequence = r->in != nullptr ? r->in->window.edge() : r->out->sequence.get();
      FillUse(*r, i.packets, i.bytes, i.last_use);
      if (r->out != nullptr) i.dummies = r->out->dummies.get();
      i.lifetime = r->lifetime;
      i.direction = r->direction;
      i.protocol = r->protocol;
      i.mode = r->mode;
      i.udp_encap = r->encap;
      i.encr = static_cast<uint16_t>(r->encr);
      i.encr_key_bits = r->encr_key_bits;
      i.integ = static_cast<uint16_t>(r->integ);
      i.iv_generation = r->iv_generation;
      i.esn = r->esn;
      i.local = channel::ToWire(r->local);
      i.remote = channel::ToWire(r->remote);
      i.preference = r->preference;
      i.if_id = r->if_id;
      std::memcpy(i.connection, r->connection, sizeof i.connection);
      std::memcpy(i.child, r->child, sizeof i.child);
      std::memcpy(i.peer_id, r->peer_id, sizeof i.peer_id);
      visit(i, r->local_ts, r->remote_ts, {r->session.engine, r->step_down});
    }
  }
}

MailUse WorkerDatabase::UseOfMail() const {
  MailUse use;
  for (const WorkerMail* m : mail_) {
    use.orders_delayed += m->orders_delayed.get();
    use.hints_dropped += m->hints_dropped.get();
  }
  return use;
}

std::optional<SaLabel> WorkerDatabase::LabelOf(Direction d, uint32_t sa_index) const {
  auto at = Of(d).find(sa_index);
  if (at == Of(d).end()) return std::nullopt;
  const SaRecord& r = *at->second;
  bool readable = r.protocol == 51 || r.encr == EncrId::kNull || r.encr == EncrId::kNullGmac || r.encr == EncrId::kNone;
  return SaLabel{.spi = r.spi, .connection = r.connection, .child = r.child, .enciphers = !readable};
}

std::vector<uint32_t> WorkerDatabase::SasNamed(const std::string& name) const {
  std::vector<uint32_t> found;
  for (const Records& records : records_) {
    for (const auto& [index, r] : records) {
      if (name == r->child || name == r->connection) found.push_back(index);
    }
  }
  std::ranges::sort(found);
  found.erase(std::ranges::unique(found).begin(), found.end());
  return found;
}

}  // namespace culvert::dp
