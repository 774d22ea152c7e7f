#pragma once

#include "config/model.h"
#include "control/ike/event.h"

// What comes out of the protocol core, to be carried out in order by whoever drives it.
namespace culvert::ike {

struct SendDatagram {
  Endpoint local, remote;
  bool marker = false;       // prepend the non-ESP marker
  Bytes data;
  uint64_t after_commit = 0; // not before the Store action of this number is durable; 0: at once
};
struct ArmTimer {            // replaces an armed timer of the same id
  TimerId timer;
  Time at;
};
struct CancelTimer {
  TimerId timer;
};
enum class JobPriority : uint8_t { kKnownPeer, kStranger };
struct RunJob {
  JobId id;
  IkeId ike;                 // jobs of one IKE SA finish in order
  std::unique_ptr<Job> job;
  JobPriority priority = JobPriority::kKnownPeer;  // known peers' work goes ahead of strangers' handshakes (hostile.md D04)
};

// One direction of a Child SA for the dataplane. control/sadb picks slots and retries, and answers with ChildInstalled once.
// A half once asked for is ended by RemoveChild, also where the answer was a refusal.
struct ChildSaDirection {
  uint32_t spi = 0;
  SecretBytes encr_key, integ_key;    // encr_key with salt
};
// The two ends of what the peer sends through a NAT as it has them in the checksums of TCP and UDP (RFC 7296 2.23.1, RFC 3948
// 3.1.2).
struct OriginalAddresses {
  IpAddress local, remote;
};
struct InstallChild {
  ChildId child = 0;
  IkeId ike = 0;
  bool inbound = true;
  std::string connection, name;
  std::string peer_id;
  uint32_t policy_id = 0;    // 0: the policy of (connection, name) as loaded
  uint32_t preference = 0;   // later winners are higher
  IpsecProtocol protocol = IpsecProtocol::kEsp;
  EspSuite suite;
  ChildSaDirection sa;
  config::ChildMode mode = config::ChildMode::kTunnel;
  bool udp_encap = false;
  Endpoint local, remote;    // outer; ports where encapsulated
  std::optional<OriginalAddresses> original;   // of an inbound half in transport mode and UDP, and always of that
  SelectorList local_ts, remote_ts;
  uint32_t replay_window = 1024;
  Time soft_at{}, hard_at{}; // Time{} = never
  uint64_t soft_bytes = 0, hard_bytes = 0, soft_packets = 0, hard_packets = 0;
  uint32_t if_id = 0;
  config::HwOffload offload = config::HwOffload::kAuto;
  bool copy_df = true, copy_ecn = true, copy_dscp = true;
  uint16_t tfc_padding = 0;  // of an outbound half, as config::Child has it
  uint32_t dummy_packets = 0;  // likewise; of ESP
};
struct RemoveChild {
  ChildId child = 0;
  bool inbound = true;
  uint32_t spi = 0;
};
struct UpdateChild {         // the peer or we moved
  ChildId child = 0;
  bool udp_encap = false;
  Endpoint local, remote;
};
struct SetTrap {             // from now on a packet of this child without an SA raises TrapHit, whatever its start_action
  std::string connection, child;
};
struct QueryChildUse {
  ChildId child = 0;
};
struct QuerySource {
  uint64_t query = 0;
  IpAddress destination;
};
struct Store {               // state to be made durable; completes at once until there is a store
  uint64_t commit = 0;
  IkeId ike = 0;
};

enum class Severity : uint8_t { kDebug, kInfo, kWarning, kError };
struct Audit {               // one line an operator would want
  Severity severity = Severity::kInfo;
  std::string text;          // peer strings already escaped
  IkeId ike = 0;
  RequestId request = 0;     // also shown to that operator
};
struct Reply {               // ends an operator's request
  RequestId request = 0;
  bool ok = false;
  std::string error;
  unsigned matches = 0;
};
struct KeyLog {              // emitted only with key logging on
  enum class Kind : uint8_t { kIke, kEsp, kIkev1 } kind = Kind::kIke;
  std::string line;          // a row of Wireshark's ikev2_decryption_table, esp_sa or ikev1_decryption_table
};
enum class StateChange : uint8_t { kIkeUp, kIkeDown, kIkeRekeyed, kChildUp, kChildDown, kChildRekeyed };
struct Notice {              // for VICI events and updown hooks
  StateChange change{};
  IkeId ike = 0;
  ChildId child = 0;
  IkeId old_ike = 0;         // with kIkeRekeyed: the SA that `ike` replaces
  ChildId old_child = 0;     // with kChildRekeyed: the SA that `child` replaces
};

using Action = std::variant<SendDatagram, ArmTimer, CancelTimer, RunJob, InstallChild, RemoveChild, UpdateChild, SetTrap,
                            QueryChildUse, QuerySource, Store, Audit, Reply, KeyLog, Notice>;
using Actions = std::vector<Action>;

// Inbound SPIs. The core draws them while it builds a message; sadb owns the slots. Released once and only once, by the core,
// when an SPI was drawn but never went into an InstallChild; those are released by RemoveChild.
class SpiAllocator {
 public:
  virtual ~SpiAllocator() = default;
  virtual uint32_t Draw(uint8_t bucket) = 0;   // 0: none free
  virtual void Release(uint32_t spi) = 0;
};

}  // namespace culvert::ike
