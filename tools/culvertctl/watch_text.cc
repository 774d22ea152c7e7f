#include <format>

#include "tools/culvertctl/table.h"
#include "tools/culvertctl/watch.h"

namespace culvert::ctl {
namespace {

using nlohmann::ordered_json;

std::string End(const ordered_json& packet, const char* address, const char* port) {
  std::string text = packet.value(address, "");
  if (!packet.contains(port)) return text;
  bool v6 = text.find(':') != std::string::npos;
  return std::format("{}:{}", v6 ? "[" + text + "]" : text, packet.value(port, 0));
}

std::string PacketText(const ordered_json& p) {
  std::string text = std::format("{} > {} {}", End(p, "source", "source_port"), End(p, "destination", "destination_port"),
                                 p.value("protocol", ""));
  if (p.contains("type")) text += std::format(" type {} code {}", p.value("type", 0), p.value("code", 0));
  if (p.contains("spi")) text += std::format(" SPI {} sequence {}", p.value("spi", ""), p.value("sequence", 0u));
  if (p.contains("fragment")) text += " fragment";
  return text;
}

std::string SaText(const ordered_json& sa) {
  std::string name = sa.contains("child") ? sa.value("connection", "") + "/" + sa.value("child", "") : "no SA of ours";
  if (sa.contains("spi")) name += " " + sa.value("spi", "");
  return name;
}

std::string StepText(const ordered_json& step) {
  std::string text;
  auto say = [&](const std::string& what) { text += (text.empty() ? "" : ", ") + what; };
  if (step.contains("port")) say(step.value("port", ""));
  if (step.contains("sa")) say(SaText(step["sa"]));
  if (step.contains("octets")) say(std::format("{} octets", step.value("octets", 0)));
  if (step.contains("packet")) say(PacketText(step["packet"]));
  return text;
}

std::string ExitText(const ordered_json& exit) {
  std::string text = exit.value("exit", "");
  if (exit.contains("reason")) return std::format("{}: {} (in {})", text, exit.value("reason", ""), exit.value("stage", ""));
  if (exit.contains("port")) return text + " by " + exit.value("port", "");
  if (exit.contains("to_worker")) return std::format("{} to worker {}", text, exit.value("to_worker", 0));
  if (exit.contains("for")) return text + " for " + exit.value("for", "");
  return text;
}

}  // namespace

std::string TraceText(const ordered_json& packet) {
  const ordered_json& path = packet["path"];
  std::string text = std::format("packet {}: {}\n", packet.value("packet", ""), ExitText(path.back()));
  int worker = -1;
  for (const auto& step : path) {
    bool leaves = step.contains("exit");
    if (int now = step.value("worker", 0); now != worker) {
      worker = now;
      text += std::format("  worker {}\n", worker);
    }
    std::string cycles = std::format("+{}", step.value("cycles", uint64_t{0}));
    std::string line = leaves ? std::format("    {:>9}  = {}", cycles, ExitText(step))
                              : std::format("    {:>9}  {:<12} {}", cycles, step.value("stage", ""), StepText(step));
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string StagesText(const ordered_json& stages) {
  std::string text;
  auto table = [&](const std::string& who, const ordered_json& rows) {
    Table t({"stage", "packets", "bursts", "cycles/packet", "cycles/burst", "share"});
    for (const auto& r : rows) {
      auto rounded = [&](const char* key) { return std::format("{:.0f}", r.value(key, 0.0)); };
      bool counted = r.value("packets", uint64_t{0}) != 0;
      t.Add({r.value("stage", ""), counted ? r["packets"].dump() : "", counted ? r["bursts"].dump() : "",
             counted ? rounded("cycles_per_packet") : "", counted ? rounded("cycles_per_burst") : "",
             std::format("{:.1f} %", 100 * r.value("share", 0.0))});
    }
    text += who + "\n" + t.Print();
  };
  for (const auto& w : stages["workers"]) {
    table(std::format("worker {}: {} polls, {} of them empty", w.value("worker", 0), w.value("polls", uint64_t{0}),
                      w.value("empty_polls", uint64_t{0})),
          w["stages"]);
  }
  if (stages["workers"].size() > 1) table("all workers", stages["stages"]);
  return text;
}

}  // namespace culvert::ctl
