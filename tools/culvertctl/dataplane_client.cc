#include "tools/culvertctl/dataplane_client.h"

#include <format>

#include "tools/culvertctl/socket.h"

namespace culvert::ctl {

absl::StatusOr<nlohmann::json> AskDataplane(const std::string& socket_path, const std::string& what) {
  auto socket = Socket::Connect(socket_path);
  if (!socket.ok()) return socket.status();
  std::string request = nlohmann::json{{"get", what}}.dump() + "\n";
  if (auto s = socket->Send(AsBytes(request)); !s.ok()) return s;
  std::string line;
  while (line.find('\n') == std::string::npos) {
    auto more = socket->Receive(std::chrono::seconds(10));
    if (!more.ok()) return more.status();
    line += AsString(*more);
  }
  auto answer = nlohmann::json::parse(line, nullptr, false);
  if (answer.is_discarded()) return absl::DataLossError(std::format("{}: the answer is not JSON", socket_path));
  if (answer.contains("error")) return absl::InvalidArgumentError(answer["error"].dump());
  return answer;
}

}  // namespace culvert::ctl
