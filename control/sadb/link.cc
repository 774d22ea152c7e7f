#include "control/sadb/link.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "absl/log/check.h"
#include "absl/log/log.h"
#include "common/base/build.h"
#include "common/channel/local_socket.h"

namespace culvert::sadb {

using channel::Sent;
using channel::Violation;

namespace {

constexpr Duration kFirstBackoff = std::chrono::milliseconds(20), kLastBackoff = std::chrono::seconds(1);
constexpr Duration kGreetingTime = std::chrono::seconds(2);   // for the dataplane's hello, which it sends at once
constexpr int kEventsPerRound = 512, kDatagramsPerRound = 256;
constexpr size_t kMaxWaiting = 4096;                          // datagrams; beyond it IKE's retransmissions must do

std::string Printable(const char (&build)[32]) {
  std::string out(channel::GetName(build));
  std::ranges::replace_if(out, [](char c) { return c < 0x20 || c == 0x7f; }, '?');
  return out;
}

}  // namespace

Link::Link(std::string run_dir, User& user)
    : run_dir_(std::move(run_dir)), user_(user), epoll_(epoll_create1(EPOLL_CLOEXEC)), backoff_(kFirstBackoff) {
  PCHECK(epoll_.valid());
}

Link::~Link() = default;

void Link::Watch(int fd) {
  epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data = {.fd = fd}};
  PCHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &e) == 0);
}

Time Link::deadline() const {
  if (end_) return Time::max();
  return socket_.valid() ? greeting_ends_ : next_attempt_;
}

void Link::Poll(Time now) {
  now_ = now;
  if (broken_) Break(Violation::kIndex);
  if (!socket_.valid() && now >= next_attempt_) Connect(now);
  if (socket_.valid() && !end_) Greet();
  if (!end_) return;
  if (SocketEnded()) return;
  channel::DrainWakeup(end_->own_wakeup());
  more_to_read_ = false;
  ReadEvents();
  if (end_ && !hold_datagrams_) ReadDatagrams();
  if (end_) DrainDatagrams();
  if (end_) Rest();
}

void Link::Connect(Time now) {
  next_attempt_ = now + backoff_;
  backoff_ = std::min(backoff_ * 2, kLastBackoff);
  auto socket = channel::ConnectLocal(run_dir_ + "/dataplane.sock");
  if (!socket.ok()) {
    ++counters_.attempts_failed;
    if (!absl::IsUnavailable(socket.status())) LOG_EVERY_N_SEC(ERROR, 10) << socket.status().message();
    return;
  }
  socket_ = std::move(*socket);
  greeting_ends_ = now + kGreetingTime;
  Watch(socket_.get());
}

void Link::Greet() {
  const absl::Status status = Attempt();
  if (absl::IsUnavailable(status) && now_ < greeting_ends_) return;
  if (status.ok()) return;
  ++counters_.attempts_failed;
  LOG_EVERY_N_SEC(WARNING, 5) << "dataplane: " << status.message();
  socket_.Reset();
}

absl::Status Link::Attempt() {
  channel::DataplaneHello hello = {};
  auto fds = channel::ReceiveWithFds(socket_.get(), {reinterpret_cast<uint8_t*>(&hello), sizeof hello});
  if (!fds.ok()) return fds.status();
  return FinishHandshake(hello, std::move(*fds));
}

absl::Status Link::FinishHandshake(const channel::DataplaneHello& hello, std::vector<UniqueFd> fds) {
  if (hello.magic != channel::kHelloMagic) return absl::InternalError("not a dataplane");
  if (hello.geometry != channel::kGeometry) {
    return absl::FailedPreconditionError("of a build whose messages differ: " + Printable(hello.build));
  }
  if (hello.refusal == channel::Refusal::kBusy) return absl::AlreadyExistsError("another culvert-ike is connected");
  if (hello.refusal != channel::Refusal::kNone) return absl::PermissionDeniedError("this user is not admitted");
  if (fds.size() != 3 || hello.epoch == 0) return absl::InternalError("a hello that is none");
  auto rings = shm::Region::Adopt(std::move(fds[0]), sizeof(channel::Rings));
  if (!rings.ok()) return rings.status();
  const int page = pages_.Swap();
  if (page < 0) return absl::ResourceExhaustedError("no state page");
  channel::ControlHello mine = {};
  mine.magic = channel::kHelloMagic;
  mine.geometry = channel::kGeometry;
  mine.epoch = hello.epoch;
  channel::SetName(mine.build, BuildName());
  const ByteView message(reinterpret_cast<const uint8_t*>(&mine), sizeof mine);
  if (auto status = channel::SendWithFds(socket_.get(), message, {page}); !status.ok()) return status;
  end_.emplace(std::move(*rings), std::move(fds[2]), std::move(fds[1]), hello.epoch);
  Watch(end_->own_wakeup());
  backoff_ = kFirstBackoff;
  ++counters_.connections;
  LOG(INFO) << "connected to the dataplane (" << Printable(hello.build) << "), epoch " << hello.epoch;
  user_.OnConnected(hello.instance);
  return absl::OkStatus();
}

bool Link::SocketEnded() {
  uint8_t octet;
  const ssize_t n = recv(socket_.get(), &octet, 1, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (n > 0) {
    Break(Violation::kSocket);
  } else {
    ++counters_.lost;
    LOG(WARNING) << "the dataplane is gone";
    Close();
  }
  return true;
}

void Link::ReadEvents() {
  channel::Event e;
  for (int i = 0; i < kEventsPerRound; ++i) {
    Violation v = Violation::kNone;
    if (!end_->Read(e, v)) {
      if (v != Violation::kNone) Break(v);
      return;
    }
    user_.OnEvent(e);
  }
  more_to_read_ = true;
}

void Link::ReadDatagrams() {
  channel::Datagram d;
  for (int i = 0; i < kDatagramsPerRound; ++i) {
    Violation v = Violation::kNone;
    if (!end_->Read(d, v)) {
      if (v != Violation::kNone) Break(v);
      return;
    }
    ++counters_.datagrams_in;
    user_.OnDatagram(std::move(d));
  }
  more_to_read_ = true;
}

bool Link::Write(std::span<channel::Command> transaction) {
  if (!end_ || broken_) return false;
  for (;;) {
    switch (end_->Write(transaction)) {
      case Sent::kDone: return true;
      case Sent::kBroken: broken_ = true; return false;
      case Sent::kFull:
        if (!end_->WaitForMessageSpace(transaction.size())) return false;
    }
  }
}

void Link::Write(const channel::DatagramInfo& info, Bytes payload) {
  if (!end_ || waiting_.size() >= kMaxWaiting || payload.size() > channel::kMaxDatagram) {
    ++counters_.datagrams_dropped;
    return;
  }
  waiting_.push_back({info, std::move(payload)});
  DrainDatagrams();
}

void Link::DrainDatagrams() {
  while (!waiting_.empty() && !broken_) {
    const channel::Datagram& d = waiting_.front();
    const Sent sent = end_->Write(d.info, d.payload);
    if (sent == Sent::kBroken) broken_ = true;
    if (sent == Sent::kDone) {
      ++counters_.datagrams_out;
      waiting_.pop_front();
    } else if (sent == Sent::kFull) {
      ++counters_.datagrams_stalled;
      if (!end_->WaitForDatagramSpace(d.payload.size())) return;
    }
  }
}

void Link::Flush() {
  if (end_) end_->Flush();
  // A broken ring is closed by Poll(), never under the caller's feet; make sure that it comes.
  if (end_ && broken_) channel::SignalWakeup(end_->own_wakeup());
}

void Link::Rest() {
  const bool quiet = end_->SleepMessages();
  if (!quiet || (!hold_datagrams_ && !end_->SleepDatagrams()) || more_to_read_) channel::SignalWakeup(end_->own_wakeup());
}

void Link::Break(Violation v) {
  ++counters_.violations[static_cast<size_t>(v)];
  LOG(ERROR) << "the dataplane broke the channel's rules (" << channel::Name(v) << "); connection closed";
  Close();
}

void Link::Close() {
  // Closing the wake-up would not take it out of the epoll set: the peer holds the same open file.
  if (end_) PCHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, end_->own_wakeup(), nullptr) == 0);
  end_.reset();
  socket_.Reset();
  counters_.datagrams_dropped += waiting_.size();
  waiting_.clear();
  broken_ = false;
  next_attempt_ = now_;
  user_.OnLost();
}

}  // namespace culvert::sadb
