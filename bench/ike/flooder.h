#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <unordered_map>

#include "common/base/unique_fd.h"
#include "common/bytes/bytes.h"
#include "common/net/ip_address.h"

namespace culvert::bench {

// What strangers do to a responder (hostile.md D01 to D04).
enum class Flood : uint8_t {
  kSpoofed,   // IKE_SA_INIT from addresses that hear no answer: each from another one
  kCookies,   // IKE_SA_INIT from a few real addresses, which give back their cookies: half-open SAs, as many as let in
  kJunkAuth,  // as kCookies, and to each half-open SA many IKE_AUTH that do not open: one derivation, then MACs
};

// Sends at a rate from a thread of its own until it is destroyed. All is well-formed and looks like a peer's first message.
class Flooder {
 public:
  struct Plan {
    Flood kind{};
    double per_second = 0;        // datagrams
    Endpoint target;
    uint32_t first_source = 0;    // IPv4 addresses in host byte order, local to this namespace
    uint32_t sources = 1;
    std::string proposal;         // of the IKE SA, as configured; its key exchange is X25519
  };
  explicit Flooder(const Plan& plan);
  ~Flooder();
  Flooder(const Flooder&) = delete;
  Flooder& operator=(const Flooder&) = delete;

  struct Tally {
    uint64_t sent = 0;
    uint64_t cookies = 0, cookie_octets = 0;        // answers that ask for one
    uint64_t half_open = 0, half_open_octets = 0;   // IKE_SA_INIT answered in full
    uint64_t other = 0;                             // other answers
  };
  // Of what has been sent and heard so far. Any thread.
  Tally tally() const;
  size_t request_octets() const { return request_octets_; }   // of an IKE_SA_INIT without a cookie

 private:
  void Run();
  void SendBatch(unsigned count);
  void SendOne(uint32_t source, const Bytes& datagram);
  Bytes Request(uint64_t spi, ByteView cookie) const;
  Bytes Junk(uint64_t spi_i, uint64_t spi_r) const;
  void Hear();
  void OnAnswer(uint32_t source, ByteView datagram);

  const Plan plan_;
  UniqueFd fd_;
  uint64_t next_spi_;
  size_t request_octets_ = 0;
  struct HalfOpen {
    uint32_t source = 0;
    uint64_t spi_i = 0, spi_r = 0;
  };
  std::vector<HalfOpen> half_open_;       // to be thrown junk at
  size_t next_victim_ = 0;
  struct Atomics {
    std::atomic<uint64_t> sent{0}, cookies{0}, cookie_octets{0}, half_open{0}, half_open_octets{0}, other{0};
  } counts_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace culvert::bench
