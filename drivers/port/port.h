#pragma once

#include <absl/status/status.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include <cstdint>
#include <functional>
#include <string>

#include "common/net/ip_address.h"

namespace culvert {

// A place packets come from and go to. One virtual call a burst. A queue belongs to one worker: Receive and Transmit of
// one queue are called from one thread; everything else from the main thread.
class Port {
 public:
  explicit Port(std::string name, uint16_t index) : name_(std::move(name)), index_(index) {}
  virtual ~Port() = default;

  // Up to n packets; the caller owns them. Frames start at the Ethernet header.
  virtual uint16_t Receive(uint16_t queue, rte_mbuf** out, uint16_t n) = 0;
  // Takes ownership of the first `return value` packets; the rest stay the caller's.
  virtual uint16_t Transmit(uint16_t queue, rte_mbuf** packets, uint16_t n) = 0;

  virtual uint16_t rx_queues() const = 0;
  virtual uint16_t tx_queues() const = 0;
  virtual bool link_up() const = 0;
  virtual bool is_virtual() const = 0;      // af_xdp, af_packet, tap, memif, ring: adaptive idle is the default
  virtual void Stop() = 0;
  // While it rests, Receive and Transmit take nothing and touch no device, from every worker's next pass on.
  virtual void Rest(bool) {}
  // Makes what is under it anew where it delivers nothing any more; MAC and MTU stay. Only while it rests, and after a grace
  // point of every worker. FailedPrecondition: it cannot be done, and nothing was touched; any other error: try again later.
  virtual absl::Status Restart() { return absl::FailedPreconditionError("it has no device to restart"); }
  // The device asks for a reset: until it gets one, it moves nothing and takes no session.
  virtual bool AsksReset() const { return false; }
  // Resets the device and brings it up again as it was opened. Only while it rests, and after a grace point of every worker.
  // An error: not yet, or not so; it goes on resting, and is to be tried again later.
  virtual absl::Status ResetDevice() { return absl::UnimplementedError("it has no device to reset"); }
  // Inline IPsec of the device (rte_security_ctx); null where it has none, or is to be reset. A reset may put another in its
  // place, and destroys the one before: it is not done while there are sessions.
  virtual void* SecurityContext() { return nullptr; }
  // Which packets that come in a session of SecurityContext() deciphers: ESP of this SPI to this address, in UDP to this port
  // where that is not 0. Null where the device takes no more. A flow is destroyed before its session.
  struct SecurityFlow {
    uint32_t spi;         // host order
    IpAddress destination;
    uint16_t udp_port;    // host order
    void* session;
  };
  virtual void* CreateFlow(const SecurityFlow&) { return nullptr; }
  virtual void DestroyFlow(void*) {}
  // Of inline protocol, what rte_security has no word for.
  struct ProtocolFacts {
    bool counted_ivs = false;    // a counter mode's IV is the packet's number: none comes twice as long as no number does
    bool tells_numbers = false;  // OpenedPacket::sequence is right
    bool tells_apart = false;    // OpenedByProtocol() is right of sessions that do inline crypto, too
  };
  virtual ProtocolFacts protocol_facts() const { return {}; }
  struct OpenedPacket {
    uint64_t userdata;   // of the session
    uint32_t sequence;   // the low half, host order
  };
  // Of a packet that came with RTE_MBUF_F_RX_SEC_OFFLOAD. True: inline protocol had it, and without
  // RTE_MBUF_F_RX_SEC_OFFLOAD_FAILED what stands behind the Ethernet header is the packet inside (in transport mode: without
  // ESP), or nothing if it was a dummy. Once for each packet, by whichever thread has it.
  virtual bool OpenedByProtocol(rte_mbuf*, OpenedPacket&) { return false; }
  // What the device itself has to say of SAs. kReset: all its sessions are gone, and only to be destroyed.
  struct IpsecEvent {
    enum Kind : uint8_t { kSoft, kHard, kReset } kind;
    uint64_t userdata;   // of the session; kReset: 0
  };
  // `sink` is called from any thread, in Receive and Transmit too: it must neither wait nor call back. Before any session is
  // made; null: no more.
  virtual void OnIpsecEvent(std::function<void(const IpsecEvent&)>) {}
  // What the device itself counts; zeros where it does not.
  struct Stats {
    uint64_t rx_packets = 0, tx_packets = 0;
    uint64_t rx_missed = 0;                 // its queue was full, or it had no buffer: lost before anyone could count them here
    uint64_t rx_errors = 0, tx_errors = 0;
    uint64_t rx_offered = 0;                // frames at the kernel's interface under it, where there is one: may go back to 0
  };
  virtual Stats stats() const { return {}; }

  const std::string& name() const { return name_; }
  uint16_t index() const { return index_; } // dense, in configuration order; the `port` of a packet
  rte_ether_addr mac{};
  uint32_t mtu = 1500;                      // octets of IP packet
  uint16_t vlan = 0;                        // VLAN ID of a sub-interface; 0: frames go untagged
  uint16_t parent_index = 0;                // of a sub-interface
  uint32_t security_sessions = 0;           // of SecurityContext(), as whoever makes them counts; main thread

 private:
  std::string name_;
  uint16_t index_;
};

}  // namespace culvert
