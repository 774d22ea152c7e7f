#include "dataplane/main/control_socket.h"

#include <absl/strings/str_cat.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

namespace culvert::dp {
namespace {

std::string LineOf(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

ControlSocket::~ControlSocket() {
  for (auto& [fd, client] : clients_) loop_.Remove(fd);
  if (!listener_.valid()) return;
  loop_.Remove(listener_.get());
  unlink(path_.c_str());
}

absl::Status ControlSocket::Listen(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof address.sun_path) return absl::InvalidArgumentError(absl::StrCat(path, ": too long for a socket"));
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, path);
  unlink(path.c_str());
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || chmod(path.c_str(), 0660) != 0 ||
      listen(fd.get(), kMaxClients) != 0) {
    return absl::ErrnoToStatus(errno, path);
  }
  listener_ = std::move(fd);
  path_ = path;
  loop_.Add(listener_.get(), EPOLLIN, [this](uint32_t) { Accept(); });
  return absl::OkStatus();
}

void ControlSocket::Accept() {
  UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd.valid()) {
    // Out of descriptors: whoever waits keeps the listener readable, so it rests until the next Tick() (F25).
    if (errno == EMFILE || errno == ENFILE) loop_.Modify(listener_.get(), 0);
    return;
  }
  if (clients_.size() >= kMaxClients) return;  // closed at once: a client sees why by asking again
  int number = fd.get();
  auto client = std::make_unique<Client>();
  client->fd = std::move(fd);
  client->id = ++last_id_;
  client->waiting_since = std::chrono::steady_clock::now();
  clients_[number] = std::move(client);
  loop_.Add(number, EPOLLIN, [this, number](uint32_t events) { Serve(number, events); });
}

void ControlSocket::Close(int fd) {
  loop_.Remove(fd);
  auto node = clients_.extract(fd);
  if (node.mapped()->streaming) streamer_->Gone(node.mapped()->id);
}

void ControlSocket::Serve(int fd, uint32_t events) {
  Client& c = *clients_.at(fd);
  bool fine = true;
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) fine = ReadFrom(c);
  if (fine) fine = WriteTo(c);
  if (!fine) return Close(fd);
  // A client with an unread answer is not read from: it cannot make answers pile up. That it hangs up is heard all the same.
  loop_.Modify(fd, c.out.empty() ? EPOLLIN : EPOLLOUT);
}

bool ControlSocket::ReadFrom(Client& c) {
  char buffer[4096];
  ssize_t n = read(c.fd.get(), buffer, sizeof buffer);
  if (n == 0) return false;
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  c.in.append(buffer, static_cast<size_t>(n));
  size_t at = 0;
  for (size_t end; (end = c.in.find('\n', at)) != std::string::npos; at = end + 1) {
    if (c.streaming) return false;
    c.out += Reply(c, c.in.substr(at, end - at));
    if (c.out.size() > kMaxBacklog) return false;
  }
  c.in.erase(0, at);
  if (c.in.size() > kMaxRequest) return false;
  c.waiting_since = std::chrono::steady_clock::now();
  return true;
}

bool ControlSocket::WriteTo(Client& c) {
  if (c.out.empty()) return true;
  ssize_t n = send(c.fd.get(), c.out.data(), c.out.size(), MSG_NOSIGNAL);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  c.out.erase(0, static_cast<size_t>(n));
  if (n > 0) c.waiting_since = std::chrono::steady_clock::now();
  return true;
}

std::string ControlSocket::Reply(Client& c, const std::string& line) {
  nlohmann::ordered_json answer;
  auto request = nlohmann::json::parse(line, nullptr, false);
  if (request.is_object() && request.contains("watch") && streamer_ != nullptr) {
    std::string wrong = Stream(c, request["watch"]);
    if (wrong.empty()) return "";
    answer["error"] = wrong;
  } else if (request.is_object() && request.contains("move") && move_) {
    answer = move_(request["move"]);
  } else if (!request.is_object() || !request.contains("get") || !request["get"].is_string()) {
    answer["error"] = "a request is one line: {\"get\": WHAT}";
  } else if (auto it = answers_.find(request["get"].get<std::string>()); it == answers_.end()) {
    std::string known;
    for (const auto& [name, unused] : answers_) absl::StrAppend(&known, known.empty() ? "" : ", ", name);
    answer["error"] = "nothing of that name; there are: " + known;
  } else {
    answer = it->second();
  }
  return LineOf(answer);
}

std::string ControlSocket::Stream(Client& c, const nlohmann::json& question) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(c.fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return "who asks is not known";
  std::string wrong = streamer_->Begin({c.id, peer.uid, peer.pid}, question);
  c.streaming = wrong.empty();
  return wrong;
}

ControlSocket::Client* ControlSocket::FindStreaming(uint64_t client) {
  auto at = std::ranges::find_if(clients_, [&](const auto& c) { return c.second->id == client && c.second->streaming; });
  return at == clients_.end() ? nullptr : at->second.get();
}

bool ControlSocket::Push(uint64_t client, const nlohmann::ordered_json& line) {
  Client* c = FindStreaming(client);
  if (c == nullptr) return false;
  std::string text = LineOf(line);
  if (c->out.size() + text.size() > kMaxUnread) {
    c->streaming = false;
    Close(c->fd.get());
    return false;
  }
  if (c->out.empty()) c->waiting_since = std::chrono::steady_clock::now();
  c->out += text;
  loop_.Modify(c->fd.get(), EPOLLOUT);
  return true;
}

void ControlSocket::Finish(uint64_t client) {
  if (Client* c = FindStreaming(client)) c->streaming = false;
}

void ControlSocket::Tick(Time now) {
  if (listener_.valid()) loop_.Modify(listener_.get(), EPOLLIN);
  std::vector<int> stalled;
  for (const auto& [fd, c] : clients_) {
    bool owes = !c->in.empty() || !c->out.empty();
    if (owes && now - c->waiting_since > kPatience) stalled.push_back(fd);
  }
  for (int fd : stalled) Close(fd);
}

}  // namespace culvert::dp
