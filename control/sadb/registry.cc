#include "control/sadb/registry.h"

#include <algorithm>

#include "absl/log/check.h"
#include "common/channel/selectors.h"
#include "common/channel/validate.h"
#include "config/offload.h"

namespace culvert::sadb {

using channel::Command;
using channel::CommandType;
using channel::Direction;

namespace {

int64_t NanosOrNone(Time t) { return t == Time{} ? 0 : ToNanos(t); }

template <size_t N>
void SetText(char (&field)[N], std::string_view text) { channel::SetName(field, WireText(text, N)); }

void SetKey(uint8_t* field, size_t size, const SecretBytes& key, uint8_t& length) {
  CHECK_LE(key.size(), size);
  std::ranges::copy(key.view(), field);
  length = static_cast<uint8_t>(key.size());
}

}  // namespace

SaRecord* Registry::Add(ike::InstallChild install) {
  SaKey key;
  auto child = children_.find(install.child);
  if (install.inbound) {
    key = {SaIndex(install.sa.spi), Direction::kInbound};
  } else {
    if (child == children_.end()) return nullptr;
    key = {child->second, Direction::kOutbound};
  }
  if (records_.contains(key)) return nullptr;
  children_[install.child] = key.sa_index;
  SaRecord& r = records_[key];
  r.key = key;
  r.serial = next_serial_++;
  r.install = std::move(install);
  return &r;
}

void Registry::Erase(SaKey key) {
  auto node = records_.extract(key);
  if (!node.empty() && !HasSlot(key.sa_index)) children_.erase(node.mapped().install.child);
}

SaRecord* Registry::Find(SaKey key) {
  auto it = records_.find(key);
  return it == records_.end() ? nullptr : &it->second;
}

SaRecord* Registry::Find(SaKey key, uint64_t serial) {
  SaRecord* r = Find(key);
  return r && r->serial == serial ? r : nullptr;
}

SaRecord* Registry::Find(ike::ChildId child, bool inbound) {
  auto it = children_.find(child);
  return it == children_.end() ? nullptr : Find({it->second, inbound ? Direction::kInbound : Direction::kOutbound});
}

bool Registry::HasSlot(uint32_t sa_index) const {
  return records_.contains({sa_index, Direction::kInbound}) || records_.contains({sa_index, Direction::kOutbound});
}

std::string WireText(std::string_view text, size_t field) {
  std::string out(text.substr(0, field - 1));
  for (char& c : out) {
    if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return out;
}

void MakeInstall(const SaRecord& record, std::vector<Command>& out) {
  const ike::InstallChild& in = record.install;
  const auto pieces = channel::SplitSelectors(in.local_ts, in.remote_ts);
  out.reserve(out.size() + pieces.size());   // a vector that grew would leave keys behind in freed memory
  out.push_back(channel::NewCommand(CommandType::kInstallSa));
  channel::InstallSa& m = out.back().install;
  m.spi = in.sa.spi;
  m.sa_index = record.key.sa_index;
  m.policy_id = record.policy_id;
  m.preference = in.preference;
  m.child_id = in.child;
  m.ike_id = in.ike;
  m.direction = record.key.direction;
  m.protocol = in.protocol == IpsecProtocol::kAh ? 51 : 50;
  m.mode = in.mode == config::ChildMode::kTransport ? channel::Mode::kTransport : channel::Mode::kTunnel;
  m.udp_encap = in.udp_encap;
  m.encr = static_cast<uint16_t>(in.suite.encr);
  m.encr_key_bits = in.suite.encr_key_bits;
  m.integ = static_cast<uint16_t>(in.suite.integ);
  m.esn = in.suite.esn;
  m.offload = OffloadOf(in.offload);
  SetKey(m.encr_key, sizeof m.encr_key, in.sa.encr_key, m.encr_key_len);
  SetKey(m.integ_key, sizeof m.integ_key, in.sa.integ_key, m.integ_key_len);
  m.iv_generation = record.iv_generation;
  m.replay_window = in.replay_window;
  m.sequence = record.sequence;
  m.local = channel::ToWire(in.local);
  m.remote = channel::ToWire(in.remote);
  if (in.original) {
    m.original_local = channel::ToWire(in.original->local);
    m.original_remote = channel::ToWire(in.original->remote);
  }
  if (record.host_port && record.host_port->host() != record.host_port->wire()) m.wire_port = record.host_port->wire();
  m.lifetime = {.soft_at = NanosOrNone(in.soft_at), .hard_at = NanosOrNone(in.hard_at), .soft_bytes = in.soft_bytes,
                .hard_bytes = in.hard_bytes, .soft_packets = in.soft_packets, .hard_packets = in.hard_packets};
  m.if_id = in.if_id;
  m.copy_dscp = in.copy_dscp;
  m.copy_ecn = in.copy_ecn;
  m.copy_df = in.copy_df;
  static_assert(config::kTfcToMtu == channel::kTfcToMtu);
  m.tfc_padding = in.tfc_padding;
  m.dummy_packets = in.dummy_packets;
  SetText(m.connection, in.connection);
  SetText(m.child, in.name);
  SetText(m.peer_id, in.peer_id);
  m.head = pieces[0].head;
  std::ranges::copy(pieces[0].selectors, m.selectors);
  for (size_t i = 1; i < pieces.size(); ++i) {
    out.push_back(channel::NewCommand(CommandType::kMoreSelectors));
    out.back().more.head = pieces[i].head;
    std::ranges::copy(pieces[i].selectors, out.back().more.selectors);
  }
}

Command MakeUpdate(const SaRecord& record) {
  Command c = channel::NewCommand(CommandType::kUpdateSa);
  c.update.spi = record.install.sa.spi;
  c.update.sa_index = record.key.sa_index;
  c.update.direction = record.key.direction;
  c.update.set_remote = 1;
  c.update.udp_encap = record.install.udp_encap;
  c.update.local = channel::ToWire(record.install.local);
  c.update.remote = channel::ToWire(record.install.remote);
  return c;
}

Command MakeRemove(SaKey key, uint32_t spi) {
  Command c = channel::NewCommand(CommandType::kRemoveSa);
  c.remove.spi = spi;
  c.remove.sa_index = key.sa_index;
  c.remove.direction = key.direction;
  return c;
}

Command MakeQueryUse(const SaRecord& record) {
  Command c = channel::NewCommand(CommandType::kQueryUse);
  c.query_use.spi = record.install.sa.spi;
  c.query_use.sa_index = record.key.sa_index;
  c.query_use.direction = record.key.direction;
  return c;
}

}  // namespace culvert::sadb
