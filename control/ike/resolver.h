#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/net/ip_address.h"
#include "control/ike/job.h"

namespace culvert::ike {

// Host names to addresses, for the core, which has no sockets of its own.
class Resolver {
 public:
  struct Answer {
    std::vector<IpAddress> addresses;   // best first; empty: none, and why
    std::string why;
  };
  virtual ~Resolver() = default;
  // Any thread; may take many seconds.
  virtual Answer Resolve(const std::string& name) = 0;
};

class ResolveJob final : public Job {
 public:
  ResolveJob(std::shared_ptr<Resolver> resolver, std::string name) : resolver_(std::move(resolver)), name_(std::move(name)) {}

  void Run() override { answer_ = resolver_->Resolve(name_); }
  bool waits() const override { return true; }

  const std::string& name() const { return name_; }
  const Resolver::Answer& answer() const { return answer_; }

 private:
  std::shared_ptr<Resolver> resolver_;
  std::string name_;
  Resolver::Answer answer_;
};

}  // namespace culvert::ike
