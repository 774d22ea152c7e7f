#pragma once

#include "common/channel/rings.h"
#include "common/channel/validate.h"

namespace culvert::channel {

inline constexpr size_t kMaxDatagram = 65507;   // octets of UDP payload in the largest IPv4 packet
inline constexpr size_t SlotsFor(size_t octets) { return (sizeof(PuntHead) + octets + kPuntSlot - 1) / kPuntSlot; }
static_assert(SlotsFor(kMaxDatagram) <= kPuntSlots && SlotsFor(kMaxDatagram) <= kInjectSlots);

// An IKE datagram on its way between the wire and culvert-ike, without its payload.
struct DatagramInfo {
  Endpoint local, remote;    // local: the gateway's own side, both ways
  bool marker = false;       // the four zero octets of RFC 3948 2.2 came, or are to be put, before it; never part of it
  uint8_t dscp = 0;          // 0..63
  uint8_t ttl = 0;           // hop limit as received; 0 when injecting: the port's default
};
struct Datagram {
  DatagramInfo info;
  Bytes payload;
};

enum class Sent : uint8_t { kDone, kFull, kBroken };

// Puts whole datagrams into a punt or inject ring.
template <typename R>
class DatagramWriter {
 public:
  DatagramWriter(R* ring, uint64_t epoch) : ring_(ring), epoch_(epoch) {}

  // `payload` is at most kMaxDatagram octets. `leave_free` slots stay free for those who may use them. *wake is set where
  // the other side sleeps, and never cleared.
  [[nodiscard]] Sent Write(const DatagramInfo& info, ByteView payload, size_t leave_free, bool* wake) {
    const size_t slots = SlotsFor(payload.size());
    if (!ring_.Reserve(slots + leave_free)) return ring_.broken() ? Sent::kBroken : Sent::kFull;
    PuntHead head = {};
    head.epoch = epoch_;
    head.length = static_cast<uint32_t>(payload.size());
    head.slots = static_cast<uint16_t>(slots);
    head.marker = info.marker;
    head.dscp = info.dscp;
    head.ttl = info.ttl;
    head.local = ToWire(info.local);
    head.remote = ToWire(info.remote);
    size_t at = sizeof head;
    std::memcpy(ring_.Slot(0), &head, sizeof head);
    for (size_t i = 0; i < slots; ++i, at = 0) {
      const size_t n = std::min(payload.size(), kPuntSlot - at);
      if (n) std::memcpy(ring_.Slot(i) + at, payload.data(), n);
      payload = payload.subspan(n);
    }
    *wake = ring_.Publish(slots) || *wake;
    return Sent::kDone;
  }
  bool WaitForSpace(size_t payload) { return ring_.WaitForSpace(SlotsFor(payload)); }

 private:
  shm::RingProducer<R> ring_;
  uint64_t epoch_;
};

// Checks a private copy of a datagram's head: `available` slots have been published.
[[nodiscard]] Violation DecodeHead(const PuntHead& head, uint64_t epoch, size_t available, DatagramInfo& out);

template <typename R>
class DatagramReader {
 public:
  DatagramReader(R* ring, uint64_t epoch) : ring_(ring), epoch_(epoch) {}

  // True: `out` is the next datagram. False: none, or `violation` says that the peer broke the rules.
  [[nodiscard]] bool Read(Datagram& out, Violation& violation, bool* wake) {
    const size_t available = ring_.Available();
    if (ring_.broken()) violation = Violation::kIndex;
    if (available == 0) return false;
    PuntHead head;
    ring_.Copy(0, {reinterpret_cast<uint8_t*>(&head), sizeof head});
    violation = DecodeHead(head, epoch_, available, out.info);
    if (violation != Violation::kNone) return false;
    uint8_t slot[kPuntSlot];
    out.payload.clear();
    for (size_t i = 0, at = sizeof head; i < head.slots; ++i, at = 0) {
      const size_t n = std::min(head.length - out.payload.size(), kPuntSlot - at);
      ring_.Copy(i, ByteSpan(slot, at + n));
      Append(out.payload, ByteView(slot + at, n));
    }
    *wake = ring_.Release(head.slots) || *wake;
    return true;
  }
  [[nodiscard]] bool Sleep() { return ring_.Sleep(); }

 private:
  shm::RingConsumer<R> ring_;
  uint64_t epoch_;
};

}  // namespace culvert::channel
