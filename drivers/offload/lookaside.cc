#include "drivers/offload/lookaside.h"

#include <absl/log/log.h>
#include <absl/strings/str_cat.h>
#include <rte_cryptodev.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include <utility>

#include "drivers/eal/boot.h"
#include "drivers/offload/lookaside_op.h"
#include "drivers/offload/session.h"

namespace culvert::offload {
namespace {

constexpr uint32_t kOps = 2 * LookasideQueue::kDescriptors;  // of a queue: with the device, and about to be
constexpr uint32_t kOpBytes = 768, kSessionBytes = 4096;     // octets, at most
constexpr uint16_t kIvAt = kExtraAt;                         // octets from the operation

absl::Status Failed(const CryptoDeviceOptions& o, const std::string& what, int code) {
  return absl::UnavailableError(absl::StrCat("crypto device ", o.name, ": ", what, ": ", rte_strerror(-code)));
}

}  // namespace

uint32_t MemoryMib(const CryptoDeviceOptions& o, unsigned workers) {
  return (workers * kOps * kOpBytes + o.sessions * kSessionBytes) / (1u << 20) + 1;
}

absl::StatusOr<std::unique_ptr<LookasideDevices>> LookasideDevices::Open(const std::vector<CryptoDeviceOptions>& devices,
                                                                         unsigned workers) {
  std::unique_ptr<LookasideDevices> all(new LookasideDevices);
  for (const CryptoDeviceOptions& o : devices) {
    Device& d = all->devices_.emplace_back();
    d.options = o;
    if (auto s = all->Start(d, workers); !s.ok()) return s;
    all->has_protocol_ |= Offers(rte_cryptodev_get_sec_ctx(d.id), RTE_SECURITY_ACTION_TYPE_LOOKASIDE_PROTOCOL);
  }
  return all;
}

absl::Status LookasideDevices::Start(Device& d, unsigned workers) {
  const std::string device = DeviceName(d.options.device);
  int id = rte_cryptodev_get_dev_id(device.c_str());
  if (id < 0) return absl::NotFoundError(absl::StrCat("crypto device ", d.options.name, ": DPDK has no device ", device));
  d.id = static_cast<uint8_t>(id);
  rte_cryptodev_info info;
  rte_cryptodev_info_get(d.id, &info);
  if (!(info.feature_flags & RTE_CRYPTODEV_FF_SYMMETRIC_CRYPTO))
    return absl::InvalidArgumentError(absl::StrCat("crypto device ", d.options.name, ": no symmetric ciphers"));
  if (info.max_nb_queue_pairs < workers) {
    return absl::InvalidArgumentError(absl::StrCat("crypto device ", d.options.name, ": ", info.max_nb_queue_pairs,
                                                   " queue pairs; expected one for each of ", workers, " workers"));
  }
  if (info.sym.max_nb_sessions != 0 && d.options.sessions > info.sym.max_nb_sessions)
    d.options.sessions = info.sym.max_nb_sessions;
  int socket = rte_cryptodev_socket_id(d.id) < 0 ? SOCKET_ID_ANY : rte_cryptodev_socket_id(d.id);
  rte_cryptodev_config config{};
  config.socket_id = socket;
  config.nb_queue_pairs = static_cast<uint16_t>(workers);
  config.ff_disable = RTE_CRYPTODEV_FF_SECURITY | RTE_CRYPTODEV_FF_ASYMMETRIC_CRYPTO;
  if (int rc = rte_cryptodev_configure(d.id, &config); rc < 0) return Failed(d.options, "configure", rc);
  d.session_pool = rte_cryptodev_sym_session_pool_create(absl::StrCat("sessions-", d.id).c_str(), d.options.sessions,
                                                         rte_cryptodev_sym_get_private_session_size(d.id), 0, 0, socket);
  if (d.session_pool == nullptr) return Failed(d.options, "memory for sessions", -rte_errno);
  for (unsigned w = 0; w < workers; ++w) {
    auto pair = static_cast<uint16_t>(w);
    rte_mempool* ops = rte_crypto_op_pool_create(absl::StrCat("ops-", d.id, "-", w).c_str(), RTE_CRYPTO_OP_TYPE_SYMMETRIC, kOps,
                                                 0, kExtraRoom, socket);
    if (ops == nullptr) return Failed(d.options, "memory for operations", -rte_errno);
    d.op_pools.push_back(ops);
    rte_cryptodev_qp_conf conf{};
    conf.nb_descriptors = LookasideQueue::kDescriptors;
    conf.mp_session = d.session_pool;
    if (int rc = rte_cryptodev_queue_pair_setup(d.id, pair, &conf, socket); rc < 0) return Failed(d.options, "queue pair", rc);
    d.queues.push_back(std::make_unique<LookasideQueue>(d.id, pair, ops));
  }
  if (int rc = rte_cryptodev_start(d.id); rc < 0) return Failed(d.options, "start", rc);
  d.started = true;
  LOG(INFO) << "crypto device " << d.options.name << ": " << info.driver_name << ", " << d.options.sessions << " sessions";
  return absl::OkStatus();
}

LookasideDevices::~LookasideDevices() {
  for (Device& d : devices_) {
    if (d.started) rte_cryptodev_stop(d.id);
    d.queues.clear();
    for (rte_mempool* p : d.op_pools) rte_mempool_free(p);
    if (d.started) rte_cryptodev_close(d.id);
    rte_mempool_free(d.session_pool);
  }
}

StepDown LookasideDevices::Create(const SessionSpec& spec, Session& out) {
  StepDown why = StepDown::kNoDevice;
  Transforms t{};
  if (!devices_.empty() && !MakeTransforms(spec, kIvAt, t)) return StepDown::kSuite;
  for (size_t i = 0; i < devices_.size(); ++i) {
    Device& d = devices_[i];
    why = StepDown::kSuite;
    if (!DeviceRuns(d.id, t)) continue;
    why = StepDown::kFull;
    if (d.sessions == d.options.sessions) continue;
    why = StepDown::kRefused;
    void* handle = rte_cryptodev_sym_session_create(d.id, &t.first, d.session_pool);
    if (handle == nullptr) continue;
    ++d.sessions;
    out = {.engine = Engine::kLookaside, .device = static_cast<uint16_t>(i), .handle = handle};
    return StepDown::kNone;
  }
  return why;
}

void LookasideDevices::Destroy(const Session& s) {
  Device& d = devices_[s.device];
  if (int rc = rte_cryptodev_sym_session_free(d.id, s.handle); rc != 0) {
    LOG(WARNING) << "crypto device " << d.options.name << ": a session does not go: " << rte_strerror(-rc);
    return;
  }
  --d.sessions;
}

LookasideDevices::Facts LookasideDevices::facts(size_t device) const {
  const Device& d = devices_[device];
  rte_cryptodev_info info;
  rte_cryptodev_info_get(d.id, &info);
  rte_cryptodev_stats stats{};
  (void)rte_cryptodev_stats_get(d.id, &stats);  // zeros where the device counts nothing
  return {.name = d.options.name,
          .driver = info.driver_name,
          .sessions = d.sessions,
          .most_sessions = d.options.sessions,
          .enqueued = stats.enqueued_count,
          .dequeued = stats.dequeued_count,
          .errors = stats.enqueue_err_count + stats.dequeue_err_count};
}

}  // namespace culvert::offload
