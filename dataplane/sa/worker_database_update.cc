#include <cstring>
#include <memory>
#include <utility>

#include "dataplane/sa/worker_database.h"

// What changes of an SA that lives: its path, its lifetime, its place among the SAs of its policy.
namespace culvert::dp {

using channel::Ack;
using channel::Direction;
using channel::Status;

namespace {

// What goes in transport mode is between its two ends: with other addresses it would be another SA's (RFC 4555 1.2 moves
// tunnels alone). The port of a NAT may change. AH does not go in UDP.
bool MayMove(const SaRecord& r, const channel::UpdateSa& u, const Endpoint& local, const Endpoint& remote) {
  if (r.protocol == 51 && u.udp_encap) return false;
  return r.mode == channel::Mode::kTunnel || (local.address == r.local.address && remote.address == r.remote.address);
}

}  // namespace

void WorkerDatabase::Update(const channel::UpdateSa& u, Done done) {
  Ack answer{};
  Endpoint local, remote;
  bool valid = (u.direction == Direction::kInbound || u.direction == Direction::kOutbound) && ValidLifetime(u.lifetime);
  valid = valid && u.set_remote <= 1 && u.set_lifetime <= 1 && u.set_preference <= 1 && u.udp_encap <= 1;
  if (valid && u.set_remote) {
    valid = channel::FromWire(u.local, local) && channel::FromWire(u.remote, remote) &&
            local.address.family == remote.address.family && !local.address.is_unspecified() &&
            !remote.address.is_unspecified() && !remote.address.is_multicast();
  }
  SaRecord* r = valid ? Find(u.direction, u.sa_index, u.spi) : nullptr;
  if (!valid)
    answer.status = Status::kMalformed;
  else if (r == nullptr)
    answer.status = Status::kNotFound;
  else if (r->state != SaRecord::State::kLive)
    answer.status = Status::kBusy;
  else if (u.set_remote && u.udp_encap && (local.port == 0 || remote.port == 0))
    answer.status = Status::kMalformed;
  else if (u.set_remote && !MayMove(*r, u, local, remote))
    answer.status = Status::kUnsupported;
  if (answer.status != Status::kOk) return done(answer);

  Record record = Of(u.direction)[u.sa_index];
  // The last of the parts answers for all.
  auto parts = std::make_shared<int>(1);
  Answer part = [this, record, parts, done = std::move(done)] {
    if (--*parts == 0) done(AckOf(*record));
  };
  if (u.set_remote) {
    ++*parts;
    r->local = local;
    r->remote = remote;
    r->encap = u.udp_encap != 0;
    r->path_until = 0;
    Order(*r, WorkerOrder::kEndpoints, part, [r](WorkerOrder& o) {
      if (r->in != nullptr) {
        std::memcpy(o.peer.address, r->remote.address.octets.data(), 16);
        o.peer.family = static_cast<uint8_t>(r->remote.address.family);
        o.peer.port = r->remote.port;
        o.peer.encap = r->encap;
        return;
      }
      OuterHeader h = OuterOf(*r);
      std::memcpy(o.outer.header, h.octets, sizeof h.octets);
      o.outer.header_sum = h.header_sum;
      o.outer.udp_sum = h.udp_sum;
      o.outer.header_length = h.length;
      o.outer.family = h.family;
      o.outer.encap = r->encap;
      o.outer.zone = static_cast<uint16_t>(r->remote.zone);
    });
  }
  if (u.set_lifetime) {
    ++*parts;
    r->lifetime = u.lifetime;
    r->soft_reported = false;
    Schedule(*r);
    Order(*r, WorkerOrder::kLimits, part, [this, r](WorkerOrder& o) {
      o.life.limits = LimitsOf(r->lifetime);
      o.life.alarm_at = HardAt(r->lifetime, clock_);
    });
  }
  if (u.set_preference) r->preference = u.preference;
  if (u.set_preference && r->policy != nullptr) {
    ++*parts;
    auto policy = r->policy;
    tables_.spd.Enqueue({
        .apply = [record, policy, to = u.preference](Spd& spd) { spd.SetPreference(*policy, record->out, to); },
        .published = part,
        .settled = [this, policy] { Renumber(*policy); },
    });
  }
  part();
}

}  // namespace culvert::dp
