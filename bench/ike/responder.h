#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "bench/ike/pki.h"
#include "common/net/ip_address.h"

namespace culvert::bench {

inline constexpr const char* kHybrid = "x25519-mlkem768";  // as a key exchange: X25519, then ML-KEM-768 (RFC 9370)

// What both sides are told, in the syntax both read.
struct Handshake {
  std::string auth = "psk", ke = "x25519";
  std::shared_ptr<const Pki> pki;  // of `auth`, before either side is started
  unsigned memory = 0;             // MiB of data (RLIMIT_DATA) our responder may have; 0: as much as there is
};
std::string ProposalOf(const Handshake& h);   // of the IKE SA
// Connections { } and secrets { } of the one responder, and of `count` initiators "c0", "c1", ...: the first protects the
// host 10.128.0.0 + `first`, the next the one behind it.
std::string ResponderConnections(const Handshake& h, const IpAddress& responder);
std::string InitiatorConnections(const Handshake& h, const IpAddress& responder, unsigned first, unsigned count);

// A responder under test: a process of its own in this network namespace, stopped and cleaned away by the destructor.
class Responder {
 public:
  // `program`: "culvert-ike" or "charon". Waits until it answers; dies where it does not.
  Responder(const std::string& program, const Handshake& h, const IpAddress& address);
  ~Responder();
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  double CpuSeconds() const;       // of all its threads since it began
  uint64_t ResidentOctets() const;

 private:
  void WriteCredentials(const Pki& pki);
  void WriteCulvert(const Handshake& h);
  void WriteCharon(const Handshake& h);

  const IpAddress address_;
  std::filesystem::path folder_;
  pid_t pid_ = -1;
};

// This process moves into a network namespace of its own, where the address is a local one and so is each of `initiators`.
// Before any thread starts.
void EnterNamespace(const IpAddress& address, const IpPrefix& initiators);

}  // namespace culvert::bench
