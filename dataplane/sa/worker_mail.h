#pragma once

#include <cstdint>

#include "common/channel/sa_command.h"
#include "common/channel/wire_types.h"
#include "dataplane/sa/inbound_sa.h"
#include "dataplane/sa/outbound_sa.h"
#include "dataplane/sa/value_ring.h"
#include "dataplane/stage/path_mtu.h"
#include "dataplane/worker/counters.h"

namespace culvert::dp {

// Main to the owning worker. Each is answered by one kDone report with the same `ticket`; kYield by whoever has the SA then.
struct WorkerOrder {
  enum Kind : uint32_t { kAdopt, kRelease, kLimits, kEndpoints, kPathMtu, kYield, kLeavePort };
  Kind kind;
  channel::Direction direction;
  uint8_t unused[3];
  uint64_t ticket;
  InboundSa* in;  // one of the two, by direction; owned by main, used by the worker until kRelease
  OutboundSa* out;
  union {
    struct {
      SaLimits limits;
      uint64_t alarm_at;
    } life;  // kLimits
    struct {
      uint8_t header[64];
      uint32_t header_sum, udp_sum;
      uint16_t zone;
      uint8_t header_length, family;
      bool encap;
      uint8_t unused[3];
    } outer;  // kEndpoints, outbound
    struct {
      uint8_t address[16];
      uint8_t family;
      bool encap;
      uint16_t port;
    } peer;  // kEndpoints, inbound
    struct {
      uint32_t sequence;  // of the packet that was too long
      uint16_t mtu;       // 0: the link's again, whatever the sequence number
    } path;               // kPathMtu, outbound
    SaMove* move;         // kYield
  };
};

// The owning worker to main.
struct WorkerReport {
  enum Kind : uint32_t { kDone, kSoft, kHard, kMoved, kAcquire, kTooBig, kLeftDevice };
  Kind kind;
  channel::Direction direction;
  uint8_t unused[3];
  uint64_t ticket;                    // kDone
  uint32_t sa_index, installation;    // the rest but kAcquire and kTooBig
  uint16_t path_mtu;                  // kDone: octets, now believed of the SA; 0: nothing new
  uint64_t policy;                    // kAcquire: Policy::id
  uint64_t packets, bytes, sequence;  // kSoft, kHard
  union {
    struct {
      channel::WireEndpoint local, remote;
    } moved;
    struct {
      channel::WireSelector local, remote;
    } acquire;
    TooBigNotice too_big;  // of an SA that may be another worker's, or nobody's
  };
};

// The two ways between main and one worker.
struct WorkerMail {
  static constexpr unsigned kSlots = 1024;
  // Of the reports' ring: what packets can cause that anybody sends, and what comes again by itself, leaves them free.
  static constexpr unsigned kReserved = 64;
  ValueRing<WorkerOrder> orders{kSlots};
  ValueRing<WorkerReport> reports{kSlots};
  Counter orders_delayed;  // main: orders that found their ring full and waited
  Counter hints_dropped;   // the worker: reports that found no more than the reserve
};

}  // namespace culvert::dp
