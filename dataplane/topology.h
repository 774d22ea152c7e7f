#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace culvert::dp {

// Which worker receives and transmits where, and which rings lie between threads. One plan per process, made once.
struct Topology {
  static constexpr unsigned kMain = ~0u;  // as a thread: the main thread
  struct PortPlan {
    std::string name;
    std::vector<unsigned> rx_worker;      // [queue]
    std::vector<uint16_t> tx_queue;       // [worker]; WorkerContext's kNoQueue: hands over to tx_owner
    bool vlan = false;                    // of another port, whose queues these are; receives nothing itself
    unsigned tx_owner = 0;                // the worker that others, and main, hand this port's packets to
  };
  struct RingPlan {
    std::string name;
    unsigned producer, consumer;          // worker or kMain
    uint32_t slots;                       // a power of two
  };
  struct PortQueues {
    std::string name;
    uint16_t rx = 1, tx = 1;
    bool tap = false;                     // the host has its addresses
    std::optional<size_t> parent;         // of a VLAN: the port, by its place here, that receives and transmits for it
  };

  unsigned workers = 1;
  bool host = false;                      // some port has a TAP: rings to and from it
  std::vector<PortPlan> ports;
  std::vector<RingPlan> rings;

  static Topology Plan(unsigned workers, const std::vector<PortQueues>& ports);
  // What is wrong with the plan, empty where nothing is: every receive and transmit queue has one worker, every ring one
  // producer and one consumer, every pair of threads that speak a ring.
  std::string Check() const;
  std::string ToString() const;
};

}  // namespace culvert::dp
