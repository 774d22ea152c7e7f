#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "drivers/offload/engine.h"
#include "drivers/port/port.h"

struct rte_mempool;

namespace culvert::offload {

// Ports that encipher what they transmit and decipher what they receive (rte_security inline crypto). Main thread, but Mark.
class InlinePorts {
 public:
  static constexpr uint32_t kSessions = 2048;  // of a port, one for each direction of an SA

  // `ports` by index; those without rte_security, and those not `wanted`, run nothing. Borrowed, and outlive this.
  static absl::StatusOr<std::unique_ptr<InlinePorts>> Open(const std::vector<Port*>& ports, const std::vector<bool>& wanted);
  ~InlinePorts();  // every session is gone

  // On the port with this index. `out` is left alone where it does not take it.
  StepDown Create(uint16_t port, const SessionSpec& spec, Session& out);
  // No worker transmits by it any more.
  void Destroy(const Session& s);

  // The frame in `m`, whose Ethernet and IP headers have these lengths in octets, is to be enciphered where it is transmitted.
  // Any thread.
  bool Mark(uint16_t port, const void* session, rte_mbuf* m, uint16_t l2, uint16_t l3) const;

  struct Facts {
    std::string port;
    uint32_t sessions, most_sessions;
  };
  std::vector<Facts> facts() const;

 private:
  struct Device {
    Port* port = nullptr;
    void* context = nullptr;
    rte_mempool* pool = nullptr;
    uint32_t sessions = 0;
  };
  std::vector<Device> devices_;   // by port
};

}  // namespace culvert::offload
