#pragma once

#include "control/auth/auth_job.h"

namespace culvert::auth {

// Asks about the certificates that an AuthJob could not judge without, and hands it back to be run once more.
class LookupJob final : public ike::Job {
 public:
  explicit LookupJob(std::unique_ptr<AuthJob> waiting) : waiting_(std::move(waiting)) {}

  void Run() override {
    const auto until = std::chrono::steady_clock::now() + kLongest;
    for (const Issued& which : waiting_->open()) {
      for (auto& one : waiting_->revocation()->Ask(which, until)) learnt_.push_back(std::move(one));
    }
  }
  bool waits() const override { return true; }

  const std::vector<Revocation::Learnt>& learnt() const { return learnt_; }
  std::unique_ptr<AuthJob> TakeWaiting() { return std::move(waiting_); }

 private:
  // A peer gives up and half-open SAs end later. What is under way at that time ends by its own limit.
  static constexpr std::chrono::seconds kLongest{10};

  std::unique_ptr<AuthJob> waiting_;
  std::vector<Revocation::Learnt> learnt_;
};

}  // namespace culvert::auth
