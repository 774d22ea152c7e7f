#pragma once

#include "control/auth/auth_job.h"

namespace culvert::auth {

// Asks about the certificates that an AuthJob could not judge without, and hands it back to be run once more.
class LookupJob final : public ike::Job {
 public:
  explicit LookupJob(std::unique_ptr<AuthJob> waiting) : waiting_(std::move(waiting)) {}

  void Run() override {
    for (const Issued& which : waiting_->open()) {
      for (std::string& line : waiting_->revocation()->Ask(which)) learnt_.push_back(std::move(line));
    }
  }
  bool waits() const override { return true; }

  const std::vector<std::string>& learnt() const { return learnt_; }   // for the log
  std::unique_ptr<AuthJob> TakeWaiting() { return std::move(waiting_); }

 private:
  std::unique_ptr<AuthJob> waiting_;
  std::vector<std::string> learnt_;
};

}  // namespace culvert::auth
