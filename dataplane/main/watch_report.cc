#include "dataplane/main/watch_report.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <array>

#include "common/bytes/hex.h"

namespace culvert::dp {
namespace {

using channel::Direction;
using Json = nlohmann::ordered_json;

std::string PortName(const WatchNames& names, uint16_t port) {
  return port < names.ports.size() ? names.ports[port] : absl::StrCat("port ", port);
}

std::string AddressText(uint8_t family, const uint8_t* octets) {
  return IpAddress::FromBytes({octets, family == 4 ? size_t{4} : size_t{16}})->ToString();
}

std::string ProtocolName(uint8_t protocol) {
  switch (protocol) {
    case 1: return "icmp";
    case 6: return "tcp";
    case 17: return "udp";
    case 50: return "esp";
    case 51: return "ah";
    case 58: return "icmpv6";
    case 132: return "sctp";
    default: return absl::StrCat(protocol);
  }
}

std::string SpiText(Spi spi) { return absl::StrFormat("%08x", spi); }

Json SeenJson(const SeenPacket& s) {
  Json j{{"source", AddressText(s.family, s.source)},
         {"destination", AddressText(s.family, s.destination)},
         {"protocol", ProtocolName(s.protocol)}};
  if (s.has_ports) {
    j["source_port"] = s.source_port;
    j["destination_port"] = s.destination_port;
  }
  if (!s.later_fragment && (s.protocol == 1 || s.protocol == 58)) {
    j["type"] = s.icmp_type;
    j["code"] = s.icmp_code;
  }
  if (s.later_fragment) j["fragment"] = true;
  if (s.spi != 0) {
    j["spi"] = SpiText(s.spi);
    j["sequence"] = s.sequence;
  }
  return j;
}

// The SA that a packet was opened or sealed by, as far as it is known by one of the packet's parts.
struct Sa {
  Direction direction;
  uint32_t index = kNoSa, sequence = 0;
  Spi spi = 0;
  std::optional<SaLabel> label;
};

Sa FindSa(std::span<PathPart* const> parts, Direction d, const WatchNames& names) {
  Sa sa{.direction = d, .label = {}};
  for (const PathPart* p : parts) {
    const PathRecord& r = p->record();
    bool in = d == Direction::kInbound;
    if (uint32_t index = in ? r.sa_in : r.sa_out; index != kNoSa) sa.index = index;
    if (Spi spi = in ? r.spi_in : r.spi_out; spi != 0) {
      sa.spi = spi;
      sa.sequence = in ? r.sequence_in : r.sequence_out;
    }
  }
  if (sa.index == kNoSa) return sa;
  sa.label = names.label(d, sa.index);
  // A slot is used again: what bears another SPI is of another SA.
  if (sa.label && sa.spi != 0 && sa.label->spi != sa.spi) sa.label.reset();
  return sa;
}

Json SaJson(const Sa& sa) {
  Json j{{"direction", sa.direction == Direction::kInbound ? "in" : "out"}};
  if (sa.label) {
    j["connection"] = sa.label->connection;
    j["child"] = sa.label->child;
  }
  if (Spi spi = sa.label ? sa.label->spi : sa.spi; spi != 0) j["spi"] = SpiText(spi);
  return j;
}

const char* MainKindName(uint8_t kind) {
  switch (static_cast<MainKind>(kind)) {
    case MainKind::kIkeKnown:
    case MainKind::kIkeNew: return "ike";
    case MainKind::kNeighbour: return "neighbour-discovery";
    case MainKind::kResolve: return "resolve";
    case MainKind::kFragment:
    case MainKind::kHostFragment: return "reassemble";
    case MainKind::kHost: return "host";
  }
  return "unknown";
}

Json ExitJson(const PathRecord& r, uint64_t before, const WatchNames& names) {
  Json j{{"exit", Name(r.exit)}, {"stage", Name(r.exit_stage)}, {"worker", r.worker}, {"cycles", r.end_tsc - before}};
  switch (r.exit) {
    case Exit::kTransmitted:
    case Exit::kToHost: j["port"] = PortName(names, r.exit_port); break;
    case Exit::kDropped: j["reason"] = Name(r.drop); break;
    case Exit::kHandedOver: j["to_worker"] = r.to; break;
    case Exit::kToMain: j["for"] = MainKindName(r.to); break;
    default: break;
  }
  return j;
}

Json StepJson(const PathRecord& r, const PathStep& s, uint64_t before, const WatchNames& names, const Sa& in, const Sa& out) {
  Json j{{"stage", Name(s.stage)}, {"worker", r.worker}, {"cycles", s.tsc - before}};
  if (s.port != kNoStepPort) j["port"] = PortName(names, s.port);
  if (s.length != 0) j["octets"] = s.length;
  if (s.seen != kNothingSeen) j["packet"] = SeenJson(r.seen[s.seen]);
  if (s.stage == Stage::kOpen && s.sa_index != kNoSa) j["sa"] = SaJson(in);
  if (s.stage == Stage::kSeal && s.sa_index != kNoSa) j["sa"] = SaJson(out);
  return j;
}

std::string SaComment(const Sa& sa) {
  std::string name = sa.label ? absl::StrCat("SA ", sa.label->connection, "/", sa.label->child) : "unknown SA";
  Spi spi = sa.spi != 0 || !sa.label ? sa.spi : sa.label->spi;
  return absl::StrCat(sa.direction == Direction::kInbound ? "in" : "out", " by ", name, ", SPI ", SpiText(spi),
                      sa.spi != 0 ? absl::StrCat(", sequence ", sa.sequence) : "");
}

}  // namespace

Json PathReport(std::span<PathPart* const> parts, const WatchNames& names) {
  const Sa in = FindSa(parts, Direction::kInbound, names), out = FindSa(parts, Direction::kOutbound, names);
  Json path = Json::array();
  const PathRecord& first = parts.front()->record();
  uint64_t before = first.steps_n != 0 ? first.steps[0].tsc : first.end_tsc;
  for (const PathPart* part : parts) {
    const PathRecord& r = part->record();
    for (uint8_t i = 0; i < r.steps_n; ++i) {
      path.push_back(StepJson(r, r.steps[i], before, names, in, out));
      before = r.steps[i].tsc;
    }
    path.push_back(ExitJson(r, before, names));
    before = r.end_tsc;
  }
  return {{"packet", absl::StrFormat("%08x", first.id)}, {"path", std::move(path)}};
}

std::vector<Json> FrameReports(std::span<PathPart* const> parts, const WatchNames& names, const WallClock& clock,
                               bool clear_text) {
  const Sa in = FindSa(parts, Direction::kInbound, names), out = FindSa(parts, Direction::kOutbound, names);
  std::string comment;
  auto say = [&](const std::string& text) { absl::StrAppend(&comment, comment.empty() ? "" : "; ", text); };
  if (std::ranges::any_of(parts, [](const PathPart* p) { return p->record().ipsec; })) say(SaComment(in));
  if (std::ranges::any_of(parts, [](const PathPart* p) { return p->record().sealed; })) say(SaComment(out));
  const PathRecord& last = parts.back()->record();
  if (last.exit == Exit::kDropped) say(absl::StrCat("dropped: ", Name(last.drop)));

  std::vector<Json> reports;
  for (const PathPart* part : parts) {
    const PathRecord& r = part->record();
    if (part->told) continue;
    for (Place place : {Place::kReceived, Place::kInside, Place::kSent}) {
      const PathFrame& f = r.frames[static_cast<size_t>(place)];
      ByteView octets = part->frame(place);
      if (octets.empty()) continue;
      const Sa* sa = place == Place::kReceived && r.ipsec ? &in : place == Place::kSent && r.sealed ? &out : nullptr;
      bool readable = sa != nullptr && (!sa->label || !sa->label->enciphers);
      if (readable && !clear_text) octets = octets.first(std::min<size_t>(octets.size(), f.headers));
      bool comes = place == Place::kReceived || (place == Place::kInside && r.opened && !r.sealed);
      reports.push_back({{"interface", place == Place::kInside ? names.ports.size() : f.port},
                         {"direction", comes ? "in" : "out"},
                         {"time_ns", clock.At(f.tsc)},
                         {"length", f.length},
                         {"octets", ToHex(octets)},
                         {"comment", comment}});
    }
  }
  return reports;
}

namespace {

struct Use {
  uint64_t cycles = 0, bursts = 0, packets = 0;
};
using Uses = std::array<Use, kStageCount>;

Json StageRows(const Uses& uses, uint64_t all) {
  Json rows = Json::array();
  for (size_t i = 0; i < kStageCount; ++i) {
    const Use& u = uses[i];
    if (u.cycles == 0 && u.bursts == 0) continue;
    auto per = [&](uint64_t n) { return n == 0 ? 0.0 : static_cast<double>(u.cycles) / static_cast<double>(n); };
    rows.push_back({{"stage", Name(static_cast<Stage>(i))},
                    {"packets", u.packets},
                    {"bursts", u.bursts},
                    {"cycles", u.cycles},
                    {"cycles_per_packet", per(u.packets)},
                    {"cycles_per_burst", per(u.bursts)},
                    {"share", all == 0 ? 0.0 : static_cast<double>(u.cycles) / static_cast<double>(all)}});
  }
  return rows;
}

}  // namespace

Json StagesReport(std::span<const WorkerUse> workers, uint64_t tsc_hz) {
  Uses total{};
  uint64_t cycles_in_all = 0;
  Json list = Json::array();
  for (size_t w = 0; w < workers.size(); ++w) {
    Uses uses{};
    uint64_t cycles = 0;
    for (size_t i = 0; i < kStageCount; ++i) {
      const StageUse& u = workers[w].watch->use(static_cast<Stage>(i));
      uses[i] = {u.cycles.get(), u.bursts.get(), u.packets.get()};
      cycles += uses[i].cycles;
      total[i].cycles += uses[i].cycles;
      total[i].bursts += uses[i].bursts;
      total[i].packets += uses[i].packets;
    }
    cycles_in_all += cycles;
    list.push_back({{"worker", w},
                    {"cycles", cycles},
                    {"polls", workers[w].polls},
                    {"empty_polls", workers[w].empty_polls},
                    {"stages", StageRows(uses, cycles)}});
  }
  return {{"tsc_hz", tsc_hz}, {"cycles", cycles_in_all}, {"stages", StageRows(total, cycles_in_all)}, {"workers", list}};
}

}  // namespace culvert::dp
