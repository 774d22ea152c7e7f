#include <algorithm>
#include <limits>
#include <optional>
#include <set>

#include "common/bytes/hex.h"
#include "config/connections.h"
#include "config/load.h"
#include "config/profile.h"
#include "config/schema/check_keys.h"
#include "config/schema/reader.h"
#include "config/suggest.h"
#include "config/syntax/inherit.h"
#include "config/syntax/parse.h"
#include "config/text.h"

namespace culvert::config {
namespace {

// What swanctl.conf holds, by its own names: sections of `control` once it is included there.
constexpr std::string_view kSwanctlSections[] = {"connections", "secrets", "pools", "authorities"};

constexpr double kNoLimit = 86400;  // seconds; charon's 0 for "no longest wait"

Retransmit ReadRetransmit(const SectionReader& in) {
  Retransmit r;
  r.timeout_s = in.Fraction("retransmit_timeout", r.timeout_s);
  r.base = in.Fraction("retransmit_base", r.base);
  r.limit_s = in.Fraction("retransmit_limit", r.limit_s);
  if (r.limit_s == 0) r.limit_s = kNoLimit;
  if (in.Has("retransmit_jitter")) r.jitter = static_cast<double>(in.Integer("retransmit_jitter", 0)) / 100;
  r.tries = static_cast<unsigned>(in.Integer("retransmit_tries", r.tries));
  if (r.timeout_s == 0) in.Error("retransmit_timeout", "0 would send without a pause; expected more");
  return r;
}

Dos ReadDos(const SectionReader& in) {
  Dos d;
  d.cookie_threshold = static_cast<unsigned>(in.Integer("cookie_threshold", d.cookie_threshold));
  d.cookie_threshold_ip = static_cast<unsigned>(in.Integer("cookie_threshold_ip", d.cookie_threshold_ip));
  d.block_threshold = static_cast<unsigned>(in.Integer("block_threshold", d.block_threshold));
  d.half_open_cap = static_cast<unsigned>(in.Integer("half_open_cap", d.half_open_cap));
  d.half_open_timeout = seconds(in.Integer("half_open_timeout", static_cast<uint64_t>(d.half_open_timeout.count())));
  return d;
}

// charon's rule: 0 is what every path of the family carries.
uint16_t ReadFragmentSize(const SectionReader& in, const char* of_family, uint16_t least) {
  uint64_t size = in.Integer("fragment_size", ControlSettings{}.fragment_size_v4);
  size = in.Integer(of_family, size);
  return size == 0 ? least : static_cast<uint16_t>(size);
}

ControlSettings ReadSettings(const SectionReader& in) {
  ControlSettings s;
  if (const Section* vici = in.section().FindSection("vici")) {
    SectionReader vici_in = in.Child(*vici);
    s.vici_socket = vici_in.Text("socket");
    bool path = s.vici_socket.starts_with("unix:///") && s.vici_socket.size() > 8;
    if (vici_in.Has("socket") && !path) vici_in.Error("socket", "expected unix:// and an absolute path");
  }
  s.user = in.Text("user", s.user);
  s.retransmit = ReadRetransmit(in);
  s.dos = ReadDos(in);
  s.fragment_size_v4 = ReadFragmentSize(in, "fragment_size_v4", 576);
  s.fragment_size_v6 = ReadFragmentSize(in, "fragment_size_v6", 1280);
  s.keep_alive = in.Seconds("keep_alive", s.keep_alive);
  s.retry_initiate_interval = in.Seconds("retry_initiate_interval", s.retry_initiate_interval);
  s.delete_rekeyed_delay = seconds(in.Integer("delete_rekeyed_delay", static_cast<uint64_t>(s.delete_rekeyed_delay.count())));
  s.delete_on_stop = in.Text("on_stop", "keep") == "delete";
  s.profile = FindProfile(in.Text("profile")).value_or(s.profile);
  s.aggressive_psk = in.Bool("i_dont_care_about_security_and_use_aggressive_mode_psk", s.aggressive_psk);
  s.cisco_unity = in.Bool("cisco_unity", s.cisco_unity);
  for (const char* key : {"dns1", "dns2"}) {
    if (auto address = IpAddress::Parse(in.Text(key))) s.dns.push_back(*address);
  }
  for (const char* key : {"nbns1", "nbns2"}) {
    if (auto address = IpAddress::Parse(in.Text(key))) s.nbns.push_back(*address);
  }
  return s;
}

// Sections of the file that are neither ours nor anybody's defaults: most likely a slip in a name.
void CheckTop(const Tree& tree, Report& report) {
  static constexpr std::string_view kNames[] = {"dataplane", "control"};
  std::set<std::string, std::less<>> taken_from;
  std::vector<const Section*> pending{&tree.root};
  while (!pending.empty()) {
    const Section* s = pending.back();
    pending.pop_back();
    for (const Reference& r : s->references) taken_from.insert(r.path.substr(0, r.path.find('.')));
    for (const Section& child : s->sections()) pending.push_back(&child);
  }
  for (const Section& s : tree.root.sections()) {
    if (std::ranges::find(kNames, s.name) != std::end(kNames) || taken_from.contains(s.name)) continue;
    bool swanctl = std::ranges::find(kSwanctlSections, s.name) != std::end(kSwanctlSections);
    std::string hint = swanctl ? "; it belongs inside control { }" : DidYouMean(s.name, kNames);
    report.Error(s.origin, Escape(s.name), Cat("unknown section", hint));
  }
  for (const Value& v : tree.root.values())
    report.Error(v.origin, Escape(v.name), "a key outside of dataplane { } and control { }");
}

// The numbers of culvert.conf's tunnels, where it is this gateway's whole: the data plane takes no SA of another one.
std::optional<std::set<uint64_t>> TunnelIds(const Tree& tree, Report& report) {
  const Section* written = tree.root.FindSection("dataplane");
  if (!written) return std::nullopt;
  std::set<uint64_t> ids;
  const Section dataplane = Inherit(tree, *written, report);
  const Section* tunnels = dataplane.FindSection("tunnels");
  if (!tunnels) return ids;
  for (const Section& s : tunnels->sections()) {
    const Value* id = s.FindValue("if_id");
    auto number = id ? ParseInteger(id->text, 1, std::numeric_limits<uint32_t>::max()) : std::unexpected(std::string());
    if (number) ids.insert(*number);
  }
  return ids;
}

void CheckTunnels(const Tree& tree, const Control& control, const Section& connections, Report& report) {
  const auto ids = TunnelIds(tree, report);
  if (!ids) return;
  for (const Connection& conn : control.connections) {
    const Section* written = connections.FindSection(conn.name);
    if (!written || !written->FindSection("children")) continue;
    SectionReader in(*written->FindSection("children"), Cat("connections.", conn.name, ".children"), report);
    for (const Child& child : conn.children) {
      const Section* section = in.section().FindSection(child.name);
      if (!section) continue;
      for (auto [key, id] : {std::pair("if_id_in", child.if_id_in), {"if_id_out", child.if_id_out}}) {
        if (id != 0 && !ids->contains(id)) in.Child(*section).Error(key, "no tunnel of dataplane { tunnels { } } has it");
      }
    }
  }
}

Control ReadControl(const SectionReader& in, const std::string& dir) {
  Control out;
  out.credentials_dir = dir + "/swanctl";
  out.settings = ReadSettings(in);
  Report& report = in.report();
  if (const Section* secrets = in.section().FindSection("secrets")) {
    SectionReader all(*secrets, "secrets", report);
    for (const Section& s : secrets->sections()) {
      if (auto secret = ReadSecret(all.Child(s), out.credentials_dir)) out.secrets.push_back(std::move(*secret));
    }
  }
  if (const Section* pools = in.section().FindSection("pools")) {
    out.pools = ReadPools(SectionReader(*pools, "pools", report));
  }
  if (const Section* radius = in.section().FindSection("radius")) out.radius = ReadRadius(in.Child(*radius));
  if (const Section* connections = in.section().FindSection("connections")) {
    SectionReader all(*connections, "connections", report);
    for (const Section& s : connections->sections()) {
      out.connections.push_back(ReadConnection(all.Child(s), out.settings, out.credentials_dir));
    }
    WarnOfOverlaps(out.connections, *connections, report);
    CheckTunnels(report.tree(), out, *connections, report);
    WarnOfMissingSecrets(out, all);
    WarnOfMissingPools(out, all);
    CheckRadiusUsers(out, all);
  }
  return out;
}

}  // namespace

std::optional<Control> LoadControl(FileSource& files, const std::string& dir, IdentityCheck identities,
                                   Complaints& complaints) {
  Tree tree;
  Report report(tree, complaints);
  if (!ParseConfig(files, dir + "/culvert.conf", {.dir = dir, .closed_section = ""}, tree, report)) return std::nullopt;
  CheckTop(tree, report);
  const Section* written = tree.root.FindSection("control");
  if (!written) {
    report.Error({}, "", "has no section control { }");
    return std::nullopt;
  }
  const Section section = Inherit(tree, *written, report);
  CheckKeys(section, "control", "control", report);
  SectionReader in(section, "control", report);
  if (identities != nullptr) CheckIdentities(in, identities);
  Control out = ReadControl(in, dir);
  if (report.failed()) return std::nullopt;
  return out;
}

std::optional<Control> LoadControl(const std::string& dir, IdentityCheck identities, Complaints& complaints) {
  DiskFiles files;
  return LoadControl(files, dir, identities, complaints);
}

}  // namespace culvert::config
