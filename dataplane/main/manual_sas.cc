#include "dataplane/main/manual_sas.h"

#include <rte_random.h>

#include <algorithm>
#include <memory>
#include <string>

#include "absl/log/log.h"
#include "absl/strings/str_cat.h"
#include "common/bytes/secret.h"
#include "common/channel/validate.h"
#include "config/offload.h"
#include "dataplane/sa/tsc_clock.h"

namespace culvert::dp {
namespace {

constexpr uint8_t kEsp = 50, kAh = 51;

channel::InstallSa CommandOf(const config::ManualSa& sa) {
  channel::InstallSa out = channel::NewCommand(channel::CommandType::kInstallSa).install;
  out.spi = sa.spi;
  out.direction = sa.inbound ? channel::Direction::kInbound : channel::Direction::kOutbound;
  out.protocol = sa.ah ? kAh : kEsp;
  out.mode = sa.transport ? channel::Mode::kTransport : channel::Mode::kTunnel;
  out.udp_encap = sa.encap;
  out.encr = static_cast<uint16_t>(sa.suite.encr);
  out.encr_key_bits = sa.suite.encr_key_bits;
  out.integ = static_cast<uint16_t>(sa.suite.integ);
  out.esn = sa.suite.esn;
  out.offload = OffloadOf(sa.hw_offload);
  std::ranges::copy(sa.encr_key.view(), out.encr_key);
  std::ranges::copy(sa.integ_key.view(), out.integ_key);
  out.encr_key_len = static_cast<uint8_t>(sa.encr_key.size());
  out.integ_key_len = static_cast<uint8_t>(sa.integ_key.size());
  // So one start in 1,024 repeats the nonces of another, and not each: rarer, and no safer.
  if (!sa.inbound && sa.counts_nonces) out.iv_generation = static_cast<uint16_t>(rte_rand_max(kMaxIvGeneration + 1));
  out.replay_window = sa.replay_window;
  out.tfc_padding = sa.tfc_padding;
  out.dummy_packets = sa.dummy_packets;
  out.local = channel::ToWire(Endpoint{sa.local, sa.local_port, 0});
  out.remote = channel::ToWire(Endpoint{sa.remote, sa.remote_port, 0});
  if (sa.inbound && sa.transport && sa.encap) {
    out.original_local = out.local.address;
    out.original_remote = out.remote.address;
  }
  if (sa.life_time.count() != 0) out.lifetime.hard_at = TscClock::Now() + std::chrono::nanoseconds(sa.life_time).count();
  out.lifetime.hard_bytes = sa.life_bytes;
  out.lifetime.hard_packets = sa.life_packets;
  out.if_id = sa.if_id;
  out.copy_dscp = sa.copy_dscp;
  out.copy_ecn = sa.copy_ecn;
  out.copy_df = sa.copy_df;
  channel::SetName(out.connection, "manual");
  channel::SetName(out.child, sa.name);
  return out;
}

// Why no engine does what an SA insists on, and the word for it that `culvertctl engines` has.
std::string WhyNot(const SaEngine& engine) {
  using offload::StepDown;
  auto text = [&] {
    switch (engine.step_down) {
      case StepDown::kNoDevice: return "there is none that could";
      case StepDown::kSuite: return "none there is has its suite";
      case StepDown::kEsn: return "none there is has extended sequence numbers; expected a suite without esn";
      case StepDown::kFull: return "there are as many sessions as its device can hold";
      case StepDown::kRefused: return "its device refused it";
      case StepDown::kIv: return "its device makes IVs of which one may come twice";
      case StepDown::kNumbers: return "its device does not tell the numbers of what it has opened";
      case StepDown::kHeaders: return "its device does not make the headers, padding or dummy packets it wants";
      default: return "it is the processor's";
    }
  };
  return absl::StrCat(text(), " (", offload::Name(engine.step_down), ")");
}

void WarnOfNonces(const std::vector<config::ManualSa>& sas) {
  constexpr size_t kNamed = 8;
  std::string names;
  size_t count = 0;
  for (const config::ManualSa& sa : sas) {
    if (!sa.counts_nonces || ++count > kNamed) continue;
    absl::StrAppend(&names, count == 1 ? "" : ", ", sa.name, " (", Name(sa.suite), ")");
  }
  if (count == 0) return;
  LOG(WARNING) << "lab: " << count << " SAs have static keys in counter mode: their nonces come again with every start, and "
               << "whoever listens can read and forge: " << names << (count > kNamed ? ", ..." : "");
}

}  // namespace

absl::Status InstallManualSas(std::vector<config::ManualSa> sas, WorkerDatabase& database) {
  // Who goes over another comes after it.
  std::ranges::stable_partition(sas, [](const config::ManualSa& sa) { return sa.over.empty(); });
  for (const config::ManualSa& sa : sas) {
    WorkerDatabase::ManualSa manual{.sa = CommandOf(sa),
                                    .local = sa.local_ts,
                                    .remote = sa.remote_ts,
                                    .worker = sa.worker,
                                    .over = sa.over,
                                    .carrier = sa.carrier,
                                    .priority = sa.priority};
    // A refusal comes at once; that it is taken comes from the worker, which has not started yet.
    auto refused = std::make_shared<channel::Status>(channel::Status::kOk);
    const SaEngine engine = database.InstallManual(manual, [refused](const channel::Ack& ack) { *refused = ack.status; });
    WipeBytes({reinterpret_cast<uint8_t*>(&manual.sa), sizeof manual.sa});
    const bool no_engine = *refused == channel::Status::kUnsupported && engine.step_down != offload::StepDown::kNone;
    if (no_engine) {
      return absl::InvalidArgumentError(absl::StrCat(sa.hw_offload_where, ": no engine runs this SA so: ", WhyNot(engine)));
    }
    if (*refused != channel::Status::kOk) {
      return absl::InvalidArgumentError(
          absl::StrCat(sa.where, ": the data plane does not take it (", static_cast<uint32_t>(*refused), ")"));
    }
  }
  WarnOfNonces(sas);
  if (!sas.empty()) LOG(INFO) << sas.size() << " SAs with static keys, of no IKE";
  return absl::OkStatus();
}

}  // namespace culvert::dp
