#include "dataplane/main/watch_request.h"

#include <absl/status/status.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace culvert::dp {
namespace {

using nlohmann::json;
using Kind = WatchRequest::Kind;

constexpr const char* kKinds[] = {"trace", "capture", "stages"};

absl::Status Wrong(const std::string& key, const std::string& expected) {
  return absl::InvalidArgumentError(absl::StrCat(key, ": ", expected, " was expected"));
}

absl::Status ReadNumber(const std::string& key, const json& value, uint64_t least, uint64_t most, auto& out) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() < least || value.get<uint64_t>() > most) {
    return Wrong(key, absl::StrCat("a number from ", least, " to ", most));
  }
  out = static_cast<std::remove_reference_t<decltype(out)>>(value.get<uint64_t>());
  return absl::OkStatus();
}

absl::Status ReadKind(const json& value, WatchRequest& r) {
  const auto* at = std::ranges::find_if(kKinds, [&](const char* k) { return value == k; });
  if (at == std::end(kKinds)) return Wrong("kind", absl::StrJoin(kKinds, ", "));
  r.kind = static_cast<Kind>(at - kKinds);
  return absl::OkStatus();
}

absl::Status ReadPort(const json& value, const std::vector<std::string>& ports, WatchRequest& r) {
  auto at = std::ranges::find_if(ports, [&](const std::string& name) { return value == name; });
  if (at == ports.end()) return Wrong("port", absl::StrCat("one of ", absl::StrJoin(ports, ", ")));
  r.filter.port = static_cast<uint16_t>(at - ports.begin());
  return absl::OkStatus();
}

absl::Status ReadSpi(const json& value, WatchRequest& r) {
  Spi spi;
  bool fine = value.is_string() && absl::SimpleHexAtoi(value.get<std::string>(), &spi) && spi != 0;
  if (!fine) return Wrong("spi", "hexadecimal digits");
  r.filter.spi = spi;
  return absl::OkStatus();
}

absl::Status ReadDrop(const json& value, WatchRequest& r) {
  r.filter.dropped = true;
  if (value == "any") return absl::OkStatus();
  for (size_t i = 0; i < kDropReasons; ++i) {
    if (value == Name(static_cast<Drop>(i))) {
      r.filter.drop = static_cast<Drop>(i);
      return absl::OkStatus();
    }
  }
  return Wrong("drop", "a reason as `culvertctl drops` names them, or any");
}

absl::Status ReadProtocol(const json& value, WatchRequest& r) {
  static const std::map<std::string, uint8_t> kNames = {{"icmp", 1}, {"tcp", 6},     {"udp", 17},    {"esp", 50},
                                                        {"ah", 51},  {"icmpv6", 58}, {"sctp", 132}};
  unsigned number = 0;
  if (value.is_string()) {
    auto text = value.get<std::string>();
    if (auto at = kNames.find(text); at != kNames.end())
      number = at->second;
    else if (!absl::SimpleAtoi(text, &number) || number == 0)
      number = 256;
  }
  if (number == 0 || number > 255) return Wrong("protocol", "icmp, icmpv6, tcp, udp, sctp, esp, ah or 1 to 255");
  r.filter.protocol = static_cast<uint8_t>(number);
  return absl::OkStatus();
}

absl::Status ReadAddress(const std::string& key, const json& value, WatchFilter::End& end) {
  auto prefix = value.is_string() ? IpPrefix::Parse(value.get<std::string>()) : std::nullopt;
  if (!prefix) return Wrong(key, "an address or a prefix");
  end.address = prefix;
  return absl::OkStatus();
}

absl::Status ReadFlag(const std::string& key, const json& value, bool& out) {
  if (!value.is_boolean()) return Wrong(key, "true or false");
  out = value.get<bool>();
  return absl::OkStatus();
}

absl::Status ReadSa(const json& value, WatchRequest& r) {
  if (!value.is_string() || value.get<std::string>().empty()) return Wrong("sa", "the name of a child or a connection");
  r.sa = value.get<std::string>();
  return absl::OkStatus();
}

absl::Status ReadKey(const std::string& key, const json& value, const std::vector<std::string>& ports, WatchRequest& r) {
  if (key == "kind") return absl::OkStatus();  // before all others
  if (key == "seconds") return ReadNumber(key, value, 1, 3600, r.seconds);
  if (r.kind != Kind::kStages) {
    if (key == "count") return ReadNumber(key, value, 1, 1000000, r.count);
    if (key == "port") return ReadPort(value, ports, r);
    if (key == "sa") return ReadSa(value, r);
    if (key == "spi") return ReadSpi(value, r);
    if (key == "drop") return ReadDrop(value, r);
    if (key == "protocol") return ReadProtocol(value, r);
    if (key == "from") return ReadAddress(key, value, r.filter.a);
    if (key == "to") return ReadAddress(key, value, r.filter.b);
    if (key == "from_port") return ReadNumber(key, value, 1, 65535, r.filter.a.port);
    if (key == "to_port") return ReadNumber(key, value, 1, 65535, r.filter.b.port);
  }
  if (r.kind == Kind::kCapture) {
    if (key == "snap") return ReadNumber(key, value, 64, 9300, r.snap);
    if (key == "clear_text") return ReadFlag(key, value, r.clear_text);
  }
  return absl::InvalidArgumentError(absl::StrCat("no such key for ", Name(r.kind), ": ", key));
}

}  // namespace

const char* Name(Kind k) { return kKinds[static_cast<size_t>(k)]; }

absl::StatusOr<WatchRequest> ReadWatchRequest(const json& request, const std::vector<std::string>& ports) {
  if (!request.is_object() || !request.contains("kind")) return Wrong("watch", "{\"kind\": WHAT, ...}");
  WatchRequest r;
  if (auto s = ReadKind(request["kind"], r); !s.ok()) return s;
  if (r.kind == Kind::kStages) r.seconds = 1;
  for (const auto& [key, value] : request.items()) {
    if (auto s = ReadKey(key, value, ports, r); !s.ok()) return s;
  }
  return r;
}

}  // namespace culvert::dp
