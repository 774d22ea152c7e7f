#include "control/ike/v1/quick_mode.h"

#include <algorithm>

#include "control/ike/cat.h"
#include "control/ike/job.h"
#include "control/ike/v1/children.h"
#include "control/ike/v1/informational.h"
#include "control/ike/v1/quick_mode_impl.h"
#include "control/ike/v1/send.h"

namespace culvert::ike::v1 {
namespace {

using Step = QuickMode::Step;

// What we were about to replace is ours to replace again.
void Restore(Context& cx, ChildId child) {
  IkeSa* keeper = cx.sas.OwnerOf(child);
  ChildSa* old = keeper ? keeper->Find(child) : nullptr;
  if (!old || old->state != ChildState::kRekeying) return;
  old->state = ChildState::kInstalled;
  cx.Arm(TimerKind::kRekeyChild, old->id, cx.now() + kAgainAfterRefusal);
}

bool Concerns(const Exchange& e, uint32_t spi) {
  return e.message_id == spi || e.quick->our_spi == spi || (e.quick->peer_spi != 0 && e.quick->peer_spi == spi);
}

// Most senders name no SPI, or one of nobody's.
Exchange* ErrorIsAbout(IkeSa& sa, const NotifyPayload& error) {
  Exchange* only = nullptr;
  unsigned asked = 0;
  const uint32_t spi = error.spi.size() == 4 ? Reader(error.spi).U32() : 0;
  for (Exchange& e : sa.exchanges) {
    if (!e.quick || e.done()) continue;
    if (spi != 0 && Concerns(e, spi)) return &e;
    if (e.quick->step != Step::kAsked) continue;
    only = &e;
    ++asked;
  }
  return asked == 1 ? only : nullptr;
}

}  // namespace

void OnQuickMessage(Context& cx, IkeSa& sa, Exchange& e, const Inbound& in) {
  if (e.quick && e.quick->step == Step::kAsked) return OnQuickAnswer(cx, sa, e, in);
  if (e.quick && e.quick->step == Step::kAnswered) return OnThird(cx, sa, e);
  const bool connected = e.quick && e.quick->step == Step::kReady && in.Notify(NotifyType::kConnected);
  if (connected) return OnConnected(cx, sa, e);
  cx.Bump(Count::kUnexpected);
}

void OnQuickJob(Context& cx, IkeSa& sa, Exchange& e, KeyExchangeJob& job) {
  if (e.quick->requester) return OnRequesterJob(cx, sa, e, job);
  OnReplierJob(cx, sa, e, job);
}

void OnConnected(Context& cx, IkeSa& sa, Exchange& e) {
  if (e.quick && e.quick->step == Step::kReady) FinishQuick(cx, sa, e);
}

void OnPeerSends(Context& cx, IkeSa& sa, Exchange& e) {
  if (e.quick->step != Step::kAnswered && e.quick->step != Step::kReady) return;
  e.said.clear();
  FinishQuick(cx, sa, e);
}

void OnInboundReady(Context& cx, IkeSa& sa, Exchange& e) {
  if (e.quick->step != Step::kInstalling) return;
  if (e.quick->requester) SendThird(cx, sa, e);
  else SendSecond(cx, sa, e);
}

void InstallQuick(Context& cx, IkeSa& sa, Exchange& e) {
  QuickMode& q = *e.quick;
  q.step = Step::kInstalling;
  // What was free when the peer named it may have been taken while keys were made.
  if (sa.FindByPeerSpi(q.protocol, q.peer_spi)) {
    return RefuseQuick(cx, sa, e, {NotifyType::kInvalidSpi, "the peer's SPI is in use"});
  }
  AddChild(cx, sa, e);
}

void FinishQuick(Context& cx, IkeSa& sa, Exchange& e) {
  const ChildId id = e.quick->child;
  e.quick.reset();
  FinishExchange(cx, sa, e);
  IkeSa* keeper = cx.sas.OwnerOf(id);
  ChildSa* child = keeper ? keeper->Find(id) : nullptr;
  if (!child) return;
  child->awaited_by = 0;
  UseChild(cx, *keeper, *child);
}

void TakeNotifies(Context& cx, IkeSa& sa, Exchange& e, const Inbound& in) {
  for (const Item& item : in.chain.items) {
    auto* n = std::get_if<NotifyPayload>(&item.payload);
    if (n && n->type != NotifyType::kResponderLifetime) OnNotify(cx, sa, &e, *n);
  }
}

void RefuseQuick(Context& cx, IkeSa& sa, Exchange& e, const QuickRefusal& refusal) {
  if (refusal.type == NotifyType::kNoProposalChosen) cx.Bump(Count::kNoProposalChosen);
  if (refusal.type == NotifyType::kInvalidIdInformation) cx.Bump(Count::kTsUnacceptable);
  Writer spi;
  spi.U32(e.quick && e.quick->peer_spi ? e.quick->peer_spi : e.message_id);
  const Bytes about = spi.Release();
  const Payload notify = NotifyPayload{.protocol = ProtocolId::kEsp, .type = refusal.type, .spi = about, .data = {}};
  Datagrams said = SendInformational(cx, sa, {&notify, 1});
  if (e.ours) return AbandonQuickMode(cx, sa, e, refusal.why);
  cx.Log(Severity::kWarning, sa, Cat("quick mode refused with ", Name(refusal.type), ": ", refusal.why));
  // The peer repeats its message where the notify is lost, and is told again.
  const ChildId child = e.quick ? e.quick->child : 0;
  e.quick.reset();
  e.said = std::move(said);
  FinishExchange(cx, sa, e);
  if (IkeSa* keeper = cx.sas.OwnerOf(child)) EraseChild(cx, *keeper, child);
}

void AbandonQuickMode(Context& cx, IkeSa& sa, Exchange& e, std::string_view why) {
  const std::unique_ptr<QuickMode> q = std::move(e.quick);
  const std::optional<Task> task = std::exchange(e.task, std::nullopt);
  const bool ours = e.ours;
  EndExchange(cx, sa, e);
  if (!q) return;
  if (ours) cx.Log(Severity::kWarning, sa, Cat("quick mode for ", q->config->name, " failed: ", why), task ? task->request : 0);
  else cx.Log(Severity::kWarning, sa, Cat("quick mode of the peer's for ", q->config->name, " came to nothing: ", why));
  if (IkeSa* keeper = cx.sas.OwnerOf(q->child)) EraseChild(cx, *keeper, q->child);
  Restore(cx, q->rekeyed);
  if (task) cx.Answer(task->request, why);
}

bool OnQuickError(Context& cx, IkeSa& sa, const NotifyPayload& error) {
  Exchange* e = ErrorIsAbout(sa, error);
  if (!e) return false;
  AbandonQuickMode(cx, sa, *e, Cat("the peer answers ", Name(error.type)));
  return true;
}

}  // namespace culvert::ike::v1
