#include "drivers/offload/inline_ports.h"

#include <absl/log/log.h>
#include <absl/strings/str_cat.h>
#include <rte_errno.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/base/time.h"
#include "drivers/offload/security_session.h"

namespace culvert::offload {
absl::StatusOr<std::unique_ptr<InlinePorts>> InlinePorts::Open(const std::vector<Port*>& ports,
                                                               const std::vector<bool>& wanted, Clock clock) {
  std::unique_ptr<InlinePorts> all(new InlinePorts);
  all->clock_ = clock ? std::move(clock) : [] { return ToNanos(std::chrono::steady_clock::now()); };
  all->devices_.resize(ports.size());
  for (size_t i = 0; i < ports.size(); ++i) {
    Device& d = all->devices_[i];
    d.port = ports[i];
    void* context = d.port->SecurityContext();
    if (context == nullptr || !wanted[i]) continue;
    d.pool = MakeSessionPool(absl::StrCat("inline-", d.port->name()), context, kSessions);
    if (d.pool == nullptr) {
      return absl::ResourceExhaustedError(absl::StrCat("port ", d.port->name(), ": memory for inline IPsec: ",
                                                       rte_strerror(rte_errno)));
    }
    d.context = context;
    d.has_protocol = Offers(context, RTE_SECURITY_ACTION_TYPE_INLINE_PROTOCOL);
    d.port->OnIpsecEvent([a = all.get(), port = static_cast<uint16_t>(i)](const Port::IpsecEvent& e) {
      std::lock_guard lock(a->mutex_);
      a->events_.push_back({port, e});
      a->some_events_.store(true, std::memory_order_release);
    });
    LOG(INFO) << "port " << d.port->name() << ": inline IPsec, " << kSessions << " sessions"
              << (d.has_protocol ? ", whole SAs" : "");
  }
  return all;
}

InlinePorts::~InlinePorts() {
  for (Device& d : devices_) {
    if (d.context != nullptr) d.port->OnIpsecEvent(nullptr);
    rte_mempool_free(d.pool);
  }
}

int64_t InlinePorts::WaitedFor(const Device& d, int64_t now) {
  return std::max<int64_t>(0, d.waited - (now - d.then) / kShare);
}

StepDown InlinePorts::Create(uint16_t port, const SessionSpec& spec, Wish wish, Session& out) {
  if (port >= devices_.size() || devices_[port].context == nullptr) return StepDown::kNoDevice;
  Device& d = devices_[port];
  void* context = d.port->SecurityContext();
  if (context == nullptr) return StepDown::kReset;
  if (context != d.context) {  // of the port after a reset: no session of the one before is left
    d.context = context;
    d.has_protocol = Offers(context, RTE_SECURITY_ACTION_TYPE_INLINE_PROTOCOL);
  }
  if (d.sessions == kSessions) return StepDown::kFull;
  if (wish == Wish::kAny && WaitedFor(d, clock_()) > kMostWaitNs) return StepDown::kSlow;
  StepDown why = StepDown::kNoDevice;
  if (wish != Wish::kCrypto && d.has_protocol) {
    why = CreateAs(port, true, spec, out);
    if (why == StepDown::kNone) return why;
  }
  if (wish == Wish::kProtocol) return why;
  // What comes in would be taken for inline protocol's.
  if (!spec.seal && d.has_protocol && !d.port->protocol_facts().tells_apart) return why;
  StepDown as_crypto = CreateAs(port, false, spec, out);
  if (as_crypto != StepDown::kNone) return as_crypto == StepDown::kNoDevice && why != StepDown::kNoDevice ? why : as_crypto;
  return why == StepDown::kNoDevice ? StepDown::kNone : why;
}

StepDown InlinePorts::CreateAs(uint16_t port, bool protocol, const SessionSpec& spec, Session& out) {
  Device& d = devices_[port];
  Transforms t{};
  const auto action = protocol ? RTE_SECURITY_ACTION_TYPE_INLINE_PROTOCOL : RTE_SECURITY_ACTION_TYPE_INLINE_CRYPTO;
  const rte_security_capability* can = FindCapability(d.context, action, spec);
  if (can == nullptr) return protocol ? StepDown::kNoDevice : StepDown::kSuite;
  // A checksum over IPv6 is one over what the port makes of the text.
  if (spec.encap && spec.local.address.family == Family::kV6) return StepDown::kSuite;
  if (!MakeTransforms(spec, 0, t)) return StepDown::kSuite;
  const StepDown judged = protocol ? JudgeProtocol(*can, d.port->protocol_facts(), spec, t) : JudgeCrypto(*can, spec, t);
  if (judged != StepDown::kNone) return judged;
  rte_security_session_conf conf = SecurityConf(*can, spec, t);
  Session made{.engine = protocol ? Engine::kInlineProtocol : Engine::kInlineCrypto, .device = port};
  const int64_t begun = clock_();
  const StepDown why = Make(port, spec, conf, made);
  const int64_t ended = clock_(), took = ended - begun;
  d.longest = std::max(d.longest, took);
  d.waited = WaitedFor(d, ended) + took;
  d.then = ended;
  if (why == StepDown::kNone) out = made;
  return why;
}

StepDown InlinePorts::Make(uint16_t port, const SessionSpec& spec, rte_security_session_conf& conf, Session& out) {
  Device& d = devices_[port];
  out.handle = rte_security_session_create(d.context, &conf, d.pool);
  if (out.handle == nullptr) return rte_errno == ENOSPC ? StepDown::kFull : StepDown::kRefused;
  ++d.sessions;
  ++d.port->security_sessions;
  if (spec.seal) return StepDown::kNone;
  out.flow = d.port->CreateFlow({.spi = spec.spi,
                                 .destination = spec.local.address,
                                 .udp_port = spec.encap ? spec.local.port : uint16_t{0},
                                 .session = out.handle});
  if (out.flow != nullptr) return StepDown::kNone;
  Destroy(out);
  return StepDown::kFull;
}

void InlinePorts::Destroy(const Session& s) {
  Device& d = devices_[s.device];
  if (s.flow != nullptr) d.port->DestroyFlow(s.flow);
  --d.port->security_sessions;
  if (int rc = rte_security_session_destroy(d.context, s.handle); rc != 0) {
    LOG(WARNING) << "port " << d.port->name() << ": an inline session does not go: " << rte_strerror(-rc);
    return;
  }
  --d.sessions;
}

bool InlinePorts::Mark(uint16_t port, const void* session, rte_mbuf* m, uint16_t l2, uint16_t l3) const {
  m->l2_len = l2 & 0x7f;
  m->l3_len = l3 & 0x1ff;
  if (rte_security_set_pkt_metadata(devices_[port].context, const_cast<void*>(session), m, nullptr) != 0) return false;
  m->ol_flags |= RTE_MBUF_F_TX_SEC_OFFLOAD;
  return true;
}

std::vector<InlinePorts::Event> InlinePorts::TakeEvents() {
  if (!some_events_.load(std::memory_order_acquire)) return {};
  std::lock_guard lock(mutex_);
  some_events_.store(false, std::memory_order_relaxed);
  return std::exchange(events_, {});
}

std::vector<InlinePorts::Facts> InlinePorts::facts() const {
  std::vector<Facts> all;
  for (const Device& d : devices_) {
    if (d.context != nullptr) all.push_back({d.port->name(), d.sessions, kSessions, d.longest});
  }
  return all;
}

}  // namespace culvert::offload
