#include "control/vici/server.h"

#include <absl/log/log.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <format>

#include "common/bytes/hex.h"

namespace culvert::control {

using vici::Packet;
using vici::PacketType;

struct ViciServer::Client {
  ClientId id;
  int fd;
  std::unique_ptr<FdWatch> watch;
  vici::RecordBuffer in;
  Time partial_since{};  // when the record being received began; Time{}: none is
  Bytes out;
  std::set<std::string> events;
  bool command_in_flight = false;

  ~Client() {
    watch.reset();
    close(fd);
  }
};

ViciServer::ViciServer(EventLoop& loop, Handlers handlers) : loop_(loop), handlers_(std::move(handlers)) {}

ViciServer::~ViciServer() {
  listen_watch_.reset();
  if (listen_fd_ >= 0) {
    close(listen_fd_);
    unlink(path_.c_str());
  }
}

absl::Status ViciServer::Listen(const std::string& path, uid_t uid) {
  sockaddr_un addr{};
  addr.sun_family = AF_UNIX;
  if (path.size() >= sizeof addr.sun_path)
    return absl::InvalidArgumentError(std::format("{}: longer than a socket path may be", path));
  path.copy(addr.sun_path, path.size());
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return absl::ErrnoToStatus(errno, "socket");
  // A socket file somebody answers on belongs to a live process; one that refuses is what a dead one left.
  if (connect(fd, reinterpret_cast<sockaddr*>(&addr), sizeof addr) == 0) {
    close(fd);
    return absl::AlreadyExistsError(std::format("{}: another process listens on it", path));
  }
  close(fd);
  unlink(path.c_str());
  fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  mode_t mask = umask(0117);
  int rc = bind(fd, reinterpret_cast<sockaddr*>(&addr), sizeof addr);
  int error = errno;
  umask(mask);
  if (rc != 0 || listen(fd, 16) != 0 || chown(path.c_str(), uid, static_cast<gid_t>(-1)) != 0) {
    if (rc == 0) error = errno;
    close(fd);
    return absl::ErrnoToStatus(error, path);
  }
  path_ = path;
  uid_ = uid;
  listen_fd_ = fd;
  listen_watch_ = std::make_unique<FdWatch>(loop_, fd, [this](int) { Accept(); });
  listen_watch_->Want(FdWatch::kReadable);
  sweep_ = std::make_unique<LoopTimer>(loop_, [this] { Sweep(); });
  sweep_->Every(std::chrono::seconds(1));
  return absl::OkStatus();
}

void ViciServer::Accept() {
  int fd = accept4(listen_fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    // Out of descriptors: the backlog stays readable, so pause until the next sweep instead of spinning (F25).
    if (errno == EMFILE || errno == ENFILE) listen_watch_->Want(0);
    return;
  }
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || (peer.uid != 0 && peer.uid != uid_)) {
    LOG(WARNING) << "vici: refused a client of uid " << peer.uid;
    close(fd);
    return;
  }
  if (clients_.size() >= kMaxViciClients) {
    LOG(WARNING) << "vici: refused a client: " << kMaxViciClients << " are connected";
    close(fd);
    return;
  }
  auto c = std::make_unique<Client>();
  c->id = next_client_++;
  c->fd = fd;
  c->watch = std::make_unique<FdWatch>(loop_, fd, [this, id = c->id](int events) { OnReady(id, events); });
  c->watch->Want(FdWatch::kReadable);
  clients_.emplace(c->id, std::move(c));
}

void ViciServer::OnReady(ClientId id, int events) {
  auto it = clients_.find(id);
  if (it == clients_.end()) return;
  Client& c = *it->second;
  if ((events & FdWatch::kWritable) && !Flush(c)) return Close(id, "write failed");
  if ((events & FdWatch::kReadable) && !Receive(c)) Close(id, nullptr);
}

// False: the client is to be closed.
bool ViciServer::Receive(Client& c) {
  uint8_t buffer[65536];
  ssize_t n = read(c.fd, buffer, sizeof buffer);
  if (n == 0) return false;
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  c.in.Feed({buffer, static_cast<size_t>(n)});
  ClientId id = c.id;
  Bytes body;
  for (;;) {
    switch (c.in.Next(body)) {
      case vici::RecordBuffer::State::kTooLong:
        LOG(WARNING) << "vici: a client announced a record longer than " << vici::kMaxBody << " octets: closed";
        return false;
      case vici::RecordBuffer::State::kNeedMore:
        if (c.in.empty()) {
          c.partial_since = {};
        } else if (c.partial_since == Time{}) {
          c.partial_since = EventLoop::Now();
        }
        return true;
      case vici::RecordBuffer::State::kRecord: break;
    }
    c.partial_since = {};
    auto packet = vici::DecodePacket(body);
    if (!packet) {
      LOG(WARNING) << "vici: a client sent a malformed packet (" << Name(packet.error().what) << " at " << packet.error().offset
                   << "): closed";
      return false;
    }
    if (!Handle(c, *packet)) return false;
    if (!clients_.contains(id)) return true;  // closed meanwhile, and `c` with it
  }
}

bool ViciServer::Handle(Client& c, const Packet& packet) {
  switch (packet.type) {
    case PacketType::kCommandRequest:
      if (c.command_in_flight) {
        LOG(WARNING) << "vici: a client sent '" << Escape(packet.name) << "' before its last command was answered: closed";
        return false;
      }
      c.command_in_flight = true;
      if (!handlers_.command(c.id, packet.name, packet.message)) {
        c.command_in_flight = false;
        Queue(c, {PacketType::kCommandUnknown, "", {}});
      }
      return true;
    case PacketType::kEventRegister:
    case PacketType::kEventUnregister: {
      bool known = handlers_.event_known(packet.name);
      if (known && packet.type == PacketType::kEventRegister) c.events.insert(packet.name);
      if (known && packet.type == PacketType::kEventUnregister) known = c.events.erase(packet.name) > 0;
      Queue(c, {known ? PacketType::kEventConfirm : PacketType::kEventUnknown, "", {}});
      return true;
    }
    default: VLOG(1) << "vici: ignored a packet of type " << static_cast<int>(packet.type); return true;
  }
}

void ViciServer::Respond(ClientId client, const vici::Section& response) {
  auto it = clients_.find(client);
  if (it == clients_.end()) return;
  it->second->command_in_flight = false;
  Queue(*it->second, {PacketType::kCommandResponse, "", response});
}

void ViciServer::Emit(ClientId client, const std::string& event, const vici::Section& message) {
  auto it = clients_.find(client);
  if (it != clients_.end() && it->second->events.contains(event)) Queue(*it->second, {PacketType::kEvent, event, message});
}

void ViciServer::Broadcast(const std::string& event, const vici::Section& message) {
  for (auto& [id, c] : clients_) {
    if (c->events.contains(event)) Queue(*c, {PacketType::kEvent, event, message});
  }
}

bool ViciServer::Wanted(const std::string& event) const {
  for (const auto& [id, c] : clients_) {
    if (c->events.contains(event)) return true;
  }
  return false;
}

void ViciServer::Queue(Client& c, const Packet& packet) {
  Append(c.out, vici::EncodeRecord(packet));
  // A failed or stuck client is closed by the sweep: it may be one that the caller is iterating over.
  (void)Flush(c);
}

bool ViciServer::Flush(Client& c) {
  while (!c.out.empty()) {
    ssize_t n = send(c.fd, c.out.data(), c.out.size(), MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return false;
      c.watch->Want(FdWatch::kReadable | FdWatch::kWritable);
      return true;
    }
    c.out.erase(c.out.begin(), c.out.begin() + n);
  }
  c.watch->Want(FdWatch::kReadable);
  return true;
}

void ViciServer::Close(ClientId id, const char* why) {
  if (why) VLOG(1) << "vici: closed a client: " << why;
  if (clients_.erase(id)) handlers_.gone(id);
}

void ViciServer::Sweep() {
  listen_watch_->Want(FdWatch::kReadable);
  std::vector<std::pair<ClientId, const char*>> doomed;
  for (auto& [id, c] : clients_) {
    if (c->partial_since != Time{} && EventLoop::Now() - c->partial_since > kViciPartialTimeout) {
      doomed.emplace_back(id, "it began a record and did not finish it");
    } else if (c->out.size() > kMaxViciBacklog) {
      doomed.emplace_back(id, "it does not read");
    }
  }
  for (auto [id, why] : doomed) Close(id, why);
}

}  // namespace culvert::control
