#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "bench/ike/initiators.h"
#include "bench/ike/responder.h"
#include "control/ike/crypto/random.h"

namespace culvert::bench {

// The places of a run, all in its own network namespace.
inline const IpAddress kResponder = IpAddress::V4(10, 99, 0, 1);
inline const IpPrefix kSources = *IpPrefix::Parse("10.100.0.0/14");
inline constexpr uint32_t kFirstSource = 10u << 24 | 100u << 16;      // of crowds
inline constexpr uint32_t kFirstStranger = 10u << 24 | 102u << 16;    // of floods, up to the end of kSources
inline constexpr uint32_t kStrangers = 1u << 17;

// The value below which the share q of `values` lies; 0 of none. Changes their order.
double Quantile(std::vector<double>& values, double q);

// Thousands of initiators, driven by one thread. Neighbours in the order come from different addresses.
class Crowd {
 public:
  struct Shape {
    unsigned count = 0, concurrency = 32;      // at most this many under way at a time
    unsigned first = 0;                        // address and host of the first one; other crowds begin past `end()`
    std::string retransmit_timeout = "4.0";    // seconds
  };
  Crowd(const Handshake& h, const Shape& shape);

  using Step = void (Initiators::*)(unsigned, Initiators::Done);
  // Has each take the step. Returns how many failed; `milliseconds`, where given, gets how long it took each of the others.
  unsigned All(Step step, std::vector<double>* milliseconds) { return All(step, shape_.count, milliseconds); }
  unsigned All(Step step, unsigned count, std::vector<double>* milliseconds);   // the first `count`

  void Hold(std::chrono::seconds how_long);
  size_t Established() const;
  unsigned end() const { return shape_.first + static_cast<unsigned>(groups_.size()); }

 private:
  static std::unique_ptr<config::Control> Load(const Shape& shape, const std::string& connections);
  void Turn();

  const Shape shape_;
  ike::SystemRandom random_;
  std::vector<std::unique_ptr<config::Control>> controls_;
  std::vector<std::unique_ptr<Initiators>> groups_;   // one for each address
  UniqueFd epoll_;
  Time next_tick_{};
};

}  // namespace culvert::bench
