#pragma once

#include <rte_ether.h>
#include <rte_mbuf.h>

#include <array>
#include <atomic>
#include <memory>

#include "dataplane/watch/filter.h"
#include "dataplane/watch/path_record.h"
#include "dataplane/watch/slot_ring.h"
#include "dataplane/worker/counters.h"
#include "dataplane/worker/packet.h"
#include "dataplane/worker/rings.h"

namespace culvert::dp {

// What is asked for. Main fills it before workers see it.
struct WatchOrder {
  bool stages = false;     // count cycles and packets by pass
  bool paths = false;      // tell packets' ways
  bool frames = false;     // with octets of them; a way of which none may be told is counted as hidden
  bool clear_text = false; // see Exposed()
  uint16_t snap = 0;       // with frames: octets taken at most at each place, 64 or more
};

struct StageUse {
  Counter cycles, bursts, packets;
};

// A worker's side of somebody watching: notes what the passes say of themselves and their packets, and hands it to main. It
// lives from when main arms it to a grace period after it is disarmed; where there is none, a pass looks at a null pointer and
// goes on. Each packet of the turn in hand has a record beside it, found by Packet::path; whatever becomes of the packet keeps
// that number, or begins a record that says so.
//
// Of a packet that is being opened nothing is read until its SA has accepted it: a failed ICV leaves garbage that is nobody's.
class Watch {
 public:
  // `first_path`: anything; that of different sessions should differ. `bell` may be null.
  Watch(const WatchOrder& order, unsigned worker, uint32_t first_path, const WatchFilter* filter, Bell* bell);

  // ---- the worker's thread ----
  void BeginPass();                        // of the loop
  void Enter(Stage s, uint16_t n);         // the packets in hand, as many as are left of them, go on to a further pass
  void Enter(Stage s, Burst& burst);       // these go on; they are in hand from now on
  void Found(Stage s, uint16_t n);         // the time since the last call was not idle
  // Frames of a port, as they came. The Packet of frame i has Received() + i as its path; 0: they have none.
  uint32_t Received(uint16_t port, rte_mbuf** frames, uint16_t n);
  void Taken(Packet& p, HandOverKind kind, const rte_ether_addr& own_mac);

  // What the packet is to carry in Packet::path where it goes to another thread, so that its parts can be joined there.
  uint32_t Id(Packet& p) { return order_.paths ? Of(p).record.id : 0; }
  void Dropped(Packet& p, Drop why);
  void Consumed(Packet& p);
  void HandedOver(Packet& p, unsigned worker, HandOverKind kind);
  void ToMain(Packet& p, MainKind kind);
  void ToHost(Packet& p);
  void Held(Packet& p);                    // carries its id from now on
  // Of a packet that was just received: what came is what was inside it.
  void Uncovered(const Packet& p);
  // Around the transmit call: the mbufs of packets in hand are the port's afterwards, but for the last ones, dropped.
  void Sending(rte_mbuf* const* m, uint16_t n, uint16_t port);
  void Sent(uint16_t sent, Drop why);

  // ---- main ----
  SlotRing& records() { return ring_; }    // PathRecords, each followed by its frames' octets in order of Place; main consumes
  const StageUse& use(Stage s) const { return uses_[static_cast<size_t>(s)]; }
  uint64_t missed() const { return missed_.get(); }  // packets that were wanted and found the ring full
  uint64_t hidden() const { return hidden_.get(); }  // packets that were wanted, and of which nothing may be told
  // The worker may hold the one before until it has passed a grace point: the caller keeps it until then.
  void SetFilter(const WatchFilter* filter) { filter_.store(filter, std::memory_order_release); }

 private:
  static constexpr uint32_t kRecords = 512;  // what one turn has but in the worst of fragments; then the oldest are missed

  struct Live {
    PathRecord record;
    bool ended = true;
    const rte_mbuf* mbuf = nullptr;  // as the last pass saw it; to be compared, not to be read
  };

  void Charge(Stage next);
  Live& New(uint32_t id);
  Live* Find(const Packet& p);
  Live& Of(Packet& p);                     // that of the packet, or a new one
  PathStep& Step(Live& l, Stage s);
  void See(Live& l, PathStep& step, const SeenPacket& seen);
  void Describe(Live& l, Stage s, const Packet& p);
  void Snap(Live& l, Place place, uint16_t port, const rte_mbuf* m, uint32_t offset);
  void SnapBehind(Live& l, const Packet& p, const rte_ether_addr& own_mac);
  uint8_t* Room(const Live& l, Place place);
  void End(Live& l, Exit exit);
  void Publish(Live& l);

  const WatchOrder order_;
  const uint8_t worker_;
  Bell* const bell_;
  std::atomic<const WatchFilter*> filter_;
  const WatchFilter* wanted_;              // of this pass
  uint32_t next_path_;

  Stage stage_ = Stage::kIdle;
  uint64_t since_;                         // TSC
  std::array<StageUse, kStageCount> uses_;
  Counter missed_, hidden_;

  std::unique_ptr<Live[]> live_;           // null, as the next, where no paths are asked for
  std::unique_ptr<uint8_t[]> octets_;      // by record and place
  SlotRing ring_;
  uint16_t in_hand_n_ = 0, sending_n_ = 0;
  std::array<Live*, 2 * kBurstMax> in_hand_, sending_;
};

}  // namespace culvert::dp
