#include <atomic>
#include <memory>
#include <thread>

#include "absl/log/check.h"
#include "absl/log/globals.h"
#include "common/channel/end.h"
#include "dataplane/main/commands.h"
#include "tests/support/fake_dataplane.h"

// Input: what a hostile process put into a ring.   flags | { length 2, octets }...
//
// flags & 3: 0 commands, 1 events, 2 datagrams.   flags & 4: epochs are left as they are (else set right, to get further).
// flags & 8: transaction numbers are left as they are.   flags & 16: another thread changes the slots while they are read.
// Each record is the beginning of a slot, little-endian length first; the rest of the slot is zero.
//
// What is accepted must be within its contract whatever happened to the slot meanwhile, and, where nothing happened, must
// encode to the octets it came from.
namespace {

using namespace culvert;
using channel::Violation;

constexpr uint64_t kEpoch = 7;

// Changes octets of the memory given to it as long as it has some.
class Vandal {
 public:
  Vandal() : thread_([this] { Run(); }) { thread_.detach(); }
  void Attack(ByteSpan memory) {
    size_.store(memory.size());
    target_.store(memory.data());
  }
  void Leave() {
    target_.store(nullptr);
    while (busy_.load()) {}
  }

 private:
  void Run() {
    for (uint64_t x = 88172645463325252;; ) {
      busy_.store(true);
      if (uint8_t* target = target_.load()) {
        for (int i = 0; i < 64; ++i) {
          x ^= x << 13, x ^= x >> 7, x ^= x << 17;
          std::atomic_ref<uint8_t>(target[x % size_.load()]).fetch_xor(static_cast<uint8_t>(x >> 56), std::memory_order_relaxed);
        }
      }
      busy_.store(false);
      std::this_thread::yield();
    }
  }
  std::atomic<uint8_t*> target_ = nullptr;
  std::atomic<size_t> size_ = 0;
  std::atomic<bool> busy_ = false;
  std::thread thread_;
};

struct Input {
  uint8_t flags = 0;
  std::vector<ByteView> records;
};

Input Split(ByteView data, size_t slot, size_t most) {
  Input in;
  if (data.empty()) return in;
  in.flags = data[0];
  for (data = data.subspan(1); data.size() >= 2 && in.records.size() < most;) {
    const size_t length = std::min<size_t>(data[0] | data[1] << 8, std::min(data.size() - 2, slot));
    in.records.push_back(data.subspan(2, length));
    data = data.subspan(2 + length);
  }
  return in;
}

template <typename R>
void Fill(R& ring, const Input& in, size_t epoch_at) {
  for (size_t i = 0; i < in.records.size(); ++i) {
    std::memset(ring.slots[i], 0, R::kSlotSize);
    std::ranges::copy(in.records[i], ring.slots[i]);
    if (!(in.flags & 4)) std::memcpy(ring.slots[i] + epoch_at, &kEpoch, sizeof kEpoch);
  }
  ring.head = ring.tail = 0;
  ring.tail = in.records.size();
}

template <typename Message>
void CheckAccepted(const Message& m) {
  CHECK(Check(m) == Violation::kNone);
  const size_t used = UsedSize(m);
  CHECK_LE(used, sizeof m);
  uint8_t slot[channel::kMessageSlot] = {};
  std::memcpy(slot, &m, used);
  Message again;
  CHECK(Decode(channel::MessageSlot(slot), kEpoch, again) == Violation::kNone);
  CHECK_EQ(std::memcmp(&again, &m, sizeof m), 0);
}

// The executor believes what Decode accepted; the fake database CHECKs nothing more than the real one may rely on.
void Commands(channel::CommandRing& ring, const Input& in) {
  testing::FakeDatabase database;
  testing::FakeGateway gateway;
  dp::CommandExecutor executor(database, gateway, [](const channel::Event& e) { CHECK(Check(e) == Violation::kNone); });
  executor.BeginEpoch(kEpoch);
  channel::MessageReader<channel::CommandRing, channel::Command> reader(&ring, kEpoch);
  channel::Command c;
  Violation v = Violation::kNone;
  bool wake = false;
  uint64_t txn = 0;
  while (reader.Read(c, v, &wake)) {
    CheckAccepted(c);
    if (!(in.flags & 8)) c.txn = c.type == channel::CommandType::kMoreSelectors ? txn : ++txn;
    if (executor.Handle(c) != Violation::kNone) break;
  }
  database.Poll([](const channel::Event&) {});
  for (const auto& [key, sa] : database.sas) {
    CHECK_LT(key.sa_index, kSaIndexLimit);
    CHECK(!sa.local.empty() && !sa.remote.empty() && sa.local.size() <= kMaxSelectorsPerSa && sa.remote.size() <= kMaxSelectorsPerSa);
  }
}

void Events(channel::EventRing& ring) {
  channel::MessageReader<channel::EventRing, channel::Event> reader(&ring, kEpoch);
  channel::Event e;
  Violation v = Violation::kNone;
  bool wake = false;
  while (reader.Read(e, v, &wake)) CheckAccepted(e);
}

void Datagrams(channel::PuntRing& ring) {
  channel::DatagramReader<channel::PuntRing> reader(&ring, kEpoch);
  channel::Datagram d;
  Violation v = Violation::kNone;
  bool wake = false;
  size_t octets = 0;
  while (reader.Read(d, v, &wake)) {
    CHECK_LE(d.payload.size(), channel::kMaxDatagram);
    CHECK(d.info.local.address.family == d.info.remote.address.family);
    CHECK_LE(d.info.dscp, 63);
    octets += d.payload.size();
  }
  CHECK_LE(octets, sizeof ring.slots);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto rings = std::unique_ptr<channel::Rings>(new channel::Rings());
  static Vandal& vandal = *new Vandal;
  absl::SetMinLogLevel(absl::LogSeverityAtLeast::kFatal);
  const ByteView view(data, size);
  const unsigned kind = view.empty() ? 0 : view[0] & 3;
  const Input in = kind < 2 ? Split(view, channel::kMessageSlot, 64) : Split(view, channel::kPuntSlot, 64);
  if (in.records.empty()) return 0;
  uint8_t* attacked = nullptr;
  if (kind == 0) Fill(rings->command, in, offsetof(channel::Command, epoch)), attacked = rings->command.slots[0];
  else if (kind == 1) Fill(rings->event, in, offsetof(channel::Event, epoch)), attacked = rings->event.slots[0];
  else Fill(rings->punt, in, offsetof(channel::PuntHead, epoch)), attacked = rings->punt.slots[0];
  if (in.flags & 16) vandal.Attack({attacked, in.records.size() * (kind < 2 ? channel::kMessageSlot : channel::kPuntSlot)});
  if (kind == 0) Commands(rings->command, in);
  else if (kind == 1) Events(rings->event);
  else Datagrams(rings->punt);
  vandal.Leave();
  return 0;
}
