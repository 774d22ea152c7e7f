#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "common/base/time.h"
#include "common/ipsec/spi.h"
#include "common/ipsec/traffic_selector.h"
#include "common/net/ip_address.h"
#include "control/ike/job.h"

// What goes into the protocol core. Everything it knows of the world arrives as one of these, with the time.
namespace culvert::ike {

using IkeId = uint64_t;      // our own name of an IKE SA; never reused within a process, shown to operators as uniqueid
using ChildId = uint64_t;    // our own name of a Child SA
using TimerId = uint64_t;
using JobId = uint64_t;
using RequestId = uint64_t;  // an operator's request, answered by Reply actions

struct DatagramIn {
  Endpoint local, remote;
  bool marker = false;       // came with the non-ESP marker (stripped): local port 4500 or UDP encapsulation
  Bytes data;
};
struct TimerFired {
  TimerId timer;
};
struct JobDone {
  JobId id;
  std::unique_ptr<Job> job;
};

// Operator commands (VICI's names).
struct Initiate {
  RequestId request;
  std::string ike;           // connection; may be empty when `child` names one uniquely
  std::string child;         // empty: IKE SA only
};
struct Terminate {
  RequestId request;
  std::string ike, child;    // by name; or by id:
  IkeId ike_id = 0;
  ChildId child_id = 0;
  bool force = false;        // do not wait for the peer's answer
};
struct Rekey {
  RequestId request;
  std::string ike, child;
  IkeId ike_id = 0;
  ChildId child_id = 0;
};

// From the dataplane, by way of control/sadb.
enum class InstallStatus : uint8_t { kOk, kRefused, kNoResources };
struct ChildInstalled {      // answers InstallChild
  ChildId child;
  bool inbound;
  InstallStatus status;
};
struct ChildSoftExpired {
  ChildId child;
};
struct ChildHardExpired {
  ChildId child;
};
struct PeerMovedByEsp {      // authenticated ESP came from a new endpoint
  ChildId child;
  Endpoint local, remote;
};
struct ChildUse {            // answers QueryChildUse
  ChildId child;
  Time last_inbound, last_outbound;   // Time{} = never
  uint64_t bytes_in = 0, packets_in = 0, bytes_out = 0, packets_out = 0;
};
struct TrapHit {             // a packet of a trapped child met no SA
  std::string connection, child;
  TrafficSelector local, remote;      // the packet's own
};
struct SourceFound {         // answers QuerySource; address unspecified where there is no route
  uint64_t query;
  Endpoint local;
};
// Every address of the gateway's own but link-local ones, whenever that changes. Never told: they are not known, and nothing
// moves.
struct LocalAddresses {
  std::vector<IpAddress> addresses;
};
// The configuration given to the core was replaced. Also the first event of a core's life: children with start_action start
// that have no SA yet are initiated. SAs in force keep the connection they were made with.
struct ConfigChanged {};

using Event = std::variant<DatagramIn, TimerFired, JobDone, Initiate, Terminate, Rekey, ChildInstalled, ChildSoftExpired,
                           ChildHardExpired, PeerMovedByEsp, ChildUse, TrapHit, SourceFound, LocalAddresses, ConfigChanged>;

}  // namespace culvert::ike
