#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/channel/sa_command.h"
#include "common/channel/sa_event.h"
#include "common/ipsec/traffic_selector.h"
#include "dataplane/policy/selector_set.h"
#include "dataplane/policy/spd.h"
#include "dataplane/sa/database.h"
#include "dataplane/sa/inbound_sa.h"
#include "dataplane/sa/outbound_sa.h"
#include "dataplane/sa/tsc_clock.h"
#include "dataplane/stage/outer_header.h"
#include "drivers/crypto/suite.h"
#include "drivers/offload/engines.h"

// From a command's values to a runtime SA. Main thread.
namespace culvert::dp {

// What main keeps of an SA beside the runtime struct: what the inventory tells, and no keys.
struct SaRecord {
  Spi spi = 0;
  uint32_t sa_index = 0, policy_id = 0, preference = 0, worker = 0, installation = 0, if_id = 0, replay_window = 0;
  uint64_t child_id = 0, ike_id = 0;
  channel::Direction direction{};
  channel::Mode mode{};
  uint8_t protocol = 50;  // or 51, AH
  bool encap = false, esn = false, copy_dscp = false, copy_ecn = false, copy_df = true;
  EncrId encr{};
  uint16_t encr_key_bits = 0, iv_generation = 0;
  IntegId integ{};
  crypto::Suite suite{};
  Endpoint local, remote;
  // The addresses, to the ends as the peer wrote them into checksums (channel::InstallSa::original_local).
  uint16_t nat_difference = 0;
  uint16_t wire_port = 0, host_port = 0;  // of the peer, where the host sees another than the peer writes
  channel::WireLifetime lifetime{};
  std::optional<unsigned> wanted_worker;
  std::shared_ptr<SaRecord> over;  // of ESP that goes, or comes, under AH: the AH
  char connection[32] = {}, child[32] = {}, peer_id[64] = {};
  SelectorList local_ts, remote_ts;        // as installed
  std::unique_ptr<SelectorSet> selectors;  // as matched: in transport mode between the two ends alone

  InboundSa* in = nullptr;
  OutboundSa* out = nullptr;
  void* key = nullptr;
  offload::Session session;
  offload::Session left;      // of a port that it was taken from: to be given back
  offload::StepDown step_down = offload::StepDown::kNone;
  std::shared_ptr<const Policy> policy;  // outbound

  enum class State : uint8_t { kInstalling, kLive, kRemoving };
  State state = State::kInstalling;
  int64_t path_until = 0;  // outbound, ns: until then its path is narrower than its link; 0: it is not
  bool entered = false;  // outbound: in the SPD, or on its way
  bool manual = false;   // of culvert.conf: no connection's
  bool pinned = false;   // to its worker: as culvert.conf says, or by the other SA on its packets
  bool orphan = false;   // of an earlier connection's
  bool soft_reported = false, expired = false;
};

// Checks every field against its contract and against what this build runs; fills `out`, whose `manual` is set already. The
// ring is a trust boundary.
[[nodiscard]] channel::Status ReadInstall(const channel::InstallSa& sa, SelectorList local, SelectorList remote, SaRecord& out);
[[nodiscard]] bool ValidSelectors(const SelectorList& list);
[[nodiscard]] bool ValidLifetime(const channel::WireLifetime& l);

// The parts of an SA's keys, once ReadInstall has found them as long as the suite's; views of `sa`. GMAC is AH's integrity, so
// there its cipher key and salt are the integrity key (RFC 4543 5.4).
struct KeyParts {
  ByteView cipher, salt, integ;
};
KeyParts KeysOf(const channel::InstallSa& sa, crypto::Suite suite);

// Into zeroed memory. `key` is expanded already; `sequence` and `salt` as the command says.
void BuildInbound(const SaRecord& r, const channel::InstallSa& sa, const TscClock& clock, InboundSa& out);
void BuildOutbound(const SaRecord& r, const channel::InstallSa& sa, const TscClock& clock, OutboundSa& out);

SaLimits LimitsOf(const channel::WireLifetime& l);
uint64_t HardAt(const channel::WireLifetime& l, const TscClock& clock);  // TSC, UINT64_MAX: never
// The threshold to look at next, given what has been reported.
uint64_t NextPackets(const SaLimits& l, uint8_t notices);
uint64_t NextBytes(const SaLimits& l, uint8_t notices);
// What stands before the sequence number of each packet, for the endpoints as they are now.
OuterHeader OuterOf(const SaRecord& r);
// Sets the alarms of a runtime SA after its limits, its notices or its hard time changed.
void ArmAlarms(InboundSa& sa);
void ArmAlarms(OutboundSa& sa);
// The peer as an opened packet is compared with it.
void SetPeer(InboundSa& sa, const Endpoint& remote);

}  // namespace culvert::dp
