#pragma once

#include <memory>

#include "dataplane/policy/flow_cache.h"
#include "dataplane/sa/sa_tables.h"
#include "dataplane/sa/worker_mail.h"
#include "dataplane/worker/context.h"
#include "dataplane/worker/ipsec_worker.h"
#include "drivers/crypto/mb_engine.h"

namespace culvert::dp {

// ESP and its policy in one worker: the IpsecWorker of a gateway. Everything here is the owning worker's, but what lies in
// SaTables, which is read, and the mail to main.
//
// A burst goes through in passes, so that the lines of one packet's SA are on their way while others are worked on, and the
// crypto calls come back to back behind all the narrow stores.
class EspWorker final : public IpsecWorker {
 public:
  struct Options {
    bool default_forward = true;  // what becomes of forwarded packets that match no policy
  };
  EspWorker(unsigned id, SaTables& tables, WorkerMail& mail, std::unique_ptr<crypto::MbEngine> engine, Options options);

  void Open(WorkerContext& ctx, Burst& esp, Burst& opened) override;                         // esp_open.cc
  void Seal(WorkerContext& ctx, Burst& seal, Burst& sealed) override;                        // esp_seal.cc
  void ApplyPolicy(WorkerContext& ctx, Burst& plain, Burst& forward, Burst& seal) override;  // policy/apply.cc
  bool PlainAllowed(WorkerContext& ctx, const Packet& p) override;                           // policy/apply.cc
  bool ForwardingOpen() const override { return tables_.forwarding_open.load(std::memory_order_acquire); }
  void PollCommands(WorkerContext& ctx) override;

  const crypto::MbEngine& engine() const { return *engine_; }

 private:
  struct OpenLane {
    InboundSa* sa;
    uint64_t sequence;
    Packet* packet;
    Spi spi;
    uint16_t esp;  // offset of the ESP header
    bool encap;
  };
  void Locate(WorkerContext& ctx, Burst& esp);
  uint16_t Admit(WorkerContext& ctx);
  bool AdmitOne(WorkerContext& ctx, OpenLane& lane, crypto::CryptoOp& op);
  void Accept(WorkerContext& ctx, uint16_t n, Burst& opened);
  bool AcceptOne(WorkerContext& ctx, OpenLane& lane, const crypto::CryptoOp& op);
  bool MatchesSelectors(const InboundSa& sa, const Packet& p) const;
  static bool IsKnownPeer(const InboundSa& sa, const OpenLane& lane, const uint8_t* outer);
  void NotePeer(WorkerContext& ctx, InboundSa& sa, const OpenLane& lane, const uint8_t* outer);
  void PublishEdges(uint16_t n);

  // Where the text of a packet to be sealed will lie.
  struct SealPlan {
    uint32_t front;  // octets put before the packet
    uint32_t pad;    // octets of padding
    uint32_t text;   // octets to encipher: packet, padding, trailer
    uint32_t total;  // octets of the outer packet
  };
  static SealPlan PlanFor(const OutboundSa& sa, uint32_t length);
  // What keeps a packet from being sealed; kCount: nothing does.
  Drop AdmitSeal(WorkerContext& ctx, Packet& p, OutboundSa& sa, const SealPlan& plan);
  Drop Reroute(WorkerContext& ctx, Packet& p, OutboundSa& sa, uint32_t& mtu);
  Drop TooLong(WorkerContext& ctx, const Packet& p, const OutboundSa& sa, uint32_t mtu);
  OutboundSa* ResolveHandedOver(WorkerContext& ctx, Packet& p);
  void WriteSealed(WorkerContext& ctx, Packet& p, OutboundSa& sa, const SealPlan& plan, crypto::CryptoOp& op);

  // False: the hard lifetime is over.
  bool CheckLimits(WorkerContext& ctx, InboundSa& sa);
  bool CheckLimits(WorkerContext& ctx, OutboundSa& sa);
  bool Report(WorkerContext& ctx, WorkerReport::Kind kind, const InboundSa& sa);
  bool Report(WorkerContext& ctx, WorkerReport::Kind kind, const OutboundSa& sa);
  // To main, which it wakes. False: no room now.
  bool Send(WorkerContext& ctx, const WorkerReport& r);

  static bool IsCurrent(const FlowVerdict& v);
  void LookUp(WorkerContext& ctx, const Spd& spd, const Packet& p, uint16_t run);
  FlowVerdict Decide(WorkerContext& ctx, const Spd& spd, const Packet& p);
  bool RouteByFlow(WorkerContext& ctx, FlowVerdict& v, Packet& p, uint16_t run);
  void RaiseAcquire(WorkerContext& ctx, const Policy& policy, const Flow& f);
  void Obey(WorkerContext& ctx, FlowVerdict& v, Packet& p, uint16_t run, Burst& forward, Burst& seal);

  void Adopt(const WorkerOrder& o);
  void Release(const WorkerOrder& o);
  void SetLimits(const WorkerOrder& o);
  void SetEndpoints(const WorkerOrder& o);

  const unsigned id_;
  SaTables& tables_;
  WorkerMail& mail_;
  std::unique_ptr<crypto::MbEngine> engine_;
  const Options options_;
  FlowCache flows_;

  // Scratch of the burst in hand.
  uint16_t lanes_n_ = 0;
  OpenLane lanes_[kBurstMax];
  FlowKey flow_keys_[kBurstMax + 1];     // by run of packets of one flow
  FlowVerdict verdicts_[kBurstMax + 1];  // likewise
  uint16_t run_of_[kBurstMax];           // by packet
  alignas(64) crypto::CryptoOp ops_[kBurstMax];
};
static_assert(kBurstMax <= crypto::kMaxOps);

}  // namespace culvert::dp
