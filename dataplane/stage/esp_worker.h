#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "dataplane/policy/acquire_pace.h"
#include "dataplane/policy/flow_cache.h"
#include "dataplane/sa/sa_tables.h"
#include "dataplane/sa/worker_mail.h"
#include "dataplane/stage/ip_front.h"
#include "dataplane/worker/context.h"
#include "dataplane/worker/ipsec_worker.h"
#include "drivers/crypto/mb_engine.h"
#include "drivers/offload/engines.h"

namespace culvert::dp {

struct Lent;

// ESP, AH and their policy in one worker: the IpsecWorker of a gateway. Everything here is the owning worker's, but what lies
// in SaTables, which is read, and the mail to main.
//
// A burst goes through in passes, so that the lines of one packet's SA are on their way while others are worked on, and the
// crypto calls come back to back behind all the narrow stores. The passes are those of ESP in tunnel mode; what is sealed in
// transport mode or by AH is put aside and goes through passes of its own, and so does AH that arrives. ESP in transport mode
// is opened with the rest and goes apart once it is deciphered. ESP and AH on one packet are two rounds of these passes, and
// there is no third.
class EspWorker final : public IpsecWorker {
 public:
  struct Options {
    bool default_forward = true;  // what becomes of forwarded packets that match no policy
    uint16_t early = 0;           // packets, of SPIs that no SA has, that are kept for a moment; at most kBurstMax
    uint16_t mss = 0;             // octets that TCP may offer through SAs; kMssAuto: what their path takes; 0: what it likes
  };
  static constexpr uint16_t kMssAuto = 0xffff;
  // `engines`: beside the processor; borrowed; may be null.
  EspWorker(unsigned id, SaTables& tables, WorkerMail& mail, std::unique_ptr<crypto::MbEngine> engine,
            offload::Engines* engines, Options options);

  void Open(WorkerContext& ctx, Burst& ipsec, Burst& opened) override;                       // esp_open.cc
  void Seal(WorkerContext& ctx, Burst& seal, Burst& sealed) override;                        // esp_seal.cc
  void ApplyPolicy(WorkerContext& ctx, Burst& plain, Burst& forward, Burst& seal) override;  // policy/apply.cc
  Drop RefuseHere(WorkerContext& ctx, const Packet& p) override;                             // policy/apply.cc
  Drop RefuseToHost(WorkerContext& ctx, const Packet& p) override;                           // policy/apply.cc
  bool PathTooBig(WorkerContext& ctx, const TooBigNotice& notice) override;                  // path.cc
  bool MaySealInline(const Packet& p) const override;                                         // inline.cc
  void TakeKept(WorkerContext& ctx, Burst& esp, Burst& seal) override {
    if (!arrived_.empty()) [[unlikely]]
      TakeArrived(ctx, esp, seal);
    if (!early_.empty() && ctx.now >= early_look_ && esp.n + seal.n == 0) [[unlikely]]
      TakeEarly(ctx, esp);
  }
  void TakeMark(const Packet& mark) override;                                                 // move.cc
  unsigned devices() const override { return static_cast<unsigned>(devices_.size()); }
  bool TakeBack(WorkerContext& ctx, unsigned device, Burst& opened, Burst& sealed) override;  // lend.cc
  bool ForwardingOpen() const override { return tables_.forwarding_open.load(std::memory_order_acquire); }
  void PollCommands(WorkerContext& ctx) override;
  void MakeDummies(WorkerContext& ctx, Burst& seal) override;  // dummy.cc

  const crypto::MbEngine& engine() const { return *engine_; }

 private:
  struct OpenLane {
    InboundSa* sa;
    uint64_t sequence;
    Packet* packet;
    Spi spi;
    uint16_t esp;  // offset of the ESP header, or of AH
    bool encap;
  };
  // What is left of a packet once its IPsec header is off.
  struct Stripped {
    uint16_t cut;     // octets that go: in tunnel mode all before the inner packet, in transport mode those behind the IP front
    uint16_t length;  // octets that stay, the IP front not counted
    uint8_t next;     // their protocol
  };
  void Locate(WorkerContext& ctx, Burst& ipsec);
  void OpenLocated(WorkerContext& ctx, Burst& opened);
  uint16_t Admit(WorkerContext& ctx);
  bool AdmitOne(WorkerContext& ctx, OpenLane& lane, crypto::CryptoOp& op);
  void Accept(WorkerContext& ctx, uint16_t n, Burst& opened);
  bool AcceptOne(WorkerContext& ctx, OpenLane& lane, const crypto::CryptoOp& op);
  void Count(WorkerContext& ctx, OpenLane& lane, uint32_t octets);                 // accept.h
  bool AcceptInner(WorkerContext& ctx, const OpenLane& lane, const Stripped& s);   // accept.h: tunnel mode
  bool AcceptTransport(WorkerContext& ctx, OpenLane& lane, const Stripped& s);     // esp_transport.cc: ESP and AH
  static bool MatchesSelectors(const InboundSa& sa, const Packet& p);
  static bool IsKnownPeer(const InboundSa& sa, const OpenLane& lane, const uint8_t* outer);
  void NotePeer(WorkerContext& ctx, InboundSa& sa, const OpenLane& lane, const uint8_t* outer);
  void PublishEdges(uint16_t n);
  // early.cc
  [[gnu::cold]] void HoldEarly(WorkerContext& ctx, Packet& p, Spi spi);
  void TakeEarly(WorkerContext& ctx, Burst& esp);
  // The SA of an SPI that does not say where it stands; nullptr: there is none.
  [[gnu::noinline, gnu::cold]] InboundSa* FindManual(Spi spi) const;

  // ah_open.cc: the packets put aside, by the same steps.
  void OpenAh(WorkerContext& ctx, Burst& opened);
  void LocateAh(WorkerContext& ctx);
  bool AdmitAh(WorkerContext& ctx, OpenLane& lane, uint16_t at);
  bool AcceptAh(WorkerContext& ctx, OpenLane& lane, uint16_t at);
  void OpenUnderAh(WorkerContext& ctx, Burst& opened);

  // Where the text of a packet to be sealed will lie.
  struct SealPlan {
    uint32_t front;  // octets put before the packet or, in transport mode, behind its IP front
    uint32_t pad;    // octets of padding
    uint32_t text;   // octets to encipher: packet, padding, trailer; of AH, to authenticate
    uint32_t total;  // octets of the outer packet
    IpFront at;      // transport mode
  };
  static SealPlan PlanFor(const OutboundSa& sa, uint32_t length);
  // What keeps a packet from being sealed; kCount: nothing does.
  Drop AdmitSeal(WorkerContext& ctx, Packet& p, OutboundSa& sa, const SealPlan& plan);
  Drop AdmitOther(WorkerContext& ctx, Packet& p, OutboundSa& sa, const SealPlan& plan);
  Drop Reroute(WorkerContext& ctx, Packet& p, OutboundSa& sa, uint32_t& mtu);
  // path.cc: a packet that does not fit once it is sealed. kCount: it is to be sealed, and cut after.
  Drop TooLong(WorkerContext& ctx, Packet& p, const OutboundSa& sa, const SealPlan& plan, uint32_t mtu);
  void CutSealed(WorkerContext& ctx, Burst& sealed, uint16_t first);
  void ClampOut(const OutboundSa& sa, Packet& p) const;
  void ClampIn(WorkerContext& ctx, const InboundSa& sa, Packet& p);
  OutboundSa* ResolveHandedOver(WorkerContext& ctx, Packet& p);
  static uint32_t InnerMtu(const OutboundSa& sa, const Packet& p, uint32_t outer);  // seal_others.cc
  void WriteSealed(WorkerContext& ctx, Packet& p, OutboundSa& sa, const SealPlan& plan, crypto::CryptoOp& op);

  // The number of the next packet of `sa`, of which so many octets are enciphered or authenticated.
  uint64_t TakeNumber(WorkerContext& ctx, OutboundSa& sa, uint32_t octets) {
    uint64_t sequence = sa.sequence.get() + 1;
    sa.sequence.Set(sequence);
    sa.bytes.Add(octets);
    sa.last_use.Set(ctx.now);
    if (sequence % kPublishEvery == 0) [[unlikely]] {
      auto* page = tables_.page.load(std::memory_order_acquire);
      const bool told = page != nullptr && sa.sa_index < kSaIndexLimit;
      if (told) page->outbound[sa.sa_index].store(sequence, std::memory_order_relaxed);
    }
    return sequence;
  }

  // seal_others.cc, esp_transport.cc, ah_seal.cc: the packets put aside.
  void SealOthers(WorkerContext& ctx, Burst& sealed);
  void SealRound(WorkerContext& ctx, Burst& sealed);
  Drop PlanOther(WorkerContext& ctx, Packet& p, OutboundSa& sa, SealPlan& plan);
  Drop PaddedLength(WorkerContext& ctx, Packet& p, OutboundSa& sa, uint32_t& length);
  void WritePadded(WorkerContext& ctx, Packet& p, OutboundSa& sa, const SealPlan& plan, crypto::CryptoOp& op);  // esp_seal.cc
  void WriteTransport(WorkerContext& ctx, Packet& p, OutboundSa& sa, const SealPlan& plan, crypto::CryptoOp& op);
  static void Sealed(Packet& p, const SealPlan& plan, const IpFront& front, uint8_t protocol);
  static bool CanMute(const Packet& p, uint16_t front);
  void WriteAh(WorkerContext& ctx, Packet& p, OutboundSa& sa, const SealPlan& plan, uint16_t at);
  void FinishAh(const Packet& p, uint16_t at);

  // lend.cc: packets that a crypto device works on. Dropped where it takes no more. LendOpened: false: the processor has to.
  [[gnu::cold]] void LendSealed(WorkerContext& ctx, Packet& p, OutboundSa& sa, const crypto::CryptoOp& op);
  [[gnu::cold]] bool LendOpened(WorkerContext& ctx, const OpenLane& lane, const crypto::CryptoOp& op);
  bool HoldLent(WorkerContext& ctx, Packet& p, bool taken);
  bool Regain(WorkerContext& ctx, Packet& p, auto& sa, bool listed, offload::LookasideQueue::Result::Kind result);
  bool TakeSealed(WorkerContext& ctx, Packet& p, const Lent& lent, offload::LookasideQueue::Result::Kind result);
  // lend_whole.cc: of SAs that it has as a whole. LendWhole: false: it is the processor's from now on, or dropped.
  [[gnu::cold]] bool LendWhole(WorkerContext& ctx, Packet& p, OutboundSa& sa, const SealPlan& plan);
  static bool FinishWhole(Packet& p, const OutboundSa& sa, const Lent& lent);
  static bool MayOpenWhole(const OpenLane& lane);
  void TakeWhole(WorkerContext& ctx, Packet& p, const offload::LookasideQueue::Result& result, Burst& opened);
  void FlushDevices();
  // inline.cc: packets that the port seals or has opened. False: it will not, and the processor has to.
  [[gnu::cold]] bool MarkInline(const WorkerContext& ctx, Packet& p, const OutboundSa& sa) const;
  [[gnu::cold]] void OpenRest(WorkerContext& ctx, uint16_t n);
  // inline_protocol.cc: packets that the port seals whole, or has opened. False: it is the processor's from now on, or dropped.
  [[gnu::cold]] bool GiveToPort(WorkerContext& ctx, Packet& p, OutboundSa& sa, const SealPlan& plan);
  [[gnu::cold]] void TakeFromPort(WorkerContext& ctx, Burst& opened);
  InboundSa* FindOpened(WorkerContext& ctx, Packet& p);
  bool AcceptFromPort(WorkerContext& ctx, OpenLane& lane);
  bool AcceptAtEnd(WorkerContext& ctx, const InboundSa& sa, Packet& p);  // esp_transport.cc
  // whole.cc: of SAs that a port or a crypto device has as a whole.
  static bool IsPlainFront(const Packet& p, const OutboundSa& sa, uint32_t front);
  bool AcceptUncovered(WorkerContext& ctx, const OpenLane& lane, uint32_t text, std::optional<uint8_t> outer_tos);
  void LeaveNumbers(OutboundSa& sa);
  void LeaveDevice(WorkerContext& ctx, InboundSa& sa);
  void LeaveDevice(WorkerContext& ctx, OutboundSa& sa);
  // For a packet that is the processor's from now on, or dropped where no number is left for it.
  void LeaveDeviceAt(WorkerContext& ctx, Packet& p, OutboundSa& sa);
  void FinishReleases(WorkerContext& ctx);
  bool MayReturn(const WorkerContext& ctx, const void* sa) const;
  // dummy.cc
  struct DummySource {
    OutboundSa* sa;
    uint64_t next = 0;  // TSC; 0: not yet begun
  };
  void StartDummies(OutboundSa& sa);
  void StopDummies(const OutboundSa& sa);
  Packet* MakeDummy(WorkerContext& ctx, OutboundSa& sa);

  // False: the hard lifetime is over.
  bool CheckLimits(WorkerContext& ctx, InboundSa& sa);
  bool CheckLimits(WorkerContext& ctx, OutboundSa& sa);
  bool Report(WorkerContext& ctx, WorkerReport::Kind kind, const InboundSa& sa);
  bool Report(WorkerContext& ctx, WorkerReport::Kind kind, const OutboundSa& sa);
  // To main, which it wakes. False: no room now.
  bool Send(WorkerContext& ctx, const WorkerReport& r);

  void RenewFlows(const Spd& spd, const Forwarding& fib);
  static bool IsCurrent(const FlowVerdict& v);
  void LookUp(WorkerContext& ctx, const Spd& spd, const Packet& p, uint16_t run);
  FlowVerdict Decide(WorkerContext& ctx, const Spd& spd, const Packet& p);
  bool RouteByFlow(WorkerContext& ctx, FlowVerdict& v, Packet& p, uint16_t run);
  void RaiseAcquire(WorkerContext& ctx, const Policy& policy, const Flow& f);
  void Obey(WorkerContext& ctx, FlowVerdict& v, Packet& p, uint16_t run, Burst& forward, Burst& seal);

  // move.cc: SAs that are another worker's, or on their way.
  bool IsMine(const auto& sa) const { return sa.owner.load(std::memory_order_relaxed) == id_; }
  [[gnu::noinline]] void OpenAtOwner(WorkerContext& ctx, InboundSa& sa, Packet& p);
  [[gnu::noinline]] void SealAtOwner(WorkerContext& ctx, OutboundSa& sa, Packet& p);
  void KeepMoved(WorkerContext& ctx, SaMove& move, Packet& p);
  void Yield(SaMove& move);
  void GoOnMoving(WorkerContext& ctx);
  void TakeArrived(WorkerContext& ctx, Burst& esp, Burst& seal);
  void Own(SaMove& m);

  void Adopt(const WorkerOrder& o);
  void Release(const WorkerOrder& o);
  void SetLimits(const WorkerOrder& o);
  void SetEndpoints(WorkerContext& ctx, const WorkerOrder& o);
  // path.cc: what is now believed of the SA's path; 0: nothing new.
  uint16_t SetPathMtu(WorkerContext& ctx, const WorkerOrder& o);

  const unsigned id_;
  SaTables& tables_;
  WorkerMail& mail_;
  std::unique_ptr<crypto::MbEngine> engine_;
  const std::vector<offload::LookasideQueue*> devices_;
  const offload::InlinePorts* const inline_ports_;
  struct Early {
    Packet packet;
    Spi spi;
    uint64_t until;  // TSC
  };
  std::deque<Early> early_;
  uint64_t early_look_ = 0;  // TSC
  std::vector<SaMove*> leaving_, asked_, arrived_;  // from here; of others, to be answered; to here
  bool lent_ = false;                  // in this burst
  bool inline_ = false;                // of this burst: something is of an SA that the port runs
  struct Releasing {
    WorkerOrder order;  // kRelease
    uint64_t at;        // TSC
  };
  std::vector<Releasing> releases_;  // of SAs that have packets with a device
  const Options options_;
  FlowCache flows_;
  AcquirePace acquires_;
  uint32_t flow_generation_ = 1;  // of what flows_ knows; never 0
  uint32_t flows_spd_ = 0;        // the generations of policies and routes it is from
  uint64_t flows_fib_ = 0;        // 0: of routes that lead into no tunnel

  // RFC 4302 covers IP options and extension headers before AH whatever their length; no more than this is kept of them, which
  // is far beyond what hosts let through (RFC 8504 5.3).
  static constexpr uint32_t kMaxAhFront = 256;  // octets
  struct AhLane {
    uint8_t front[kMaxAhFront];  // as it is to leave here, while its mutable fields are zero in the packet
    uint8_t icv[crypto::kMaxIcv];   // as it came
  };

  std::vector<DummySource> dummies_;
  uint64_t dummies_due_ = 0;  // TSC: none before

  // Scratch of the burst in hand.
  bool cut_sealed_ = false;  // something of this burst is too long for its path
  uint16_t lanes_n_ = 0;
  OpenLane lanes_[kBurstMax];
  FlowKey flow_keys_[kBurstMax + 1];     // by run of packets of one flow
  FlowVerdict verdicts_[kBurstMax + 1];  // likewise
  uint16_t run_of_[kBurstMax];           // by packet
  alignas(64) crypto::CryptoOp ops_[kBurstMax];
  Burst others_;    // of Seal: transport mode and AH; of Open: AH
  Burst under_ah_;  // ESP that AH uncovered
  Burst by_port_;   // of Open: what a port has opened
  AhLane ah_[kBurstMax];
  alignas(64) crypto::CryptoOp rest_[kBurstMax];  // what a port has not opened
  crypto::MacOp macs_[kBurstMax];
};
static_assert(kBurstMax <= crypto::kMaxOps);

}  // namespace culvert::dp
