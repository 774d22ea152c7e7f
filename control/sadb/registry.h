#pragma once

#include <map>
#include <optional>

#include "common/channel/sa_event.h"
#include "control/ike/action.h"
#include "control/sadb/host_ports.h"

namespace culvert::sadb {

// One direction of a Child SA, on both sides of the channel.
struct SaKey {
  uint32_t sa_index = 0;
  channel::Direction direction = channel::Direction::kInbound;
  friend auto operator<=>(const SaKey&, const SaKey&) = default;
};

//   kWaiting --command written--> kSent --Ack--> kLive --RemoveChild--> kRemoving --Ack--> gone
//      ^                            |              |
//      +--- replay after a restart -+--------------+--hard expiry, or a replay that cannot be--> kExpired --RemoveChild--> …
enum class SaState : uint8_t { kWaiting, kSent, kLive, kRemoving, kExpired };

// What should be installed, with everything a replay takes, keys included.
struct SaRecord {
  SaKey key;
  uint64_t serial = 0;             // of this record; a slot's next record has another
  ike::InstallChild install;       // as the core asked, addresses as last updated, the peer's port as the host sees it
  std::shared_ptr<const HostPorts::Lease> host_port;
  uint32_t policy_id = 0;
  SaState state = SaState::kWaiting;
  bool answered = false;           // the core was told the outcome of its install
  bool remove_wanted = false;      // asked while the install was under way
  bool update_wanted = false;      // as above
  uint16_t iv_generation = 0;      // raised at each later install of the same key
  uint64_t sequence = 0;           // where the next install starts
  Time busy_since{};               // the dataplane keeps saying kBusy
};

// Every SA of the core that is, was or will be in the dataplane. Loop thread only.
class Registry {
 public:
  // The outbound half joins the slot of its child's inbound half; nullptr where there is none, or where that half exists.
  SaRecord* Add(ike::InstallChild install);
  void Erase(SaKey key);

  SaRecord* Find(SaKey key);
  SaRecord* Find(SaKey key, uint64_t serial);          // nullptr where another took the slot
  SaRecord* Find(ike::ChildId child, bool inbound);
  bool HasSlot(uint32_t sa_index) const;               // either direction
  std::map<SaKey, SaRecord>& all() { return records_; }
  const std::map<SaKey, SaRecord>& all() const { return records_; }

 private:
  uint64_t next_serial_ = 1;
  std::map<SaKey, SaRecord> records_;
  std::map<ike::ChildId, uint32_t> children_;          // → sa_index, while either half exists
};

// The messages of an install, of one transaction.
void MakeInstall(const SaRecord& record, std::vector<channel::Command>& out);
channel::Command MakeUpdate(const SaRecord& record);
channel::Command MakeRemove(SaKey key, uint32_t spi);
channel::Command MakeQueryUse(const SaRecord& record);

// A peer's identity as it crosses the channel and comes back in the inventory: cut, without control characters.
std::string WireText(std::string_view text, size_t field);

}  // namespace culvert::sadb
