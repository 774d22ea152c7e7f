#include "dataplane/main/channel_server.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <cerrno>

#include "absl/log/check.h"
#include "absl/log/log.h"
#include "common/base/build.h"
#include "common/channel/local_socket.h"

namespace culvert::dp {

using channel::Command;
using channel::Event;
using channel::EventType;
using channel::Sent;
using channel::Violation;

namespace {

constexpr Duration kGreetingTime = std::chrono::seconds(1);   // for a ControlHello; a silent one must not lock others out
constexpr int kCommandsPerRound = 256, kDatagramsPerRound = 256;   // bounds one Poll()
constexpr size_t kMaxInFlight = 512;        // operations not yet answered by workers
constexpr size_t kMaxQueuedEvents = 4096;   // beyond it no further commands are read, and hints are dropped

uint64_t RandomInstance() {
  uint64_t v = 0;
  while (v == 0) PCHECK(getrandom(&v, sizeof v, 0) == sizeof v);
  return v;
}

// RFC 7296 3.1: octets 8 to 15 of the IKE header are the responder's SPI, zero in the first message of an exchange.
bool IsStrangersFirst(ByteView ike) {
  if (ike.size() < 28) return true;
  for (uint8_t octet : ike.subspan(8, 8)) {
    if (octet != 0) return false;
  }
  return true;
}

bool IsHint(EventType t) { return t == EventType::kAcquire || t == EventType::kPeerMoved; }

}  // namespace

absl::StatusOr<std::unique_ptr<ChannelServer>> ChannelServer::Create(const Options& options, SaDatabase& database,
                                                                     GatewayControl& gateway) {
  std::unique_ptr<ChannelServer> server(new ChannelServer(options, database, gateway));
  if (auto status = server->Listen(); !status.ok()) return status;
  return server;
}

ChannelServer::ChannelServer(const Options& options, SaDatabase& database, GatewayControl& gateway)
    : options_(options), database_(database), gateway_(gateway),
      executor_(database, gateway, [this](const Event& e) { QueueEvent(e); }), instance_(RandomInstance()) {}

ChannelServer::~ChannelServer() = default;

absl::Status ChannelServer::Listen() {
  const std::string lock = options_.run_dir + "/dataplane.lock";
  lock_ = UniqueFd(open(lock.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  if (!lock_.valid()) return absl::ErrnoToStatus(errno, lock);
  if (flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) return absl::AlreadyExistsError("a dataplane runs in " + options_.run_dir);
  auto listener = channel::ListenLocal(options_.run_dir + "/dataplane.sock", options_.control_uid);
  if (!listener.ok()) return listener.status();
  listener_ = std::move(*listener);
  timer_ = UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  epoll_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  if (!timer_.valid() || !epoll_.valid()) return absl::ErrnoToStatus(errno, "epoll");
  Watch(listener_.get());
  Watch(timer_.get());
  return absl::OkStatus();
}

void ChannelServer::Watch(int fd) {
  epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data = {.fd = fd}};
  PCHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &e) == 0);
}

void ChannelServer::HearNewcomers(uint32_t events, Time rests_until) {
  epoll_event e = {.events = events, .data = {.fd = listener_.get()}};
  PCHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, e.data.fd, &e) == 0);
  listener_rests_until_ = rests_until;
}

void ChannelServer::Poll(Time now) {
  database_.Poll([this](const Event& e) { Report(e); });
  // One system call in a turn in which nothing came from outside: main calls this whenever workers may have answered.
  epoll_event ready[4];
  const int n = epoll_wait(epoll_.get(), ready, 4, 0);
  bool socket = false, newcomer = false;
  for (int i = 0; i < n; ++i) {
    const int fd = ready[i].data.fd;
    socket |= fd == socket_.get() || fd == timer_.get();
    newcomer |= fd == listener_.get();
    if (fd == timer_.get()) DisarmTimer();
    else if (state_ == State::kOpen && fd == end_->own_wakeup()) channel::DrainWakeup(fd);
  }
  socket |= state_ == State::kGreeting && now >= greeting_ends_;
  if (socket && state_ != State::kIdle) ReadSocket(now);
  if (listener_rests_until_ != Time{} && now >= listener_rests_until_) HearNewcomers(EPOLLIN, Time{});
  if (newcomer) Accept(now);
  if (state_ == State::kSwapping && !swapping_ && executor_.in_flight() == 0) Open();
  if (state_ != State::kOpen) return;
  more_to_read_ = false;
  ReadCommands();
  if (state_ == State::kOpen) ReadInjected();
  if (state_ == State::kOpen) FlushEvents();
  if (state_ == State::kOpen) Rest();
}

void ChannelServer::DisarmTimer() {
  uint64_t expirations;
  (void)!read(timer_.get(), &expirations, sizeof expirations);
}

void ChannelServer::Accept(Time now) {
  for (;;) {
    auto socket = channel::AcceptLocal(listener_.get());
    if (!socket.ok()) {
      if (absl::IsNotFound(socket.status())) return;
      LOG(ERROR) << "dataplane.sock: " << socket.status().message();
      // Out of descriptors, most likely, and whoever waits keeps the listener readable (F25).
      return HearNewcomers(0, now + std::chrono::seconds(1));
    }
    Greet(std::move(*socket), now);
  }
}

void ChannelServer::Greet(UniqueFd socket, Time now) {
  channel::DataplaneHello refusal = {};
  refusal.magic = channel::kHelloMagic;
  refusal.geometry = channel::kGeometry;
  auto uid = channel::PeerUid(socket.get());
  if (!uid.ok() || (*uid != 0 && *uid != options_.control_uid)) {
    refusal.refusal = channel::Refusal::kNotAllowed;
    ++counters_.refused_user;
    LOG(WARNING) << "dataplane.sock: refused a process of uid " << (uid.ok() ? static_cast<int64_t>(*uid) : -1);
  } else if (state_ != State::kIdle || swapping_) {
    refusal.refusal = channel::Refusal::kBusy;
    ++counters_.refused_busy;
  }
  if (refusal.refusal != channel::Refusal::kNone) {
    (void)channel::SendWithFds(socket.get(), {reinterpret_cast<const uint8_t*>(&refusal), sizeof refusal}, {});
    return;
  }
  if (auto status = SendHello(socket.get()); !status.ok()) {
    LOG(ERROR) << "dataplane.sock: " << status.message();
    end_.reset();
    return;
  }
  socket_ = std::move(socket);
  Watch(socket_.get());
  greeting_ends_ = now + kGreetingTime;
  const itimerspec in_time = {.it_interval = {}, .it_value = {.tv_sec = 1, .tv_nsec = 1000000}};
  PCHECK(timerfd_settime(timer_.get(), 0, &in_time, nullptr) == 0);
  state_ = State::kGreeting;
}

absl::Status ChannelServer::SendHello(int socket) {
  auto rings = shm::Region::Create("culvert-channel", sizeof(channel::Rings), shm::Region::Fill::kResident);
  auto to_dataplane = channel::MakeWakeup(), to_control = channel::MakeWakeup();
  for (const auto& status : {rings.status(), to_dataplane.status(), to_control.status()}) {
    if (!status.ok()) return status;
  }
  channel::DataplaneHello hello = {};
  hello.magic = channel::kHelloMagic;
  hello.geometry = channel::kGeometry;
  hello.epoch = ++epoch_;
  hello.instance = instance_;
  channel::SetName(hello.build, BuildName());
  const std::vector<int> fds = {rings->fd(), to_dataplane->get(), to_control->get()};
  auto status = channel::SendWithFds(socket, {reinterpret_cast<const uint8_t*>(&hello), sizeof hello}, fds);
  if (status.ok()) end_.emplace(std::move(*rings), std::move(*to_dataplane), std::move(*to_control), epoch_);
  return status;
}

void ChannelServer::ReadSocket(Time now) {
  if (state_ == State::kGreeting) {
    if (now >= greeting_ends_) {
      ++counters_.bad_handshakes;
      return Close();
    }
    return FinishHandshake();
  }
  // The socket has done its work: anything but silence is the end.
  uint8_t octet;
  const ssize_t n = recv(socket_.get(), &octet, 1, MSG_DONTWAIT);
  if (n > 0) return Break(Violation::kSocket);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  ++counters_.lost;
  LOG(WARNING) << "culvert-ike is gone; live SAs forward on";
  Close();
}

void ChannelServer::FinishHandshake() {
  channel::ControlHello hello = {};
  auto fds = channel::ReceiveWithFds(socket_.get(), {reinterpret_cast<uint8_t*>(&hello), sizeof hello}, 1);
  if (absl::IsUnavailable(fds.status())) return;
  if (!fds.ok() || fds->size() != 1 || hello.magic != channel::kHelloMagic || hello.zero != 0 ||
      hello.geometry != channel::kGeometry || hello.epoch != epoch_) {
    ++counters_.bad_handshakes;
    LOG(WARNING) << "dataplane.sock: a handshake that is none: " << fds.status().message();
    return Close();
  }
  auto page = shm::Region::Adopt(std::move((*fds)[0]), sizeof(channel::StatePage));
  if (!page.ok()) {
    ++counters_.bad_handshakes;
    LOG(WARNING) << "dataplane.sock: state page refused: " << page.status().message();
    return Close();
  }
  ++counters_.connections;
  executor_.BeginEpoch(epoch_);
  state_ = State::kSwapping;
  swapping_ = true;
  auto old = std::exchange(page_, std::make_shared<shm::Region>(std::move(*page)));
  database_.SetStatePage(static_cast<channel::StatePage*>(page_->data()), [this, old]() mutable {
    old.reset();
    swapping_ = false;
  });
}

// What the dataplane has, told before the first command is read. Operations of the epoch before have all been answered, so
// no SA can appear behind this dump's back.
void ChannelServer::Open() {
  state_ = State::kOpen;
  Watch(end_->own_wakeup());
  held_ = false;
  gateway_.Describe([this](const Event& e) { QueueEvent(e); });
  size_t sas = 0;
  database_.Inventory([&](const channel::SaInventory& sa, const SelectorList& local, const SelectorList& remote,
                          const SaEngine&) {
    if (sa.ike_id == 0) return;  // a manual one is not culvert-ike's
    QueueSa(sa, local, remote);
    ++sas;
  });
  QueueEvent(channel::NewEvent(EventType::kDumpEnd));
  LOG(INFO) << "culvert-ike connected, epoch " << epoch_ << ", " << sas << " SA directions live";
}

void ChannelServer::QueueSa(const channel::SaInventory& sa, const SelectorList& local, const SelectorList& remote) {
  const auto pieces = channel::SplitSelectors(local, remote);
  Event e = channel::NewEvent(EventType::kSaInventory);
  e.sa = sa;
  e.sa.head = pieces[0].head;
  std::memcpy(e.sa.selectors, pieces[0].selectors, sizeof e.sa.selectors);
  QueueEvent(e);
  for (size_t i = 1; i < pieces.size(); ++i) {
    Event more = channel::NewEvent(EventType::kSaSelectors);
    more.more.head = pieces[i].head;
    std::memcpy(more.more.selectors, pieces[i].selectors, sizeof more.more.selectors);
    QueueEvent(more);
  }
}

void ChannelServer::ReadCommands() {
  Command c;
  for (int i = 0; i < kCommandsPerRound; ++i) {
    held_ = executor_.in_flight() >= kMaxInFlight || outbox_.size() >= kMaxQueuedEvents;
    if (held_) {
      ++counters_.commands_held;
      return;
    }
    Violation v = Violation::kNone;
    if (!end_->Read(c, v)) {
      if (v != Violation::kNone) Break(v);
      return;
    }
    ++counters_.commands;
    v = executor_.Handle(c);
    WipeBytes({reinterpret_cast<uint8_t*>(&c), sizeof c});
    if (v != Violation::kNone) return Break(v);
    if (state_ != State::kOpen) return;   // a report made on the way found the ring broken
  }
  more_to_read_ = true;
}

void ChannelServer::ReadInjected() {
  channel::Datagram d;
  for (int i = 0; i < kDatagramsPerRound; ++i) {
    Violation v = Violation::kNone;
    if (!end_->Read(d, v)) {
      if (v != Violation::kNone) Break(v);
      return;
    }
    ++counters_.injected;
    gateway_.Inject(d.info, d.payload);
    if (state_ != State::kOpen) return;   // as above
  }
  more_to_read_ = true;
}

void ChannelServer::QueueEvent(const Event& e) {
  if (state_ != State::kOpen) return;
  if (IsHint(e.type) && outbox_.size() >= kMaxQueuedEvents) {
    ++counters_.hints_dropped;
    return;
  }
  ++counters_.events;
  outbox_.Push(e);
}

void ChannelServer::Report(const Event& event) {
  QueueEvent(event);
  if (state_ == State::kOpen) FlushEvents();
}

void ChannelServer::FlushEvents() {
  const uint64_t stalls = outbox_.stalls();
  if (!outbox_.Drain(*end_)) return Break(Violation::kIndex);
  counters_.events_stalled += outbox_.stalls() - stalls;
  end_->Flush();
}

// Before main sleeps: both inbound rings say so, or fd() stays readable. Held commands are looked at again when an answer
// or room for events comes, each of which wakes main by itself.
void ChannelServer::Rest() {
  const bool commands = held_ || end_->SleepMessages();
  if (!commands || !end_->SleepDatagrams() || more_to_read_) channel::SignalWakeup(end_->own_wakeup());
}

bool ChannelServer::Punt(const channel::DatagramInfo& info, ByteView payload) {
  if (state_ != State::kOpen) {
    ++counters_.punt_closed;
    return false;
  }
  const bool stranger = IsStrangersFirst(payload);
  switch (end_->Write(info, payload, stranger ? channel::kPuntSlots / 2 : 0)) {
    case Sent::kDone:
      ++counters_.punted;
      end_->Flush();
      return true;
    case Sent::kFull: ++(stranger ? counters_.punt_policed : counters_.punt_full); return false;
    case Sent::kBroken: Break(Violation::kIndex); return false;
  }
  return false;
}

void ChannelServer::Break(Violation v) {
  ++counters_.violations[static_cast<size_t>(v)];
  LOG(ERROR) << "culvert-ike broke the channel's rules (" << channel::Name(v) << "); connection closed";
  Close();
}

// Everything of the connection is thrown away but the state page: the workers publish into it until the next one comes.
void ChannelServer::Close() {
  // Closing the wake-up would not take it out of the epoll set: the peer holds the same open file.
  if (state_ == State::kOpen) PCHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, end_->own_wakeup(), nullptr) == 0);
  state_ = State::kIdle;
  socket_.Reset();
  end_.reset();
  outbox_.Clear();
}

}  // namespace culvert::dp
