#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "common/base/time.h"
#include "common/channel/end.h"
#include "common/channel/hello.h"
#include "control/sadb/state_pages.h"

namespace culvert::sadb {

struct LinkCounters {
  uint64_t connections = 0;
  uint64_t attempts_failed = 0;            // nobody listens, another culvert-ike is connected, another build
  uint64_t lost = 0;                       // by the dataplane's death
  uint64_t violations[static_cast<size_t>(channel::Violation::kCount)] = {};   // connections closed, by reason
  uint64_t datagrams_in = 0, datagrams_out = 0;
  uint64_t datagrams_stalled = 0;          // waited for room in the inject ring
  uint64_t datagrams_dropped = 0;          // no connection, or too many waiting: IKE retransmits
};

// The connection to the dataplane: makes it, makes it again when it ends, checks everything that comes. Knows nothing of SAs.
// Loop thread only; never blocks.
class Link {
 public:
  // Called from Poll() only.
  class User {
   public:
    virtual ~User() = default;
    virtual void OnConnected(uint64_t instance) = 0;     // a new epoch: the dump follows as events
    virtual void OnEvent(const channel::Event& event) = 0;
    virtual void OnDatagram(channel::Datagram datagram) = 0;
    virtual void OnLost() = 0;
  };
  Link(std::string run_dir, User& user);
  ~Link();

  int fd() const { return epoll_.get(); }                // level-triggered readable while Poll() has something to do
  void Poll(Time now);
  Time deadline() const;                                 // Poll() is wanted then even if fd() stays silent; Time::max(): never
  // After the last write of a turn of the loop.
  void Flush();

  bool connected() const { return end_.has_value(); }
  bool broken() const { return broken_; }
  // False: no connection, or no room; then fd() becomes readable when there is.
  [[nodiscard]] bool Write(std::span<channel::Command> transaction);
  void Write(const channel::DatagramInfo& info, Bytes payload);
  // While set, punted datagrams stay in their ring.
  void HoldDatagrams(bool hold) { hold_datagrams_ = hold; }

  StatePages& pages() { return pages_; }
  const LinkCounters& counters() const { return counters_; }

 private:
  void Connect(Time now);
  [[nodiscard]] absl::Status Attempt();
  void Greet();
  [[nodiscard]] absl::Status FinishHandshake(const channel::DataplaneHello& hello, std::vector<UniqueFd> fds);
  bool SocketEnded();
  void ReadEvents();
  void ReadDatagrams();
  void DrainDatagrams();
  void Rest();
  void Break(channel::Violation v);
  void Close();
  void Watch(int fd);

  const std::string run_dir_;
  User& user_;
  UniqueFd epoll_, socket_;
  StatePages pages_;
  std::optional<channel::ControlEnd> end_;
  Time now_{}, next_attempt_{}, greeting_ends_{};
  Duration backoff_;
  bool more_to_read_ = false, hold_datagrams_ = false, broken_ = false;
  std::deque<channel::Datagram> waiting_;                // for room in the inject ring
  LinkCounters counters_;
};

}  // namespace culvert::sadb
