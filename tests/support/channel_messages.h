#pragma once

#include "common/channel/selectors.h"
#include "common/channel/validate.h"

// Valid messages for tests to send or to spoil.
namespace culvert::testing {

inline channel::Command MakeCommand(channel::CommandType type, uint64_t txn, uint64_t epoch = 0) {
  channel::Command c = channel::NewCommand(type);
  c.txn = txn;
  c.epoch = epoch;
  return c;
}

inline channel::Event MakeEvent(channel::EventType type, uint64_t epoch = 0) {
  channel::Event e = channel::NewEvent(type);
  e.epoch = epoch;
  return e;
}

inline TrafficSelector Selector(const char* range) { return {.addresses = *IpRange::Parse(range)}; }

inline channel::Command MakeInstall(uint64_t txn, uint32_t slot, channel::Direction direction) {
  channel::Command c = MakeCommand(channel::CommandType::kInstallSa, txn);
  channel::InstallSa& m = c.install;
  m.spi = direction == channel::Direction::kInbound ? MakeSpi(1, 5, slot) : 0xc0000000 + slot;
  m.sa_index = SaIndex(MakeSpi(1, 5, slot));
  m.policy_id = 7;
  m.child_id = slot + 1;
  m.ike_id = 1;
  m.direction = direction;
  m.protocol = 50;
  m.mode = channel::Mode::kTunnel;
  m.encr = 20;
  m.encr_key_bits = 128;
  m.esn = 1;
  m.offload = channel::Offload::kAuto;
  m.encr_key_len = 20;
  for (int i = 0; i < 20; ++i) m.encr_key[i] = static_cast<uint8_t>(0xa0 + i);
  m.replay_window = 1024;
  m.local = channel::ToWire(Endpoint{IpAddress::V4(192, 0, 2, 1), 0, 0});
  m.remote = channel::ToWire(Endpoint{IpAddress::V4(192, 0, 2, 2), 0, 0});
  channel::SetName(m.connection, "conn");
  channel::SetName(m.child, "net");
  channel::SetName(m.peer_id, "b.example.org");
  const auto piece = channel::SplitSelectors({Selector("10.1.0.0/24")}, {Selector("10.2.0.0/24")}).front();
  m.head = piece.head;
  std::memcpy(m.selectors, piece.selectors, sizeof m.selectors);
  return c;
}

}  // namespace culvert::testing
