#include "tools/culvertctl/watch.h"

#include <sys/stat.h>

#include <cerrno>
#include <format>
#include <fstream>
#include <iostream>

#include "common/bytes/hex.h"
#include "common/pcapng/blocks.h"
#include "tools/culvertctl/dataplane_client.h"

namespace culvert::ctl {
namespace {

using nlohmann::ordered_json;

constexpr const char* kClearTextWarning =
    "culvertctl: WARNING: --clear-text: what SAs protect will stand readable in the file; the data plane logs who asked\n";

nlohmann::json Question(const char* kind, const WatchOptions& o) {
  nlohmann::json q{{"kind", kind}};
  for (auto [key, value] : {std::pair{"port", &o.port}, {"sa", &o.sa}, {"spi", &o.spi}, {"drop", &o.drop},
                            {"protocol", &o.protocol}, {"from", &o.from}, {"to", &o.to}}) {
    if (!value->empty()) q[key] = *value;
  }
  for (auto [key, value] : {std::pair<const char*, uint32_t>{"from_port", o.from_port}, {"to_port", o.to_port},
                            {"count", o.count}, {"seconds", o.seconds}, {"snap", o.snap}}) {
    if (value != 0) q[key] = value;
  }
  if (o.clear_text) q["clear_text"] = true;
  return q;
}

absl::Status Watch(const Context& ctx, const nlohmann::json& question,
                   const std::function<absl::Status(const ordered_json&)>& line) {
  return AskDataplaneForMore(ctx.run_dir + "/dataplane-ctl.sock", {{"watch", question}}, "end", line);
}

// What must not be mistaken for silence.
void PrintEnd(const ordered_json& end) {
  std::cerr << std::format("culvertctl: {} packets", end.value("packets", 0));
  auto missed = end.value("missed", uint64_t{0}), hidden = end.value("hidden", uint64_t{0});
  if (missed != 0) std::cerr << std::format(", {} missed: too many at once", missed);
  if (hidden != 0) std::cerr << std::format(", {} hidden: an SA protects them (--clear-text shows them)", hidden);
  std::cerr << "\n";
}

absl::Status WriteBlock(std::ostream& out, const Bytes& block) {
  out.write(reinterpret_cast<const char*>(block.data()), static_cast<std::streamsize>(block.size()));
  out.flush();
  return out ? absl::OkStatus() : absl::DataLossError("the capture cannot be written");
}

// Only its owner may read it.
absl::Status Open(const std::string& file, std::ofstream& out) {
  mode_t before = umask(0077);
  out.open(file, std::ios::binary | std::ios::trunc);
  umask(before);
  return out ? absl::OkStatus() : absl::ErrnoToStatus(errno, file);
}

absl::Status WriteHeaders(std::ostream& out, const ordered_json& watching) {
  Bytes blocks = pcapng::SectionHeader("culvertctl");
  for (const auto& i : watching["interfaces"]) {
    auto link = i["link"] == "raw" ? pcapng::LinkType::kRaw : pcapng::LinkType::kEthernet;
    Append(blocks, pcapng::Interface(i["name"], link, watching["snap"]));
  }
  return WriteBlock(out, blocks);
}

absl::Status WriteFrame(std::ostream& out, const ordered_json& frame) {
  auto octets = FromHex(frame["octets"].get<std::string>());
  if (!octets) return absl::DataLossError("the data plane's octets are none");
  return WriteBlock(out, pcapng::EnhancedPacket({.interface = frame["interface"],
                                                 .time_ns = frame["time_ns"],
                                                 .inbound = frame["direction"] == "in",
                                                 .length = frame["length"],
                                                 .octets = *octets,
                                                 .comment = frame["comment"]}));
}

}  // namespace

absl::Status Trace(const Context& ctx, const WatchOptions& o) {
  return Watch(ctx, Question("trace", o), [&](const ordered_json& line) {
    if (line.contains("packet")) std::cout << (ctx.json ? line.dump() + "\n" : TraceText(line)) << std::flush;
    if (!line.contains("end")) return absl::OkStatus();
    if (ctx.json) std::cout << line.dump() << "\n";
    PrintEnd(line["end"]);
    return absl::OkStatus();
  });
}

absl::Status Capture(const Context& ctx, const WatchOptions& o, const std::string& file) {
  if (o.clear_text) std::cerr << kClearTextWarning;
  std::ofstream opened;
  std::ostream& out = file == "-" ? std::cout : opened;
  return Watch(ctx, Question("capture", o), [&](const ordered_json& line) {
    if (line.contains("watching")) {
      absl::Status s = file == "-" ? absl::OkStatus() : Open(file, opened);
      return s.ok() ? WriteHeaders(out, line["watching"]) : s;
    }
    if (line.contains("frame")) return WriteFrame(out, line["frame"]);
    if (!line.contains("end")) return absl::OkStatus();
    if (ctx.json && file != "-") std::cout << line.dump() << "\n";
    PrintEnd(line["end"]);
    return absl::OkStatus();
  });
}

absl::Status Stages(const Context& ctx, const WatchOptions& o) {
  return Watch(ctx, Question("stages", o), [&](const ordered_json& line) {
    if (line.contains("stages")) std::cout << (ctx.json ? line["stages"].dump() + "\n" : StagesText(line["stages"]));
    return absl::OkStatus();
  });
}

}  // namespace culvert::ctl
