#include "common/channel/validate.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/channel_messages.h"

namespace culvert::channel {
namespace {

using testing::MakeCommand;
using testing::MakeEvent;
using testing::MakeInstall;
using testing::Selector;

constexpr uint64_t kEpoch = 42;

template <typename Message>
std::array<uint8_t, kMessageSlot> Slot(const Message& m) {
  std::array<uint8_t, kMessageSlot> slot{};
  std::memcpy(slot.data(), &m, UsedSize(m));
  return slot;
}

template <typename Message>
Violation DecodeOf(const Message& m) {
  Message out;
  return Decode(MessageSlot(Slot(m)), kEpoch, out);
}

std::vector<Command> OneOfEach() {
  std::vector<Command> all;
  for (auto d : {Direction::kInbound, Direction::kOutbound}) all.push_back(MakeInstall(1, 9, d));
  for (uint32_t t = 2; t <= static_cast<uint32_t>(CommandType::kSyncDone); ++t) all.push_back(MakeCommand(static_cast<CommandType>(t), 1));
  for (Command& c : all) {
    c.epoch = kEpoch;
    switch (c.type) {
      case CommandType::kUpdateSa: c.update.direction = Direction::kOutbound; break;
      case CommandType::kRemoveSa: c.remove.direction = Direction::kInbound; break;
      case CommandType::kQueryUse: c.query_use.direction = Direction::kInbound; break;
      case CommandType::kAddPolicy:
        c.add_policy.policy_id = 1;
        c.add_policy.action = PolicyAction::kProtect;
        break;
      case CommandType::kRemovePolicy: c.remove_policy.policy_id = 1; break;
      case CommandType::kAddAddress:
      case CommandType::kRemoveAddress:
        c.address.address = ToWire(IpAddress::V4(10, 1, 0, 1));
        c.address.prefix_length = 24;
        SetName(c.address.port, "lan");
        break;
      case CommandType::kAddRoute:
      case CommandType::kRemoveRoute:
        c.route.prefix = ToWire(IpAddress::V4(10, 1, 0, 0));
        c.route.prefix_length = 24;
        c.route.via = ToWire(IpAddress::V4(192, 0, 2, 254));
        break;
      case CommandType::kQuerySource: c.query_source.destination = ToWire(*IpAddress::Parse("2001:db8::1")); break;
      default: break;
    }
  }
  return all;
}

TEST(Validate, AcceptsOneOfEachCommand) {
  const auto all = OneOfEach();
  EXPECT_EQ(all.size(), 14u);
  for (const Command& c : all) EXPECT_EQ(DecodeOf(c), Violation::kNone) << static_cast<uint32_t>(c.type);
}

// Every octet after the fields in use must be zero, in every message; this is what a changed length would leave behind.
TEST(Validate, RefusesAnythingInUnusedOctets) {
  for (const Command& c : OneOfEach()) {
    for (size_t at = UsedSize(c); at < kMessageSlot; at += 7) {
      auto slot = Slot(c);
      slot[at] = 1;
      Command out;
      EXPECT_NE(Decode(MessageSlot(slot), kEpoch, out), Violation::kNone) << static_cast<uint32_t>(c.type) << " at " << at;
    }
  }
}

struct SpoiledInstall {
  const char* what;
  Violation violation;
  void (*spoil)(Command&);
};
constexpr SpoiledInstall kSpoiled[] = {
    {"type 0", Violation::kType, [](Command& c) { c.type = CommandType{0}; }},
    {"type beyond the last", Violation::kType, [](Command& c) { c.type = CommandType{99}; }},
    {"stale epoch", Violation::kEpoch, [](Command& c) { c.epoch = kEpoch - 1; }},
    {"txn 0", Violation::kTransaction, [](Command& c) { c.txn = 0; }},
    {"head padding", Violation::kPadding, [](Command& c) { c.zero = 1; }},
    {"reserved SPI", Violation::kValue, [](Command& c) { c.install.spi = 255; }},
    {"index out of range", Violation::kValue, [](Command& c) { c.install.sa_index = kSaIndexLimit; }},
    {"index of another SPI", Violation::kValue, [](Command& c) { c.install.sa_index ^= 1; }},
    {"child 0", Violation::kValue, [](Command& c) { c.install.child_id = 0; }},
    {"direction 0", Violation::kValue, [](Command& c) { c.install.direction = Direction{0}; }},
    {"direction 3", Violation::kValue, [](Command& c) { c.install.direction = Direction{3}; }},
    {"protocol", Violation::kValue, [](Command& c) { c.install.protocol = 6; }},
    {"mode", Violation::kValue, [](Command& c) { c.install.mode = Mode{3}; }},
    {"flag 2", Violation::kValue, [](Command& c) { c.install.esn = 2; }},
    {"offload", Violation::kValue, [](Command& c) { c.install.offload = Offload{0}; }},
    {"key longer than its field", Violation::kValue, [](Command& c) { c.install.encr_key_len = 41; }},
    {"integrity key longer than its field", Violation::kValue, [](Command& c) { c.install.integ_key_len = 65; }},
    {"key octets beyond the key", Violation::kPadding, [](Command& c) { c.install.encr_key[20] = 1; }},
    {"IV generation", Violation::kValue, [](Command& c) { c.install.iv_generation = kMaxIvGeneration + 1; }},
    {"sequence beyond the IV", Violation::kValue, [](Command& c) { c.install.sequence = kIvPacketLimit + 1; }},
    {"no replay window on a negotiated SA", Violation::kValue, [](Command& c) { c.install.replay_window = 0; }},
    {"replay window no power of two", Violation::kValue, [](Command& c) { c.install.replay_window = 1000; }},
    {"replay window too large", Violation::kValue, [](Command& c) { c.install.replay_window = 131072; }},
    {"no local address", Violation::kValue, [](Command& c) { c.install.local.address = WireAddress{}; }},
    {"unspecified address", Violation::kValue, [](Command& c) { c.install.remote.address = ToWire(IpAddress::Any(Family::kV4)); }},
    {"two families", Violation::kValue, [](Command& c) { c.install.remote.address = ToWire(*IpAddress::Parse("::1")); }},
    {"octets behind a v4 address", Violation::kValue, [](Command& c) { c.install.local.address.octets[4] = 1; }},
    {"endpoint padding", Violation::kValue, [](Command& c) { c.install.local.zero = 1; }},
    {"inbound padding", Violation::kValue, [](Command& c) { c.install.tfc_padding = 100; }},
    {"inbound dummies", Violation::kValue, [](Command& c) { c.install.dummy_packets = 1; }},
    {"too many dummies", Violation::kValue,
     [](Command& c) {
       c.install.direction = Direction::kOutbound;
       c.install.dummy_packets = kMaxDummyPackets + 1;
     }},
    {"encapsulated without ports", Violation::kValue, [](Command& c) { c.install.udp_encap = 1; }},
    {"a lifetime before boot", Violation::kValue, [](Command& c) { c.install.lifetime.hard_at = -1; }},
    {"an endless name", Violation::kValue, [](Command& c) { std::memset(c.install.child, 'a', sizeof c.install.child); }},
    {"octets behind a name", Violation::kPadding, [](Command& c) { c.install.child[31] = 'x'; }},
    {"an escape sequence in a name", Violation::kValue, [](Command& c) { SetName(c.install.peer_id, "\x1b[2J"); }},
    {"17 selectors", Violation::kValue, [](Command& c) { c.install.head.local_count = 16; }},
    {"selector counts that wrap", Violation::kValue, [](Command& c) { c.install.head.local_count = c.install.head.remote_count = 128; }},
    {"fewer selectors than there are", Violation::kPadding, [](Command& c) { c.install.head.remote_count = 0; }},
    {"selector range reversed", Violation::kValue, [](Command& c) { c.install.selectors[0].last[0] = 1; }},
    {"selector ports reversed", Violation::kValue, [](Command& c) { c.install.selectors[0].port_first = 2; c.install.selectors[0].port_last = 1; }},
    {"selector family", Violation::kValue, [](Command& c) { c.install.selectors[1].family = 5; }},
    {"more = 2", Violation::kValue, [](Command& c) { c.install.head.more = 2; }},
    {"padding after the flags", Violation::kPadding, [](Command& c) { c.install.zero3 = 1; }},
    {"a tunnel's wire port", Violation::kValue, [](Command& c) { c.install.wire_port = 1; }},
};

TEST(Validate, RefusesEverySpoiledInstall) {
  for (const SpoiledInstall& s : kSpoiled) {
    Command c = MakeInstall(1, 9, Direction::kInbound);
    c.epoch = kEpoch;
    s.spoil(c);
    std::array<uint8_t, kMessageSlot> slot{};
    std::memcpy(slot.data(), &c, sizeof c);
    Command out;
    EXPECT_EQ(Name(Decode(MessageSlot(slot), kEpoch, out)), std::string(Name(s.violation))) << s.what;
  }
}

Command MakeTransportInUdp() {
  Command c = MakeInstall(1, 9, Direction::kInbound);
  c.epoch = kEpoch;
  c.install.mode = Mode::kTransport;
  c.install.udp_encap = 1;
  c.install.local.port = c.install.remote.port = 4500;
  c.install.original_local = ToWire(IpAddress::V4(198, 51, 100, 1));
  c.install.original_remote = ToWire(IpAddress::V4(10, 0, 0, 1));
  return c;
}

constexpr SpoiledInstall kSpoiledTransport[] = {
    {"in no UDP", Violation::kPadding, [](Command& c) { c.install.udp_encap = 0; }},
    {"tunnel", Violation::kPadding, [](Command& c) { c.install.mode = Mode::kTunnel; }},
    {"outbound", Violation::kPadding, [](Command& c) { c.install.direction = Direction::kOutbound; }},
    {"one alone", Violation::kValue, [](Command& c) { c.install.original_remote = {}; }},
    {"the other alone", Violation::kValue, [](Command& c) { c.install.original_local = {}; }},
    {"another family", Violation::kValue, [](Command& c) { c.install.original_remote = ToWire(*IpAddress::Parse("2001:db8::1")); }},
    {"unspecified", Violation::kValue, [](Command& c) { c.install.original_local = ToWire(IpAddress::Any(Family::kV4)); }},
    {"address padding", Violation::kValue, [](Command& c) { c.install.original_local.zero[2] = 1; }},
    {"AH in UDP", Violation::kValue, [](Command& c) { c.install.protocol = 51; }},
};

TEST(Validate, OriginalAddressesAreThoseOfTransportModeInUdp) {
  EXPECT_EQ(DecodeOf(MakeTransportInUdp()), Violation::kNone);
  for (const SpoiledInstall& s : kSpoiledTransport) {
    Command c = MakeTransportInUdp();
    s.spoil(c);
    EXPECT_EQ(Name(DecodeOf(c)), std::string(Name(s.violation))) << s.what;
  }
  Command plain = MakeInstall(1, 9, Direction::kInbound);
  plain.epoch = kEpoch;
  plain.install.mode = Mode::kTransport;
  EXPECT_EQ(DecodeOf(plain), Violation::kNone);
}

TEST(Validate, AcceptsOpaquePortsAndOnLinkRoutes) {
  Command c = MakeInstall(1, 9, Direction::kInbound);
  c.epoch = kEpoch;
  c.install.selectors[0].port_first = 65535;
  c.install.selectors[0].port_last = 0;
  EXPECT_EQ(DecodeOf(c), Violation::kNone);
  Command r = MakeCommand(CommandType::kAddRoute, 1, kEpoch);
  r.route.prefix = ToWire(IpAddress::V4(10, 1, 0, 0));
  r.route.prefix_length = 16;
  EXPECT_EQ(DecodeOf(r), Violation::kValue) << "neither via nor port";
  SetName(r.route.port, "lan");
  EXPECT_EQ(DecodeOf(r), Violation::kNone);
  r.route.prefix_length = 8;
  EXPECT_EQ(DecodeOf(r), Violation::kValue) << "host bits";
  r.route.prefix_length = 33;
  EXPECT_EQ(DecodeOf(r), Violation::kValue);
}

TEST(Validate, EventsCarryATransactionExactlyWhenTheyAcknowledge) {
  Event ack = MakeEvent(EventType::kAck, kEpoch);
  EXPECT_EQ(DecodeOf(ack), Violation::kTransaction);
  ack.txn = 3;
  EXPECT_EQ(DecodeOf(ack), Violation::kNone);
  ack.ack.status = Status{8};
  EXPECT_EQ(DecodeOf(ack), Violation::kValue);
  Event end = MakeEvent(EventType::kDumpEnd, kEpoch);
  EXPECT_EQ(DecodeOf(end), Violation::kNone);
  end.txn = 3;
  EXPECT_EQ(DecodeOf(end), Violation::kTransaction);
}

// Random octets in every message: never a crash, and what is accepted passes its own check again.
TEST(Validate, SurvivesRandomMutations) {
  std::mt19937_64 random(1);
  const auto all = OneOfEach();
  for (int i = 0; i < 200000; ++i) {
    auto slot = Slot(all[random() % all.size()]);
    for (uint64_t n = random() % 4; n > 0; --n) slot[random() % slot.size()] = static_cast<uint8_t>(random());
    Command c;
    if (Decode(MessageSlot(slot), kEpoch, c) == Violation::kNone) { EXPECT_EQ(Check(c), Violation::kNone); }
    Event e;
    if (Decode(MessageSlot(slot), kEpoch, e) == Violation::kNone) { EXPECT_EQ(Check(e), Violation::kNone); }
  }
}

TEST(Selectors, SplitAndAssembleAreInverse) {
  for (size_t locals : {1u, 8u, 16u, 17u, 255u}) {
    for (size_t remotes : {1u, 15u, 16u, 200u, 255u}) {
      SelectorList local, remote;
      for (size_t i = 0; i < locals; ++i) local.push_back(Selector(("10.1." + std::to_string(i) + ".0/24").c_str()));
      for (size_t i = 0; i < remotes; ++i) remote.push_back(Selector(("10.2." + std::to_string(i) + ".0/24").c_str()));
      SelectorAssembler a;
      const auto pieces = SplitSelectors(local, remote);
      EXPECT_EQ(pieces.size(), (locals + remotes + 15) / 16);
      for (size_t i = 0; i < pieces.size(); ++i) {
        EXPECT_EQ(a.Add(pieces[i].head, pieces[i].selectors),
                  i + 1 == pieces.size() ? SelectorAssembler::Result::kComplete : SelectorAssembler::Result::kMore);
      }
      EXPECT_EQ(a.local, local);
      EXPECT_EQ(a.remote, remote);
    }
  }
}

TEST(Selectors, AssemblerIsBounded) {
  SelectorAssembler a;
  SelectorPiece p = SplitSelectors(SelectorList(16, Selector("10.0.0.0/8")), {}).front();
  p.head.more = 1;
  for (int i = 0; i < 15; ++i) EXPECT_EQ(a.Add(p.head, p.selectors), SelectorAssembler::Result::kMore);
  EXPECT_EQ(a.Add(p.head, p.selectors), SelectorAssembler::Result::kTooMany);
}

}  // namespace
}  // namespace culvert::channel
