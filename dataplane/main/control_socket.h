#pragma once

#include <absl/status/status.h>
#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "common/base/time.h"
#include "common/base/unique_fd.h"
#include "dataplane/main/event_loop.h"

namespace culvert::dp {

// Whoever answers one kind of question by as many lines as there are to tell. Main thread.
class Streamer {
 public:
  struct Asker {
    uint64_t client;  // never used again for another one
    uid_t uid;
    pid_t pid;
  };
  virtual ~Streamer() = default;

  // What is wrong with the question, or why it cannot be answered now; empty: ControlSocket::Push() answers it from now on, but
  // not before this has returned, until Finish().
  virtual std::string Begin(const Asker& who, const nlohmann::json& question) = 0;
  // The client is gone, or was too slow. Not after Finish(), and not from within Push().
  virtual void Gone(uint64_t client) = 0;
};

// RUN/dataplane-ctl.sock: one question a line, {"get": "counters"}, one line of JSON back. {"watch": {...}} is answered by a
// Streamer's lines; until their end the client has nothing more to say, or is closed. {"move": {...}} has something done, and
// nothing that anybody's protection depends on. Clients are many and slow, so everything of theirs is bounded. Main thread.
class ControlSocket {
 public:
  static constexpr size_t kMaxClients = 32;
  static constexpr size_t kMaxRequest = 4096;           // octets of one line
  static constexpr size_t kMaxBacklog = 16u << 20;      // octets of answers a client has not read
  static constexpr size_t kMaxUnread = 4u << 20;        // likewise, of lines of a stream
  static constexpr Duration kPatience = std::chrono::seconds(5);  // for the rest of a line, or for room to answer

  using Answer = std::function<nlohmann::ordered_json()>;
  using Order = std::function<nlohmann::ordered_json(const nlohmann::json& what)>;  // {"error": …} where it cannot be done

  ControlSocket(EventLoop& loop, std::map<std::string, Answer> answers) : loop_(loop), answers_(std::move(answers)) {}
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  // Takes the place of a socket a dead process left; the caller holds the lock that says it is dead. Mode 0660.
  absl::Status Listen(const std::string& path);
  void Tick(Time now);  // about every second: ends clients that stall
  size_t clients() const { return clients_.size(); }

  // Before anybody is served, borrowed; it is not told of clients that are there when this is destroyed.
  void SetStreamer(Streamer* streamer) { streamer_ = streamer; }
  // Before anybody is served.
  void SetMover(Order move) { move_ = std::move(move); }
  // A line of a stream. False: nobody there to read it, or too slow for it: then that client is closed.
  bool Push(uint64_t client, const nlohmann::ordered_json& line);
  // The stream is at its end; the client may ask again.
  void Finish(uint64_t client);

 private:
  struct Client {
    UniqueFd fd;
    std::string in, out;
    uint64_t id = 0;
    bool streaming = false;
    Time waiting_since{};     // of a partial line or an unread answer; zero: nothing is owed
  };
  void Accept();
  void Serve(int fd, uint32_t events);
  bool ReadFrom(Client& c);   // false: the client is gone or broke the rules
  bool WriteTo(Client& c);
  std::string Reply(Client& c, const std::string& line);
  std::string Stream(Client& c, const nlohmann::json& question);  // what is wrong
  Client* FindStreaming(uint64_t client);
  void Close(int fd);

  EventLoop& loop_;
  std::map<std::string, Answer> answers_;
  UniqueFd listener_;
  std::string path_;
  std::map<int, std::unique_ptr<Client>> clients_;
  Streamer* streamer_ = nullptr;
  Order move_;
  uint64_t last_id_ = 0;
};

}  // namespace culvert::dp
