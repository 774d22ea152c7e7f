#include <algorithm>
#include <format>
#include <iostream>

#include "tools/culvertctl/commands.h"
#include "tools/culvertctl/dataplane_client.h"
#include "tools/culvertctl/table.h"
#include "tools/culvertctl/vici_client.h"
#include "tools/culvertctl/vici_json.h"

namespace culvert::ctl {
namespace {

using nlohmann::ordered_json;

absl::StatusOr<nlohmann::json> Ask(const Context& ctx, const std::string& what) {
  return AskDataplane(ctx.run_dir + "/dataplane-ctl.sock", {{"get", what}});
}

// One streamed list command as an array of {name: NAME, ...its section}.
absl::StatusOr<ordered_json> Stream(const Context& ctx, const std::string& command, const std::string& event) {
  auto client = ViciClient::Connect(ctx.vici_path);
  if (!client.ok()) return client.status();
  ordered_json out = ordered_json::array();
  auto answer = client->Run(command, {}, event, [&](const vici::Section& message) {
    auto tree = ToJson(message);
    for (auto& [name, body] : tree.items()) {
      ordered_json row{{"name", name}};
      row.update(body);
      out.push_back(std::move(row));
    }
  });
  if (!answer.ok()) return answer.status();
  return out;
}

// The data plane's view of an SA, by (direction, SPI); taken out, so what stays behind has no IKE state.
ordered_json TakeSa(ordered_json& sas, const std::string& direction, const ordered_json& spi) {
  for (size_t i = 0; i < sas.size(); ++i) {
    if (sas[i].value("direction", "") != direction || sas[i]["spi"] != spi) continue;
    ordered_json found = sas[i];
    sas.erase(i);
    return found;
  }
  return {};
}

void AddTraffic(ordered_json& child, ordered_json& sas) {
  for (const char* direction : {"in", "out"}) {
    ordered_json sa = TakeSa(sas, direction, child[std::string("spi_") + direction]);
    for (const char* key : {"packets", "bytes", "worker", "engine", "sequence", "last_use_s"}) {
      if (sa.contains(key)) child[std::format("{}_{}", key, direction)] = sa[key];
    }
  }
}

std::string Text(const ordered_json& object, const char* key) {
  if (!object.contains(key)) return "";
  return object[key].is_string() ? object[key].get<std::string>() : object[key].dump();
}

std::string Indented(const std::string& lines, size_t by) {
  std::string out;
  for (size_t at = 0, end; (end = lines.find('\n', at)) != std::string::npos; at = end + 1) {
    out += std::string(by, ' ') + lines.substr(at, end - at) + "\n";
  }
  return out;
}

void PrintIkeSa(const ordered_json& ike) {
  std::cout << std::format("{} #{}, {}, IKEv2, {}_i {}_r\n", Text(ike, "name"), Text(ike, "uniqueid"), Text(ike, "state"),
                           Text(ike, "initiator_spi"), Text(ike, "responder_spi"));
  for (std::string side : {"local", "remote"}) {
    std::cout << std::format("  {:6} '{}' @ {}[{}]\n", side, Text(ike, (side + "_id").c_str()),
                             Text(ike, (side + "_host").c_str()), Text(ike, (side + "_port").c_str()));
  }
  if (ike.contains("encr_alg")) {
    std::string suite = Text(ike, "encr_alg");
    for (const char* key : {"encr_keysize", "integ_alg", "prf_alg", "dh_group"}) {
      if (ike.contains(key)) suite += (std::string_view(key) == "encr_keysize" ? "-" : "/") + Text(ike, key);
    }
    std::cout << "  " << suite << (ike.contains("ppk") ? ", with a post-quantum key" : "") << "\n";
  }
  for (const auto& [key, child] : ike["child_sas"].items())
    std::cout << "  child " << key << "\n" << Indented(LinesOf(child), 4);
}

void PrintSas(const ordered_json& view) {
  for (const auto& ike : view["ike_sas"]) PrintIkeSa(ike);
  if (view["ike_sas"].empty()) std::cout << "no IKE SA\n";
  if (!view["manual"].empty()) std::cout << "manual (static keys, no IKE):\n" << TableOf(view["manual"]);
  if (!view["orphans"].empty()) std::cout << "orphans (live in the data plane, no IKE state):\n" << TableOf(view["orphans"]);
}

}  // namespace

absl::Status ShowSas(const Context& ctx) {
  auto ike = Stream(ctx, "list-sas", "list-sa");
  auto sas = Ask(ctx, "sas");
  // Each half is worth showing while the other process is away.
  if (!ike.ok() && !sas.ok()) return ike.status();
  ordered_json view{{"ike_sas", ike.ok() ? *ike : ordered_json::array()}};
  ordered_json rows = sas.ok() ? ordered_json((*sas)["sas"]) : ordered_json::array();
  view["manual"] = ordered_json::array();
  for (size_t i = 0; i < rows.size();) {
    if (rows[i].value("keys", "ike") == "ike") {
      ++i;
      continue;
    }
    view["manual"].push_back(rows[i]);
    rows.erase(i);
  }
  for (auto& sa : view["ike_sas"]) {
    for (auto& [key, child] : sa["child_sas"].items()) AddTraffic(child, rows);
  }
  view["orphans"] = ike.ok() ? rows : ordered_json::array();
  if (!ike.ok()) view["data_plane"] = rows;
  if (ctx.json) {
    std::cout << view.dump() << "\n";
    return absl::OkStatus();
  }
  if (!ike.ok()) std::cout << "culvert-ike does not answer: " << ike.status().message() << "\n" << TableOf(rows);
  if (!sas.ok()) std::cout << "culvert-dataplane does not answer: " << sas.status().message() << "\n";
  PrintSas(view);
  return absl::OkStatus();
}

absl::Status ShowConns(const Context& ctx) {
  auto conns = Stream(ctx, "list-conns", "list-conn");
  if (!conns.ok()) return conns.status();
  std::cout << (ctx.json ? ordered_json{{"conns", *conns}}.dump() + "\n" : TableOf(*conns));
  return absl::OkStatus();
}

absl::Status ShowPools(const Context& ctx, bool leases) {
  auto client = ViciClient::Connect(ctx.vici_path);
  if (!client.ok()) return client.status();
  auto answer = client->Run("get-pools", vici::Section().Add("leases", leases ? "yes" : "no"));
  if (!answer.ok()) return answer.status();
  ordered_json pools = ordered_json::array();
  const auto tree = ToJson(*answer);
  for (auto& [name, body] : tree.items()) {
    ordered_json row{{"name", name}};
    row.update(body);
    pools.push_back(std::move(row));
  }
  if (ctx.json) {
    std::cout << ordered_json{{"pools", pools}}.dump() << "\n";
    return absl::OkStatus();
  }
  std::vector<std::pair<std::string, ordered_json>> held;
  for (auto& row : pools) {
    if (!row.contains("leases")) continue;
    ordered_json rows = ordered_json::array();
    for (auto& [index, lease] : row["leases"].items()) rows.push_back(lease);
    held.emplace_back(Text(row, "name"), std::move(rows));
    row.erase("leases");
  }
  std::cout << TableOf(pools);
  for (auto& [name, rows] : held) std::cout << name << "\n" << Indented(TableOf(rows), 2);
  return absl::OkStatus();
}

absl::Status ShowStatus(const Context& ctx) {
  ordered_json view;
  auto dataplane = Ask(ctx, "status");
  view["dataplane"] =
      dataplane.ok() ? ordered_json(*dataplane) : ordered_json{{"error", std::string(dataplane.status().message())}};
  auto client = ViciClient::Connect(ctx.vici_path);
  auto stats = client.ok() ? client->Run("stats", {}) : absl::StatusOr<vici::Section>(client.status());
  view["ike"] = stats.ok() ? ToJson(*stats) : ordered_json{{"error", std::string(stats.status().message())}};
  if (ctx.json) {
    std::cout << view.dump() << "\n";
  } else {
    for (const auto& [name, part] : view.items()) std::cout << "culvert-" << name << "\n" << LinesOf(part) << "\n";
  }
  return dataplane.ok() && stats.ok() ? absl::OkStatus() : absl::UnavailableError("not everything is up");
}

absl::Status ShowDataplane(const Context& ctx, const std::string& what) {
  auto answer = Ask(ctx, what == "drops" ? "counters" : what);
  if (!answer.ok()) return answer.status();
  ordered_json view = *answer;
  if (what == "drops") view = ordered_json{{"drops", view["drops"]}};
  if (ctx.json) {
    std::cout << view.dump() << "\n";
  } else if (view.contains(what) && view[what].is_array()) {
    std::cout << TableOf(view[what]);
  } else {
    std::cout << LinesOf(what == "drops" ? view["drops"] : view);
  }
  return absl::OkStatus();
}

}  // namespace culvert::ctl
