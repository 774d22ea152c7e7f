#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "common/channel/end.h"
#include "common/channel/hello.h"
#include "dataplane/main/commands.h"

namespace culvert::dp {

// Counted since the process started.
struct ChannelCounters {
  uint64_t connections = 0;         // whose handshake was completed
  uint64_t refused_busy = 0;        // a second culvert-ike
  uint64_t refused_user = 0;        // by SO_PEERCRED
  uint64_t bad_handshakes = 0;      // silence, another build's geometry, a page that is not sealed
  uint64_t lost = 0;                // connections that ended by the peer's death
  uint64_t violations[static_cast<size_t>(channel::Violation::kCount)] = {};   // connections closed, by reason
  uint64_t commands = 0, commands_held = 0;    // read; times reading paused because answers or events waited
  uint64_t events = 0, events_stalled = 0;     // queued; times the event ring was full
  uint64_t hints_dropped = 0;       // acquires and peer moves that found a long queue; they come again by themselves
  uint64_t punted = 0, injected = 0;           // datagrams
  uint64_t punt_full = 0;           // datagrams not punted: the ring was full
  uint64_t punt_policed = 0;        // first messages of strangers not punted: their half of the ring was full
  uint64_t punt_closed = 0;         // datagrams not punted: nobody is connected
};

// The dataplane's end of the channel: listens on RUN/dataplane.sock, admits one culvert-ike at a time, and between its
// connections keeps everything running. Main thread only; never blocks. Needs no loop of its own: when fd() is readable, and
// whenever workers may have answered, call Poll().
//
//   kIdle --connect--> kGreeting --ControlHello--> kSwapping --pages swapped, nothing in flight--> kOpen
//     ^                    |                           |                                             |
//     +------ EOF, a rule broken (the swap is finished first), no hello within a second -------------+
class ChannelServer {
 public:
  struct Options {
    std::string run_dir;
    uid_t control_uid = 0;          // admitted beside root
  };
  // AlreadyExists where another dataplane lives in run_dir. `database` and `gateway` are borrowed and call back no more
  // once this is gone.
  static absl::StatusOr<std::unique_ptr<ChannelServer>> Create(const Options& options, SaDatabase& database,
                                                               GatewayControl& gateway);
  ~ChannelServer();

  // An epoll descriptor, the same for life: level-triggered readable while Poll() has something to do.
  int fd() const { return epoll_.get(); }
  // Takes what the database reports, serves the socket and both inbound rings. Bounded work; fd() stays readable if more waits.
  void Poll(Time now);

  // A link, address or route changed by itself.
  void Report(const channel::Event& event);
  // False: not taken, counted. The first message of a stranger (responder SPI zero) may use only half of the ring, so that a
  // flood of them leaves room for peers who are known.
  [[nodiscard]] bool Punt(const channel::DatagramInfo& info, ByteView payload);

  bool connected() const { return state_ == State::kOpen; }
  bool synced() const { return connected() && executor_.synced(); }
  uint64_t epoch() const { return epoch_; }
  const ChannelCounters& counters() const { return counters_; }

 private:
  enum class State : uint8_t { kIdle, kGreeting, kSwapping, kOpen };
  ChannelServer(const Options& options, SaDatabase& database, GatewayControl& gateway);

  absl::Status Listen();
  void DisarmTimer();
  void Accept(Time now);
  void HearNewcomers(uint32_t events, Time rests_until);  // events: EPOLLIN or, for a while, none
  void Greet(UniqueFd socket, Time now);
  absl::Status SendHello(int socket);
  void ReadSocket(Time now);
  void FinishHandshake();
  void Open();
  void ReadCommands();
  void ReadInjected();
  void FlushEvents();
  void Rest();
  void Break(channel::Violation v);
  void Close();
  void QueueEvent(const channel::Event& e);
  void QueueSa(const channel::SaInventory& sa, const SelectorList& local, const SelectorList& remote);
  void Watch(int fd);

  const Options options_;
  SaDatabase& database_;
  GatewayControl& gateway_;
  CommandExecutor executor_;
  UniqueFd lock_, epoll_, listener_, timer_, socket_;
  State state_ = State::kIdle;
  Time greeting_ends_{};
  Time listener_rests_until_{};   // zero: it does not
  uint64_t epoch_ = 0;
  const uint64_t instance_;

  std::optional<channel::DataplaneEnd> end_;
  channel::Outbox<channel::Event> outbox_;
  std::shared_ptr<shm::Region> page_;   // the workers publish into it; outlives its connection
  bool swapping_ = false;               // the workers may still write the page before page_
  bool more_to_read_ = false;           // the last round ended at its bound
  bool held_ = false;                   // commands wait for answers or events to drain
  ChannelCounters counters_;
};

}  // namespace culvert::dp
