#pragma once

#include <memory>

#include "control/ike/crypto/key_exchange.h"

namespace culvert::ike {

// Slow public-key work the core asks for and a helper thread does. The job owns all it touches; Run() may be called on any
// thread, once; its results are read by the core after it came back in a JobDone event.
class Job {
 public:
  virtual ~Job() = default;
  virtual void Run() = 0;
  // It spends its time waiting for others, for seconds at worst: it runs where it holds up nobody's public-key work.
  virtual bool waits() const { return false; }
};

// Makes an ephemeral key and, where `peer_public` is set, derives at once (a responder needs both).
class KeyExchangeJob final : public Job {
 public:
  KeyExchangeJob(KeGroup group, Bytes peer_public) : group_(group), peer_public_(std::move(peer_public)) {}
  KeyExchangeJob(std::unique_ptr<KeyExchange> mine, Bytes peer_public)
      : group_(mine->group()), ke_(std::move(mine)), peer_public_(std::move(peer_public)) {}

  void Run() override {
    if (!ke_) ke_ = KeyExchange::Create(group_, peer_public_.empty() ? KeRole::kRequester : KeRole::kReplier);
    if (ke_ && !peer_public_.empty()) secret_ = ke_->Derive(peer_public_);
  }

  KeGroup group() const { return group_; }
  std::unique_ptr<KeyExchange> TakeKey() { return std::move(ke_); }  // nullptr: no such group
  bool wanted_secret() const { return !peer_public_.empty(); }
  std::optional<SecretBytes>& secret() { return secret_; }           // nullopt: the peer's value was refused

 private:
  KeGroup group_;
  std::unique_ptr<KeyExchange> ke_;
  Bytes peer_public_;
  std::optional<SecretBytes> secret_;
};

}  // namespace culvert::ike
