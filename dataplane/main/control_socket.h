#pragma once

#include <absl/status/status.h>

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "common/base/time.h"
#include "common/base/unique_fd.h"
#include "dataplane/main/event_loop.h"

namespace culvert::dp {

// RUN/dataplane-ctl.sock: one question a line, {"get": "counters"}, one line of JSON back; only questions, nothing that
// changes anything. Clients are many and slow, so everything of theirs is bounded. Main thread.
class ControlSocket {
 public:
  static constexpr size_t kMaxClients = 32;
  static constexpr size_t kMaxRequest = 4096;           // octets of one line
  static constexpr size_t kMaxBacklog = 16u << 20;      // octets of answers a client has not read
  static constexpr Duration kPatience = std::chrono::seconds(5);  // for the rest of a line, or for room to answer

  using Answer = std::function<nlohmann::ordered_json()>;

  ControlSocket(EventLoop& loop, std::map<std::string, Answer> answers) : loop_(loop), answers_(std::move(answers)) {}
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  // Takes the place of a socket a dead process left; the caller holds the lock that says it is dead. Mode 0660.
  absl::Status Listen(const std::string& path);
  void Tick(Time now);  // about every second: ends clients that stall
  size_t clients() const { return clients_.size(); }

 private:
  struct Client {
    UniqueFd fd;
    std::string in, out;
    Time waiting_since{};     // of a partial line or an unread answer; zero: nothing is owed
  };
  void Accept();
  void Serve(int fd, uint32_t events);
  bool ReadFrom(Client& c);   // false: the client is gone or broke the rules
  bool WriteTo(Client& c);
  std::string Reply(const std::string& line) const;
  void Close(int fd);

  EventLoop& loop_;
  std::map<std::string, Answer> answers_;
  UniqueFd listener_;
  std::string path_;
  std::map<int, std::unique_ptr<Client>> clients_;
};

}  // namespace culvert::dp
