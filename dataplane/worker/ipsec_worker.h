#pragma once

#include "common/stats/drop.h"
#include "dataplane/worker/packet.h"

namespace culvert::dp {

struct TooBigNotice;
struct WorkerContext;

// IPsec in one worker: its SAs, policies and their state. The worker's loop calls it between classify and transmit; a
// worker without one is a plain router. Every call is made by the owning worker's thread. A packet of an input burst is
// either added to an output burst, handed over, or dropped through the context: afterwards the input burst is empty. An
// output burst is given with room for all packets of the input.
class IpsecWorker {
 public:
  virtual ~IpsecWorker() = default;

  // ESP to an own address, whole, `l4` at the ESP header or, in UDP, at the UDP header (`protocol` 17). Opened packets
  // begin at the inner IP header, have passed ParseIp and their SA's selectors, and carry `opened`.
  virtual void Open(WorkerContext& ctx, Burst& esp, Burst& opened) = 0;

  // Packets to be forwarded, their TTL already lowered, and packets made here, before routing (the outbound policy is looked
  // up before any route). `forward` holds what goes out in clear, routed by Forward(). Also drops as plaintext-inbound what
  // came in clear (neither `opened` nor `local_origin`) and a policy protects.
  virtual void ApplyPolicy(WorkerContext& ctx, Burst& plain, Burst& forward, Burst& seal) = 0;

  // What keeps a packet to an own address from being consumed here or punted: a policy that discards it or, where it came in
  // clear, wants it protected. kCount: nothing does; IKE and neighbour discovery are never kept. Packets to be forwarded need
  // no asking: ApplyPolicy drops them itself.
  virtual Drop RefuseHere(WorkerContext& ctx, const Packet& p) = 0;

  // What keeps a packet to an own address from the host: a policy as above or, where none matches and it came in clear,
  // default_policy, as for packets to be forwarded. kCount: nothing does. An ICMP error is also measured by the packet
  // it quotes: about one that never left in clear, nobody may tell in clear (RFC 4301 6).
  virtual Drop RefuseToHost(WorkerContext& ctx, const Packet& p) = 0;

  // `sa` is set by ApplyPolicy, or `tag` by the worker that handed the packet over. Sealed packets begin at the outer IP
  // header, with `local_origin` set, and have their port, and their next hop where the neighbour is known.
  virtual void Seal(WorkerContext& ctx, Burst& seal, Burst& sealed) = 0;

  // Packets that Open() and Seal() kept until there is an SA for them, or until it is here: now there is. A burst at most;
  // where something comes, there may be more, which goes before all that is received later.
  virtual void TakeKept(WorkerContext& ctx, Burst& esp, Burst& seal) = 0;

  // What another worker tells about an SA that moves (HandOverKind::kMove).
  virtual void TakeMark(const Packet& mark) = 0;

  // Crypto devices that packets are lent to while the worker goes on; Open and Seal keep those back.
  virtual unsigned devices() const = 0;
  // What has come back from one of them, a burst at most. False: nothing. `opened` and `sealed` as above.
  virtual bool TakeBack(WorkerContext& ctx, unsigned device, Burst& opened, Burst& sealed) = 0;

  // Whether a packet that the port is to seal, and that another worker gave here, still may: its SA is there.
  virtual bool MaySealInline(const Packet& p) const = 0;
  // Once in a millisecond: packets of no meaning that are due (RFC 4303 2.6), with `sa` set, for Seal(). As many as `seal` has
  // room for.
  virtual void MakeDummies(WorkerContext& ctx, Burst& seal) = 0;

  // A router on the way to a peer says that a packet of ours was too long. False: the SA it quotes could not be asked after.
  virtual bool PathTooBig(WorkerContext& ctx, const TooBigNotice& notice) = 0;

  // Whether packets may be forwarded at all: false until the policy set is known (SaDatabase::OpenForwarding).
  virtual bool ForwardingOpen() const = 0;

  // Once a pass: what main has sent. Cheap when there is nothing.
  virtual void PollCommands(WorkerContext& ctx) = 0;
};

}  // namespace culvert::dp
