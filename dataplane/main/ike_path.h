#pragma once

#include <functional>

#include "common/channel/datagram.h"
#include "dataplane/main/ike_reassembly.h"
#include "dataplane/main/neighbours.h"

namespace culvert::dp {

enum class InjectStatus : uint8_t {
  kSent,          // given to a worker, or held until the neighbour answers
  kNoRoute,
  kBadSource,     // `local` is not an address of this gateway
  kTooLong,       // more than a UDP datagram holds
  kNoMemory,
};

// IKE datagrams between the workers and culvert-ike: strips and writes IP and UDP, puts fragments together and makes them.
// Main thread.
class IkePath {
 public:
  // Everything is borrowed.
  IkePath(const Published<Forwarding>& fib, NeighbourTable& table, Neighbours& neighbours, Sender& sender)
      : fib_(fib), table_(table), neighbours_(neighbours), sender_(sender) {}

  // Where punted IKE goes: the channel's punt ring. False where there is no room or nobody listens: the datagram is dropped
  // as punt-full. The payload is borrowed.
  using PuntSink = std::function<bool(const channel::DatagramInfo& info, ByteView payload)>;
  void SetSink(PuntSink sink) { sink_ = std::move(sink); }

  // Where datagrams go that came in fragments and are for the host: a whole IP packet, to be counted there. False: nobody
  // takes it.
  using HostSink = std::function<bool(const IpAddress& own, uint16_t port, ByteView packet)>;
  void SetHostSink(HostSink sink) { host_sink_ = std::move(sink); }

  // What a worker sent as kIkeKnown or kIkeNew, and as kFragment or kHostFragment. Takes p.
  void Receive(Packet p);
  void ReceiveFragment(Packet p, bool for_host, Time now);
  void Tick(Time now);

  InjectStatus Inject(const channel::DatagramInfo& info, ByteView payload, Time now);

 private:
  void Deliver(channel::DatagramInfo info, ByteView udp);
  bool DeliverToHost(const channel::DatagramInfo& info, ByteView udp);
  InjectStatus Send(const channel::DatagramInfo& info, const RouteTarget& route, ByteView udp, Time now);
  bool SendPacket(uint16_t port, NextHop hop, ByteView packet, Time now);

  const Published<Forwarding>& fib_;
  NeighbourTable& table_;
  Neighbours& neighbours_;
  Sender& sender_;
  PuntSink sink_;
  HostSink host_sink_;
  IkeReassembly reassembly_;
  uint32_t next_id_ = 1;
};

}  // namespace culvert::dp
