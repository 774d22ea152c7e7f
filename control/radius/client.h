#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/bytes/secret.h"
#include "common/net/ip_address.h"
#include "control/ike/job.h"

// Asks a RADIUS server whether a user's password is right (RFC 2865, PAP), for the core, which has no sockets of its own.
namespace culvert::radius {

struct Login {
  std::string user;
  SecretBytes password;
  Bytes state;                 // of the challenge that this answers; empty: the first
  IpAddress local, peer;       // outer addresses of the IKE SA: which NAS asks, and for whom
};

struct Verdict {
  enum class Kind : uint8_t {
    kAccept,
    kReject,
    kChallenge,                // `message` is to be shown, the answer to it sent as the password of a next Login with `state`
    kNoAnswer,                 // nobody could tell; `why` says for what reason
  } kind = Kind::kNoAnswer;
  std::string server;          // its name in the configuration
  std::string message;         // Reply-Message, as it came: escape it for a log
  std::string why;
  Bytes state;
  // With kAccept.
  std::optional<IpAddress> framed_ip;          // the user's own; none: the gateway is to choose
  std::optional<IpAddress> framed_netmask;
  std::vector<Bytes> classes;                  // for accounting
  std::optional<std::chrono::seconds> session_timeout;
};

class Client {
 public:
  virtual ~Client() = default;
  // Any thread; may take many seconds.
  virtual Verdict Ask(const Login& login) = 0;
};

class LoginJob final : public ike::Job {
 public:
  LoginJob(std::shared_ptr<Client> client, Login login) : client_(std::move(client)), login_(std::move(login)) {}

  void Run() override { verdict_ = client_->Ask(login_); }
  bool waits() const override { return true; }

  const Login& login() const { return login_; }
  const Verdict& verdict() const { return verdict_; }

 private:
  std::shared_ptr<Client> client_;
  Login login_;
  Verdict verdict_;
};

}  // namespace culvert::radius
