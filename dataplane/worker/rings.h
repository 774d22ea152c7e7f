#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/limits.h"
#include "dataplane/worker/packet.h"

struct rte_ring;

namespace culvert::dp {

// What the receiving worker does with a packet another thread gave it.
enum class HandOverKind : uint8_t {
  kOpen,        // ESP of an SA it owns: to IpsecWorker::Open
  kSeal,        // to IpsecWorker::Seal, with `tag`
  kTransmit,    // has out_port and, unless framed, next_hop
  kOriginate,   // made by main: policy, then routing
  kFromHost,    // the host's, from its IP header on, not parsed: then as kOriginate
  kMove,        // no packet: to IpsecWorker::TakeMark
  kUnreachable, // its neighbour does not answer: drop it and tell its sender
};

// What main does with a packet a worker gave it.
enum class MainKind : uint8_t {
  kIkeKnown,    // IKE with a responder SPI: an exchange that goes on
  kIkeNew,      // IKE without: strangers, never in the way of the others
  kNeighbour,   // ARP or neighbour discovery; the Ethernet header is still there
  kResolve,     // IP packet whose next hop has no MAC yet; out_port is set
  kFragment,    // UDP fragment to an own address: IKE's, or nobody's
  kHostFragment,  // the same, which the host may have where it is not IKE's
  kHost,        // IP packet for the host: to the TAP of out_port
};

struct HandedOver {
  Packet packet;
  uint8_t kind;  // HandOverKind or MainKind
};

// Single producer, single consumer, by value. In-process.
class PacketRing {
 public:
  PacketRing(const std::string& name, uint32_t slots);  // a power of two
  ~PacketRing();
  PacketRing(const PacketRing&) = delete;
  PacketRing& operator=(const PacketRing&) = delete;

  [[nodiscard]] bool Put(HandedOver h);
  uint32_t Take(HandedOver* out, uint32_t n);
  bool empty() const;

 private:
  rte_ring* ring_;
};

// A sleeping consumer's bell: the producer writes the eventfd only when the consumer said it sleeps.
class Bell {
 public:
  Bell();
  ~Bell();
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  void Ring();                       // producer, after it has put something
  // Consumer: Arm(), look at every ring once more, then sleep on fd(); Disarm() on the way back.
  void Arm();
  void Disarm();
  int fd() const { return fd_; }

 private:
  int fd_;
  std::atomic<bool> asleep_{false};
};

// The rings one worker touches. Built by Topology, which proves that each has one producer and one consumer.
struct WorkerRings {
  std::vector<PacketRing*> to_worker;    // [worker]; this worker produces; own entry null
  std::vector<PacketRing*> from_worker;  // [worker]; this worker consumes; own entry null
  PacketRing* from_main = nullptr;
  PacketRing* to_main_ike_known = nullptr;
  PacketRing* to_main_ike_new = nullptr;
  PacketRing* to_main_control = nullptr;  // neighbours, resolution, fragments
  PacketRing* from_host = nullptr;        // main produces; null, as the next, where no port has a TAP
  PacketRing* to_host = nullptr;          // main consumes
  Bell* main_bell = nullptr;
};

}  // namespace culvert::dp
