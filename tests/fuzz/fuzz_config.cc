#include <algorithm>
#include <string>

#include "absl/log/check.h"
#include "common/base/limits.h"
#include "common/bytes/hex.h"
#include "config/load.h"
#include "config/syntax/inherit.h"
#include "config/syntax/parse.h"
#include "tests/config/memory_files.h"

namespace culvert::config {
namespace {

constexpr unsigned kCores = 4;
constexpr char kNextFile = '\x1e';  // the record separator: what follows is a name, a line end and that file's text

MemoryFiles FilesOf(std::string_view input) {
  MemoryFiles files;
  std::string name = "culvert.conf";
  for (;;) {
    auto end = input.find(kNextFile);
    // The mode is the input's to choose too: a name that ends in "!" is a file everybody may read.
    bool open = name.ends_with('!');
    if (open) name.pop_back();
    files.files["/etc/c/" + name] = {std::string(input.substr(0, end)), open};
    if (end == std::string_view::npos) return files;
    input.remove_prefix(end + 1);
    auto line = std::min(input.find('\n'), input.size());
    name = input.substr(0, line);
    input.remove_prefix(std::min(line + 1, input.size()));
  }
}

std::string Quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '\n')
      out += "\\n";
    else if (c == '\r')
      out += "\\r";
    else if (c == '"' || c == '\\')
      out += std::string("\\") + c;
    else
      out += c;
  }
  return out + "\"";
}

// The tree as text that means the same.
std::string Write(const Section& s) {
  std::string out;
  for (const Value& v : s.values()) out += v.name + " = " + Quoted(v.text) + "\n";
  for (const Section& c : s.sections()) out += c.name + " {\n" + Write(c) + "}\n";
  return out;
}

void CheckComplaints(const Complaints& complaints) {
  for (const Complaint& c : complaints) {
    CHECK(std::ranges::all_of(c.text, [](char x) { return x >= 0x20 && x < 0x7f; })) << Escape(c.text);
    CHECK(c.text.contains(": ")) << c.text;
  }
}

void CheckDataplane(const Dataplane& d) {
  CHECK(!d.ports.empty() && d.ports.size() <= kMaxPorts);
  CHECK(!d.worker_cores.empty() && std::ranges::all_of(d.worker_cores, [](unsigned core) { return core < kCores; }));
  for (const Port& p : d.ports) {
    CHECK(!p.name.empty() && p.name.size() <= 15 && !p.device.empty());
    CHECK(p.mtu >= 576 && p.mtu <= 9216);
  }
  for (const Route& r : d.routes) {
    CHECK(std::ranges::find(d.ports, r.port, &Port::name) != d.ports.end());
    CHECK(!r.via || r.via->family == r.to.address.family);
  }
}

void CheckLifetime(const Lifetime& l) {
  CHECK(!l.life || l.rekey <= l.life);
  CHECK(!l.rekey || l.rand < l.rekey);
}

void CheckControl(const Control& control) {
  for (const Connection& c : control.connections) {
    CHECK(c.local.size() == 1 && c.remote.size() == 1 && !c.proposals.empty());
    for (const IkeProposal& p : c.proposals) CHECK(!p.encrs.empty() && !p.prfs.empty() && !p.groups.empty());
    for (const Child& x : c.children) {
      CHECK(!x.esp_proposals.empty() && !x.local_ts.empty() && !x.remote_ts.empty());
      for (const EspProposal& p : x.esp_proposals) {
        CHECK(!p.esn.empty() && !p.encrs.empty());
        CHECK(p.integs.empty() == Find(p.encrs[0].id)->aead) << "integrity is missing or doubled";
      }
      CHECK(x.replay_window >= kMinReplayWindow && x.replay_window <= kMaxReplayWindow);
      CHECK_EQ(x.replay_window & (x.replay_window - 1), 0u);
      CheckLifetime(x.seconds_);
      CheckLifetime(x.bytes);
      CheckLifetime(x.packets);
    }
  }
  for (const Secret& s : control.secrets) CHECK(!s.data.empty());
}

// What was parsed, written out and parsed again is the same tree.
void CheckRoundTrip(MemoryFiles& files) {
  Tree tree;
  Complaints complaints;
  Report report(tree, complaints);
  if (!ParseConfig(files, "/etc/c/culvert.conf", {.dir = "/etc/c", .closed_section = ""}, tree, report)) return;
  std::string text = Write(Inherit(tree, tree.root, report));
  if (report.failed()) return;
  MemoryFiles again;
  again.files["/etc/c/culvert.conf"].text = text;
  Tree second;
  Complaints none;
  Report second_report(second, none);
  CHECK(ParseConfig(again, "/etc/c/culvert.conf", {.dir = "/etc/c", .closed_section = ""}, second, second_report))
      << none[0].text;
  CHECK(Write(second.root) == text);
}

}  // namespace
}  // namespace culvert::config

// Input: culvert.conf, then further files, each after a record separator: its name, a line end, its text. It must load or
// complain, printably; a loaded model must be one that the programs can run; the dataplane must open no secrets.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert::config;
  MemoryFiles files = FilesOf(culvert::AsString({data, size}));
  Complaints for_dataplane, for_control;
  auto dataplane = LoadDataplane(files, "/etc/c", kCores, for_dataplane);
  auto control = LoadControl(files, "/etc/c", nullptr, for_control);
  CHECK_EQ(dataplane.has_value(), !HasErrors(for_dataplane));
  CHECK_EQ(control.has_value(), !HasErrors(for_control));
  CheckComplaints(for_dataplane);
  CheckComplaints(for_control);
  if (dataplane) CheckDataplane(*dataplane);
  if (control) CheckControl(*control);
  CheckRoundTrip(files);
  return 0;
}
