#include "tools/culvertctl/dataplane_client.h"

#include <format>

#include "tools/culvertctl/socket.h"

namespace culvert::ctl {

absl::StatusOr<nlohmann::json> AskDataplane(const std::string& socket_path, const nlohmann::json& question) {
  auto socket = Socket::Connect(socket_path);
  if (!socket.ok()) return socket.status();
  if (auto s = socket->Send(AsBytes(question.dump() + "\n")); !s.ok()) return s;
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

absl::Status AskDataplaneForMore(const std::string& socket_path, const nlohmann::json& question, const std::string& last,
                                 const std::function<absl::Status(const nlohmann::ordered_json&)>& each) {
  auto socket = Socket::Connect(socket_path);
  if (!socket.ok()) return socket.status();
  if (auto s = socket->Send(AsBytes(question.dump() + "\n")); !s.ok()) return s;
  std::string unread;
  while (true) {
    auto more = socket->Receive(std::chrono::milliseconds(0));
    if (!more.ok()) return more.status();
    unread += AsString(*more);
    size_t at = 0;
    for (size_t end; (end = unread.find('\n', at)) != std::string::npos; at = end + 1) {
      auto line = nlohmann::ordered_json::parse(unread.substr(at, end - at), nullptr, false);
      if (!line.is_object()) return absl::DataLossError(std::format("{}: the answer is not JSON", socket_path));
      if (line.contains("error")) return absl::InvalidArgumentError(line.value("error", ""));
      if (auto s = each(line); !s.ok()) return s;
      if (line.contains(last)) return absl::OkStatus();
    }
    unread.erase(0, at);
  }
}

}  // namespace culvert::ctl
