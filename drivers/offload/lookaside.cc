#include "drivers/offload/lookaside.h"

#include <absl/log/log.h>
#include <absl/strings/str_cat.h>
#include <rte_cryptodev.h>
#include <rte_errno.h>

#include <utility>

#include "drivers/offload/lookaside_op.h"
#include "drivers/offload/security_session.h"
#include "drivers/offload/soft_security_device.h"

namespace culvert::offload {
namespace {

constexpr uint32_t kOps = 2 * LookasideQueue::kDescriptors;  // of a queue: with the device, and about to be
constexpr uint32_t kOpBytes = 768, kSessionBytes = 4096;     // octets, at most
constexpr uint16_t kIvAt = kExtraAt;                         // octets from the operation

absl::Status NoMemory(const CryptoDeviceOptions& o, const char* what) {
  return absl::UnavailableError(absl::StrCat("crypto device ", o.name, ": memory for ", what, ": ", rte_strerror(rte_errno)));
}

}  // namespace

uint32_t MemoryMib(const CryptoDeviceOptions& o, unsigned workers) {
  const uint32_t kinds = o.ipsec == CryptoDeviceOptions::Ipsec::kNo ? 1 : 2;  // of sessions
  return (workers * kOps * kOpBytes + kinds * o.sessions * kSessionBytes) / (1u << 20) + 1;
}

absl::StatusOr<std::unique_ptr<LookasideDevices>> LookasideDevices::Open(const std::vector<CryptoDeviceOptions>& devices,
                                                                         unsigned workers) {
  std::unique_ptr<LookasideDevices> all(new LookasideDevices);
  for (const CryptoDeviceOptions& o : devices) {
    Device& d = all->devices_.emplace_back();
    d.options = o;
    if (auto s = Start(d, all->devices_.size(), workers); !s.ok()) return s;
  }
  return all;
}

absl::Status LookasideDevices::Start(Device& d, size_t place, unsigned workers) {
  auto opened = OpenCryptodev(d.options, workers);
  if (!opened.ok()) return opened.status();
  d.device = std::move(*opened);
  if (d.options.ipsec == CryptoDeviceOptions::Ipsec::kSoftware) {
    auto soft = SoftSecurityDevice::Wrap(std::move(d.device), static_cast<uint16_t>(workers));
    if (!soft.ok()) return soft.status();
    d.device = std::move(*soft);
  }
  for (unsigned w = 0; w < workers; ++w) {
    rte_mempool* ops = rte_crypto_op_pool_create(absl::StrCat("ops-", place, "-", w).c_str(), RTE_CRYPTO_OP_TYPE_SYMMETRIC,
                                                 kOps, 0, kExtraRoom, SOCKET_ID_ANY);
    if (ops == nullptr) return NoMemory(d.options, "operations");
    d.op_pools.push_back(ops);
    d.queues.push_back(std::make_unique<LookasideQueue>(*d.device, static_cast<uint16_t>(w), ops));
  }
  void* security = d.options.ipsec == CryptoDeviceOptions::Ipsec::kNo ? nullptr : d.device->SecurityContext();
  if (Offers(security, RTE_SECURITY_ACTION_TYPE_LOOKASIDE_PROTOCOL)) {
    d.security_sessions = MakeSessionPool(absl::StrCat("lookaside-", place), security, d.options.sessions);
    if (d.security_sessions == nullptr) return NoMemory(d.options, "sessions of whole SAs");
    d.security = security;
  }
  LOG(INFO) << "crypto device " << d.options.name << ": " << d.device->driver() << ", " << d.options.sessions << " sessions"
            << (d.security != nullptr ? ", whole SAs" : "");
  return absl::OkStatus();
}

LookasideDevices::~LookasideDevices() {
  for (Device& d : devices_) {
    d.device.reset();
    d.queues.clear();
    for (rte_mempool* p : d.op_pools) rte_mempool_free(p);
    rte_mempool_free(d.security_sessions);
  }
}

StepDown LookasideDevices::Create(const SessionSpec& spec, Wish wish, Session& out) {
  StepDown why = StepDown::kNoDevice;
  Session made;
  for (size_t i = 0; i < devices_.size() && made.handle == nullptr; ++i) {
    why = CreateOn(devices_[i], spec, wish, made);
    made.device = static_cast<uint16_t>(i);
  }
  if (made.handle != nullptr) out = made;
  return why;
}

StepDown LookasideDevices::CreateOn(Device& d, const SessionSpec& spec, Wish wish, Session& out) {
  StepDown why = StepDown::kNoDevice;
  if (wish != Wish::kCrypto && d.security != nullptr) why = CreateWhole(d, spec, out);
  if (out.handle == nullptr && wish != Wish::kProtocol) {
    const StepDown as_crypto = CreateCrypto(d, spec, out);
    if (out.handle == nullptr || why == StepDown::kNoDevice) why = as_crypto;
  }
  if (out.handle != nullptr) ++d.sessions;
  return why;
}

StepDown LookasideDevices::CreateWhole(Device& d, const SessionSpec& spec, Session& out) {
  Transforms t{};
  const auto* can = FindCapability(d.security, RTE_SECURITY_ACTION_TYPE_LOOKASIDE_PROTOCOL, spec);
  if (can == nullptr || !MakeTransforms(spec, kIvAt, t)) return StepDown::kSuite;
  if (StepDown why = JudgeLookaside(*can, spec, t); why != StepDown::kNone) return why;
  if (IsFull(d)) return StepDown::kFull;
  rte_security_session_conf conf = SecurityConf(*can, spec, t);
  void* handle = rte_security_session_create(d.security, &conf, d.security_sessions);
  if (handle == nullptr) return rte_errno == ENOSPC ? StepDown::kFull : StepDown::kRefused;
  out = {.engine = Engine::kLookasideProtocol, .handle = handle};
  return StepDown::kNone;
}

StepDown LookasideDevices::CreateCrypto(Device& d, const SessionSpec& spec, Session& out) {
  Transforms t{};
  if (!MakeTransforms(spec, kIvAt, t) || !d.device->Runs(t.first)) return StepDown::kSuite;
  if (IsFull(d)) return StepDown::kFull;
  void* handle = d.device->CreateSession(t.first);
  if (handle == nullptr) return StepDown::kRefused;
  out = {.engine = Engine::kLookaside, .handle = handle};
  return StepDown::kNone;
}

void LookasideDevices::Destroy(const Session& s) {
  Device& d = devices_[s.device];
  const int rc = s.engine == Engine::kLookasideProtocol ? rte_security_session_destroy(d.security, s.handle)
                                                        : d.device->DestroySession(s.handle);
  if (rc != 0) {
    LOG(WARNING) << "crypto device " << d.options.name << ": a session does not go: " << rte_strerror(-rc);
    return;
  }
  --d.sessions;
}

LookasideDevices::Facts LookasideDevices::facts(size_t device) const {
  const Device& d = devices_[device];
  const CryptoDevice::Stats stats = d.device->stats();
  return {.name = d.options.name,
          .driver = d.device->driver(),
          .sessions = d.sessions,
          .most_sessions = d.options.sessions,
          .enqueued = stats.enqueued,
          .dequeued = stats.dequeued,
          .errors = stats.errors};
}

}  // namespace culvert::offload
