#pragma once

#include <absl/status/status.h>
#include <rte_ether.h>

#include <memory>
#include <string>
#include <vector>

#include "common/bytes/bytes.h"
#include "dataplane/main/event_loop.h"
#include "dataplane/main/sender.h"
#include "drivers/port/host_link.h"

namespace culvert::dp {

// Between the workers and the host's own stack: reads and writes TAPs, so that no worker makes a system call. Owns them. Each
// turn reads a bounded number of frames, and a ring that is full drops: a flood from either side takes nothing from IKE but
// its share of turns. Main thread.
class HostPath {
 public:
  struct Link {
    std::unique_ptr<HostLink> host;       // null: this port has no TAP
    std::string name;                     // the port's, and so the TAP's
    rte_ether_addr mac{};                 // the port's, and so the TAP's
    PacketRing* to_worker = nullptr;      // of the worker that transmits on the port; main produces. Borrowed
  };
  // `links[port]`. Counts in the sender's block. Everything borrowed outlives this.
  HostPath(std::vector<Link> links, Sender& sender, EventLoop& loop);
  ~HostPath();
  HostPath(const HostPath&) = delete;
  HostPath& operator=(const HostPath&) = delete;

  // What a worker sent as kHost, for the TAP of p.out_port. Takes p.
  void Receive(const Packet& p);
  // A whole IP packet of any length, to be counted where it ends: consumed or dropped.
  void Deliver(uint16_t port, ByteView packet);
  // What the host has sent by a port's TAP, up to a turn's worth. The loop calls it. False: there was nothing.
  bool Read(uint16_t port);
  bool HasTap(uint16_t port) const { return port < links_.size() && links_[port].host != nullptr; }

  // An own address of the port came or went. What the kernel says against it is logged; the first such is also kept.
  void SetAddress(uint16_t port, const IpPrefix& address, bool present);
  const absl::Status& first_error() const { return first_error_; }

  // Of one TAP. Packets: written to it, read from it, and those of either direction dropped here (workers count their own).
  struct TapCounters {
    uint64_t to_host = 0, from_host = 0, dropped = 0;
  };
  const TapCounters& counters(uint16_t port) const { return counters_[port]; }

 private:
  bool Write(uint16_t port, ByteView packet);
  bool ReadFrame(uint16_t port);   // false: there is none
  void GiveUp(uint16_t port);
  void Drop(uint16_t port, culvert::Drop why);

  std::vector<Link> links_;
  std::vector<TapCounters> counters_;
  Sender& sender_;
  EventLoop& loop_;
  absl::Status first_error_;
};

}  // namespace culvert::dp
