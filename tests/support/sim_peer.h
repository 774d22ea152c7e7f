#pragma once

#include <map>
#include <memory>
#include <optional>

#include "control/auth/credentials.h"
#include "control/ike/core.h"
#include "control/ike/counters.h"
#include "tests/support/fake_spis.h"
#include "tests/support/sim_network.h"

namespace culvert::ike {

// One gateway of a simulation: a core, its configuration, and a data plane that believes whatever it is told. Public-key
// work is done at once, its result comes back as an event of its own. Everything the core asks is checked where it can be.
class SimPeer {
 public:
  struct World {
    SimClock& clock;
    SimNetwork& network;
    uint64_t seed = 1;
  };
  SimPeer(World world, std::string name, const IpAddress& address);
  ~SimPeer();

  void Start();                              // makes the core; the configuration must stand
  // An address comes or goes. It has `address` from the beginning; what it no longer has it neither hears nor sends from.
  void AddAddress(const IpAddress& a);
  void RemoveAddress(const IpAddress& a);
  void Crash();                              // forgets everything but the configuration, and hears nothing until Start()
  void Post(Event event);                    // handled in the same instant, after what is going on
  RequestId Up(const std::string& child, const std::string& ike = "");
  RequestId Down(const std::string& ike, const std::string& child = "");
  RequestId RekeyChildren(const std::string& child);
  RequestId RekeyIke(const std::string& ike);
  std::vector<IkeView> Established() const;  // neither coming up nor replaced nor going
  std::vector<ChildView> LiveChildren() const;
  uint64_t Counted(Count c) const { return core->counters()[c]; }
  bool Logged(std::string_view text) const;
  // What does not fit between its children, the halves installed and the SPIs drawn; empty: nothing.
  std::string Untidiness() const;

  struct Installed {
    InstallChild what;
    Time last_in{}, last_out{};
  };
  using Half = std::pair<ChildId, bool>;     // inbound?
  // The outbound SA a packet of this child goes out on: the highest preference. nullptr: none.
  const InstallChild* Sends(const std::string& child) const;
  // Takes in what went out with those keys on the SA of that SPI, if there is such an SA.
  bool Receives(const ChildSaDirection& sealed);

  const std::string name;
  const IpAddress address;
  std::vector<IpAddress> addresses;          // in the order in which routing prefers them
  config::Control control;
  std::shared_ptr<const auth::Credentials> credentials;   // given to the core by Start(); none: it has none
  std::unique_ptr<Core> core;
  FakeSpis spis;
  std::map<Half, Installed> installed;
  std::map<RequestId, Reply> replies;
  std::vector<std::string> log;
  std::vector<KeyLog> key_log;
  std::vector<Notice> notices;
  std::vector<SetTrap> traps;
  std::function<InstallStatus(const InstallChild&)> install_status;   // default: kOk
  Duration install_delay{};
  Duration job_delay{};
  std::map<std::string, std::vector<IpAddress>> names;   // what its resolver knows
  bool routes = true;                        // answers QuerySource with an address of its own
  bool print = false;                        // log lines, messages sent and commands to stderr

 private:
  void Run();
  void Perform(Action action);
  void Receive(SimPacket packet);
  void Attach(const IpAddress& a);
  void Later(Duration delay, Event event);
  void Trace(const std::string& text) const;

  void Do(SendDatagram a);
  void Do(ArmTimer a);
  void Do(CancelTimer a);
  void Do(RunJob a);
  void Do(InstallChild a);
  void Do(RemoveChild a);
  void Do(UpdateChild a);
  void Do(SetTrap a) { traps.push_back(std::move(a)); }
  void Do(QueryChildUse a);
  void Do(QuerySource a);
  void Do(Store a) { committed_ = a.commit; }
  void Do(Audit a);
  void Do(Reply a);
  void Do(KeyLog a) { key_log.push_back(std::move(a)); }
  void Do(Notice a) { notices.push_back(a); }

  World world_;
  SeededRandom random_;
  uint64_t life_ = 0;                        // rises at every Crash: what was scheduled before means nobody
  std::deque<Event> events_;
  bool running_ = false;
  std::map<TimerId, uint64_t> timers_;       // armed, and by which of its armings
  uint64_t next_arming_ = 1;
  uint64_t committed_ = 0;
  RequestId next_request_ = 1;
};

}  // namespace culvert::ike
