#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>

#include "common/base/unique_fd.h"
#include "control/ike/core.h"
#include "control/runtime/timer_queue.h"
#include "control/udp/udp_plane.h"

namespace culvert::bench {

// Many initiators on one UDP socket: a protocol core with one connection, "c0", "c1", ... for each. Public-key work is done
// at once in the caller's thread, so that its processor time is this process's. Child SAs count as installed.
class Initiators {
 public:
  // `control` is borrowed; `credentials` may be null. Dies where the socket cannot be had.
  Initiators(const config::Control& control, std::shared_ptr<const auth::Credentials> credentials, const Endpoint& local,
             ike::Random& random);

  using Done = std::function<void(const ike::Reply&)>;
  void Up(unsigned i, Done done);         // IKE SA and child "net" of connection i
  void RekeyIke(unsigned i, Done done);
  void CloseChild(unsigned i, Done done);

  int fd() const { return fd_.get(); }
  void Receive();                         // all that waits on fd()
  void OnTime();                          // every timer that is due
  size_t Established() const;             // IKE SAs, for the end's books: it walks over all of them

 private:
  void Post(ike::Event event);
  ike::RequestId Ask(Done done);
  void Do(ike::SendDatagram& a);
  void Do(ike::ArmTimer& a) { timers_.Arm(a.timer, a.at); }
  void Do(ike::CancelTimer& a) { timers_.Cancel(a.timer); }
  void Do(ike::RunJob& a);
  void Do(ike::InstallChild& a);
  void Do(ike::QueryChildUse& a);
  void Do(ike::QuerySource& a);
  void Do(ike::Reply& a);
  void Do(ike::Audit& a);
  template <typename Other>
  void Do(Other&) {}

  Endpoint local_;
  UniqueFd fd_;
  control::PlainSpis spis_;
  ike::Core core_;
  control::TimerQueue timers_;
  std::deque<ike::Event> events_;
  bool running_ = false;
  std::map<ike::RequestId, Done> asked_;
  ike::RequestId next_request_ = 1;
};

}  // namespace culvert::bench
