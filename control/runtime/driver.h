#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>

#include "control/ike/core.h"
#include "control/runtime/data_plane.h"
#include "control/runtime/event_loop.h"
#include "control/runtime/job_pool.h"
#include "control/runtime/key_log_file.h"
#include "control/runtime/timer_queue.h"

namespace culvert::control {

// Drives the protocol core: gives it events with the time and carries out its actions, in order. Loop thread only. An
// event raised while actions are carried out waits its turn, so the core is never entered twice.
class Driver {
 public:
  // All borrowed and outliving the driver. The loop stays free: public-key work runs on `helper_threads` others.
  struct World {
    EventLoop& loop;
    const config::Control& control;
    ike::Random& random;
    ike::SpiAllocator& spis;
  };
  Driver(World world, unsigned helper_threads);
  ~Driver();

  void set_data_plane(DataPlane* data_plane) { data_plane_ = data_plane; }  // before the first Post
  void set_key_log(std::unique_ptr<KeyLogFile> log);                        // turns key logging on
  void set_credentials(std::shared_ptr<const auth::Credentials> credentials) { core_.set_credentials(std::move(credentials)); }
  void set_radius(std::shared_ptr<radius::Client> radius) { core_.set_radius(std::move(radius)); }
  void Post(ike::Event event);

  // An operator's request: `done` is called once with the core's Reply, `audit` with each line that concerns it meanwhile.
  struct Request {
    std::function<void(const ike::Reply&)> done;
    std::function<void(const ike::Audit&)> audit;
  };
  ike::RequestId Open(Request request);
  void Abandon(ike::RequestId id);  // the operator has gone or timed out; the core goes on

  std::function<void(const ike::Notice&)> on_notice;

  const ike::Core& core() const { return core_; }
  size_t timers() const { return timers_.size(); }
  size_t jobs() const { return jobs_.pending() + lookups_.pending(); }

 private:
  void Run();
  void Do(ike::SendDatagram& a);
  void Do(ike::ArmTimer& a);
  void Do(ike::CancelTimer& a);
  void Do(ike::RunJob& a);
  void Do(ike::InstallChild& a);
  void Do(ike::RemoveChild& a);
  void Do(ike::UpdateChild& a);
  void Do(ike::SetTrap& a);
  void Do(ike::QueryChildUse& a);
  void Do(ike::QuerySource& a);
  void Do(ike::Store& a);
  void Do(ike::Audit& a);
  void Do(ike::Reply& a);
  void Do(ike::KeyLog& a);
  void Do(ike::Notice& a);
  void OnMemoryShort();
  void Arm();

  ike::Core core_;
  DataPlane* data_plane_ = nullptr;
  TimerQueue timers_;
  LoopTimer timer_;
  Wakeup jobs_done_;
  JobPool jobs_;
  static constexpr unsigned kLookupThreads = 4;
  JobPool lookups_;                    // of those that wait(); a black hole holds up nobody else (hostile.md F09)
  std::deque<ike::Event> events_;
  bool running_ = false;
  std::map<ike::RequestId, Request> requests_;
  ike::RequestId next_request_ = 1;
  std::unique_ptr<KeyLogFile> key_log_;
};

}  // namespace culvert::control
