#include <utility>

#include "absl/log/log.h"
#include "dataplane/sa/sa_tag.h"
#include "dataplane/sa/worker_database.h"

// Who runs an SA's cryptography, and what devices say of theirs.
namespace culvert::dp {

using channel::Direction;
using channel::Event;
using channel::Offload;
using channel::Status;
using offload::Engine, offload::StepDown, offload::Wish;

namespace {

constexpr uint8_t kEsp = 50;  // IP protocol

Wish WishOf(Offload o) { return o == Offload::kCrypto ? Wish::kCrypto : o == Offload::kPacket ? Wish::kProtocol : Wish::kAny; }

// Whether this engine is what the SA insists on, if it does.
bool Suffices(Offload o, Engine e) {
  if (o == Offload::kPacket) return offload::HasWhole(e);
  return o != Offload::kCrypto || e != Engine::kCpu;
}

}  // namespace

Status WorkerDatabase::ChooseEngine(SaRecord& r, const channel::InstallSa& sa) {
  const KeyParts keys = KeysOf(sa, r.suite);
  if (sa.offload == Offload::kNo) {
    r.step_down = StepDown::kNotWanted;
  } else if (r.protocol != kEsp || r.over != nullptr) {
    r.step_down = StepDown::kProtocol;
  } else if (engines_ == nullptr) {
    r.step_down = StepDown::kNoDevice;
  } else {
    auto port = port_of_ ? port_of_(r.local.address) : std::nullopt;
    r.step_down = engines_->Choose({.seal = r.direction == Direction::kOutbound,
                                    .esn = r.esn,
                                    .suite = r.suite,
                                    .cipher_key = keys.cipher,
                                    .integ_key = keys.integ,
                                    .salt = keys.salt,
                                    .spi = r.spi,
                                    .tunnel = r.mode == channel::Mode::kTunnel,
                                    .encap = r.encap,
                                    .local = r.local,
                                    .remote = r.remote,
                                    .userdata = SaTag{r.sa_index, r.installation}.word(),
                                    .sequence = sa.sequence,
                                    .soft_packets = sa.lifetime.soft_packets,
                                    .hard_packets = sa.lifetime.hard_packets,
                                    .copy_dscp = r.copy_dscp,
                                    .copy_ecn = r.copy_ecn,
                                    .copy_df = r.copy_df,
                                    .plain = sa.tfc_padding == 0 && sa.dummy_packets == 0},
                                   port.value_or(offload::Engines::kNoPort), WishOf(sa.offload), r.session);
  }
  if (r.step_down != StepDown::kNone) ++use_of_engines_.step_downs[static_cast<size_t>(r.step_down)];
  if (!Suffices(sa.offload, r.session.engine)) {
    ++use_of_engines_.refused;
    return Status::kUnsupported;
  }
  ++use_of_engines_.sas[static_cast<size_t>(r.session.engine)];
  return Status::kOk;
}

// The worker does not use it any more, or will not once it has read its mail; then nobody does, a grace period later.
void WorkerDatabase::LeaveDevice(const Record& r, StepDown why) {
  --use_of_engines_.sas[static_cast<size_t>(r->session.engine)];
  ++use_of_engines_.sas[static_cast<size_t>(Engine::kCpu)];
  ++use_of_engines_.step_downs[static_cast<size_t>(why)];
  r->step_down = why;
  r->left = std::exchange(r->session, {});
}

void WorkerDatabase::GiveBackLeft(const Record& r) {
  AfterGrace([this, r] { GiveBack(r->left); });
}

void WorkerDatabase::GiveBack(offload::Session& s) {
  if (s.handle != nullptr) engines_->GiveBack(s);
  s = {};
}

void WorkerDatabase::PortWasReset(uint16_t port) {
  size_t n = 0;
  for (Records& records : records_) {
    for (auto& [index, r] : records) {
      // What is being removed gives its session back anyhow.
      const bool its = offload::IsInline(r->session.engine) && r->session.device == port;
      if (!its || r->state == SaRecord::State::kRemoving) continue;
      LeaveDevice(r, StepDown::kReset);
      Order(*r, WorkerOrder::kLeavePort, [this, r] { GiveBackLeft(r); });
      ++n;
    }
  }
  LOG(WARNING) << "port " << engines_->inline_ports()->name(port) << " was reset: " << n << " SAs go on on the processor";
}

void WorkerDatabase::PollEngines(const std::function<void(const Event&)>& sink) {
  if (engines_ == nullptr || engines_->inline_ports() == nullptr) return;
  using IpsecEvent = Port::IpsecEvent;
  for (const auto& [port, what] : engines_->inline_ports()->TakeEvents()) {
    if (what.kind == IpsecEvent::kReset) {
      PortWasReset(port);
      continue;
    }
    const SaTag tag = SaTag::Of(what.userdata);
    const bool hard = what.kind == IpsecEvent::kHard;
    for (Direction d : {Direction::kInbound, Direction::kOutbound}) {
      SaRecord* r = FindInstallation(d, tag.sa_index, tag.installation);
      if (r == nullptr || r->state != SaRecord::State::kLive) continue;
      if (hard) {
        Order(*r, WorkerOrder::kLimits, {}, [r](WorkerOrder& o) {
          o.life.limits = LimitsOf(r->lifetime);
          o.life.alarm_at = 0;  // over
        });
      }
      Expire(*r, hard, nullptr, sink);
      break;
    }
  }
}

}  // namespace culvert::dp
