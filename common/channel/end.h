#pragma once

#include <deque>

#include "common/channel/datagram.h"
#include "common/channel/wakeup.h"
#include "common/shm/region.h"

namespace culvert::channel {

// Puts messages into a command or event ring.
template <typename R, typename Message>
class MessageWriter {
 public:
  MessageWriter(R* ring, uint64_t epoch) : ring_(ring), epoch_(epoch) {}

  // All of them or none, visible at once. Sets each message's epoch.
  [[nodiscard]] Sent Write(std::span<Message> messages, bool* wake) {
    if (!ring_.Reserve(messages.size())) return ring_.broken() ? Sent::kBroken : Sent::kFull;
    for (size_t i = 0; i < messages.size(); ++i) {
      messages[i].epoch = epoch_;
      const size_t used = UsedSize(messages[i]);
      std::memcpy(ring_.Slot(i), &messages[i], used);
      std::memset(ring_.Slot(i) + used, 0, kMessageSlot - used);
    }
    *wake = ring_.Publish(messages.size()) || *wake;
    return Sent::kDone;
  }
  bool WaitForSpace(size_t messages) { return ring_.WaitForSpace(messages); }

 private:
  shm::RingProducer<R> ring_;
  uint64_t epoch_;
};

// Takes messages out. Each slot is copied once, zeroed in place (commands carry keys), judged as a copy, then released.
template <typename R, typename Message>
class MessageReader {
 public:
  MessageReader(R* ring, uint64_t epoch) : ring_(ring), epoch_(epoch) {}
  ~MessageReader() { WipeBytes(slot_); }

  // True: `out` is the next message; the caller wipes it if it carries keys. False: none, or `violation` says why not.
  [[nodiscard]] bool Read(Message& out, Violation& violation, bool* wake) {
    const size_t available = ring_.Available();
    if (ring_.broken()) violation = Violation::kIndex;
    if (available == 0) return false;
    ring_.Copy(0, slot_);
    ring_.Wipe(0);
    violation = Decode(MessageSlot(slot_), epoch_, out);
    WipeBytes(slot_);
    if (violation != Violation::kNone) return false;
    *wake = ring_.Release(1) || *wake;
    return true;
  }
  [[nodiscard]] bool Sleep() { return ring_.Sleep(); }

 private:
  shm::RingConsumer<R> ring_;
  uint64_t epoch_;
  alignas(8) uint8_t slot_[kMessageSlot];
};

// One end of an established connection: what it reads, what it writes, and the two wake-ups. One thread. The two ends are
// two types, so that the wrong ring does not compile.
template <typename InMessage, typename InRing, InRing Rings::*kIn, typename OutMessage, typename OutRing, OutRing Rings::*kOut,
          typename InDatagrams, InDatagrams Rings::*kDatagramsIn, typename OutDatagrams, OutDatagrams Rings::*kDatagramsOut>
class End {
 public:
  // `rings` is a fresh Region of sizeof(Rings). `own` is what the peer signals, `peer` what we signal.
  End(shm::Region rings, UniqueFd own, UniqueFd peer, uint64_t epoch)
      : region_(std::move(rings)), own_(std::move(own)), peer_(std::move(peer)), epoch_(epoch), in_(&(memory()->*kIn), epoch),
        out_(&(memory()->*kOut), epoch), datagrams_in_(&(memory()->*kDatagramsIn), epoch),
        datagrams_out_(&(memory()->*kDatagramsOut), epoch) {}
  // Commands nobody read may carry keys.
  ~End() { WipeBytes({memory()->command.slots[0], sizeof memory()->command.slots}); }
  End(const End&) = delete;
  End& operator=(const End&) = delete;

  [[nodiscard]] bool Read(InMessage& out, Violation& violation) { return in_.Read(out, violation, &wake_peer_); }
  [[nodiscard]] bool Read(Datagram& out, Violation& violation) { return datagrams_in_.Read(out, violation, &wake_peer_); }
  [[nodiscard]] Sent Write(std::span<OutMessage> messages) { return out_.Write(messages, &wake_peer_); }
  [[nodiscard]] Sent Write(const DatagramInfo& info, ByteView payload, size_t leave_free = 0) {
    return datagrams_out_.Write(info, payload, leave_free, &wake_peer_);
  }
  // After kFull: true where there is room already; else own_wakeup() becomes readable once something was read.
  [[nodiscard]] bool WaitForMessageSpace(size_t messages) { return out_.WaitForSpace(messages); }
  [[nodiscard]] bool WaitForDatagramSpace(size_t octets) { return datagrams_out_.WaitForSpace(octets); }

  // Wakes the peer where anything since the last call asked for it. Once per round of reads and writes.
  void Flush() {
    if (wake_peer_) SignalWakeup(peer_.get());
    wake_peer_ = false;
  }
  // True: nothing to read, and own_wakeup() becomes readable when there is.
  [[nodiscard]] bool SleepMessages() { return in_.Sleep(); }
  [[nodiscard]] bool SleepDatagrams() { return datagrams_in_.Sleep(); }

  int own_wakeup() const { return own_.get(); }
  uint64_t epoch() const { return epoch_; }

 private:
  Rings* memory() const { return static_cast<Rings*>(region_.data()); }

  shm::Region region_;
  UniqueFd own_, peer_;
  uint64_t epoch_;
  bool wake_peer_ = false;
  MessageReader<InRing, InMessage> in_;
  MessageWriter<OutRing, OutMessage> out_;
  DatagramReader<InDatagrams> datagrams_in_;
  DatagramWriter<OutDatagrams> datagrams_out_;
};

using DataplaneEnd = End<Command, CommandRing, &Rings::command, Event, EventRing, &Rings::event,
                         InjectRing, &Rings::inject, PuntRing, &Rings::punt>;
using ControlEnd = End<Event, EventRing, &Rings::event, Command, CommandRing, &Rings::command,
                       PuntRing, &Rings::punt, InjectRing, &Rings::inject>;

// Messages waiting for room in a ring, stored without their unused tails. Nothing is ever dropped from it.
template <typename Message>
class Outbox {
 public:
  void Push(const Message& m) {
    const auto* p = reinterpret_cast<const uint8_t*>(&m);
    queue_.emplace_back(p, p + UsedSize(m));
  }
  // Moves what fits. False: the ring is broken. When it is full, `end` will be woken.
  template <typename E>
  [[nodiscard]] bool Drain(E& end) {
    while (!queue_.empty()) {
      Message m;
      std::memset(&m, 0, sizeof m);
      std::memcpy(&m, queue_.front().data(), queue_.front().size());
      const Sent sent = end.Write(std::span(&m, 1));
      if (sent == Sent::kBroken) return false;
      if (sent == Sent::kFull) {
        ++stalls_;
        if (end.WaitForMessageSpace(1)) continue;
        return true;
      }
      queue_.pop_front();
    }
    return true;
  }
  size_t size() const { return queue_.size(); }
  uint64_t stalls() const { return stalls_; }   // times the ring was full
  void Clear() { queue_.clear(); }

 private:
  std::deque<Bytes> queue_;
  uint64_t stalls_ = 0;
};

}  // namespace culvert::channel
