#include <algorithm>

#include "config/connections.h"
#include "config/text.h"

namespace culvert::config {
namespace {

constexpr size_t kMaxNasIdentifier = 253;  // RFC 2865 5: octets of one attribute

struct Timing {
  double timeout, base;
  uint64_t tries;
};
Timing ReadTiming(const SectionReader& in, Timing fallback) {
  return {in.Fraction("retransmit_timeout", fallback.timeout), in.Fraction("retransmit_base", fallback.base),
          in.Integer("retransmit_tries", fallback.tries)};
}

std::optional<RadiusServer> ReadServer(const SectionReader& in, const Timing& common, const std::string& nas_identifier) {
  CheckHidden(in, "secret");
  const Value* secret = in.section().FindValue("secret");
  auto address = IpAddress::Parse(in.Text("address"));
  if (!in.Has("address")) in.Error("address", "missing; expected the server's address");
  if (!secret) in.Error("secret", "missing; expected text, 0x and hexadecimal, or 0s and base64");
  if (!address || !secret) return std::nullopt;
  auto data = ParseSecret(secret->text);
  if (!data) return std::nullopt;  // reported by type already
  const Timing timing = ReadTiming(in, common);
  RadiusServer out{.name = in.section().name,
                   .address = *address,
                   .auth_port = static_cast<uint16_t>(in.Integer("auth_port", RadiusServer{}.auth_port)),
                   .secret = *std::move(data),
                   .nas_identifier = in.Text("nas_identifier", nas_identifier),
                   .timeout_s = timing.timeout,
                   .base = timing.base,
                   .tries = static_cast<unsigned>(timing.tries)};
  if (out.timeout_s == 0) in.Error("retransmit_timeout", "0 would send without a pause; expected more");
  if (out.nas_identifier.empty() || out.nas_identifier.size() > kMaxNasIdentifier) {
    in.Error("nas_identifier", Cat("expected 1 to ", kMaxNasIdentifier, " octets"));
  }
  return out;
}

}  // namespace

std::vector<RadiusServer> ReadRadius(const SectionReader& in) {
  const RadiusServer defaults;
  const Timing common = ReadTiming(in, {defaults.timeout_s, defaults.base, defaults.tries});
  const std::string nas_identifier = in.Text("nas_identifier", "culvert");
  std::vector<RadiusServer> out;
  const Section* servers = in.section().FindSection("servers");
  if (!servers) return out;
  std::vector<std::pair<uint64_t, RadiusServer>> ranked;
  SectionReader all = in.Child(*servers);
  for (const Section& s : servers->sections()) {
    SectionReader server_in = all.Child(s);
    if (auto server = ReadServer(server_in, common, nas_identifier)) {
      ranked.emplace_back(server_in.Integer("preference", 0), *std::move(server));
    }
  }
  std::ranges::stable_sort(ranked, std::ranges::greater{}, &std::pair<uint64_t, RadiusServer>::first);
  for (auto& [preference, server] : ranked) out.push_back(std::move(server));
  return out;
}

void CheckRadiusUsers(const Control& control, const SectionReader& connections) {
  auto asks = [](const AuthRound& r) { return r.kind == AuthKind::kXauth && r.xauth == XauthBackend::kRadius; };
  for (const Connection& conn : control.connections) {
    const Section* section = connections.section().FindSection(conn.name);
    if (!control.radius.empty() || !section) continue;
    if (std::ranges::any_of(conn.remote, asks)) {
      connections.Child(*section).Error("xauth-radius has nobody to ask; expected control.radius.servers { }");
    }
    if (std::ranges::contains(conn.pools, "radius")) {
      connections.Child(*section).Error("pools", "\"radius\" has nobody to ask; expected control.radius.servers { }");
    }
  }
}

}  // namespace culvert::config
